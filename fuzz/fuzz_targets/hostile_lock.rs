//! Locks in a segment that somebody writes over between the operations: each ends with a guard, an
//! error or its timeout.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::sync::LockError;
use outlive::{Lock, RLock};
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    Strike(Blow),
    Try,
    Timed,
    Repair,
    Acquire,
    Release,
    ReleaseRepaired,
    RTry,
    RTimed,
    RAcquire,
    RRelease,
    Look,
    DropGuards,
}

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::new();
    let lock = Lock::create(&segment, "lock").expect("room");
    let rlock = RLock::create(&segment, "rlock").expect("room");
    let mut guards = Vec::new();
    let mut rguards = Vec::new();
    for step in steps.iter().take(STEPS) {
        match step {
            Step::Strike(blow) => ground.strike(blow),
            Step::Try => guards.extend(lock.try_lock().ok()),
            Step::Timed => guards.extend(lock.lock_timeout(SHORT).ok()),
            Step::Repair => match lock.lock_timeout(SHORT) {
                Err(LockError::OwnerDied(died)) => {
                    let _ = (died.pid(), died.label().len(), died.at());
                    guards.push(died.repaired());
                }
                other => drop(other),
            },
            Step::Acquire => drop(lock.acquire(Some(SHORT))),
            Step::Release => drop(lock.release()),
            Step::ReleaseRepaired => drop(lock.release_repaired()),
            Step::RTry => rguards.extend(rlock.try_lock().ok()),
            Step::RTimed => rguards.extend(rlock.lock_timeout(SHORT).ok()),
            Step::RAcquire => drop(rlock.acquire(Some(SHORT))),
            Step::RRelease => drop(rlock.release()),
            Step::Look => {
                let _ = (
                    lock.holder(),
                    lock.is_locked(),
                    rlock.holder(),
                    rlock.depth(),
                );
                let _ = format!("{lock:?} {rlock:?}");
            }
            Step::DropGuards => {
                guards.clear();
                rguards.clear();
            }
        }
    }
});
