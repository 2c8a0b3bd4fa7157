//! Many producers, many consumers: a ring in which every claim has an owner.
//!
//! # Examples
//!
//! ```
//! use outlive::queue::mpmc::Mpmc;
//!
//! let queue = Mpmc::new(1024)?;
//!
//! // Usually in other processes, which got the queue by its name or as a few bytes.
//! queue.put(7_u64)?;
//! queue.put(8)?;
//! queue.close()?;
//!
//! assert_eq!(queue.get()?, 7);
//! assert_eq!(queue.get()?, 8);
//! assert!(queue.get().is_err(), "closed, and empty");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "async")]
mod future;
mod items;
mod options;
mod wait;

use std::fmt;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use crate::raw::mpmc::Redelivery;
pub use options::MpmcOptions;

use crate::error::Result;
use crate::queue::{GetError, PutError};
use crate::raw::Kind;
use crate::raw::mpmc::{Met, Refused, Slots};
use crate::segment::object::{deserialize, serialize};
use crate::segment::{Bound, Object, Segment, Spec};
use crate::sys::clock::Deadline;

use items::Items;

/// A queue of many producers and many consumers, in shared memory.
///
/// `T` is plain data without pointers. All processes must mean the same type by it: its path, size
/// and alignment are compared when the queue is opened. A handle is cheap to clone and can be sent
/// to other processes as a few bytes (serde). Every handle can put and get.
///
/// Items of one producer come out in the order in which they were put, except for those that are
/// delivered again. Putting and getting are lock-free: a claim is one compare-and-swap, and no
/// process waits for another to make its own. But what is claimed and not finished is waited for,
/// because of the order: a consumer for a living producer's item at the head of the queue, a
/// producer for a living consumer's slot. Finishing takes as long as copying the item.
///
/// # If a process dies
///
/// Putting an item: either it is in the queue, or it never was; the others pass its slot. Taking
/// one out: it is delivered again, to somebody else, unless [`Redelivery::Drop`] was asked for. So
/// an item is delivered once, and once more only if its consumer died before [`Mpmc::get`]
/// returned. Waiting: nobody notices. Whoever meets a dead claim resolves it, as soon as it waits
/// for it; a stopped process is not dead, and what it claims stays claimed.
pub struct Mpmc<T>(Bound<Items<T>>);

impl<T: Pod> Mpmc<T> {
    /// Creates a queue of `capacity` items, of one at least, in the home segment.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`ErrorKind::Full`](crate::ErrorKind::Full).
    pub fn new(capacity: usize) -> Result<Self> {
        Self::options(capacity).anonymous()
    }

    /// Creates the queue called `name`, of `capacity` items, of one at least.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists) where the segment has an
    /// object of that name, [`ErrorKind::Full`](crate::ErrorKind::Full) where it has no room.
    pub fn create(segment: &Segment, name: &str, capacity: usize) -> Result<Self> {
        Self::options(capacity).create(segment, name)
    }

