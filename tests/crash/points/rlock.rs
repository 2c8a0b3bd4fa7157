//! `RLock`: killed at every shared write, at every depth.

use std::time::Duration;

use outlive::RLock;
use outlive::sync::LockError;

use super::sweep::sweep;
use crate::Law;
use crate::crowd::End;

pub const LAWS: &[Law] = &[(
    "rlock::a_death_at_any_depth_starts_the_heir_at_the_first",
    || {
        let deaths = sweep(
            |segment| RLock::create(segment, "lock").unwrap(),
            |_, lock| {
                let _outer = lock.lock().unwrap();
                let _inner = lock.lock().unwrap();
            },
            |_, lock, end| {
                let guard = match lock.lock_timeout(Duration::from_millis(900)) {
                    Ok(guard) => guard,
                    Err(LockError::OwnerDied(died)) => {
                        assert_eq!(end, End::Killed);
                        died.repaired()
                    }
                    Err(e) => panic!("{e}"),
                };
                assert_eq!(lock.depth(), 1);
                drop(guard);
                assert_eq!(lock.holder(), None);
            },
        );
        assert!(deaths >= 6, "{deaths} deaths");
    },
)];
