//! One producer, one consumer.

use outlive::queue::spsc::Spsc;

use crate::bare;
use crate::measure::{Contest, Plan, Sample, alone};
use crate::ours::spsc as ours;
use crate::peers::iceoryx;
use crate::peers::vyukov::Vyukov;
use crate::sides::{processes, threads};
use crate::sleepers;
use crate::stream::{self, Item, Receive, Transmit, until};
use crate::table::Table;

const CAPACITY: usize = 1024;
/// Items of 64 KiB that lie in the queue at most.
const LARGE: usize = 16;
const BATCH: usize = 16;

pub fn measure(plan: &Plan, table: &mut Table) {
    let mut contest = Contest::new("spsc push + pop, alone");
    contest
        .enter(
            "rtrb",
            alone(push_and_pop(rtrb::RingBuffer::<u64>::new(CAPACITY))),
        )
        .enter("outlive", {
            let queue = Spsc::<u64>::new(CAPACITY).expect("a queue");
            let ends = (
                queue.producer().expect("free"),
                queue.consumer().expect("free"),
            );
            alone(push_and_pop(ends))
        });
    contest.hold(plan.rounds, table);

    let count = plan.count(2_000_000);
    let mut contest = Contest::new("spsc stream, 8 B");
    contest
        .enter("rtrb", rtrb::<u64>(CAPACITY, count))
        .enter("rtrb, batches of 16", rtrb_batches(count))
        .enter("outlive", ours::stream::<u64>(CAPACITY, count))
        .enter(
            "outlive, blocking",
            ours::blocking_stream::<u64>(CAPACITY, count),
        )
        .enter(
            "outlive, batches of 16",
            ours::batches(CAPACITY, BATCH, count),
        )
        .enter("iceoryx2", iceoryx_stream(count / 20));
    let figures = contest.hold(plan.rounds, table);
    table.rate(&figures, "outlive", "rtrb", 1.5);
    table.rate(&figures, "outlive, batches of 16", "rtrb", 3.0);
    table.rate(&figures, "outlive", "iceoryx2", 10.0);

    let trips = plan.count(100_000);
    let mut contest = Contest::new("spsc round trip, 8 B");
    contest
        .enter("bare, two lines", bare::two_lines(plan))
        .enter("rtrb", rtrb_round_trip(trips))
        .enter("outlive", ours::round_trip(CAPACITY, trips))
        .enter(
            "outlive, blocking",
            ours::blocking_round_trip(CAPACITY, trips),
        )
        .enter("iceoryx2", iceoryx_round_trip(trips / 4));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "bare, two lines", 1.1);
    table.cost(&figures, "outlive", "rtrb", 0.9);
    table.cost(&figures, "outlive", "iceoryx2", 0.3);

    let count = plan.count(1_000_000);
    let mut contest = Contest::new("spsc stream, 64 B");
    contest
        .enter("rtrb", rtrb::<[u64; 8]>(CAPACITY, count))
        .enter("outlive", ours::stream::<[u64; 8]>(CAPACITY, count));
    let figures = contest.hold(plan.rounds, table);
    table.rate(&figures, "outlive", "rtrb", 1.0);

    let count = plan.count(400_000);
    let mut contest = Contest::new("spsc stream, 1 KiB");
    contest
        .enter("rtrb", rtrb::<[u64; 128]>(CAPACITY, count))
        .enter("outlive", ours::stream::<[u64; 128]>(CAPACITY, count));
    let figures = contest.hold(plan.rounds, table);
    table.rate(&figures, "outlive", "rtrb", 1.0);

    let count = plan.count(16_000);
    let mut contest = Contest::new("spsc stream, 64 KiB");
    contest
        .enter("copy in and out", copies(count))
        .enter("rtrb", rtrb::<[u64; 8192]>(LARGE, count))
        .enter("outlive", ours::stream::<[u64; 8192]>(LARGE, count));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "copy in and out", 1.1);

    let count = plan.count(400);
    let mut contest = Contest::new("put that must wake");
    contest
        .enter("bare futex", sleepers::bare_wake(count))
        .enter("outlive spsc", ours::wake(count));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive spsc", "bare futex", 1.1);

    let mut contest = Contest::new("hand-over to a sleeper");
    contest
        .enter("bare futex", sleepers::bare_hand_over(count))
        .enter("outlive spsc", ours::hand_over_to_sleeper(count));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive spsc", "bare futex", 1.1);
}

fn push_and_pop(ends: (impl Transmit<u64>, impl Receive<u64>)) -> impl FnMut(u64) {
    let (mut sending, mut receiving) = ends;
    move |n| {
        let mut number = 0;
        for nth in 0..n {
            assert!(sending.push(&nth));
            assert!(receiving.pop(&mut number));
            assert_eq!(number, nth);
        }
    }
}

fn rtrb<'a, T: Item>(capacity: usize, count: u64) -> Sample<'a> {
    Box::new(move || {
        let (sending, receiving) = rtrb::RingBuffer::<T>::new(capacity);
        stream::one_way::<T, _, _>(threads, || sending, || receiving, count)
    })
}

fn rtrb_batches<'a>(count: u64) -> Sample<'a> {
    let batches = count / BATCH as u64;
    Box::new(move || {
        let (sending, receiving) = rtrb::RingBuffer::<u64>::new(CAPACITY);
        stream::custom(
            threads,
            || sending,
            || receiving,
            |end| {
                let mut numbers = 0..;
                for _ in 0..batches {
                    until(|| end.slots() >= BATCH);
                    let chunk = end.write_chunk_uninit(BATCH).expect("room");
                    chunk.fill_from_iter(&mut numbers);
                }
            },
            |end| {
                let mut expected = 0;
                for _ in 0..batches {
                    until(|| end.slots() >= BATCH);
                    for number in end.read_chunk(BATCH).expect("items") {
                        assert_eq!(number, expected);
                        expected += 1;
                    }
                }
            },
            batches * BATCH as u64,
        )
    })
}

fn rtrb_round_trip<'a>(count: u64) -> Sample<'a> {
    Box::new(move || {
        let (there, arrived) = rtrb::RingBuffer::<u64>::new(CAPACITY);
        let (back, returned) = rtrb::RingBuffer::<u64>::new(CAPACITY);
        stream::round_trip(threads, || (there, returned), || (back, arrived), count)
    })
}

/// What any queue that copies must do: fill slots on one core, empty them on the other.
pub fn copies<'a>(count: u64) -> Sample<'a> {
    Box::new(move || {
        let queue = Vyukov::<[u64; 8192], LARGE>::new();
        let other = queue.clone();
        stream::one_way::<[u64; 8192], _, _>(processes, || queue, || other, count)
    })
}

/// A name that no earlier run has used.
pub fn fresh() -> String {
    format!(
        "outlive-compare-{}-{}",
        std::process::id(),
        crate::measure::now()
    )
}

pub fn iceoryx_stream<'a>(count: u64) -> Sample<'a> {
    Box::new(move || {
        let name = fresh();
        let open_sending = || iceoryx::sending(&name);
        let open_receiving = || iceoryx::receiving(&name);
        stream::one_way::<u64, _, _>(processes, open_sending, open_receiving, count)
    })
}

pub fn iceoryx_round_trip<'a>(count: u64) -> Sample<'a> {
    Box::new(move || {
        let (there, back) = (fresh() + "-there", fresh() + "-back");
        stream::round_trip(
            processes,
            || (iceoryx::sending(&there), iceoryx::receiving(&back)),
            || (iceoryx::sending(&back), iceoryx::receiving(&there)),
            count,
        )
    })
}
