//! Forked children: participants of their own, under no name of their parent's.

#![expect(unsafe_code, reason = "fork")]

use outlive::sync::LockError;
use outlive::{Lock, RLock, Segment};

use super::child::PATIENCE;

/// Runs `life` in a forked child and returns its exit code.
pub fn in_fork(life: impl FnOnce() -> u8) -> i32 {
    // SAFETY: the child calls nothing that another thread of the test runner could hold locked:
    // glibc keeps the allocator usable over a fork.
    match unsafe { libc::fork() } {
        0 => {
            let code = life();
            // SAFETY: ends the child without the parent's exit handlers.
            unsafe { libc::_exit(code.into()) }
        }
        pid => {
            assert!(pid > 0);
            let mut status = 0;
            // SAFETY: waits for the child just made; `status` is a valid place.
            assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
            assert!(libc::WIFEXITED(status), "{status:#x}");
            libc::WEXITSTATUS(status)
        }
    }
}

#[test]
fn a_forked_child_is_a_participant_of_its_own() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let guard = lock.lock().unwrap();
    let code = in_fork(|| {
        // The parent's lock is not the child's, and the parent lives.
        if !matches!(lock.try_lock(), Err(LockError::TimedOut)) {
            return 1;
        }
        if lock.release().is_ok() {
            return 2;
        }
        let alive = segment.participants().iter().filter(|p| p.is_alive).count();
        if alive != 2 {
            return 3;
        }
        let other = Lock::create(&segment, "other").unwrap();
        other.acquire(None).unwrap();
        0
    });
    assert_eq!(code, 0);
    drop(guard);
    assert!(
        lock.lock().is_ok(),
        "the child's death marks nothing of the parent's"
    );
    let other = Lock::open(&segment, "other").unwrap();
    let end = other.lock_timeout(PATIENCE);
    assert!(matches!(end, Err(LockError::OwnerDied(_))), "{end:?}");
}

#[test]
fn the_death_of_a_parent_is_seen_although_its_forked_child_lives() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let (read, write) = rustix::pipe::pipe().unwrap();
    let write = std::cell::Cell::new(Some(write));
    let code = in_fork(|| {
        // This process is the parent here: it takes the lock, forks, and dies.
        lock.acquire(None).unwrap();
        // SAFETY: as in `in_fork`; the grandchild only waits for the pipe.
        if unsafe { libc::fork() } == 0 {
            drop(write.take());
            let _ = rustix::io::read(&read, &mut [0_u8]);
            // SAFETY: ends the grandchild.
            unsafe { libc::_exit(0) }
        }
        0
    });
    assert_eq!(code, 0);
    let end = lock.lock_timeout(PATIENCE);
    assert!(matches!(end, Err(LockError::OwnerDied(_))), "{end:?}");
    drop(end);
    drop(write.take());
}

#[test]
fn a_guard_dropped_in_a_forked_child_frees_nothing() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let rlock = RLock::create(&segment, "rlock").unwrap();
    let mut guards = Some((lock.lock().unwrap(), rlock.lock().unwrap()));
    for joined_first in [false, true] {
        let code = in_fork(|| {
            if joined_first && segment.free().is_err() {
                return 1;
            }
            drop(guards.take());
            let held = |refused: bool| u8::from(!refused);
            held(matches!(lock.try_lock(), Err(LockError::TimedOut)))
                + held(matches!(rlock.try_lock(), Err(LockError::TimedOut)))
        });
        assert_eq!(code, 0);
        assert_eq!(lock.holder(), Some(std::process::id()));
    }
    drop(guards);
    assert!(lock.try_lock().is_ok() && rlock.try_lock().is_ok());
}
