//! One producer, one consumer: a ring in which one store publishes an item and one consumes it.
//!
//! [`Spsc`] names the queue; [`Spsc::producer`] and [`Spsc::consumer`] take one of its ends. An end
//! belongs to one handle of one process at a time. It is free again when the handle is dropped, and
//! when its process has died.
//!
//! # Examples
//!
//! ```
//! use outlive::queue::spsc::Spsc;
//!
//! let queue = Spsc::new(1024)?;
//! let mut producer = queue.producer()?;
//! let mut consumer = queue.consumer()?;
//!
//! // Usually in another process, which got the queue by its name or as a few bytes.
//! producer.push(7_u64)?;
//! assert_eq!(consumer.pop()?, 7);
//!
//! let mut chunk = producer.write_chunk(16)?;
//! for i in 0..chunk.len() {
//!     chunk.set(i, i as u64);
//! }
//! chunk.commit_all();
//! let chunk = consumer.read_chunk(16)?;
//! assert_eq!(chunk.iter().sum::<u64>(), 120);
//! chunk.consume_all();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod consumer;
mod end;
#[cfg(feature = "async")]
mod future;
mod items;
mod producer;
mod read_chunk;
mod wait;
mod write_chunk;

use std::alloc::Layout;
use std::fmt;

use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use consumer::Consumer;
pub use producer::Producer;
pub use read_chunk::ReadChunk;
pub use write_chunk::WriteChunk;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::spsc::{AlreadyHeld, End, Geometry};
use crate::raw::{Kind, Storage, spsc};
use crate::segment::object::{deserialize, serialize};
use crate::segment::{Bound, Object, Seat, Segment, Spec};

use items::Items;

/// A queue of one producer and one consumer, in shared memory.
///
/// `T` is plain data without pointers, aligned to 64 bytes at most. All processes must mean the
/// same type by it: its path, size and alignment are compared when it is opened. A handle is cheap
/// to clone and can be sent to other processes as a few bytes (serde).
///
/// # If a process dies
///
/// The producer: what it had published is there, what it had not never existed. The consumer: what
/// it had not consumed is there for the next one. The other end gets `Disconnected` with `crashed`
/// as soon as it can do nothing more, and goes on when somebody takes the dead one's end.
pub struct Spsc<T> {
    bound: Bound<Items<T>>,
}

impl<T: Pod> Spsc<T> {
    /// Creates a queue of at least `capacity` items in the home segment; the next power of two.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`ErrorKind::Full`].
    pub fn new(capacity: usize) -> Result<Self> {
        let geometry = Self::geometry(capacity)?;
        Self::bind(Object::create(
            &Segment::home()?,
            None,
            Self::spec(),
            Self::len_of(geometry),
            Self::init(geometry),
        )?)
    }

    /// Creates the queue called `name`, of at least `capacity` items; the next power of two.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the segment has an object of that name,
    /// [`ErrorKind::Full`] where it has no room.
    pub fn create(segment: &Segment, name: &str, capacity: usize) -> Result<Self> {
        let geometry = Self::geometry(capacity)?;
        Self::bind(Object::create(
            segment,
            Some(name),
            Self::spec(),
            Self::len_of(geometry),
            Self::init(geometry),
        )?)
    }

