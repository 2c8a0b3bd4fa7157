//! How much a remote queue has, and its end.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::remote::link::nonsense;

use super::{Answer, Ask, RemoteQueue};

impl<T: Serialize + DeserializeOwned> RemoteQueue<T> {
    /// Messages that wait to be taken. It may change at once.
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
    /// Those of a lost connection: see [`Remote`](crate::remote::Remote).
    #[doc(alias = "qsize")]
    pub fn len(&mut self) -> Result<usize> {
        match self.ask(&Ask::Len, Some(Duration::ZERO))? {
            Answer::Len(len) => Ok(usize::try_from(len).unwrap_or(usize::MAX)),
            _ => Err(nonsense()),
        }
    }

    /// Whether there is nothing to take. It may change at once.
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
    /// As [`RemoteQueue::len`].
    pub fn is_empty(&mut self) -> Result<bool> {
        self.len().map(|len| len == 0)
    }

    /// Whether the queue was closed; it stays so.
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
    /// As [`RemoteQueue::len`].
    pub fn is_closed(&mut self) -> Result<bool> {
        match self.ask(&Ask::IsClosed, Some(Duration::ZERO))? {
            Answer::IsClosed(is_closed) => Ok(is_closed),
            _ => Err(nonsense()),
        }
    }

    /// Says for ever that nothing more is to come: see [`Queue::close`](crate::Queue::close).
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
    /// As [`RemoteQueue::len`].
    pub fn close(&mut self) -> Result<()> {
        match self.ask(&Ask::Close, Some(Duration::ZERO))? {
            Answer::Done => Ok(()),
            _ => Err(nonsense()),
        }
    }
}
