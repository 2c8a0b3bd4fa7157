//! A reader-writer lock in a segment that somebody writes over between the operations: each ends
//! with a guard, an error or its timeout.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::RwLock;
use outlive::sync::LockError;
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    Strike(Blow),
    TryRead,
    Read,
    TryWrite,
    Write,
    Repair,
    Downgrade,
    DropReader,
    DropWriter,
    Look,
    Reopen,
    Reap,
}

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::new();
    let lock = RwLock::create(&segment, "rwlock").expect("room");
    let mut readers = Vec::new();
    let mut writers = Vec::new();
    for step in steps.iter().take(STEPS) {
        match step {
            Step::Strike(blow) => ground.strike(blow),
            Step::TryRead => readers.extend(lock.try_read().or_else(LockError::into_guard).ok()),
            Step::Read => {
                let end = lock.read_timeout(SHORT);
                readers.extend(end.or_else(LockError::into_guard).ok());
            }
            Step::TryWrite => writers.extend(lock.try_write().or_else(LockError::into_guard).ok()),
            Step::Write => writers.extend(lock.write_timeout(SHORT).ok()),
            Step::Repair => match lock.write_timeout(SHORT) {
                Err(LockError::OwnerDied(died)) => {
                    let _ = (died.pid(), died.label().len(), died.at());
                    writers.push(died.repaired());
                }
                other => drop(other),
            },
            Step::Downgrade => readers.extend(writers.pop().map(|writer| writer.downgrade())),
            Step::DropReader => drop(readers.pop()),
            Step::DropWriter => drop(writers.pop()),
            Step::Look => {
                let _ = (lock.readers(), lock.writer(), lock.is_write_locked());
                let _ = format!("{lock:?}");
            }
            Step::Reopen => {
                if let Ok(again) = RwLock::open(&segment, "rwlock") {
                    drop(again.try_read());
                }
            }
            Step::Reap => drop(segment.reap()),
        }
    }
});