    /// Opens the queue called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no object of that name, [`ErrorKind::WrongType`]
    /// where it is not a queue of this kind and type.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open(segment, name, Self::spec())?)
    }

    /// Opens the queue called `name`, or creates it as [`Spsc::create`] does.
    ///
    /// # Errors
    ///
    /// As [`Spsc::open`] and [`Spsc::create`], but for the two that exclude each other.
    pub fn open_or_create(segment: &Segment, name: &str, capacity: usize) -> Result<Self> {
        let geometry = Self::geometry(capacity)?;
        Self::bind(Object::open_or_create(
            segment,
            name,
            Self::spec(),
            Self::len_of(geometry),
            Self::init(geometry),
        )?)
    }

    /// Takes the producer's end; it goes on behind the last item that was published.
    ///
    /// # If a process dies
    ///
    /// A dead producer's end is free.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InUse`] where a living process has it, perhaps this one.
    pub fn producer(&self) -> Result<Producer<T>> {
        let tail = self.claim(End::Producer, |ring, seat| ring.claim_producer(seat))?;
        Ok(Producer::new(self.bound.clone(), tail))
    }

    /// Takes the consumer's end; it goes on at the first item that was not consumed.
    ///
    /// # If a process dies
    ///
    /// A dead consumer's end is free.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InUse`] where a living process has it, perhaps this one.
    pub fn consumer(&self) -> Result<Consumer<T>> {
        let head = self.claim(End::Consumer, |ring, seat| ring.claim_consumer(seat))?;
        Ok(Consumer::new(self.bound.clone(), head))
    }

    fn claim<R>(
        &self,
        end: End,
        claim: impl FnOnce(&spsc::Spsc<'_>, &Seat<'_>) -> Result<R, AlreadyHeld>,
    ) -> Result<R> {
        let seat = self.bound.seat()?;
        let ring = self.ring();
        let before = ring.owner(end);
        let claimed = claim(ring, &seat).map_err(|AlreadyHeld| {
            let holder = ring
                .owner(end)
                .map_or(0, |token| self.bound.object().identity(token).pid);
            let doing = format!("take the {} of {self:?} from process {holder}", end.name());
            Error::new(ErrorKind::InUse, doing).advise("an end has one owner at a time")
        })?;
        if before.is_some() {
            self.bound.object().reap();
        }
        Ok(claimed)
    }

    /// Says for ever that nothing more is to come: the producer is refused, the consumer takes what
    /// is there and is then told. Closing again changes nothing.
    ///
    /// # Errors
    ///
    /// Only after a fork, where the child cannot join the segment:
    /// [`ErrorKind::TooManyParticipants`].
    pub fn close(&self) -> Result<()> {
        self.ring().close(&self.bound.seat()?);
        Ok(())
    }

    /// Whether the queue was closed; it stays so.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.ring().is_closed()
    }

    /// Items published and not consumed. It may change at once.
    #[must_use]
    pub fn len(&self) -> usize {
        items::count(self.ring().len())
    }

    /// Whether there is nothing to take out. It may change at once, unless the caller has the
    /// producer's end.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room. It may change at once, unless the caller has the consumer's end.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == self.capacity()
    }

    /// Items that the queue holds at most: a power of two.
    #[must_use]
    pub fn capacity(&self) -> usize {
        items::count(self.ring().capacity())
    }

    fn ring(&self) -> &spsc::Spsc<'static> {
        self.bound.view().ring()
    }

    fn spec() -> Spec {
        Spec::of::<T>(Kind::Spsc)
    }

    fn geometry(capacity: usize) -> Result<Geometry> {
        Geometry::new(capacity, Layout::new::<T>()).ok_or_else(|| {
            Error::new(ErrorKind::Full, format!("create spsc of {capacity} items"))
                .advise("there is no memory so large")
        })
    }

    fn len_of(geometry: Geometry) -> usize {
        // `Geometry::new` has computed it before.
        geometry.size().unwrap_or(usize::MAX)
    }

    fn init(geometry: Geometry) -> impl Fn(Storage<'_>) {
        move |storage| {
            // The storage has the size that the geometry asked for.
            let _ = spsc::Spsc::init(storage, geometry);
        }
    }

    fn bind(object: Object) -> Result<Self> {
        Ok(Self {
            bound: object.bind(Kind::Spsc, Items::attach)?,
        })
    }
}

impl<T> Clone for Spsc<T> {
    fn clone(&self) -> Self {
        Self {
            bound: self.bound.clone(),
        }
    }
}

impl<T> fmt::Debug for Spsc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ring = self.bound.view().ring();
        f.debug_struct("Spsc")
            .field("at", self.bound.object())
            .field("len", &ring.len())
            .field("capacity", &ring.capacity())
            .finish_non_exhaustive()
    }
}

impl<T> Serialize for Spsc<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.bound.object(), to)
    }
}

impl<'de, T: Pod> Deserialize<'de> for Spsc<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(Self::spec(), from, Self::bind)
    }
}
