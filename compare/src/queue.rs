//! Messages of any length, from one process to another.

use crate::measure::{Contest, Plan};
use crate::ours::queue as ours;
use crate::peers::{ipc_channel, messages, mq, python, unix};
use crate::spsc;
use crate::table::Table;

/// Messages that lie in a queue at most: short ones, long ones.
const CAPACITY: usize = 1024;
const FEW: usize = 16;
const MQ: &str = "POSIX mq";
const BOOST: &str = "boost message_queue";

pub fn measure(plan: &Plan, table: &mut Table) {
    let count = plan.count(400_000);
    let mut contest = Contest::new("queue stream, u64");
    contest
        .enter("Python", python::stream(CAPACITY, count / 20))
        .enter("ipc-channel", ipc_channel::stream(count / 10))
        .enter(MQ, messages::stream(messages::mq, count / 10))
        .enter(
            BOOST,
            messages::stream(messages::boost(CAPACITY), count / 20),
        )
        .enter("outlive", ours::stream(CAPACITY, count));
    let figures = contest.hold(plan.rounds, table);
    table.rate(&figures, "outlive", "Python", 25.0);
    table.rate(&figures, "outlive", "ipc-channel", 8.0);

    // As long as a message of a POSIX queue may be.
    const SHORT: usize = mq::LONGEST;
    let count = plan.count(100_000);
    let mut contest = Contest::new("queue stream, 8 KiB");
    contest
        .enter(MQ, messages::bytes(messages::mq, SHORT, count / 8))
        .enter(
            BOOST,
            messages::bytes(messages::boost(FEW), SHORT, count / 8),
        )
        .enter("outlive", ours::owned(FEW, SHORT, count));
    contest.hold(plan.rounds, table);

    const MIDDLE: usize = 64 << 10;
    let count = plan.count(16_000);
    let mut contest = Contest::new("queue stream, 64 KiB");
    contest
        .enter("copy in and out", spsc::copies(count))
        .enter("outlive", ours::owned(FEW, MIDDLE, count))
        .enter("outlive, to a buffer", ours::copied(FEW, MIDDLE, count))
        .enter("outlive, in place", ours::in_place(FEW, MIDDLE, count))
        .enter("Unix pipe", unix::bytes(unix::pipe, MIDDLE, count / 8))
        .enter("ipc-channel", ipc_channel::bytes(MIDDLE, count / 16))
        .enter(
            BOOST,
            messages::bytes(messages::boost(FEW), MIDDLE, count / 8),
        )
        .enter("Python", python::bytes(FEW, MIDDLE, count / 16));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "copy in and out", 1.2);
    table.cost(&figures, "outlive, to a buffer", "copy in and out", 1.2);
    table.cost(&figures, "outlive, in place", "copy in and out", 1.0);

    const LONG: usize = 1 << 20;
    let count = plan.count(800);
    let mut contest = Contest::new("queue stream, 1 MiB");
    contest
        .enter("Unix pipe", unix::bytes(unix::pipe, LONG, count / 4))
        .enter("ipc-channel", ipc_channel::bytes(LONG, count / 4))
        .enter(
            BOOST,
            messages::bytes(messages::boost(FEW), LONG, count / 4),
        )
        .enter("Python", python::bytes(FEW, LONG, count / 4))
        .enter("outlive", ours::owned(FEW, LONG, count))
        .enter("outlive, to a buffer", ours::copied(FEW, LONG, count))
        .enter("outlive, in place", ours::in_place(FEW, LONG, count));
    let figures = contest.hold(plan.rounds, table);
    table.rate(&figures, "outlive", "Python", 5.0);
}
