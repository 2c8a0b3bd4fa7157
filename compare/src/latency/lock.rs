//! A lock that two processes want at the same instant, time after time.

use super::Times;
use super::schedule::{Log, Schedule, be_punctual, in_company};
use crate::contention::Contended;
use crate::measure::now;
use crate::sides::{Body, Gate, processes};

/// How long a side holds the lock, in nanoseconds.
const HELD: u64 = 2_000;

/// From when the lock is wanted until it is had.
pub fn wanted(schedule: Schedule, lock: &impl Contended) -> Times {
    let log = Log::new();
    let side = || -> Body<'_> {
        Box::new(|gate: &Gate<'_>| {
            be_punctual();
            // Joins.
            lock.with(|| ());
            gate.start();
            let is_kept = schedule.keep(log.begin(), |due| {
                lock.with(|| {
                    log.done(due);
                    let end = now() + HELD;
                    while now() < end {
                        std::hint::spin_loop();
                    }
                });
            });
            log.end();
            gate.finish();
            u64::from(is_kept)
        })
    };
    let race = processes(in_company(schedule, &log, vec![side(), side()]))?;
    if race.results[..2] != [1, 1] {
        return Err("falls behind the schedule".into());
    }
    log.times()
}
