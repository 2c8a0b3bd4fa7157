//! [`Producer`]: the end that items go into.

use std::fmt;
use std::time::{Duration, Instant};

use bytemuck::Pod;

use crate::error::Result;
use crate::queue::PushError;
use crate::raw::spsc::{End, Stopped, Tail};
use crate::segment::Bound;
use crate::sys::clock::Deadline;

use super::end::Hold;
use super::items::{self, Items};
use super::write_chunk::WriteChunk;

/// The end of a queue that items go into; made by [`Spsc::producer`](super::Spsc::producer).
///
/// It may move between threads, and gives the end back when dropped. In a child made by `fork` it
/// is refused with [`PushError::Broken`].
///
/// # If a process dies
///
/// The consumer's: items go in while there is room, for the next consumer; then the producer gets
/// [`PushError::Disconnected`], until somebody takes the consumer's end. Our own, in the middle of
/// an operation: an item, and a chunk, is published whole or not at all.
pub struct Producer<T> {
    pub(super) hold: Hold<T>,
    pub(super) tail: Tail,
}

impl<T: Pod> Producer<T> {
    pub(super) fn new(bound: Bound<Items<T>>, tail: Tail) -> Self {
        Self {
            hold: Hold::new(bound, End::Producer),
            tail,
        }
    }

