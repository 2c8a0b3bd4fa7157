//! Messages of any type and length, between many: [`Queue`], and [`JoinableQueue`], which can wait
//! until all of them are dealt with.
//!
//! # Examples
//!
//! ```
//! use outlive::Queue;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! enum Job {
//!     Fetch { url: String, tries: u32 },
//!     Stop,
//! }
//!
//! let jobs = Queue::new(100)?;
//!
//! // Usually in other processes, which got the queue by its name or as a few bytes.
//! jobs.put(&Job::Fetch { url: "https://example.org".into(), tries: 3 })?;
//! jobs.put(&Job::Stop)?;
//! jobs.close()?;
//!
//! // If this process dies before the end of the block, another gets the job.
//! {
//!     let job = jobs.receive()?;
//!     assert!(matches!(&*job, Job::Fetch { tries: 3, .. }));
//! }
//! assert_eq!(jobs.get()?, Job::Stop);
//! assert!(jobs.iter().next().is_none(), "closed, and empty");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bytes;
mod codec;
mod delivery;
mod error;
#[cfg(feature = "async")]
mod future;
mod get;
mod held;
mod joinable;
mod loan;
mod options;
mod put;
mod wait;

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use crate::raw::mpmc::Redelivery;
#[cfg(feature = "msgpack")]
pub use codec::MsgPack;
pub use codec::{Codec, CodecError, Postcard, Raw};
pub use delivery::Delivery;
pub use error::{GetError, PutError};
pub use get::Iter;
pub use joinable::{JoinableOptions, JoinableQueue, Task, Tasks};
pub use loan::{Loan, Received};
pub use options::QueueOptions;

use crate::error::Result;
use crate::segment::Segment;
use crate::segment::object::{deserialize, serialize};

use held::Hold;

/// A queue of bytes as they are.
///
/// # Examples
///
/// ```
/// use std::io::Write;
///
/// use outlive::Queue;
/// use outlive::queue::messages::{ByteQueue, Raw};
///
/// let queue: ByteQueue = Queue::options(10).codec::<Raw>().anonymous()?;
/// queue.put(&b"copied".to_vec())?;
/// let mut loan = queue.loan(8)?;
/// loan.write_all(b"in place")?;
/// loan.send()?;
///
/// assert_eq!(queue.get()?, b"copied");
/// assert_eq!(queue.receive_bytes()?.to_vec(), b"in place");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type ByteQueue = Queue<Vec<u8>, Raw>;

/// A queue of messages of any length, of many producers and many consumers, in shared memory.
///
/// `T` is anything that serde can write and read; `C` says how, [`Postcard`] if nobody says. A value
/// is encoded by the caller into the shared memory itself, and decoded by whoever takes it: nothing
/// travels later or fails elsewhere. The queue is bounded twice, in messages and in bytes. A handle is cheap
/// to clone and can be sent to other processes as a few bytes (serde). Every handle can put and get.
///
/// All processes must mean the same type by `T`. The paths of `T` and `C` are compared when the queue
/// is opened; what lies behind them is not: where two builds have different fields under one
/// path, messages do not decode, or decode wrongly.
///
/// Messages of one producer come out in the order in which they were put, except for those that are
/// delivered again, which come first. A message that is being put is in nobody's way, however long that takes; nor
/// is one that was taken and not yet dealt with, but for the bytes that it keeps. A short lock guards the
/// order, never held while anything is encoded or decoded.
///
/// Python's `SimpleQueue` has no type of its own here: it saves Python the thread that feeds a
/// `Queue`, and there is none.
///
/// # If a process dies
///
/// Putting a message: either it is there, whole, or it never was. Taking one, or with its
/// [`Delivery`]: it is delivered again, to somebody else, with a count, unless [`Redelivery::Drop`]
/// was asked for. So nothing that was put is lost, and nothing is delivered twice but to who
/// comes after a death or a [`Delivery::nack`]. Waiting: nobody notices. Within the short lock: the next to take it
/// brings up what was begun. A stopped process is not dead; stopped within the short lock,
/// which takes bad luck, it holds everybody up, and the timed forms are for that.
#[doc(alias = "SimpleQueue")]
pub struct Queue<T, C = Postcard> {
    bound: Hold,
    of: PhantomData<fn(T) -> (T, C)>,
}

