//! How long survivors wait for what a killed process held.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::mapping::{Resident, Shared};
use crate::measure::{Plan, now, quantile};
use crate::peers::futex;
use crate::peers::pthread::{RobustMutex, Taken};
use crate::pinning;
use crate::sides::{Child, fork};
use crate::table::Table;

/// Longer than this is a hang.
const HANG: u64 = 2_000_000_000;

/// A lock whose owner may be killed. Handles are used in forked children as they are.
pub trait Mortal {
    /// Takes the lock; whether its owner was found dead.
    fn take(&self) -> bool;
    fn free(&self);
}

impl Mortal for RobustMutex {
    fn take(&self) -> bool {
        self.lock() == Taken::Inherited
    }
    fn free(&self) {
        self.unlock();
    }
}

pub fn measure(plan: &Plan, table: &mut Table) {
    let kills = plan.count(2_000);
    let peer = owners_killed(&RobustMutex::new(), kills);
    report(table, OWNER, "pthread robust", &peer);
}

const OWNER: &str = "owner killed, waiter asleep";

type Times = Result<Vec<f64>, String>;

fn report(table: &mut Table, what: &str, contender: &'static str, times: &Times) {
    for (part, q) in [("p50", 0.5), ("p99", 0.99), ("most", 1.0)] {
        let time = times
            .as_ref()
            .map(|times| quantile(times, q))
            .map_err(String::clone);
        table.figure(&format!("{what}, {part}"), contender, time);
    }
}

#[repr(C)]
struct Page {
    /// The round in which the owner holds the lock.
    held: AtomicU32,
    /// The round in which the waiter is to wait.
    wanted: AtomicU32,
    /// The round in which the waiter got the lock, and when.
    got: AtomicU32,
    when: AtomicU64,
    /// Deaths that the waiter was told of.
    told: AtomicU32,
}
// SAFETY: atomics only.
unsafe impl Resident for Page {}

/// Nanoseconds from each of `kills` SIGKILLs of an owner until the sleeping waiter has the lock,
/// sorted.
fn owners_killed(lock: &impl Mortal, kills: u64) -> Times {
    let page = Shared::<Page>::new();
    pinning::pin(0);
    let mut waiter = fork(|| {
        pinning::pin(1);
        for round in 1..=kills as u32 {
            futex::wait_until_not(&page.wanted, round - 1);
            let told = lock.take();
            page.when.store(now(), Ordering::Relaxed);
            page.told.fetch_add(u32::from(told), Ordering::Relaxed);
            lock.free();
            page.got.store(round, Ordering::Release);
        }
        true
    })
    .map_err(|error| error.to_string())?;
    let mut times = Vec::new();
    for round in 1..=kills as u32 {
        let mut owner = fork(|| {
            pinning::pin(0);
            lock.take();
            page.held.store(round, Ordering::Release);
            loop {
                // SAFETY: waits for a signal.
                unsafe { libc::pause() };
            }
        })
        .map_err(|error| error.to_string())?;
        soon("the owner does not take the lock", || {
            page.held.load(Ordering::Acquire) == round
        })?;
        page.wanted.store(round, Ordering::Release);
        futex::wake(&page.wanted);
        asleep_on_lock(&waiter)?;
        let begin = now();
        owner.kill();
        // Reaping is also what lets the victim run on this core.
        let _ = owner.wait();
        soon("the waiter hangs", || {
            page.got.load(Ordering::Acquire) == round
        })?;
        times.push(page.when.load(Ordering::Relaxed).saturating_sub(begin) as f64);
    }
    waiter.wait()?;
    let told = u64::from(page.told.load(Ordering::Relaxed));
    if told != kills {
        return Err(format!("{told} of {kills} deaths were told"));
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// Waits until the waiter sleeps, and has slept for a moment: between its two sleeps, on the word
/// of this program and on the lock, it is awake for a few microseconds only.
fn asleep_on_lock(waiter: &Child) -> Result<(), String> {
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

fn soon(what: &str, mut is_so: impl FnMut() -> bool) -> Result<(), String> {
    let end = now() + HANG;
    while !is_so() {
        if now() > end {
            return Err(what.into());
        }
        std::thread::yield_now();
    }
    Ok(())
}
