//! Conditions and events: a waiter killed, anybody killed.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::outcome::Outcome;
use super::signal::{OurEvents, Ours, Pthread, RawEvents, Signal};
use super::{Limits, Random, asleep, start, within};
use crate::mapping::{Resident, Shared};
use crate::measure::now;
use crate::pinning;
use crate::sides::Child;
use crate::table::Table;

pub fn measure(limits: &Limits, table: &mut Table) {
    peer(limits, table, "pthread_cond", || Ok(Pthread::new()));
    peer(limits, table, "raw_sync Event", || Ok(RawEvents::new()));
    peer(limits, table, "outlive Condition", || {
        Ours::new().map_err(|error| error.to_string())
    });
    peer(limits, table, "outlive Event", || {
        OurEvents::new().map_err(|error| error.to_string())
    });
}

fn peer<S: Signal>(
    limits: &Limits,
    table: &mut Table,
    name: &'static str,
    new: impl Fn() -> Result<S, String>,
) {
    eprintln!("killing users of {name}");
    for (situation, outcome) in [
        ("waiter killed asleep", waiter(limits, &new, true)),
        ("waiter killed as it is woken", waiter(limits, &new, false)),
        ("user killed at any instant", anybody(limits, &new)),
    ] {
        table.outcome(situation, name, outcome.map(|outcome| outcome.text()));
    }
}

#[repr(C)]
struct Page {
    /// What the waiters wait for: the number of the round, or of the turn.
    turn: AtomicU32,
    got: AtomicU32,
    when: AtomicU64,
    /// The last round whose change was made, and told to one waiter.
    changed: AtomicU32,
}
// SAFETY: atomics only.
unsafe impl Resident for Page {}

/// Of two waiters the first is killed, long before the change or as it is made; the object is the
/// same in all rounds, for what the dead leave behind adds up.
fn waiter<S: Signal>(
    limits: &Limits,
    new: &impl Fn() -> Result<S, String>,
    before: bool,
) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    pinning::pin(1);
    while outcome.kills < limits.chosen && outcome.hangs < limits.hangs {
        let (signal, page) = (new()?, Shared::<Page>::new());
        let (signal, page) = (&signal, &page);
        for round in 1.. {
            let wait = || signal.until(0, || page.turn.load(Ordering::Relaxed) >= round);
            let mut victim = start(|| {
                pinning::pin(0);
                wait();
                true
            })?;
            asleep(&victim)?;
            let survivor = start(|| {
                pinning::pin(1);
                wait();
                page.when.store(now(), Ordering::Relaxed);
                page.got.store(round, Ordering::Release);
                true
            })?;
            asleep(&survivor)?;
            if before {
                victim.kill();
                let _ = victim.wait();
            }
            let begin = now();
            // On the victim's core, so that it does not get to die before the change is made, or
            // to run: a process that was told to die sees no more of this world.
            let changer = start(|| {
                pinning::pin(0);
                victim.kill();
                signal.change(0, || page.turn.store(round, Ordering::Relaxed));
                page.changed.store(round, Ordering::Release);
                // The victim is the parent's to reap.
                true
            })?;
            let goes_on = within(limits.hang, || {
                page.got.load(Ordering::Acquire) == round
                    && page.changed.load(Ordering::Acquire) == round
            });
            outcome.note(goes_on.then(|| page.when.load(Ordering::Relaxed).saturating_sub(begin)));
            drop(changer);
            if !goes_on || outcome.kills == limits.chosen {
                break;
            }
        }
    }
    Ok(outcome)
}

/// Takes every other turn.
fn player(signal: &impl Signal, page: &Page, side: usize) -> Result<Child, String> {
    start(|| {
        pinning::pin(side);
        // One that died here may have made a change and told nobody.
        signal.change(1 - side, || ());
        loop {
            let turn = || page.turn.load(Ordering::Relaxed);
            signal.until(side, || turn() as usize % 2 == side);
            signal.change(1 - side, || page.turn.store(turn() + 1, Ordering::Relaxed));
        }
    })
}

/// One of two that take turns is killed, and replaced.
fn anybody<S: Signal>(
    limits: &Limits,
    new: &impl Fn() -> Result<S, String>,
) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    let mut random = Random::new();
    while outcome.kills < limits.random && outcome.hangs < limits.hangs {
        let (signal, page) = (new()?, Shared::<Page>::new());
        let _survivor = player(&signal, &page, 0)?;
        let mut victim = player(&signal, &page, 1)?;
        loop {
            random.moment();
            victim.kill();
            let begin = now();
            let _ = victim.wait();
            let turn = || page.turn.load(Ordering::Relaxed);
            let before = turn();
            victim = player(&signal, &page, 1)?;
            let goes_on = within(limits.hang, || turn() >= before + 3);
            outcome.note(goes_on.then(|| now() - begin));
            if !goes_on || outcome.kills == limits.random {
                break;
            }
        }
    }
    Ok(outcome)
}