impl<T> Queue<T> {
    /// Creates a queue of `items` messages, of one at least, in the home segment.
    /// [`Queue::options`] says how many bytes they may have.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`ErrorKind::Full`](crate::ErrorKind::Full).
    pub fn new(items: usize) -> Result<Self> {
        Self::options(items).anonymous()
    }

    /// Creates the queue called `name`, of `items` messages, of one at least.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists) where the segment has an
    /// object of that name, [`ErrorKind::Full`](crate::ErrorKind::Full) where it has no room.
    pub fn create(segment: &Segment, name: &str, items: usize) -> Result<Self> {
        Self::options(items).create(segment, name)
    }

    /// Opens the queue called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where there is no object of that name,
    /// [`ErrorKind::WrongType`](crate::ErrorKind::WrongType) where it is not a queue of this kind,
    /// type and codec.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::options(0).open(segment, name)
    }

    /// Opens the queue called `name`, or creates it as [`Queue::create`] does.
    ///
    /// # Errors
    ///
    /// As [`Queue::open`] and [`Queue::create`], but for the two that exclude each other.
    pub fn open_or_create(segment: &Segment, name: &str, items: usize) -> Result<Self> {
        Self::options(items).open_or_create(segment, name)
    }

    /// How a queue of `items` messages, of one at least, is to be created.
    pub fn options(items: usize) -> QueueOptions<T, Postcard> {
        QueueOptions::new(items)
    }
}

impl<T, C> Queue<T, C> {
    /// Says for ever that nothing more is to come: producers are refused, consumers take what is
    /// there and are then told. Closing again changes nothing.
    ///
    /// A message whose consumer dies or gives it back after the others were told waits for whoever
    /// asks again.
    ///
    /// # Errors
    ///
    /// Only after a fork, where the child cannot join the segment:
    /// [`ErrorKind::TooManyParticipants`](crate::ErrorKind::TooManyParticipants).
    pub fn close(&self) -> Result<()> {
        let seat = self.bound.seat()?;
        self.bound.view().close(&seat);
        Ok(())
    }

    /// Whether the queue was closed; it stays so.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.bound.view().is_closed()
    }

    /// Messages that wait to be taken, those included that come again. It may change at once.
    #[must_use]
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.bound.view().len()
    }

    /// Whether there is nothing to take. It may change at once.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether as many messages wait or are being put as the queue holds. It may change at once. A
    /// queue that is not full may still have too few bytes for a message.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bound.view().is_full()
    }

    /// Messages that the queue holds at most. Those that were taken and are not yet dealt with do
    /// not count, nor do those that come again.
    #[must_use]
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> usize {
        self.bound.view().items()
    }

    /// Bytes for all messages together, with 24 bytes more for each and what rounding takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bound.view().bytes()
    }

    /// Bytes of the longest message that fits, alone in the queue.
    #[must_use]
    pub fn max_message(&self) -> usize {
        self.bound.view().most_bytes()
    }

    /// What becomes of a message whose consumer dies.
    #[must_use]
    pub fn redelivery(&self) -> Redelivery {
        self.bound.view().redelivery()
    }
}

impl<T, C> Clone for Queue<T, C> {
    fn clone(&self) -> Self {
        Self {
            bound: self.bound.clone(),
            of: PhantomData,
        }
    }
}

impl<T, C> fmt::Debug for Queue<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("at", self.bound.object())
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("bytes", &self.bytes())
            .field("redelivery", &self.redelivery())
            .field("is_closed", &self.is_closed())
            .finish()
    }
}

impl<T, C> Serialize for Queue<T, C> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.bound.object(), to)
    }
}

impl<'de, T, C> Deserialize<'de> for Queue<T, C> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(Self::spec(), from, Self::bind)
    }
}
