//! [`JoinableQueue`]: a queue that knows what is not yet dealt with, and waits for the end of it.

#[cfg(feature = "async")]
mod future;
mod join;
mod options;
mod task;

use std::fmt;
use std::ops::Deref;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use options::JoinableOptions;
pub use task::{Task, Tasks};

use crate::error::Result;
use crate::queue::wait::{Place, Sleeper, Waitable};
use crate::raw::Kind;
use crate::segment::object::{deserialize, serialize};
use crate::segment::{Segment, Spec};

use super::codec::{Codec, Postcard};
use super::error::GetError;
use super::{Queue, QueueOptions};

/// A [`Queue`] whose messages are tasks: [`get`](Self::get) gives a [`Task`], and
/// [`join`](Self::join) waits until all that were put are done.
///
/// It is a queue in all else, and derefs to one: `put` and its forms, `len`, `close` and the rest
/// are there. What is taken by the queue's own ways, as [`Queue::receive`] and
/// [`Queue::receive_bytes`], counts too, and is done when that is dropped. Opened as a plain
/// `Queue` it is of the wrong type, and the other way round.
///
/// Python's `task_done` fails where it is called too often. Here that cannot be said: it is a
/// method of the task, and takes it away.
///
/// # If a process dies
///
/// As for [`Queue`]; and nobody waits for the dead. Putting a message: it never was, and is nothing to
/// wait for. With a [`Task`]: the message is delivered again, and so not done until another has done
/// it; where [`Redelivery::Drop`](super::Redelivery::Drop) was asked for, it is done. What is not
/// done is counted nowhere, so no death makes a count wrong: it is what lies in the queue. Waiting
/// in `join`: nobody notices.
///
/// # Examples
///
/// ```
/// use outlive::JoinableQueue;
///
/// let sites = JoinableQueue::<String>::new(10)?;
/// std::thread::scope(|scope| -> Result<(), Box<dyn std::error::Error>> {
///     // Usually other processes.
///     for _ in 0..3 {
///         scope.spawn(|| {
///             for site in sites.iter().flatten() {
///                 let _ = format!("fetch {}", *site);
///                 site.task_done();
///             }
///         });
///     }
///     for site in ["example.org", "example.net", "example.com"] {
///         sites.put(&site.to_owned())?;
///     }
///     sites.join()?;
///     assert_eq!(sites.unfinished(), 0);
///     sites.close()?;
///     Ok(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct JoinableQueue<T, C = Postcard>(Queue<T, C>);

impl<T> JoinableQueue<T> {
    /// Creates a queue of `items` messages, of one at least, in the home segment.
    /// [`JoinableQueue::options`] says how many bytes they may have.
    ///
    /// # Errors
    ///
    /// As [`Queue::new`].
    pub fn new(items: usize) -> Result<Self> {
        Self::options(items).anonymous()
    }

    /// Creates the queue called `name`, of `items` messages, of one at least.
    ///
    /// # Errors
    ///
    /// As [`Queue::create`].
    pub fn create(segment: &Segment, name: &str, items: usize) -> Result<Self> {
        Self::options(items).create(segment, name)
    }

    /// Opens the queue called `name`.
    ///
    /// # Errors
    ///
    /// As [`Queue::open`]; one that is not joinable is of another type.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::options(0).open(segment, name)
    }

    /// Opens the queue called `name`, or creates it as [`JoinableQueue::create`] does.
    ///
    /// # Errors
    ///
    /// As [`JoinableQueue::open`] and [`JoinableQueue::create`], but for the two that exclude each
    /// other.
    pub fn open_or_create(segment: &Segment, name: &str, items: usize) -> Result<Self> {
        Self::options(items).open_or_create(segment, name)
    }

    /// How a queue of `items` messages, of one at least, is to be created.
    pub fn options(items: usize) -> JoinableOptions<T, Postcard> {
        JoinableOptions(QueueOptions::new(items))
    }
}

impl<T, C> JoinableQueue<T, C> {
    /// Tells one from a [`Queue`] when it is opened.
    fn spec() -> Spec {
        Spec::encoded::<Self, C>(Kind::Queue)
    }
}

impl<T, C: Codec<T>> JoinableQueue<T, C> {
    /// Takes a task, sleeping until there is one.
    ///
    /// # Blocking
    ///
    /// As [`Queue::get`].
    ///
    /// # If a process dies
    ///
    /// With the [`Task`]: it is delivered again to somebody else.
    ///
    /// # Errors
    ///
    /// As [`Queue::get`]. A message that cannot be decoded is done.
    pub fn get(&self) -> Result<Task<'_, T>, GetError> {
        self.0.receive().map(Task)
    }

    /// Takes a task if there is one.
    ///
    /// # If a process dies
    ///
    /// As for [`JoinableQueue::get`] and [`Queue::try_get`].
    ///
    /// # Errors
    ///
    /// As [`Queue::try_get`].
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Result<Task<'_, T>, GetError> {
        self.0.try_receive().map(Task)
    }

    /// Takes a task, sleeping until there is one, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Queue::get`].
    ///
    /// # If a process dies
    ///
    /// As for [`JoinableQueue::get`].
    ///
    /// # Errors
    ///
    /// As [`Queue::get_timeout`].
    pub fn get_timeout(&self, limit: Duration) -> Result<Task<'_, T>, GetError> {
        self.0.receive_timeout(limit).map(Task)
    }

    /// Takes a task, sleeping until there is one, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Queue::get`].
    ///
    /// # If a process dies
    ///
    /// As for [`JoinableQueue::get`].
    ///
    /// # Errors
    ///
    /// As [`Queue::get_deadline`].
    pub fn get_deadline(&self, instant: Instant) -> Result<Task<'_, T>, GetError> {
        self.0.receive_deadline(instant).map(Task)
    }

    /// Takes tasks until the queue is closed and empty. One that cannot be decoded, or a handle that
    /// cannot be used, is an error among them.
    pub fn iter(&self) -> Tasks<'_, T, C> {
        Tasks(self)
    }
}

impl<T, C> Deref for JoinableQueue<T, C> {
    type Target = Queue<T, C>;

    #[inline]
    fn deref(&self) -> &Queue<T, C> {
        &self.0
    }
}

impl<T, C> Waitable for JoinableQueue<T, C> {}

impl<T, C> Sleeper for JoinableQueue<T, C> {
    fn is_ready(&mut self, ask: bool) -> Result<bool> {
        self.0.is_ready(ask)
    }

    fn berth(&self) -> Result<Place> {
        self.0.berth()
    }
}

impl<T, C> Clone for JoinableQueue<T, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T, C> fmt::Debug for JoinableQueue<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinableQueue")
            .field("queue", &self.0)
            .finish()
    }
}

impl<T, C> Serialize for JoinableQueue<T, C> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.0.bound.object(), to)
    }
}

impl<'de, T, C> Deserialize<'de> for JoinableQueue<T, C> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(Self::spec(), from, |object| Queue::bind(object).map(Self))
    }
}
