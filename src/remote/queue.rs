//! [`RemoteQueue`]: a queue of another process, behind a connection.

mod delivery;
mod extent;
mod service;

use std::marker::PhantomData;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::queue::messages::{CodecError, GetError, PutError};
use crate::queue::patience::Patience;

pub use delivery::RemoteDelivery;
pub(super) use service::Service;

use super::link::{Link, failed, nonsense};
use super::service::Limit;

/// What a client asks for.
#[derive(Debug, Serialize, Deserialize)]
enum Ask<T> {
    Put(T, Limit),
    /// Answered with an item, to which [`Ask::Ack`] or [`Ask::Nack`] is the answer.
    Get(Limit),
    Ack,
    Nack,
    Len,
    IsClosed,
    Close,
}

/// What the server answers.
#[derive(Debug, Serialize, Deserialize)]
enum Answer<T> {
    Done,
    Len(u64),
    IsClosed(bool),
    /// With how often it was delivered.
    Item(T, u32),
    NotNow,
    Closed,
    TooLarge {
        needs: u64,
        limit: u64,
    },
    /// The codec of the queue refused.
    Refused(String),
    Failed(String),
}

/// A [`Queue`](crate::Queue) that a [`Server`](super::Server) serves; made by
/// [`Remote::queue`](super::Remote::queue).
///
/// It has a connection of its own, for one call at a time. The waiting is done at the server: a
/// limit ends there, and the answer has the way back before it. A message that is longer than the server's
/// [`max_message`](super::ServerBuilder::max_message) is an error for who asks, and stays the next one.
///
/// # If a process dies
///
/// The server's: every call is an error, and what the call under way was to put is there or not. Its own: while it waits, nobody
/// notices. With a message that it has taken: the server puts it back unless the acknowledgement
/// has come, and it is delivered again, to somebody else. So a message is delivered at least once
/// while the server and the queue live, and twice only where a client, or the connection, went between taking
/// it and the arrival of the acknowledgement. A queue whose redelivery is
/// [`Redelivery::Drop`](crate::queue::messages::Redelivery::Drop) loses it where the *server* dies with it.
#[derive(Debug)]
pub struct RemoteQueue<T> {
    link: Link,
    of: PhantomData<fn(T) -> T>,
}

impl<T: Serialize + DeserializeOwned> RemoteQueue<T> {
    pub(super) fn over(link: Link) -> Self {
        Self {
            link,
            of: PhantomData,
        }
    }

    /// Puts `item` in, waiting until there is room. When it returns, the message is in the queue.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteQueue`].
    ///
    /// # Errors
    ///
    /// Those of [`Queue::put`](crate::Queue::put). [`PutError::Broken`] where the connection is
    /// lost: if that was known only afterwards, the message is there or not.
    pub fn put(&mut self, item: &T) -> Result<(), PutError> {
        self.put_within(item, None)
    }

