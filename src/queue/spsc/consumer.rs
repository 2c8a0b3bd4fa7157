//! [`Consumer`]: the end that items come out of.

use std::fmt;
use std::time::{Duration, Instant};

use bytemuck::Pod;

use crate::error::Result;
use crate::queue::PopError;
use crate::raw::spsc::{End, Head, Stopped};
use crate::segment::Bound;
use crate::sys::clock::Deadline;

use super::end::Hold;
use super::items::{self, Items};
use super::read_chunk::ReadChunk;

/// The end of a queue that items come out of; made by [`Spsc::consumer`](super::Spsc::consumer).
///
/// It may move between threads, and gives the end back when dropped. In a child made by `fork` it
/// is refused with [`PopError::Broken`].
///
/// # If a process dies
///
/// The producer's: what it had published comes out; then the consumer gets
/// [`PopError::Disconnected`], until somebody takes the producer's end. Our own: an item, and a
/// chunk, that was not consumed is there for the next consumer.
pub struct Consumer<T> {
    pub(super) hold: Hold<T>,
    pub(super) head: Head,
}

impl<T: Pod> Consumer<T> {
    pub(super) fn new(bound: Bound<Items<T>>, head: Head) -> Self {
        Self {
            hold: Hold::new(bound, End::Consumer),
            head,
        }
    }

    /// Takes an item out, sleeping until there is one.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// See [`Consumer`].
    ///
    /// # Errors
    ///
    /// [`PopError::Disconnected`] where there is no item, and the queue is closed or its producer
    /// has left or died; [`PopError::Broken`] after a fork.
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.pop_until(|| Deadline::NEVER)
    }

    /// Takes an item out if there is one.
    ///
    /// That the producer has died may be noticed some milliseconds late.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] where there is none; otherwise as [`Consumer::pop`].
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        if size_of::<T>() <= SMALL {
            self.try_pop_here()
        } else {
            self.try_pop_apart()
        }
    }

    /// Takes an item out, sleeping until there is one, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Consumer::pop`].
    ///
    /// # If a process dies
    ///
    /// See [`Consumer`].
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] after `limit`; otherwise as [`Consumer::pop`].
    #[inline]
    pub fn pop_timeout(&mut self, limit: Duration) -> Result<T, PopError> {
        self.pop_until(|| Deadline::after(limit))
    }

    /// Takes an item out, sleeping until there is one, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Consumer::pop`].
    ///
    /// # If a process dies
    ///
    /// See [`Consumer`].
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] at `instant`; otherwise as [`Consumer::pop`].
    #[inline]
    pub fn pop_deadline(&mut self, instant: Instant) -> Result<T, PopError> {
        self.pop_until(|| Deadline::at(instant))
    }

    /// Up to `wanted` items, at least one, read in place; sleeps until there is one. Nothing is
    /// consumed before the chunk says so.
    ///
    /// # Blocking
    ///
    /// As [`Consumer::pop`].
    ///
    /// # If a process dies
    ///
    /// See [`Consumer`].
    ///
    /// # Errors
    ///
    /// As [`Consumer::pop`].
    #[inline]
    pub fn read_chunk(&mut self, wanted: usize) -> Result<ReadChunk<'_, T>, PopError> {
        self.chunk_until(wanted, || Deadline::NEVER)
    }

    /// Up to `wanted` items, at least one, without sleeping.
    ///
    /// # Errors
    ///
    /// As [`Consumer::try_pop`].
    #[inline]
    pub fn try_read_chunk(&mut self, wanted: usize) -> Result<ReadChunk<'_, T>, PopError> {
        let wanted = at_least_one(wanted);
        self.hold.check().map_err(PopError::Broken)?;
        let mut len = self.hold.bound.view().ring().ready(&mut self.head, wanted);
        if len == 0 {
            len = refuse(&self.hold, &mut self.head, wanted)?;
        }
        Ok(ReadChunk {
            consumer: self,
            len: items::count(len),
        })
    }

    /// As [`Consumer::read_chunk`], but sleeps no longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Consumer::pop`].
    ///
    /// # If a process dies
    ///
    /// See [`Consumer`].
    ///
    /// # Errors
    ///
    /// As [`Consumer::pop_timeout`].
    pub fn read_chunk_timeout(
        &mut self,
        wanted: usize,
        limit: Duration,
    ) -> Result<ReadChunk<'_, T>, PopError> {
        self.chunk_until(wanted, || Deadline::after(limit))
    }

    /// As [`Consumer::read_chunk`], but sleeps not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Consumer::pop`].
    ///
    /// # If a process dies
    ///
    /// See [`Consumer`].
    ///
    /// # Errors
    ///
    /// As [`Consumer::pop_deadline`].
    pub fn read_chunk_deadline(
        &mut self,
        wanted: usize,
        instant: Instant,
    ) -> Result<ReadChunk<'_, T>, PopError> {
        self.chunk_until(wanted, || Deadline::at(instant))
    }

    /// Says for ever that nothing more is wanted; see [`Spsc::close`](super::Spsc::close).
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

    #[inline(never)]
    fn try_pop_apart(&mut self) -> Result<T, PopError> {
        self.try_pop_here()
    }

    #[inline(always)]
    fn try_pop_here(&mut self) -> Result<T, PopError> {
        self.hold.check().map_err(PopError::Broken)?;
        let items = self.hold.bound.view();
        if items.ring().ready(&mut self.head, 1) == 0
            && let Err(refused) = refuse(&self.hold, &mut self.head, 1)
        {
            return Err(refused);
        }
        Ok(self.consume())
    }

    #[inline]
    fn pop_until(&mut self, deadline: impl FnOnce() -> Deadline) -> Result<T, PopError> {
        if size_of::<T>() <= SMALL {
            self.pop_here(deadline)
        } else {
            self.pop_apart(deadline)
        }
    }

    #[inline(never)]
    fn pop_apart(&mut self, deadline: impl FnOnce() -> Deadline) -> Result<T, PopError> {
        self.pop_here(deadline)
    }

    #[inline(always)]
    fn pop_here(&mut self, deadline: impl FnOnce() -> Deadline) -> Result<T, PopError> {
        self.hold.check().map_err(PopError::Broken)?;
        let items = self.hold.bound.view();
        if items.ring().ready(&mut self.head, 1) == 0 {
            await_items(&self.hold, &mut self.head, 1, deadline)?;
        }
        Ok(self.consume())
    }

    #[inline]
    fn consume(&mut self) -> T {
        let items = self.hold.bound.view();
        let item = items.read(self.head.position());
        if items.ring().consume(&mut self.head, 1) {
            self.hold.wake();
        }
        item
    }

    #[inline]
    fn chunk_until(
        &mut self,
        wanted: usize,
        deadline: impl FnOnce() -> Deadline,
    ) -> Result<ReadChunk<'_, T>, PopError> {
        let wanted = at_least_one(wanted);
        self.hold.check().map_err(PopError::Broken)?;
        let mut len = self.hold.bound.view().ring().ready(&mut self.head, wanted);
        if len == 0 {
            len = await_items(&self.hold, &mut self.head, wanted, deadline)?;
        }
        Ok(ReadChunk {
            consumer: self,
            len: items::count(len),
        })
    }
}

