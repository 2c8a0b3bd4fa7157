//! How a receiver finds the next message: in the ring, or put together from parts.

use crate::error::Result;
use crate::queue::berth::RingBerth;
use crate::queue::patience::Patience;
use crate::queue::wait::{Place, Sleeper, Waitable};
use crate::raw::spsc::{End, Stopped};

use super::frame::frames_of;
use super::inbox::Put;
use super::{Connection, Receiver, RecvError};

/// Where the next message is.
#[derive(Clone, Copy)]
pub(super) enum Next {
    /// In the ring, whole, from the head on.
    InRing {
        len: u64,
    },
    InInbox,
}

impl<T> Receiver<T> {
    /// Copies the message at the head out, all of it, and consumes it.
    pub(super) fn copy_out(&mut self, bytes: &mut [u8]) {
        if let Some(head) = &self.side.place {
            self.side.bound.view().copy_to(head.position(), bytes);
        }
        self.consume(frames_of(bytes.len() as u64));
    }

    #[inline]
    pub(super) fn consume(&mut self, count: u64) {
        let ring = self.side.bound.view().ring();
        if let Some(head) = &mut self.side.place
            && ring.consume(head, count)
        {
            self.side.wake();
        }
    }

    /// Waits for a whole message.
    #[inline]
    pub(super) fn next(&mut self, patience: Patience) -> Result<Next, RecvError> {
        self.side.check().map_err(RecvError::Broken)?;
        match self.look() {
            Some(next) => Ok(next),
            None => self.await_next(patience),
        }
    }

    /// The next message, if all of it is there. Parts of one that is larger than the pipe go to the
    /// inbox; what belongs to no message is dropped.
    #[inline]
    fn look(&mut self) -> Option<Next> {
        loop {
            if self.inbox.is_whole() {
                return Some(Next::InInbox);
            }
            let frames = self.side.bound.view();
            let head = self.side.place.as_mut()?;
            if frames.ring().ready(head, 1) == 0 {
                return None;
            }
            if let Some(len) = frames.len_at(head.position()) {
                let count = frames_of(len);
                if count <= frames.ring().capacity() && frames.ring().ready(head, count) == count {
                    self.inbox.discard();
                    return Some(Next::InRing { len });
                }
            }
            self.absorb();
        }
    }

    /// Moves frames from the ring to the inbox: up to the end of a message, or the beginning of
    /// another.
    #[cold]
    fn absorb(&mut self) {
        let frames = *self.side.bound.view();
        let Some(head) = &mut self.side.place else {
            return;
        };
        let ready = frames.ring().ready(head, frames.ring().capacity());
        let mut count = 0;
        while count < ready {
            let frame = frames.read(head.position().wrapping_add(count));
            if self.inbox.put(&frame) == Put::Another {
                if count > 0 {
                    break;
                }
                self.inbox.begin(&frame);
            }
            count += 1;
            if self.inbox.is_whole() {
                break;
            }
        }
        self.consume(count);
    }

    #[cold]
    fn await_next(&mut self, patience: Patience) -> Result<Next, RecvError> {
        let Some(deadline) = patience.deadline() else {
            let stopped = self.side.gone().map_err(RecvError::Broken)?;
            // Only now: whatever was sent before the sender went is there.
            return match (self.look(), stopped) {
                (Some(next), _) => Ok(next),
                (None, Some(stopped)) => Err(self.ended(stopped)),
                (None, None) => Err(RecvError::Empty),
            };
        };
        loop {
            let side = &mut self.side;
            let Some(head) = side.place.as_mut() else {
                return Err(RecvError::Empty);
            };
            let seat = side.bound.seat().map_err(RecvError::Broken)?;
            let ring = side.bound.view().ring();
            let waited = ring.wait_for_items(head, 1, &seat, deadline);
            if let Err(stopped) = waited {
                return Err(self.ended(stopped));
            }
            if let Some(next) = self.look() {
                return Ok(next);
            }
            // Parts may come without end.
            if deadline.is_past() {
                return Err(RecvError::Empty);
            }
        }
    }

    /// After a wait that found nothing.
    fn ended(&mut self, stopped: Stopped) -> RecvError {
        if stopped != Stopped::TimedOut {
            // The rest will not come.
            self.inbox.discard();
            self.side.mourn(stopped);
        }
        stopped.into()
    }
}

impl<T> Waitable for Receiver<T> {}

impl<T> Sleeper for Receiver<T> {
    fn is_ready(&mut self, ask: bool) -> Result<bool> {
        self.side.check()?;
        // First: whatever was sent before the sender went is there.
        let ring = self.side.bound.view().ring();
        let stopped = ring.gone(End::Consumer, &self.side.bound.seat()?, ask);
        Ok(self.look().is_some() || stopped.is_some())
    }

    fn berth(&self) -> Result<Place> {
        let bound = &self.side.bound;
        let berth = RingBerth::of(bound, bound.view().ring(), End::Consumer, 1);
        Ok(Place::at(berth))
    }
}

impl<S, R> Waitable for Connection<S, R> {}

impl<S, R> Sleeper for Connection<S, R> {
    fn is_ready(&mut self, ask: bool) -> Result<bool> {
        self.receiver().is_ready(ask)
    }

    fn berth(&self) -> Result<Place> {
        self.receiver.berth()
    }
}
