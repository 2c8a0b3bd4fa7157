//! What a future leaves with the watcher.

use std::sync::Arc;
use std::task::Waker;

use parking_lot::Mutex;

use crate::error::Result;
use crate::segment::berth::Berth;

use super::{Arrival, Watcher};

/// A future that waits, as the watcher knows it.
pub(super) struct Slip(Mutex<State>);

enum State {
    Waiting(Waker),
    /// It was woken, and is to try.
    Told,
    /// It does not wait any more.
    Left,
}

impl Slip {
    /// The waker of a future that still waits; from then on it was told.
    pub(super) fn take(&self) -> Option<Waker> {
        let mut state = self.0.lock();
        match std::mem::replace(&mut *state, State::Told) {
            State::Waiting(waker) => Some(waker),
            other => {
                *state = other;
                None
            }
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        matches!(*self.0.lock(), State::Waiting(_))
    }
}

/// The future's half of a slip.
pub(super) struct Ticket {
    watcher: &'static Watcher,
    slip: Arc<Slip>,
}

impl Ticket {
    /// Begins to wait at `berth`.
    pub(super) fn take(berth: Box<dyn Berth>, waker: &Waker) -> Result<Self> {
        let watcher = Watcher::of_this_process()?;
        let slip = Arc::new(Slip(Mutex::new(State::Waiting(waker.clone()))));
        let arrival = Arrival {
            berth,
            slip: slip.clone(),
        };
        watcher.admit(arrival)?;
        Ok(Self { watcher, slip })
    }

    /// Goes on waiting, with `waker`; `false` where the future was told meanwhile, or waited in a
    /// process that this one was forked from.
    pub(super) fn renew(&self, waker: &Waker) -> bool {
        // First: a child's copy of the mutex may be locked for ever.
        if !self.is_ours() {
            return false;
        }
        let mut state = self.slip.0.lock();
        if let State::Waiting(known) = &mut *state {
            known.clone_from(waker);
            return true;
        }
        false
    }

    /// Waits no more; says whether the future was told.
    pub(super) fn leave(&self) -> bool {
        if !self.is_ours() {
            return false;
        }
        let left = std::mem::replace(&mut *self.slip.0.lock(), State::Left);
        match left {
            State::Waiting(_) => {
                self.watcher.tell_of_leaving();
                false
            }
            State::Told => true,
            State::Left => false,
        }
    }

    fn is_ours(&self) -> bool {
        Watcher::current().is_some_and(|watcher| std::ptr::eq(watcher, self.watcher))
    }
}