    /// Publishes an item, sleeping until there is room.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// See [`Producer`].
    ///
    /// # Errors
    ///
    /// [`PushError::Disconnected`] where the queue is closed, or is full and its consumer has left
    /// or died; [`PushError::Broken`] after a fork.
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), PushError> {
        self.push_until(&item, || Deadline::NEVER)
    }

    /// Publishes an item if there is room.
    ///
    /// That the consumer has died may be noticed some milliseconds late.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] where there is none; otherwise as [`Producer::push`].
    #[inline]
    pub fn try_push(&mut self, item: T) -> Result<(), PushError> {
        self.hold.check().map_err(PushError::Broken)?;
        let items = self.hold.bound.view();
        if items.ring().is_closed() || items.ring().room(&mut self.tail, 1) == 0 {
            return Err(self.refuse());
        }
        self.publish(&item);
        Ok(())
    }

    /// Publishes an item, sleeping until there is room, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Producer::push`].
    ///
    /// # If a process dies
    ///
    /// See [`Producer`].
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] after `limit`; otherwise as [`Producer::push`].
    #[inline]
    pub fn push_timeout(&mut self, item: T, limit: Duration) -> Result<(), PushError> {
        self.push_until(&item, || Deadline::after(limit))
    }

    /// Publishes an item, sleeping until there is room, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Producer::push`].
    ///
    /// # If a process dies
    ///
    /// See [`Producer`].
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] at `instant`; otherwise as [`Producer::push`].
    #[inline]
    pub fn push_deadline(&mut self, item: T, instant: Instant) -> Result<(), PushError> {
        self.push_until(&item, || Deadline::at(instant))
    }

    /// Room for `wanted` items, or for fewer, at least one; sleeps until there is some. Nothing is
    /// published before the chunk is committed.
    ///
    /// # Blocking
    ///
    /// As [`Producer::push`].
    ///
    /// # If a process dies
    ///
    /// See [`Producer`].
    ///
    /// # Errors
    ///
    /// As [`Producer::push`].
    #[inline]
    pub fn write_chunk(&mut self, wanted: usize) -> Result<WriteChunk<'_, T>, PushError> {
        self.chunk_until(wanted, || Deadline::NEVER)
    }

    /// Room for `wanted` items, or for fewer, at least one, without sleeping.
    ///
    /// # Errors
    ///
    /// As [`Producer::try_push`].
    #[inline]
    pub fn try_write_chunk(&mut self, wanted: usize) -> Result<WriteChunk<'_, T>, PushError> {
        self.hold.check().map_err(PushError::Broken)?;
        let ring = self.hold.bound.view().ring();
        let len = if ring.is_closed() {
            0
        } else {
            ring.room(&mut self.tail, at_least_one(wanted))
        };
        if len == 0 {
            return Err(self.refuse());
        }
        Ok(WriteChunk {
            producer: self,
            len: items::count(len),
        })
    }

    /// As [`Producer::write_chunk`], but sleeps no longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Producer::push`].
    ///
    /// # If a process dies
    ///
    /// See [`Producer`].
    ///
    /// # Errors
    ///
    /// As [`Producer::push_timeout`].
    pub fn write_chunk_timeout(
        &mut self,
        wanted: usize,
        limit: Duration,
    ) -> Result<WriteChunk<'_, T>, PushError> {
        self.chunk_until(wanted, || Deadline::after(limit))
    }

    /// As [`Producer::write_chunk`], but sleeps not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Producer::push`].
    ///
    /// # If a process dies
    ///
    /// See [`Producer`].
    ///
    /// # Errors
    ///
    /// As [`Producer::push_deadline`].
    pub fn write_chunk_deadline(
        &mut self,
        wanted: usize,
        instant: Instant,
    ) -> Result<WriteChunk<'_, T>, PushError> {
        self.chunk_until(wanted, || Deadline::at(instant))
    }

    /// Says for ever that nothing more is to come; see [`Spsc::close`](super::Spsc::close).
    ///
    /// # Errors
    ///
    /// As [`Spsc::close`](super::Spsc::close).
    pub fn close(&mut self) -> Result<()> {
        self.hold
            .bound
            .view()
            .ring()
            .close(&self.hold.bound.seat()?);
        Ok(())
    }

    #[inline]
    fn push_until(
        &mut self,
        item: &T,
        deadline: impl FnOnce() -> Deadline,
    ) -> Result<(), PushError> {
        self.hold.check().map_err(PushError::Broken)?;
        let items = self.hold.bound.view();
        if items.ring().is_closed() || items.ring().room(&mut self.tail, 1) == 0 {
            await_room(&self.hold, &mut self.tail, 1, deadline)?;
        }
        self.publish(item);
        Ok(())
    }

    #[inline]
    fn chunk_until(
        &mut self,
        wanted: usize,
        deadline: impl FnOnce() -> Deadline,
    ) -> Result<WriteChunk<'_, T>, PushError> {
        let wanted = at_least_one(wanted);
        self.hold.check().map_err(PushError::Broken)?;
        let ring = self.hold.bound.view().ring();
        let mut len = if ring.is_closed() {
            0
        } else {
            ring.room(&mut self.tail, wanted)
        };
        if len == 0 {
            len = await_room(&self.hold, &mut self.tail, wanted, deadline)?;
        }
        Ok(WriteChunk {
            producer: self,
            len: items::count(len),
        })
    }

    #[inline]
    fn publish(&mut self, item: &T) {
        let items = self.hold.bound.view();
        items.write(self.tail.position(), item);
        if items.ring().publish(&mut self.tail, 1) {
            self.hold.wake();
        }
    }

    #[cold]
    fn refuse(&self) -> PushError {
        match self.hold.gone() {
            Ok(None) => {
                self.hold.bound.view().ring().rest(End::Producer);
                PushError::Full
            }
            Ok(Some(stopped)) => stopped.into(),
            Err(error) => PushError::Broken(error),
        }
    }
}

/// A chunk of nothing would never end a wait.
#[inline]
fn at_least_one(wanted: usize) -> u64 {
    wanted.max(1) as u64
}

#[cold]
fn await_room<T: Pod>(
    hold: &Hold<T>,
    tail: &mut Tail,
    wanted: u64,
    deadline: impl FnOnce() -> Deadline,
) -> Result<u64, PushError> {
    let seat = hold.bound.seat().map_err(PushError::Broken)?;
    let ring = hold.bound.view().ring();
    ring.wait_for_room(tail, wanted, &seat, deadline())
        .map_err(|stopped| {
            hold.mourn(stopped);
            stopped.into()
        })
}

impl From<Stopped> for PushError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::TimedOut => Self::Full,
            Stopped::Disconnected { crashed } => Self::Disconnected { crashed },
        }
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("at", self.hold.bound.object())
            .field("position", &self.tail.position())
            .finish_non_exhaustive()
    }
}
