//! What an end of a ring knows of its own process, and of the other end.

use std::cell::Cell;

use crate::error::Result;
use crate::raw::spsc::{End, Spsc, Stopped};
use crate::segment::{Bound, Seat};
use crate::sys::{clock, epoch};

/// One end's watch over the other.
pub(super) struct Watch {
    end: End,
    /// The fork epoch in which the end was made or taken: a child forked since has another.
    epoch: u32,
    /// When the non-blocking forms last asked whether the other end lives.
    asked: Cell<u64>,
}

impl Watch {
    /// The non-blocking forms, which may be called in a loop, ask the kernel no more often.
    const BETWEEN_QUESTIONS: u64 = 5_000_000;

    /// For `end`, which this process makes or takes now.
    pub(super) fn new(end: End) -> Self {
        Self {
            end,
            epoch: epoch::current(),
            asked: Cell::new(0),
        }
    }

    /// Whether this is still the process that made or took the end, and no forked child of it.
    #[inline]
    pub(super) fn is_ours(&self) -> bool {
        self.epoch == epoch::current()
    }

    /// The seat under which the end was made or taken; none in a child forked since, where it is
    /// still its parent's, and another end of the same ring may be the child's own.
    pub(super) fn seat_if_ours<'a, V>(&self, bound: &'a Bound<V>) -> Option<Seat<'a>> {
        if self.is_ours() {
            bound.seat().ok()
        } else {
            None
        }
    }

    /// For the non-blocking forms that found nothing to do: whether there is anything to hope for.
    #[cold]
    pub(super) fn gone<V>(&self, bound: &Bound<V>, ring: &Spsc<'_>) -> Result<Option<Stopped>> {
        let now = clock::coarse_nanos();
        let ask = now.wrapping_sub(self.asked.get()) >= Self::BETWEEN_QUESTIONS;
        if ask {
            self.asked.set(now);
        }
        let stopped = ring.gone(self.end, &bound.seat()?, ask);
        Ok(stopped.inspect(|stopped| self.mourn(bound, ring, *stopped)))
    }

    /// After a death that nobody has repaired yet: now is a calm moment.
    #[cold]
    pub(super) fn mourn<V>(&self, bound: &Bound<V>, ring: &Spsc<'_>, stopped: Stopped) {
        let owner = ring.owner(self.end.other());
        if stopped == (Stopped::Disconnected { crashed: true }) && owner.is_some() {
            bound.object().reap();
        }
    }
}
