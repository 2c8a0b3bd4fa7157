//! What both ends of a queue have in common: their seat, and what they know of the other end.

use std::cell::Cell;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::spsc::{End, Stopped};
use crate::segment::{Bound, Seat};
use crate::sys::{clock, epoch};

use super::items::Items;

/// One end of a queue, held by this process.
pub(super) struct Hold<T> {
    pub(super) bound: Bound<Items<T>>,
    end: End,
    /// The fork epoch in which the end was taken: a child forked since has another.
    epoch: u32,
    /// When the non-blocking forms last asked whether the other end lives.
    asked: Cell<u64>,
}

impl<T> Hold<T> {
    /// The non-blocking forms, which may be called in a loop, ask the kernel no more often.
    const BETWEEN_QUESTIONS: u64 = 5_000_000;

    pub(super) fn new(bound: Bound<Items<T>>, end: End) -> Self {
        Self {
            bound,
            end,
            epoch: epoch::current(),
            asked: Cell::new(0),
        }
    }

    /// An error in a child forked since the end was taken.
    #[inline]
    pub(super) fn check(&self) -> Result<()> {
        if self.epoch == epoch::current() {
            Ok(())
        } else {
            Err(self.foreign())
        }
    }

    /// Wakes the other end, which waits for this one.
    #[cold]
    pub(super) fn wake(&self) {
        if let Some(seat) = self.seat_if_ours() {
            self.bound.view().ring().wake(self.end, &seat);
        }
    }

    /// The seat under which the end was taken; none in a child forked since, where the end is still
    /// its parent's and one of the same queue may be the child's own.
    fn seat_if_ours(&self) -> Option<Seat<'_>> {
        if self.epoch == epoch::current() {
            self.bound.seat().ok()
        } else {
            None
        }
    }

    #[cold]
    fn foreign(&self) -> Error {
        let doing = format!("use the {} of {:?}", self.end.name(), self.bound.object());
        Error::new(ErrorKind::NotOwner, doing).advise("a forked child must take the end itself")
    }

    /// For the non-blocking forms that found nothing to do: whether there is anything to hope for.
    #[cold]
    pub(super) fn gone(&self) -> Result<Option<Stopped>> {
        let now = clock::coarse_nanos();
        let ask = now.wrapping_sub(self.asked.get()) >= Self::BETWEEN_QUESTIONS;
        if ask {
            self.asked.set(now);
        }
        let stopped = self
            .bound
            .view()
            .ring()
            .gone(self.end, &self.bound.seat()?, ask);
        Ok(stopped.inspect(|stopped| self.mourn(*stopped)))
    }

    /// After a death that nobody has repaired yet: now is a calm moment.
    pub(super) fn mourn(&self, stopped: Stopped) {
        let owner = self.bound.view().ring().owner(self.end.other());
        if stopped == (Stopped::Disconnected { crashed: true }) && owner.is_some() {
            self.bound.object().reap();
        }
    }
}

impl<T> Drop for Hold<T> {
    fn drop(&mut self) {
        if let Some(seat) = self.seat_if_ours() {
            self.bound.view().ring().leave(self.end, &seat);
        }
    }
}
