//! What one waits on until another has made a change: conditions with their lock, and events.

use outlive::sync::{LockError, LockGuard};
use outlive::{Condition, Event, Lock};

use crate::peers::pthread::{self, RobustMutex};
use crate::peers::raw_sync;

/// Sides are two, so that each can wait for the other.
pub trait Signal {
    /// Makes a change, then wakes one that waits on the side.
    fn change(&self, side: usize, change: impl FnOnce());

    /// Waits on the side until it is time.
    fn until(&self, side: usize, is_time: impl Fn() -> bool);
}

/// The C library's, with a robust mutex. One for each side: a signal wakes whomever it likes.
pub struct Pthread(RobustMutex, [pthread::Condition; 2]);

impl Pthread {
    pub fn new() -> Self {
        let conditions = [(); 2].map(|()| pthread::Condition::new());
        Self(RobustMutex::new(), conditions)
    }
}

impl Signal for Pthread {
    fn change(&self, side: usize, change: impl FnOnce()) {
        self.0.lock();
        change();
        self.0.unlock();
        self.1[side].signal();
    }

    fn until(&self, side: usize, is_time: impl Fn() -> bool) {
        self.0.lock();
        while !is_time() {
            self.1[side].wait(&self.0);
        }
        self.0.unlock();
    }
}

pub struct Ours(Lock, [Condition; 2]);

impl Ours {
    pub fn new() -> outlive::Result<Self> {
        Ok(Self(Lock::new()?, [Condition::new()?, Condition::new()?]))
    }
}

/// A dead owner's lock is as good as new: all that it protects is one word.
fn mended<'a>(outcome: Result<LockGuard<'a>, LockError<LockGuard<'a>>>) -> LockGuard<'a> {
    match outcome {
        Ok(guard) => guard,
        Err(LockError::OwnerDied(died)) => died.repaired(),
        Err(error) => panic!("{error}"),
    }
}

impl Signal for Ours {
    fn change(&self, side: usize, change: impl FnOnce()) {
        let guard = mended(self.0.lock());
        change();
        drop(guard);
        self.1[side].notify(1).expect("joined");
    }

    fn until(&self, side: usize, is_time: impl Fn() -> bool) {
        let mut guard = mended(self.0.lock());
        while !is_time() {
            guard = mended(self.1[side].wait(guard));
        }
    }
}

/// raw_sync's, which a waiter clears as it wakes.
pub struct RawEvents([raw_sync::Event; 2]);

impl RawEvents {
    pub fn new() -> Self {
        Self([(); 2].map(|()| raw_sync::Event::new()))
    }
}

impl Signal for RawEvents {
    fn change(&self, side: usize, change: impl FnOnce()) {
        change();
        self.0[side].set();
    }

    fn until(&self, side: usize, is_time: impl Fn() -> bool) {
        while !is_time() {
            self.0[side].wait();
        }
    }
}

pub struct OurEvents([Event; 2]);

impl OurEvents {
    pub fn new() -> outlive::Result<Self> {
        Ok(Self([Event::new()?, Event::new()?]))
    }
}

impl Signal for OurEvents {
    fn change(&self, side: usize, change: impl FnOnce()) {
        change();
        self.0[side].set().expect("joined");
    }

    fn until(&self, side: usize, is_time: impl Fn() -> bool) {
        while !is_time() {
            self.0[side].wait().expect("joined");
            self.0[side].clear().expect("joined");
        }
    }
}
