//! What a condition does with the guard of a waiter.

use crate::error::Result;
use crate::sync::died::{LockError, Marked};
use crate::sync::{Lock, LockGuard, RLock, RLockGuard};
use crate::sys::clock::Deadline;

/// A guard whose lock can be given up for a while.
pub(crate) trait Suspend: Marked + Sized {
    /// What it takes to get the lock again.
    type Suspended;

    /// Gives the lock up, at every level, and keeps its mark. Not by the guard of another process:
    /// a forked child may hold the same lock by a guard of its own.
    fn suspend(self) -> Result<Self::Suspended>;

    /// Takes the lock again, as deep as it was.
    fn resume(suspended: Self::Suspended, deadline: Deadline) -> Result<Self, LockError<Self>>;
}

impl<'a> Suspend for LockGuard<'a> {
    type Suspended = &'a Lock;

    fn suspend(self) -> Result<&'a Lock> {
        let lock = self.lock();
        if !self.is_ours() {
            return Err(lock.not_owner());
        }
        self.keep();
        lock.release().map(|()| lock)
    }

    fn resume(lock: &'a Lock, deadline: Deadline) -> Result<Self, LockError<Self>> {
        lock.lock_until(deadline)
    }
}

impl<'a> Suspend for RLockGuard<'a> {
    type Suspended = (&'a RLock, u32);

    fn suspend(self) -> Result<(&'a RLock, u32)> {
        let lock = self.lock();
        if !self.is_ours() {
            return Err(lock.not_owner());
        }
        self.keep();
        lock.release_all().map(|depth| (lock, depth))
    }

    fn resume(
        (lock, depth): (&'a RLock, u32),
        deadline: Deadline,
    ) -> Result<Self, LockError<Self>> {
        lock.lock_all_until(depth, deadline)
    }
}

/// So that an error that carries a guard can carry with it how the wait ended.
impl<G: Marked, W> Marked for (G, W) {
    fn clear_mark(&mut self) {
        self.0.clear_mark();
    }
}
