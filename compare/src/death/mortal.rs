//! Locks whose owner may be killed.

use outlive::sync::LockError;
use outlive::{Lock, Semaphore};

use crate::peers::pthread::{self, PlainMutex, RobustMutex, Taken};
use crate::peers::{boost, raw_sync};

/// A lock whose owner may be killed. Handles are used in forked children as they are.
pub trait Mortal {
    /// Runs `inside` with the lock held; it is told whether the last owner was found dead.
    fn with(&self, inside: impl FnOnce(bool));
}

impl Mortal for RobustMutex {
    fn with(&self, inside: impl FnOnce(bool)) {
        inside(self.lock() == Taken::Inherited);
        self.unlock();
    }
}

impl Mortal for PlainMutex {
    fn with(&self, inside: impl FnOnce(bool)) {
        self.lock();
        inside(false);
        self.unlock();
    }
}

/// Of one permit.
impl Mortal for pthread::Semaphore {
    fn with(&self, inside: impl FnOnce(bool)) {
        self.acquire();
        inside(false);
        self.release();
    }
}

impl Mortal for raw_sync::Mutex {
    fn with(&self, inside: impl FnOnce(bool)) {
        let _guard = self.lock();
        inside(false);
    }
}

impl Mortal for boost::Mutex {
    fn with(&self, inside: impl FnOnce(bool)) {
        self.lock();
        inside(false);
        self.unlock();
    }
}

impl Mortal for boost::NamedMutex {
    fn with(&self, inside: impl FnOnce(bool)) {
        self.lock();
        inside(false);
        self.unlock();
    }
}

impl Mortal for Lock {
    fn with(&self, inside: impl FnOnce(bool)) {
        let (guard, died) = match self.lock() {
            Ok(guard) => (guard, false),
            Err(LockError::OwnerDied(died)) => (died.repaired(), true),
            Err(error) => panic!("{error}"),
        };
        inside(died);
        drop(guard);
    }
}

/// Of one permit.
impl Mortal for Semaphore {
    fn with(&self, inside: impl FnOnce(bool)) {
        let _permit = self.acquire().expect("joined");
        inside(false);
    }
}
