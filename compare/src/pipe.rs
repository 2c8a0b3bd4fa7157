//! Messages, to and fro.

use crate::bare;
use crate::measure::{Contest, Plan};
use crate::ours::pipe as ours;
use crate::peers::{messages, unix};
use crate::table::Table;

pub fn measure(plan: &Plan, table: &mut Table) {
    let trips = plan.count(100_000);
    let mut contest = Contest::new("pipe round trip, 8 B");
    contest
        .enter("bare, two lines", bare::two_lines(plan))
        .enter("outlive", ours::round_trip(trips))
        .enter("outlive, blocking", ours::blocking_round_trip(trips))
        .enter("Unix pipe", unix::round_trip(unix::pipe, trips / 10))
        .enter("socketpair", unix::round_trip(unix::socketpair, trips / 10));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "bare, two lines", 2.0);

    // Both asleep: the receiver before the message comes, and the sender before the answer.
    let count = plan.count(400);
    let mut contest = Contest::new("message to a sleeper");
    contest
        .enter("Unix pipe", unix::hand_over_to_sleeper(unix::pipe, count))
        .enter(
            "socketpair",
            unix::hand_over_to_sleeper(unix::socketpair, count),
        )
        .enter(
            "POSIX mq",
            messages::hand_over_to_sleeper(messages::mq, count),
        )
        .enter(
            "boost message_queue",
            messages::hand_over_to_sleeper(messages::boost(64), count),
        )
        .enter("outlive", ours::hand_over_to_sleeper(count));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "Unix pipe", 1.1);

    let count = plan.count(400_000);
    let mut contest = Contest::new("pipe stream, 8 B");
    contest
        .enter("Unix pipe", unix::stream(unix::pipe, count / 10))
        .enter("socketpair", unix::stream(unix::socketpair, count / 10))
        .enter("outlive", ours::stream(count));
    contest.hold(plan.rounds, table);

    for (name, len, count) in [
        ("pipe stream, 1 KiB", 1 << 10, 100_000),
        ("pipe stream, 32 KiB", 32 << 10, 10_000),
        ("pipe stream, 1 MiB", 1 << 20, 400),
    ] {
        let count = plan.count(count);
        let mut contest = Contest::new(name);
        contest
            .enter("Unix pipe", unix::bytes(unix::pipe, len, count))
            .enter("socketpair", unix::bytes(unix::socketpair, len, count))
            .enter("outlive", ours::bytes(len, count));
        contest.hold(plan.rounds, table);
    }
}
