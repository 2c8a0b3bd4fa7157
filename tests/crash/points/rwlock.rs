//! `RwLock`: killed at every shared write of reading, writing, waiting, going, inheriting, turning.

use std::mem::ManuallyDrop;
use std::time::Duration;

use outlive::sync::LockError;
use outlive::{RwLock, Segment};

use super::sweep::{dead, sweep};
use crate::Law;
use crate::crowd::End;

const SOON: Duration = Duration::from_millis(400);
const BRIEFLY: Duration = Duration::from_millis(5);

pub const LAWS: &[Law] = &[
    ("rwlock::a_death_of_a_reader_marks_nothing", || {
        let deaths = sweep(lock, |_, lock| drop(lock.read().unwrap()), free_and_clean);
        assert!(deaths >= 4, "{deaths} deaths");
    }),
    (
        "rwlock::a_death_of_one_that_has_read_before_marks_nothing",
        || {
            let act = |_: &Segment, lock: &RwLock| {
                drop(lock.read().unwrap());
                drop((lock.read().unwrap(), lock.try_read().unwrap()));
            };
            let deaths = sweep(lock, act, free_and_clean);
            assert!(deaths >= 8, "{deaths} deaths");
        },
    ),
    (
        "rwlock::a_death_of_a_writer_is_told_until_one_repairs",
        || {
            let act = |_: &Segment, lock: &RwLock| drop(lock.write().unwrap());
            let deaths = sweep(lock, act, free_and_told);
            assert!(deaths >= 2, "{deaths} deaths");
        },
    ),
    (
        "rwlock::a_death_of_a_writer_that_turns_reader_is_either",
        || {
            let act = |_: &Segment, lock: &RwLock| drop(lock.write().unwrap().downgrade());
            let deaths = sweep(lock, act, free_and_told);
            assert!(deaths >= 4, "{deaths} deaths");
        },
    ),
    (
        "rwlock::a_death_of_a_writer_that_waits_for_readers_strands_nobody",
        || {
            let deaths = sweep(
                |segment| {
                    let lock = lock(segment);
                    _ = ManuallyDrop::new(lock.read().unwrap());
                    lock
                },
                |_, lock| assert!(lock.write_timeout(BRIEFLY).is_err()),
                |_, lock, _| {
                    // The survivor's own guard is still out, and keeps nobody but writers out.
                    assert!(
                        lock.read_timeout(SOON)
                            .or_else(LockError::into_guard)
                            .is_ok()
                    );
                    assert!(matches!(lock.try_write(), Err(LockError::TimedOut)));
                    assert_eq!(lock.readers(), 1);
                },
            );
            assert!(deaths >= 3, "{deaths} deaths");
        },
    ),
    (
        "rwlock::a_death_of_a_reader_that_waits_for_a_writer_strands_nobody",
        || {
            let deaths = sweep(
                |segment| {
                    let lock = lock(segment);
                    _ = ManuallyDrop::new(lock.write().unwrap());
                    lock
                },
                |_, lock| assert!(lock.read_timeout(BRIEFLY).is_err()),
                |_, lock, _| {
                    assert_eq!(lock.writer(), Some(std::process::id()));
                    assert!(matches!(lock.try_read(), Err(LockError::TimedOut)));
                    assert_eq!(lock.readers(), 0);
                },
            );
            assert!(deaths >= 2, "{deaths} deaths");
        },
    ),
    (
        "rwlock::a_death_of_a_reader_that_meets_one_leaves_the_mark",
        || {
            let act = |_: &Segment, lock: &RwLock| {
                drop(
                    lock.read_timeout(SOON)
                        .or_else(LockError::into_guard)
                        .unwrap(),
                );
            };
            let deaths = sweep(of_a_dead_writer, act, |segment, lock, _| {
                assert!(matches!(
                    lock.read_timeout(SOON),
                    Err(LockError::OwnerDied(_))
                ));
                free_and_told(segment, lock, End::Killed);
            });
            assert!(deaths >= 6, "{deaths} deaths");
        },
    ),
    (
        "rwlock::a_death_of_a_writer_that_repairs_is_told_unless_it_did",
        || {
            let act = |_: &Segment, lock: &RwLock| {
                drop(
                    lock.write_timeout(SOON)
                        .or_else(|e| e.repair(|_| {}))
                        .unwrap(),
                );
            };
            let deaths = sweep(of_a_dead_writer, act, |segment, lock, _| {
                free_and_told(segment, lock, End::Killed);
            });
            assert!(deaths >= 4, "{deaths} deaths");
        },
    ),
    (
        "rwlock::a_death_of_a_writer_that_clears_the_dead_readers_away",
        || {
            let set_up = |segment: &Segment| {
                let lock = lock(segment);
                dead(segment, || _ = ManuallyDrop::new(lock.read().unwrap()));
                dead(segment, || _ = ManuallyDrop::new(lock.read().unwrap()));
                lock
            };
            let act = |_: &Segment, lock: &RwLock| drop(lock.write_timeout(SOON).unwrap());
            let deaths = sweep(set_up, act, free_and_told);
            assert!(deaths >= 4, "{deaths} deaths");
        },
    ),
];

fn lock(segment: &Segment) -> RwLock {
    RwLock::create(segment, "lock").unwrap()
}

fn of_a_dead_writer(segment: &Segment) -> RwLock {
    let lock = lock(segment);
    dead(segment, || _ = ManuallyDrop::new(lock.write().unwrap()));
    lock
}

fn free_and_clean(_: &Segment, lock: &RwLock, _: End) {
    drop(lock.write_timeout(SOON).unwrap());
    assert_eq!(lock.readers(), 0);
    drop(lock.try_read().unwrap());
}

/// Readers and a writer come in; only a death is told, and only until it is repaired.
fn free_and_told(segment: &Segment, lock: &RwLock, end: End) {
    let told = |error: &LockError<_>| {
        assert!(matches!(error, LockError::OwnerDied(died) if died.pid() != 0));
        assert_eq!(end, End::Killed);
    };
    match lock.read_timeout(SOON) {
        Ok(guard) => drop(guard),
        Err(error) => told(&error),
    }
    match lock.write_timeout(SOON) {
        Ok(guard) => drop(guard),
        Err(LockError::OwnerDied(died)) => {
            assert_eq!(end, End::Killed);
            assert_ne!(died.pid(), 0);
            drop(died.repaired());
        }
        Err(error) => panic!("{error}"),
    }
    free_and_clean(segment, lock, end);
}
