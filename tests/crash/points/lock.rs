//! `Lock`: killed at every shared write of taking, waiting, giving back, inheriting, repairing.

use std::time::Duration;

use outlive::sync::LockError;
use outlive::{Lock, Segment};

use super::sweep::{dead, sweep};
use crate::Law;
use crate::crowd::End;

pub const LAWS: &[Law] = &[
    ("lock::a_death_in_lock_or_unlock_hands_it_over", || {
        let deaths = sweep(lock, |_, lock| drop(lock.lock().unwrap()), survivor_gets_it);
        assert!(deaths >= 2, "{deaths} deaths");
    }),
    ("lock::a_death_in_a_timed_wait_strands_nobody", || {
        let deaths = sweep(
            |segment| {
                let lock = lock(segment);
                lock.acquire(None).unwrap();
                lock
            },
            |_, lock| drop(lock.lock_timeout(Duration::from_millis(5))),
            |_, lock, _| {
                lock.release().unwrap();
                assert!(lock.lock().is_ok());
            },
        );
        assert!(deaths >= 2, "{deaths} deaths");
    }),
    ("lock::a_death_of_an_heir_is_inherited_too", || {
        let deaths = sweep(
            |segment| {
                let lock = lock(segment);
                dead(segment, || lock.acquire(None).unwrap());
                lock
            },
            |_, lock| {
                let Err(LockError::OwnerDied(died)) = lock.lock() else {
                    panic!("clean")
                };
                drop(died.repaired());
            },
            |_, lock, end| {
                let taken = lock.lock_timeout(Duration::from_millis(900));
                match taken {
                    // Only after the mark was cleared may the lock be clean.
                    Ok(guard) => drop(guard),
                    Err(LockError::OwnerDied(died)) => {
                        assert_eq!(end, End::Killed);
                        drop(died.repaired());
                    }
                    Err(e) => panic!("{e}"),
                }
                assert!(lock.lock().is_ok());
            },
        );
        assert!(deaths >= 3, "{deaths} deaths");
    }),
    ("lock::a_death_in_release_hands_it_over", || {
        sweep(
            lock,
            |_, lock| {
                lock.acquire(None).unwrap();
                lock.release().unwrap();
            },
            survivor_gets_it,
        );
    }),
];

fn lock(segment: &Segment) -> Lock {
    Lock::create(segment, "lock").unwrap()
}

fn survivor_gets_it(_: &Segment, lock: &Lock, end: End) {
    let taken = lock.lock_timeout(Duration::from_millis(900));
    match taken {
        Ok(guard) => drop(guard),
        Err(LockError::OwnerDied(died)) => {
            assert_eq!(end, End::Killed);
            assert_ne!(died.pid(), 0);
            drop(died.repaired());
        }
        Err(e) => panic!("{e}"),
    }
    assert!(lock.lock().is_ok(), "repaired once, clean for good");
}
