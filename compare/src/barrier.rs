//! Barriers of two parties, each on a core of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::mapping::{Line, Shared};
use crate::measure::{Contest, Plan, Sample};
use crate::peers::pthread;
use crate::sides::{Body, Gate, processes, threads};
use crate::stream::Runner;
use crate::table::Table;

pub fn measure(plan: &Plan, table: &mut Table) {
    let turns = plan.count(8_000);
    let posix = pthread::Barrier::new(2);
    let local = std::sync::Barrier::new(2);
    let ours = outlive::Barrier::new(2).expect("a barrier");
    let mut contest = Contest::new("barrier of two, a turn");
    contest
        .enter("std, threads", pair(threads, turns, || _ = local.wait()))
        .enter("pthread", pair(processes, turns, || posix.wait()))
        .enter(
            "outlive",
            pair(processes, turns, || _ = ours.wait().expect("nobody died")),
        );
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "pthread", 1.0);
}

/// Turns of two parties; after each, either has come as far as the other.
fn pair<'a>(run: Runner, turns: u64, wait: impl Fn() + Sync + 'a) -> Sample<'a> {
    Box::new(move || {
        let done = Shared::<[Line<AtomicU64>; 2]>::new();
        let side = |mine: usize| -> Body<'_> {
            let (done, wait) = (&done, &wait);
            Box::new(move |gate: &Gate<'_>| {
                gate.start();
                for turn in 1..=turns {
                    // Relaxed, both: the barrier orders them.
                    done[mine].store(turn, Ordering::Relaxed);
                    wait();
                    let other = done[1 - mine].load(Ordering::Relaxed);
                    // It may be at its next turn already.
                    assert!(other == turn || other == turn + 1, "{other} in turn {turn}");
                }
                gate.finish();
                1
            })
        };
        let race = run(vec![side(0), side(1)])?;
        Ok(race.nanos / turns as f64)
    })
}
