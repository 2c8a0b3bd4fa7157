//! The lock of an object, held, for the guards and for the operations that take it for a moment.

use crate::error::Result;
use crate::raw::Peers;
use crate::raw::journal::{Journal, Medium};
use crate::raw::lock::Taken;
use crate::segment::{Bound, Seat};

use super::cell::Cell;

/// What is locked as a whole.
pub(super) trait Locked {
    /// Frees the lock. Only the holder may call this.
    fn unlock(&self, peers: &impl Peers);
}

impl Locked for Cell<'_> {
    #[inline]
    fn unlock(&self, peers: &impl Peers) {
        Self::unlock(self, peers);
    }
}

impl<M: Medium> Locked for Journal<'_, M> {
    #[inline]
    fn unlock(&self, peers: &impl Peers) {
        Self::unlock(self, peers);
    }
}

/// A lock, held; freed when dropped.
pub(super) struct Held<'a, V: Locked> {
    bound: &'a Bound<V>,
    seat: Seat<'a>,
    /// Whether the others' repair after the death that the lock came from is due.
    reap: bool,
}

impl<'a, V: Locked> Held<'a, V> {
    /// `taken` is how the lock of `bound` was just taken.
    #[inline]
    pub(super) fn new(bound: &'a Bound<V>, seat: Seat<'a>, taken: Taken) -> Self {
        Self {
            bound,
            seat,
            reap: matches!(taken, Taken::Inherited(_)),
        }
    }

    /// What is locked.
    #[inline]
    pub(super) fn view(&self) -> &'a V {
        self.bound.view()
    }

    /// Whether this is still the process that took the lock, and not a forked child of it.
    #[inline]
    pub(super) fn is_ours(&self) -> bool {
        self.bound.is_me(self.seat.me())
    }

    /// An error in a child that was forked since the lock was taken.
    #[inline]
    pub(super) fn still_ours(&self) -> Result<()> {
        self.bound.still(self.seat)
    }
}

impl<V: Locked> Drop for Held<'_, V> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        self.view().unlock(&self.seat);
        if self.reap {
            self.bound.object().reap();
        }
    }
}
