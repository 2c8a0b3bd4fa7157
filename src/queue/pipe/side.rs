//! What both ends of a pipe have in common: who has them, and what they know of the other end.

use std::cell::Cell;

use crate::error::{Error, ErrorKind, Result};
use crate::queue::watch::Watch;
use crate::raw::spsc::{AlreadyHeld, End, Head, Spsc, Stopped, Tail};
use crate::segment::{Bound, Seat, baggage};

use super::frames::Frames;

/// Where an end is, once it is taken.
pub(super) trait Place: Sized {
    const END: End;
    fn take(ring: &Spsc<'_>, seat: &Seat<'_>) -> Result<Self, AlreadyHeld>;
}

impl Place for Tail {
    const END: End = End::Producer;
    fn take(ring: &Spsc<'_>, seat: &Seat<'_>) -> Result<Self, AlreadyHeld> {
        ring.claim_producer(seat)
    }
}

impl Place for Head {
    const END: End = End::Consumer;
    fn take(ring: &Spsc<'_>, seat: &Seat<'_>) -> Result<Self, AlreadyHeld> {
        ring.claim_consumer(seat)
    }
}

/// One end of a pipe: taken by this process, or free for whoever takes it first.
pub(super) struct Side<P: Place> {
    pub(super) bound: Bound<Frames>,
    /// `None` until the end is taken.
    pub(super) place: Option<P>,
    /// Since it was taken, or else made.
    watch: Watch,
    /// Whether it travels: then a twin in the message's baggage gives it up, if nobody takes it.
    travels: Cell<bool>,
}

/// As an end is called in messages.
fn name(end: End) -> &'static str {
    match end {
        End::Producer => "sender",
        End::Consumer => "receiver",
    }
}

impl<P: Place> Side<P> {
    /// An end for whoever takes it first.
    pub(super) fn free(bound: Bound<Frames>) -> Self {
        Self {
            bound,
            place: None,
            watch: Watch::new(P::END),
            travels: Cell::new(false),
        }
    }

    /// An end of this process.
    pub(super) fn taken(bound: Bound<Frames>) -> Result<Self> {
        let mut side = Self::free(bound);
        side.take()?;
        Ok(side)
    }

    /// Makes sure that the end is this process's.
    #[inline]
    pub(super) fn check(&mut self) -> Result<()> {
        if self.place.is_some() && self.watch.is_ours() {
            Ok(())
        } else {
            self.take()
        }
    }

    /// Takes the end; an error in a child forked since it was taken.
    #[cold]
    fn take(&mut self) -> Result<()> {
        let end = P::END;
        if self.place.is_some() {
            let doing = format!("use the {} of {:?}", name(end), self.bound.object());
            return Err(Error::new(ErrorKind::NotOwner, doing)
                .advise("the end is the parent's, which took it before the fork"));
        }
        let ring = self.bound.view().ring();
        let before = ring.owner(end);
        let place = P::take(ring, &self.bound.seat()?).map_err(|AlreadyHeld| {
            let holder = ring
                .owner(end)
                .map_or(0, |token| self.bound.object().identity(token).pid);
            let doing = format!(
                "take the {} of {:?} from process {holder}",
                name(end),
                self.bound.object()
            );
            Error::new(ErrorKind::InUse, doing).advise("an end has one owner at a time")
        })?;
        self.place = Some(place);
        self.watch = Watch::new(end);
        if before.is_some() {
            self.bound.object().reap();
        }
        Ok(())
    }

    /// An error where the end is this process's, and so cannot be another's.
    pub(super) fn check_free(&self) -> Result<()> {
        if self.place.is_none() {
            return Ok(());
        }
        let doing = format!("send the {} of {:?}", name(P::END), self.bound.object());
        Err(Error::new(ErrorKind::InUse, doing).advise("send an end before it is used"))
    }

    /// Leaves the end to whoever receives the message that is being written, where that has baggage.
    pub(super) fn send_off(&self)
    where
        P: Send + 'static,
    {
        let twin = || Self::free(self.bound.clone());
        if baggage::keep(|| Box::new(twin())) {
            self.travels.set(true);
        }
    }

    /// Wakes the other end, which waits for this one.
    #[cold]
    pub(super) fn wake(&self) {
        if let Some(seat) = self.watch.seat_if_ours(&self.bound) {
            self.bound.view().ring().wake(P::END, &seat);
        }
    }

    /// Whether there is anything to hope for from the other end. A death is noticed some
    /// milliseconds late, because the kernel is not asked more often.
    #[inline]
    pub(super) fn gone(&self) -> Result<Option<Stopped>> {
        self.watch.gone(&self.bound, self.bound.view().ring())
    }

    /// See [`Watch::mourn`].
    #[cold]
    pub(super) fn mourn(&self, stopped: Stopped) {
        self.watch
            .mourn(&self.bound, self.bound.view().ring(), stopped);
    }

    /// Says for ever that nothing more is to come.
    pub(super) fn close(&self) -> Result<()> {
        self.bound.view().ring().close(&self.bound.seat()?);
        Ok(())
    }
}

impl<P: Place> Drop for Side<P> {
    fn drop(&mut self) {
        if self.travels.get() {
            return;
        }
        let Some(seat) = self.watch.seat_if_ours(&self.bound) else {
            return;
        };
        let ring = self.bound.view().ring();
        if self.place.is_some() {
            ring.leave(P::END, &seat);
        } else {
            ring.give_up(P::END, &seat);
        }
    }
}