/// Bytes up to which an item is popped in registers. A larger one is popped in a function of its
/// own: inlined, its copy is merged with that of the error and made in pieces of a byte or four,
/// several times slower.
const SMALL: usize = 16;

/// A chunk of nothing would never end a wait.
#[inline]
fn at_least_one(wanted: usize) -> u64 {
    wanted.max(1) as u64
}

/// Why the ring is empty; or how many items came meanwhile.
#[cold]
fn refuse<T: Pod>(hold: &Hold<T>, head: &mut Head, wanted: u64) -> Result<u64, PopError> {
    let stopped = hold.gone().map_err(PopError::Broken)?;
    // Only now: whatever was published before the producer went is there.
    match (hold.bound.view().ring().ready(head, wanted), stopped) {
        (0, Some(stopped)) => Err(stopped.into()),
        (0, None) => Err(PopError::Empty),
        (ready, _) => Ok(ready),
    }
}

#[cold]
fn await_items<T: Pod>(
    hold: &Hold<T>,
    head: &mut Head,
    wanted: u64,
    deadline: impl FnOnce() -> Deadline,
) -> Result<u64, PopError> {
    let seat = hold.bound.seat().map_err(PopError::Broken)?;
    let ring = hold.bound.view().ring();
    ring.wait_for_items(head, wanted, &seat, deadline())
        .map_err(|stopped| {
            hold.mourn(stopped);
            stopped.into()
        })
}

impl From<Stopped> for PopError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::TimedOut => Self::Empty,
            Stopped::Disconnected { crashed } => Self::Disconnected { crashed },
        }
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("at", self.hold.bound.object())
            .field("position", &self.head.position())
            .finish_non_exhaustive()
    }
}
