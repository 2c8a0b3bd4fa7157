//! Events: looking, setting where nobody waits, and waking a sleeper.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

use crate::mapping::Shared;
use crate::measure::{Contest, Plan, Sample, alone};
use crate::peers::raw_sync::Event as RawEvent;
use crate::sleepers::{self, Hand, hand_over};
use crate::table::Table;

pub fn measure(plan: &Plan, table: &mut Table) {
    let bare = Shared::<AtomicU32>::new();
    let event = outlive::Event::new().expect("an event");
    event.set().expect("joined");
    let mut contest = Contest::new("event, look");
    contest
        .enter(
            "bare load",
            alone(|n| {
                (0..n).for_each(|_| _ = black_box(black_box(&*bare).load(Ordering::Acquire)))
            }),
        )
        .enter(
            "outlive",
            alone(|n| (0..n).for_each(|_| _ = black_box(black_box(&event).is_set()))),
        );
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "bare load", 1.1);

    let raw = RawEvent::new();
    let (flag, changed) = (Mutex::new(false), Condvar::new());
    let mut contest = Contest::new("event, set with nobody waiting");
    contest
        // A set must be seen by whoever clears, looks and then waits, so a store that the
        // processor may put off is not enough.
        .enter(
            "bare store, SeqCst",
            alone(|n| (0..n).for_each(|_| black_box(&*bare).store(1, Ordering::SeqCst))),
        )
        .enter(
            "bare store, Release",
            alone(|n| (0..n).for_each(|_| black_box(&*bare).store(1, Ordering::Release))),
        )
        .enter(
            "parking_lot",
            alone(|n| {
                for _ in 0..n {
                    *flag.lock() = true;
                    changed.notify_all();
                }
            }),
        )
        .enter("raw_sync", alone(|n| (0..n).for_each(|_| raw.set())))
        .enter(
            "outlive",
            alone(|n| (0..n).for_each(|_| black_box(&event).set().expect("joined"))),
        );
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "bare store, SeqCst", 3.0);

    let count = plan.count(400);
    let mut contest = Contest::new("event, set that must wake");
    contest
        .enter("bare futex", sleepers::bare_wake(count))
        .enter("raw_sync", wake(move || raw_sync(count)))
        .enter("outlive", wake(move || ours(count)));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "bare futex", 1.1);

    let mut contest = Contest::new("event, hand-over to a sleeper");
    contest
        .enter("bare futex", sleepers::bare_hand_over(count))
        .enter("raw_sync", over(move || raw_sync(count)))
        .enter("outlive", over(move || ours(count)));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "bare futex", 1.1);
}

fn wake<'a>(run: impl Fn() -> Result<Hand, String> + 'a) -> Sample<'a> {
    Box::new(move || run().map(|hand| hand.wake))
}

fn over<'a>(run: impl Fn() -> Result<Hand, String> + 'a) -> Sample<'a> {
    Box::new(move || run().map(|hand| hand.over))
}

/// The number goes beside the event, which says that it is there.
fn ours(count: u64) -> Result<Hand, String> {
    let number = Shared::<AtomicU64>::new();
    let event = outlive::Event::new().expect("an event");
    let give = |nth| {
        number.store(nth, Ordering::Relaxed);
        event.set().expect("joined");
    };
    hand_over(count, give, || {
        || {
            event.wait().expect("joined");
            event.clear().expect("joined");
            number.load(Ordering::Relaxed)
        }
    })
}

fn raw_sync(count: u64) -> Result<Hand, String> {
    let number = Shared::<AtomicU64>::new();
    let event = RawEvent::new();
    let give = |nth| {
        number.store(nth, Ordering::Relaxed);
        event.set();
    };
    hand_over(count, give, || {
        || {
            event.wait();
            number.load(Ordering::Relaxed)
        }
    })
}
