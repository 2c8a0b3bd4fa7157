//! Conditions: notifying nobody, waking a sleeper, and to and fro.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mapping::Shared;
use crate::measure::{Contest, Plan, Sample, alone};
use crate::peers::pthread::{Condition, RobustMutex};
use crate::sides::{Body, Gate, processes};
use crate::sleepers::{Hand, hand_over};
use crate::table::Table;

pub fn measure(plan: &Plan, table: &mut Table) {
    let parking = parking_lot::Condvar::new();
    let pthread = Condition::new();
    let ours = outlive::Condition::new().expect("a condition");
    let mut contest = Contest::new("condition, notify nobody");
    contest
        .enter(
            "parking_lot",
            alone(|n| (0..n).for_each(|_| _ = black_box(black_box(&parking).notify_one()))),
        )
        .enter("pthread", alone(|n| (0..n).for_each(|_| pthread.signal())))
        .enter(
            "outlive",
            alone(|n| (0..n).for_each(|_| _ = black_box(ours.notify(1).expect("joined")))),
        );
    contest.hold(plan.rounds, table);

    let count = plan.count(400);
    let mut contest = Contest::new("condition, hand-over to a sleeper");
    contest
        .enter("pthread", over::<Pthread>(count))
        .enter("outlive", over::<Ours>(count));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "pthread", 1.1);

    let count = plan.count(8_000);
    let mut contest = Contest::new("condition, to and fro");
    contest
        .enter("pthread", Box::new(move || to_and_fro::<Pthread>(count)))
        .enter("outlive", Box::new(move || to_and_fro::<Ours>(count)));
    contest.hold(plan.rounds, table);
}

/// A lock with a condition.
trait Monitor: Sync {
    fn new() -> Self;

    /// Makes a change with the lock, then notifies one.
    fn change(&self, change: impl FnOnce());

    /// Waits until it is time, and makes a change with the lock.
    fn when(&self, is_time: impl Fn() -> bool, change: impl FnOnce());
}

struct Pthread(RobustMutex, Condition);

impl Monitor for Pthread {
    fn new() -> Self {
        Self(RobustMutex::new(), Condition::new())
    }

    fn change(&self, change: impl FnOnce()) {
        self.0.lock();
        change();
        self.0.unlock();
        self.1.signal();
    }

    fn when(&self, is_time: impl Fn() -> bool, change: impl FnOnce()) {
        self.0.lock();
        while !is_time() {
            self.1.wait(&self.0);
        }
        change();
        self.0.unlock();
    }
}

struct Ours(outlive::Lock, outlive::Condition);

impl Monitor for Ours {
    fn new() -> Self {
        Self(
            outlive::Lock::new().expect("a lock"),
            outlive::Condition::new().expect("a condition"),
        )
    }

    fn change(&self, change: impl FnOnce()) {
        let guard = self.0.lock().expect("nobody died");
        change();
        drop(guard);
        self.1.notify(1).expect("joined");
    }

    fn when(&self, is_time: impl Fn() -> bool, change: impl FnOnce()) {
        let guard = self.0.lock().expect("nobody died");
        let guard = self.1.wait_while(guard, || !is_time());
        let _guard = guard.expect("nobody died");
        change();
    }
}

fn hand<M: Monitor>(count: u64) -> Result<Hand, String> {
    let number = Shared::<AtomicU64>::new();
    let monitor = M::new();
    // Relaxed, here and below: the lock orders them.
    let give = |nth| monitor.change(|| number.store(nth, Ordering::Relaxed));
    hand_over(count, give, || {
        let last = Cell::new(0);
        let (monitor, number) = (&monitor, &number);
        move || {
            let now = || number.load(Ordering::Relaxed);
            monitor.when(|| now() != last.get(), || last.set(now()));
            last.get()
        }
    })
}

fn over<'a, M: Monitor + 'a>(count: u64) -> Sample<'a> {
    Box::new(move || hand::<M>(count).map(|hand| hand.over))
}

/// Even turns are one side's, odd ones the other's; each waits for the other's.
fn to_and_fro<M: Monitor>(count: u64) -> Result<f64, String> {
    let turn = Shared::<AtomicU64>::new();
    let monitor = M::new();
    let side = |mine: u64| -> Body<'_> {
        let (turn, monitor) = (&turn, &monitor);
        Box::new(move |gate: &Gate<'_>| {
            let now = || turn.load(Ordering::Relaxed);
            gate.start();
            for trip in 0..count {
                let expected = 2 * trip + mine;
                monitor.when(|| now() == expected, || ());
                monitor.change(|| turn.store(expected + 1, Ordering::Relaxed));
            }
            gate.finish();
            1
        })
    };
    let race = processes(vec![side(0), side(1)])?;
    let turns = turn.load(Ordering::Relaxed);
    if turns != 2 * count {
        return Err(format!("{turns} turns of {}", 2 * count));
    }
    Ok(race.nanos / count as f64)
}
