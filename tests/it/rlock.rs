//! `RLock` between processes that die.

use std::time::Duration;

use outlive::sync::LockError;
use outlive::{ErrorKind, RLock, Segment};

use super::child::{Child, PATIENCE, Role, pause, say};

pub const ROLES: &[(&str, Role)] = &[("hold twice", |segment, name| {
    let lock = RLock::open(segment, name).unwrap();
    let _outer = lock.lock().unwrap();
    let _inner = lock.lock().unwrap();
    say("held");
    pause();
})];

#[test]
fn three_up_and_three_down_free_it_and_a_fourth_is_an_error() {
    let lock = RLock::new().unwrap();
    for _ in 0..3 {
        lock.acquire(None).unwrap();
    }
    assert_eq!(lock.depth(), 3);
    for _ in 0..3 {
        lock.release().unwrap();
    }
    assert_eq!(lock.release().unwrap_err().kind(), ErrorKind::NotOwner);
    assert_eq!(lock.holder(), None);
}

#[test]
fn another_thread_of_the_process_is_a_stranger() {
    let lock = RLock::new().unwrap();
    let _guard = lock.lock().unwrap();
    let other = lock.clone();
    std::thread::spawn(move || {
        assert!(matches!(other.try_lock(), Err(LockError::TimedOut)));
        let limit = Duration::from_millis(20);
        assert!(matches!(
            other.lock_timeout(limit),
            Err(LockError::TimedOut)
        ));
        assert_eq!(other.release().unwrap_err().kind(), ErrorKind::NotOwner);
        assert_eq!(other.depth(), 0);
    })
    .join()
    .unwrap();
}

#[test]
fn an_heir_starts_at_the_first_level() {
    let segment = Segment::anonymous().unwrap();
    let lock = RLock::create(&segment, "lock").unwrap();
    let mut child = Child::start(&segment, "hold twice", "lock");
    child.expect("held");
    child.kill();
    let Err(LockError::OwnerDied(died)) = lock.lock_timeout(PATIENCE) else {
        panic!("no death")
    };
    assert_eq!(died.pid(), child.pid());
    let outer = died.repaired();
    assert_eq!(lock.depth(), 1);
    drop(lock.lock().unwrap());
    drop(outer);
    assert!(lock.try_lock().is_ok());
}

#[test]
fn a_mark_survives_levels_that_come_and_go() {
    let segment = Segment::anonymous().unwrap();
    let lock = RLock::create(&segment, "lock").unwrap();
    let mut child = Child::start(&segment, "hold twice", "lock");
    child.expect("held");
    child.kill();
    {
        let Err(LockError::OwnerDied(_died)) = lock.lock() else {
            panic!("no death")
        };
        drop(lock.lock().expect("the holder is told once"));
    }
    assert!(matches!(lock.lock(), Err(LockError::OwnerDied(_))));
}
