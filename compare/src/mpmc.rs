//! Many producers, many consumers.

use std::sync::Arc;

use crossbeam_queue::ArrayQueue;
use outlive::queue::mpmc::Mpmc;

use crate::measure::{Contest, Plan, Sample, alone};
use crate::ours::mpmc as ours;
use crate::peers::threaded;
use crate::peers::vyukov::Vyukov;
use crate::sides::{Body, Gate, processes, threads};
use crate::sleepers;
use crate::spsc::{iceoryx_round_trip, iceoryx_stream};
use crate::stream::{self, Receive, Runner, Transmit, drain, feed};
use crate::table::Table;

const CAPACITY: usize = 1024;

type Bare = Vyukov<u64, CAPACITY>;

fn array() -> Arc<ArrayQueue<u64>> {
    Arc::new(ArrayQueue::new(CAPACITY))
}

fn crossbeam() -> threaded::Crossbeam {
    threaded::crossbeam(CAPACITY)
}

fn kanal() -> threaded::Kanal {
    threaded::kanal(CAPACITY)
}

fn new() -> Mpmc<u64> {
    ours::queue(CAPACITY)
}

fn blocking() -> ours::Blocking {
    ours::Blocking(new())
}

pub fn measure(plan: &Plan, table: &mut Table) {
    let mut contest = Contest::new("mpmc put + get, alone");
    contest
        .enter("ArrayQueue", alone(push_and_pop(array())))
        .enter("bare Vyukov", alone(push_and_pop(Bare::new())))
        .enter("crossbeam-channel", alone(push_and_pop(crossbeam())))
        .enter("kanal", alone(push_and_pop(kanal())))
        .enter("outlive", alone(push_and_pop(new())));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "ArrayQueue", 1.1);
    table.cost(&figures, "outlive", "bare Vyukov", 1.1);

    let count = plan.count(2_000_000);
    let mut contest = Contest::new("mpmc stream 1 to 1, 8 B");
    contest
        .enter("ArrayQueue", one_way(threads, array, count))
        .enter("bare Vyukov", one_way(processes, Bare::new, count))
        .enter("crossbeam-channel", one_way(threads, crossbeam, count / 2))
        .enter("kanal", one_way(threads, kanal, count / 2))
        .enter("outlive", one_way(processes, new, count))
        .enter("outlive, blocking", one_way(processes, blocking, count))
        .enter("iceoryx2", iceoryx_stream(count / 20));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "ArrayQueue", 1.1);
    table.cost(&figures, "outlive", "bare Vyukov", 1.1);
    table.rate(&figures, "outlive", "iceoryx2", 10.0);

    let mut contest = Contest::new("mpmc stream 2 to 2, 8 B");
    contest
        .enter("ArrayQueue", two_to_two(threads, array, count))
        .enter("bare Vyukov", two_to_two(processes, Bare::new, count))
        .enter(
            "crossbeam-channel",
            two_to_two(threads, crossbeam, count / 2),
        )
        .enter("kanal", two_to_two(threads, kanal, count / 2))
        .enter("outlive", two_to_two(processes, new, count))
        .enter("outlive, blocking", two_to_two(processes, blocking, count));
    let figures = contest.hold(plan.rounds, table);
    table.rate(&figures, "outlive", "ArrayQueue", 1.0);

    let trips = plan.count(100_000);
    let mut contest = Contest::new("mpmc round trip, 8 B");
    contest
        .enter("ArrayQueue", round_trip(threads, array, trips))
        .enter("bare Vyukov", round_trip(processes, Bare::new, trips))
        .enter(
            "crossbeam-channel",
            round_trip(threads, crossbeam, trips / 2),
        )
        .enter("kanal", round_trip(threads, kanal, trips / 2))
        .enter("outlive", round_trip(processes, new, trips))
        .enter("outlive, blocking", round_trip(processes, blocking, trips))
        .enter("iceoryx2", iceoryx_round_trip(trips / 4));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "ArrayQueue", 0.6);
    table.cost(&figures, "outlive", "iceoryx2", 0.3);

    let count = plan.count(400);
    let mut contest = Contest::new("mpmc put that must wake");
    contest
        .enter("bare futex", sleepers::bare_wake(count))
        .enter("outlive", ours::wake(count));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "bare futex", 1.1);

    let mut contest = Contest::new("mpmc hand-over to a sleeper");
    contest
        .enter("bare futex", sleepers::bare_hand_over(count))
        .enter("outlive", ours::hand_over_to_sleeper(count));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "bare futex", 1.1);
}

/// A handle on one queue; clones share it.
trait Both: Transmit<u64> + Receive<u64> + Clone + Send {}
impl<Q: Transmit<u64> + Receive<u64> + Clone + Send> Both for Q {}

fn push_and_pop(mut queue: impl Both) -> impl FnMut(u64) {
    move |n| {
        let mut number = 0;
        for nth in 0..n {
            assert!(queue.push(&nth));
            assert!(queue.pop(&mut number));
            assert_eq!(number, nth);
        }
    }
}

fn one_way<'a, Q: Both>(run: Runner, new: impl Fn() -> Q + 'a, count: u64) -> Sample<'a> {
    Box::new(move || {
        let queue = new();
        let other = queue.clone();
        stream::one_way::<u64, _, _>(run, || queue, || other, count)
    })
}

/// Two producers and two consumers; the sum of the numbers says whether all came once.
fn two_to_two<'a, Q: Both>(run: Runner, new: impl Fn() -> Q + 'a, count: u64) -> Sample<'a> {
    let half = count / 2;
    Box::new(move || {
        let queue = new();
        let producer = |from: u64| -> Body<'_> {
            let mut end = queue.clone();
            Box::new(move |gate: &Gate<'_>| {
                gate.start();
                feed::<u64>(&mut end, from..from + half);
                gate.finish();
                0
            })
        };
        let consumer = || -> Body<'_> {
            let mut end = queue.clone();
            Box::new(move |gate: &Gate<'_>| {
                let mut sum = 0_u64;
                gate.start();
                drain::<u64>(&mut end, half, |_, number| sum = sum.wrapping_add(number));
                gate.finish();
                sum
            })
        };
        let race = run(vec![producer(0), producer(half), consumer(), consumer()])?;
        let sum = race
            .results
            .iter()
            .fold(0_u64, |sum, part| sum.wrapping_add(*part));
        if sum != (0..2 * half).sum::<u64>() {
            return Err("items lost or doubled".into());
        }
        Ok(race.nanos / (2 * half) as f64)
    })
}

fn round_trip<'a, Q: Both>(run: Runner, new: impl Fn() -> Q + 'a, count: u64) -> Sample<'a> {
    Box::new(move || {
        let (there, back) = (new(), new());
        let (arrived, returned) = (there.clone(), back.clone());
        stream::round_trip(run, || (there, returned), || (back, arrived), count)
    })
}
