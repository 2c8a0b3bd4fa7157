//! Two processes that want the same thing at the same time.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::mapping::{Resident, Shared};
use crate::measure::{Sample, now};
use crate::sides::{Body, Gate, processes, threads};
use crate::stream::Runner;

/// What contending processes take and give back.
pub trait Contended: Sync {
    /// Whether at most one holds it.
    const IS_EXCLUSIVE: bool;

    fn with(&self, work: impl FnOnce());
}

/// What the lock protects: a counter that only exclusion keeps right.
#[repr(C)]
struct Protected {
    count: UnsafeCell<u64>,
    last: UnsafeCell<u64>,
}
// SAFETY: used by whoever holds the lock, and read when all is over.
unsafe impl Resident for Protected {}

/// A short critical section.
fn add_one(protected: &Protected) {
    // SAFETY: the caller holds the lock; where there is none, the words are volatile and the count
    // is not looked at.
    let count = unsafe { protected.count.get().read_volatile() };
    // SAFETY: as above.
    unsafe { protected.last.get().write_volatile(count) };
    // SAFETY: as above.
    unsafe { protected.count.get().write_volatile(count + 1) };
}

/// Rounds of each of two sides in `time`.
fn race<L: Contended>(run: Runner, time: Duration, lock: &L) -> Result<(f64, [u64; 2]), String> {
    let protected = Shared::<Protected>::new();
    let stop = Shared::<AtomicU64>::new();
    let body = || -> Body<'_> {
        Box::new(|gate: &Gate<'_>| {
            let mut rounds = 1;
            // Joins and warms up.
            lock.with(|| add_one(&protected));
            gate.start();
            let end = now() + time.as_nanos() as u64;
            while stop.load(Ordering::Relaxed) == 0 {
                for _ in 0..32 {
                    lock.with(|| add_one(&protected));
                    rounds += 1;
                }
                if now() >= end {
                    stop.store(1, Ordering::Relaxed);
                }
            }
            gate.finish();
            rounds
        })
    };
    let race = run(vec![body(), body()])?;
    // SAFETY: both sides have ended.
    let count = unsafe { protected.count.get().read_volatile() };
    let sum: u64 = race.results.iter().sum();
    if L::IS_EXCLUSIVE && count != sum {
        return Err(format!("{sum} rounds, but {count} counted: no exclusion"));
    }
    Ok((race.nanos, [race.results[0], race.results[1]]))
}

/// Nanoseconds per round, of whichever process.
pub fn contended<'a>(time: Duration, lock: &'a impl Contended) -> Sample<'a> {
    contended_by(processes, time, lock)
}

/// As [`contended`], between two threads.
pub fn contended_by_threads<'a>(time: Duration, lock: &'a impl Contended) -> Sample<'a> {
    contended_by(threads, time, lock)
}

fn contended_by<'a>(run: Runner, time: Duration, lock: &'a impl Contended) -> Sample<'a> {
    Box::new(move || {
        let (nanos, rounds) = race(run, time, lock)?;
        Ok(nanos / rounds.iter().sum::<u64>() as f64)
    })
}

/// The slower process's part of all rounds within a second, in percent.
pub fn fair(lock: &impl Contended) -> Result<f64, String> {
    let (_, rounds) = race(processes, Duration::from_secs(1), lock)?;
    let slower = rounds.iter().min().copied().unwrap_or(0);
    Ok(100.0 * slower as f64 / rounds.iter().sum::<u64>() as f64)
}