    /// Opens the queue called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is no object of that name,
    /// [`ErrorKind::WrongType`](crate::ErrorKind::WrongType) where it is not a queue of this kind
    /// and type.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open(segment, name, Self::spec())?)
    }

    /// Opens the queue called `name`, or creates it as [`Mpmc::create`] does.
    ///
    /// # Errors
    ///
    /// As [`Mpmc::open`] and [`Mpmc::create`], but for the two that exclude each other.
    pub fn open_or_create(segment: &Segment, name: &str, capacity: usize) -> Result<Self> {
        Self::options(capacity).open_or_create(segment, name)
    }

    /// How a queue of `capacity` items, of one at least, is to be created.
    pub fn options(capacity: usize) -> MpmcOptions<T> {
        MpmcOptions::new(capacity)
    }

    /// Puts `item` in, sleeping until there is room.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel. Producers are not served in order.
    ///
    /// # If a process dies
    ///
    /// See [`Mpmc`]; room that a dead consumer kept comes free with the repair.
    ///
    /// # Errors
    ///
    /// [`PutError::Closed`]; [`PutError::Broken`] after a fork, where the child cannot join the
    /// segment.
    #[inline]
    pub fn put(&self, item: T) -> Result<(), PutError> {
        self.put_until(item, || Deadline::NEVER)
    }

    /// Puts `item` in if there is room.
    ///
    /// # If a process dies
    ///
    /// As for [`Mpmc::put`].
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] where there is none; otherwise as [`Mpmc::put`].
    #[inline]
    pub fn try_put(&self, item: T) -> Result<(), PutError> {
        let seat = self.0.seat().map_err(PutError::Broken)?;
        let items = self.0.view();
        let done = items
            .slots()
            .try_put(seat, move |at| items.write(at, &item));
        self.end(done.map(|met| ((), met)), PutError::Full, PutError::Closed)
    }

    /// Puts `item` in, sleeping until there is room, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Mpmc::put`].
    ///
    /// # If a process dies
    ///
    /// As for [`Mpmc::put`].
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] after `limit`; otherwise as [`Mpmc::put`].
    #[inline]
    pub fn put_timeout(&self, item: T, limit: Duration) -> Result<(), PutError> {
        self.put_until(item, || Deadline::after(limit))
    }

    /// Puts `item` in, sleeping until there is room, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Mpmc::put`].
    ///
    /// # If a process dies
    ///
    /// As for [`Mpmc::put`].
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] at `instant`; otherwise as [`Mpmc::put`].
    #[inline]
    pub fn put_deadline(&self, item: T, instant: Instant) -> Result<(), PutError> {
        self.put_until(item, || Deadline::at(instant))
    }

    /// Takes an item out, sleeping until there is one.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel. Consumers are not served in order.
    ///
    /// # If a process dies
    ///
    /// See [`Mpmc`]; what a dead producer began is passed as soon as a consumer waits for it.
    ///
    /// # Errors
    ///
    /// [`GetError::Closed`] where the queue is closed and empty; [`GetError::Broken`] after a
    /// fork, where the child cannot join the segment.
    #[inline]
    pub fn get(&self) -> Result<T, GetError> {
        self.get_until(|| Deadline::NEVER)
    }

    /// Takes an item out if there is one.
    ///
    /// # If a process dies
    ///
    /// As for [`Mpmc::get`]; but the item of a consumer that died comes back only when somebody
    /// waits, or [`Segment::reap`] was called.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] where there is none; otherwise as [`Mpmc::get`].
    #[inline]
    pub fn try_get(&self) -> Result<T, GetError> {
        let seat = self.0.seat().map_err(GetError::Broken)?;
        let items = self.0.view();
        let done = items.slots().try_get(seat, |at| items.read(at));
        self.end(done, GetError::Empty, GetError::Closed)
    }

    /// Takes an item out, sleeping until there is one, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Mpmc::get`].
    ///
    /// # If a process dies
    ///
    /// As for [`Mpmc::get`].
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] after `limit`; otherwise as [`Mpmc::get`].
    #[inline]
    pub fn get_timeout(&self, limit: Duration) -> Result<T, GetError> {
        self.get_until(|| Deadline::after(limit))
    }

    /// Takes an item out, sleeping until there is one, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Mpmc::get`].
    ///
    /// # If a process dies
    ///
    /// As for [`Mpmc::get`].
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] at `instant`; otherwise as [`Mpmc::get`].
    #[inline]
    pub fn get_deadline(&self, instant: Instant) -> Result<T, GetError> {
        self.get_until(|| Deadline::at(instant))
    }

    /// Says for ever that nothing more is to come: producers are refused, consumers take what is
    /// there and are then told. Closing again changes nothing.
    ///
    /// An item whose consumer dies after the others were told waits for whoever asks again.
    ///
    /// # Errors
    ///
    /// Only after a fork, where the child cannot join the segment:
    /// [`ErrorKind::TooManyParticipants`](crate::ErrorKind::TooManyParticipants).
    pub fn close(&self) -> Result<()> {
        self.slots().close(self.0.seat()?);
        Ok(())
    }

    #[inline]
    fn put_until(&self, item: T, deadline: impl FnOnce() -> Deadline) -> Result<(), PutError> {
        let seat = self.0.seat().map_err(PutError::Broken)?;
        let items = self.0.view();
        let done = items
            .slots()
            .put(seat, deadline, move |at| items.write(at, &item));
        self.end(done.map(|met| ((), met)), PutError::Full, PutError::Closed)
    }

    #[inline]
    fn get_until(&self, deadline: impl FnOnce() -> Deadline) -> Result<T, GetError> {
        let seat = self.0.seat().map_err(GetError::Broken)?;
        let items = self.0.view();
        let done = items.slots().get(seat, deadline, |at| items.read(at));
        self.end(done, GetError::Empty, GetError::Closed)
    }

    /// The end of an operation, refused with the one error or the other.
    #[inline]
    fn end<R, E>(&self, done: Result<(R, Met), Refused>, blocked: E, closed: E) -> Result<R, E> {
        let (end, met) = match done {
            Ok((result, met)) => (Ok(result), met),
            Err(Refused::Blocked(met)) => (Err(blocked), met),
            Err(Refused::Closed) => (Err(closed), Met(false)),
        };
        self.reap_after(met);
        end
    }

    /// A death that was met on the way is repaired everywhere, now that nothing is claimed.
    #[inline]
    fn reap_after(&self, met: Met) {
        if met.0 {
            self.0.object().reap();
        }
    }

    fn spec() -> Spec {
        Spec::of::<T>(Kind::Mpmc)
    }

    fn bind(object: Object) -> Result<Self> {
        Ok(Self(object.bind(Kind::Mpmc, Items::attach)?))
    }
}

impl<T> Mpmc<T> {
    /// Whether the queue was closed; it stays so.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.slots().is_closed()
    }

    /// Items in the queue, those included that are being put in. It may change at once.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slots().len()
    }

    /// Whether there is nothing to take out. It may change at once.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a put would wait. It may change at once. The slot of an item that waits to be
    /// delivered again is in the way as a full queue is, even if others are free.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.slots().is_full()
    }

    /// Items that the queue holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots().capacity()
    }

    /// What becomes of an item whose consumer dies.
    #[must_use]
    pub fn redelivery(&self) -> Redelivery {
        self.slots().redelivery()
    }

    #[inline]
    fn slots(&self) -> &Slots<'static> {
        self.0.view().slots()
    }
}

impl<T> Clone for Mpmc<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Mpmc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mpmc")
            .field("at", self.0.object())
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("redelivery", &self.redelivery())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

impl<T> Serialize for Mpmc<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.0.object(), to)
    }
}

impl<'de, T: Pod> Deserialize<'de> for Mpmc<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(Self::spec(), from, Self::bind)
    }
}
