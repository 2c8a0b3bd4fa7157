//! What both ends of a queue have in common: their seat, and what they know of the other end.

use crate::error::{Error, ErrorKind, Result};
use crate::queue::watch::Watch;
use crate::raw::spsc::{End, Stopped};
use crate::segment::Bound;

use super::items::Items;

/// One end of a queue, held by this process.
pub(super) struct Hold<T> {
    pub(super) bound: Bound<Items<T>>,
    end: End,
    watch: Watch,
}

impl<T> Hold<T> {
    pub(super) fn new(bound: Bound<Items<T>>, end: End) -> Self {
        Self {
            bound,
            end,
            watch: Watch::new(end),
        }
    }

    /// An error in a child forked since the end was taken.
    #[inline]
    pub(super) fn check(&self) -> Result<()> {
        if self.watch.is_ours() {
            Ok(())
        } else {
            Err(self.foreign())
        }
    }

    /// Wakes the other end, which waits for this one.
    #[cold]
    pub(super) fn wake(&self) {
        if let Some(seat) = self.watch.seat_if_ours(&self.bound) {
            self.bound.view().ring().wake(self.end, &seat);
        }
    }

    #[cold]
    fn foreign(&self) -> Error {
        let doing = format!("use the {} of {:?}", self.end.name(), self.bound.object());
        Error::new(ErrorKind::NotOwner, doing).advise("a forked child must take the end itself")
    }

    /// See [`Watch::gone`].
    #[cold]
    pub(super) fn gone(&self) -> Result<Option<Stopped>> {
        self.watch.gone(&self.bound, self.bound.view().ring())
    }

    /// See [`Watch::mourn`].
    pub(super) fn mourn(&self, stopped: Stopped) {
        self.watch
            .mourn(&self.bound, self.bound.view().ring(), stopped);
    }
}

impl<T> Drop for Hold<T> {
    fn drop(&mut self) {
        if let Some(seat) = self.watch.seat_if_ours(&self.bound) {
            self.bound.view().ring().leave(self.end, &seat);
        }
    }
}
