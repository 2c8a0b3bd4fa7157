//! What the survivors of a killed process get to feel: how long they wait, and whether they go on at
//! all.
//!
//! Beside the waits of our lock, which have bars, there is a matrix: every peer in every situation,
//! by real kills. Whoever does not go on within [`Limits::hang`] hangs; after a few hangs the rest
//! of a cell's tries is let off.

mod ends;
mod held;
mod mortal;
mod outcome;
mod pools;
mod python;
mod queued;
mod queues;
mod signal;
mod waits;
mod woken;

use crate::measure::{Plan, now};
use crate::sides::{Child, fork};
use crate::table::Table;

/// How long and how often.
struct Limits {
    /// Nanoseconds after which a survivor hangs.
    hang: u64,
    /// Hangs after which the peer is known to.
    hangs: u64,
    /// Kills at a chosen moment.
    chosen: u64,
    /// Kills at a random one.
    random: u64,
}

pub fn measure(plan: &Plan, table: &mut Table) {
    waits::measure(plan, table);
    let limits = Limits {
        hang: if plan.quick { 200 } else { 500 } * 1_000_000,
        hangs: if plan.quick { 1 } else { 3 },
        chosen: plan.count(40),
        random: plan.count(200),
    };
    held::measure(&limits, table);
    woken::measure(&limits, table);
    queues::measure(&limits, table);
    pools::measure(&limits, table);
    python::measure(&limits, table);
}

fn start(body: impl FnOnce() -> bool) -> Result<Child, String> {
    fork(body).map_err(|error| error.to_string())
}

fn wait_for_death() -> ! {
    loop {
        // SAFETY: waits for a signal.
        unsafe { libc::pause() };
    }
}

/// Waits until the process sleeps, and has slept for a moment: between two sleeps, on a word of
/// this program and on what it is to wait for, it is awake for a few microseconds only.
fn asleep(waiter: &Child) -> Result<(), String> {
    for _ in 0..2 {
        let end = now() + 100_000;
        while now() < end {
            std::hint::spin_loop();
        }
        if !waiter.is_asleep_soon() {
            return Err("the waiter does not sleep".into());
        }
    }
    Ok(())
}

fn soon(limit: u64, what: &str, is_so: impl FnMut() -> bool) -> Result<(), String> {
    if within(limit, is_so) {
        Ok(())
    } else {
        Err(what.into())
    }
}

/// Whether it becomes so within so many nanoseconds.
fn within(limit: u64, mut is_so: impl FnMut() -> bool) -> bool {
    let end = now() + limit;
    while !is_so() {
        if now() > end {
            return false;
        }
        std::thread::yield_now();
    }
    true
}

/// Numbers that look random, the same in every run.
struct Random(u64);

impl Random {
    fn new() -> Self {
        Self(88_172_645_463_325_252)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    /// Sleeps for less than a millisecond: a moment as good as any other.
    fn moment(&mut self) {
        std::thread::sleep(std::time::Duration::from_micros(self.below(1_000)));
    }
}