    /// Puts `item` in if there is room.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteQueue`].
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] where there is none; otherwise as [`RemoteQueue::put`].
    #[doc(alias = "put_nowait")]
    pub fn try_put(&mut self, item: &T) -> Result<(), PutError> {
        self.put_within(item, Some(Duration::ZERO))
    }

    /// Puts `item` in, waiting until there is room, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`RemoteQueue::put`].
    ///
    /// # If a process dies
    ///
    /// See [`RemoteQueue`].
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] after `limit`; otherwise as [`RemoteQueue::put`].
    pub fn put_timeout(&mut self, item: &T, limit: Duration) -> Result<(), PutError> {
        self.put_within(item, Some(limit))
    }

    /// Puts `item` in, waiting until there is room, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`RemoteQueue::put`].
    ///
    /// # If a process dies
    ///
    /// See [`RemoteQueue`].
    ///
    /// # Errors
    ///
    /// As [`RemoteQueue::put_timeout`].
    pub fn put_deadline(&mut self, item: &T, instant: Instant) -> Result<(), PutError> {
        self.put_within(item, Some(until(instant)))
    }

    /// Takes a message out, waiting until there is one. It is acknowledged on arrival.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteQueue`].
    ///
    /// # Errors
    ///
    /// Those of [`Queue::get`](crate::Queue::get). [`GetError::Broken`] where the connection is lost:
    /// a message that was under way is delivered to somebody else.
    pub fn get(&mut self) -> Result<T, GetError> {
        self.get_within(None)
    }

    /// Takes a message out if there is one.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// See [`RemoteQueue`].
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] where there is none; otherwise as [`RemoteQueue::get`].
    #[doc(alias = "get_nowait")]
    pub fn try_get(&mut self) -> Result<T, GetError> {
        self.get_within(Some(Duration::ZERO))
    }

    /// Takes a message out, waiting until there is one, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`RemoteQueue::get`].
    ///
    /// # If a process dies
    ///
    /// See [`RemoteQueue`].
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] after `limit`; otherwise as [`RemoteQueue::get`].
    pub fn get_timeout(&mut self, limit: Duration) -> Result<T, GetError> {
        self.get_within(Some(limit))
    }

    /// Takes a message out, waiting until there is one, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`RemoteQueue::get`].
    ///
    /// # If a process dies
    ///
    /// See [`RemoteQueue`].
    ///
    /// # Errors
    ///
    /// As [`RemoteQueue::get_timeout`].
    pub fn get_deadline(&mut self, instant: Instant) -> Result<T, GetError> {
        self.get_within(Some(until(instant)))
    }

    /// Takes a message that is delivered again unless it is dealt with, waiting until there is one.
    ///
    /// # Blocking
    ///
    /// As [`RemoteQueue::get`].
    ///
    /// # If a process dies
    ///
    /// With the [`RemoteDelivery`]: it is delivered again to somebody else.
    ///
    /// # Errors
    ///
    /// As [`RemoteQueue::get`].
    pub fn receive(&mut self) -> Result<RemoteDelivery<'_, T>, GetError> {
        self.receive_within(None)
    }

    /// As [`RemoteQueue::receive`], if there is a message.
    ///
    /// # Blocking
    ///
    /// Until the server answers.
    ///
    /// # If a process dies
    ///
    /// As [`RemoteQueue::receive`].
    ///
    /// # Errors
    ///
    /// As [`RemoteQueue::try_get`].
    pub fn try_receive(&mut self) -> Result<RemoteDelivery<'_, T>, GetError> {
        self.receive_within(Some(Duration::ZERO))
    }

    /// As [`RemoteQueue::receive`], waiting not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`RemoteQueue::get`].
    ///
    /// # If a process dies
    ///
    /// As [`RemoteQueue::receive`].
    ///
    /// # Errors
    ///
    /// As [`RemoteQueue::get_timeout`].
    pub fn receive_timeout(&mut self, limit: Duration) -> Result<RemoteDelivery<'_, T>, GetError> {
        self.receive_within(Some(limit))
    }

    /// As [`RemoteQueue::receive`], waiting not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`RemoteQueue::get`].
    ///
    /// # If a process dies
    ///
    /// As [`RemoteQueue::receive`].
    ///
    /// # Errors
    ///
    /// As [`RemoteQueue::get_deadline`].
    pub fn receive_deadline(
        &mut self,
        instant: Instant,
    ) -> Result<RemoteDelivery<'_, T>, GetError> {
        self.receive_within(Some(until(instant)))
    }

    fn ask(&mut self, ask: &Ask<&T>, limit: Limit) -> Result<Answer<T>> {
        self.link.ask(ask, limit)
    }

    fn put_within(&mut self, item: &T, limit: Limit) -> Result<(), PutError> {
        let asked = self.ask(&Ask::Put(item, limit), limit);
        let bytes = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        match asked.map_err(PutError::Broken)? {
            Answer::Done => Ok(()),
            Answer::NotNow => Err(PutError::Full),
            Answer::Closed => Err(PutError::Closed),
            Answer::TooLarge { needs, limit } => Err(PutError::TooLarge {
                needs: bytes(needs),
                limit: bytes(limit),
            }),
            Answer::Refused(why) => Err(PutError::Unencodable(CodecError::new(why))),
            other => Err(PutError::Broken(unexpected(other))),
        }
    }

    fn get_within(&mut self, limit: Limit) -> Result<T, GetError> {
        let (item, _) = self.take(limit)?;
        // Where that does not arrive, somebody else gets it too.
        let _ = self.say(Ask::Ack, Patience::Ever);
        Ok(item)
    }

    fn receive_within(&mut self, limit: Limit) -> Result<RemoteDelivery<'_, T>, GetError> {
        let (item, deliveries) = self.take(limit)?;
        Ok(RemoteDelivery::new(self, item, deliveries))
    }

    fn take(&mut self, limit: Limit) -> Result<(T, u32), GetError> {
        let asked = self.ask(&Ask::Get(limit), limit);
        match asked.map_err(GetError::Broken)? {
            Answer::Item(item, deliveries) => Ok((item, deliveries)),
            Answer::NotNow => Err(GetError::Empty),
            Answer::Closed => Err(GetError::Closed),
            Answer::Refused(why) => Err(GetError::Undecodable(CodecError::new(why))),
            other => Err(GetError::Broken(unexpected(other))),
        }
    }
}

impl<T> RemoteQueue<T> {
    fn say(&mut self, ask: Ask<()>, patience: Patience) -> Result<()> {
        self.link.say(&ask, patience)
    }
}

fn until(instant: Instant) -> Duration {
    instant.saturating_duration_since(Instant::now())
}

fn unexpected<T>(answer: Answer<T>) -> Error {
    match answer {
        Answer::Failed(why) => failed(why),
        _ => nonsense(),
    }
}
