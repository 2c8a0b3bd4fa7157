//! [`Receiver`]: the half of a connection that receives.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::queue::patience::Patience;

use super::RecvError;
use super::inlet::Inlet;

/// The half of a [`Connection`](super::Connection) that receives; made by
/// [`Connection::split`](super::Connection::split).
///
/// It may move between threads. When it is dropped, its direction is closed.
///
/// # If a process dies
///
/// As for [`Connection`](super::Connection).
pub struct Receiver<T> {
    pub(super) inlet: Inlet,
    pub(super) of: PhantomData<fn() -> T>,
}

impl<T> Receiver<T> {
    /// Whether there is something to receive: a whole message, the end of file, or a message that
    /// is an error.
    ///
    /// # Errors
    ///
    /// Those of [`RecvError::Broken`].
    pub fn poll(&mut self) -> Result<bool> {
        self.inlet.poll(Patience::Not)
    }

    /// Whether there is something to receive, sleeping until then, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// The one at the other end: then there is something to receive, at least the end of file.
    ///
    /// # Errors
    ///
    /// As [`Receiver::poll`].
    pub fn poll_timeout(&mut self, limit: Duration) -> Result<bool> {
        self.inlet.poll(Patience::For(limit))
    }

    /// Whether there is something to receive, sleeping until then, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// As [`Receiver::poll_timeout`].
    ///
    /// # Errors
    ///
    /// As [`Receiver::poll`].
    pub fn poll_deadline(&mut self, instant: Instant) -> Result<bool> {
        self.inlet.poll(Patience::Until(instant))
    }

    /// The bytes of the next message, sleeping until there is one.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// As [`Receiver::recv`].
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, RecvError> {
        self.inlet.recv_bytes(Patience::Ever)
    }

    /// The bytes of the next message if there is one.
    ///
    /// # Errors
    ///
    /// [`RecvError::Empty`] where there is none; otherwise as [`Receiver::recv`].
    pub fn try_recv_bytes(&mut self) -> Result<Vec<u8>, RecvError> {
        self.inlet.recv_bytes(Patience::Not)
    }

    /// The bytes of the next message, sleeping until there is one, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Receiver::recv`].
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// [`RecvError::Empty`] after `limit`; otherwise as [`Receiver::recv`].
    pub fn recv_bytes_timeout(&mut self, limit: Duration) -> Result<Vec<u8>, RecvError> {
        self.inlet.recv_bytes(Patience::For(limit))
    }

    /// The bytes of the next message, sleeping until there is one, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Receiver::recv`].
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// As [`Receiver::recv_bytes_timeout`].
    pub fn recv_bytes_deadline(&mut self, instant: Instant) -> Result<Vec<u8>, RecvError> {
        self.inlet.recv_bytes(Patience::Until(instant))
    }

    /// Says for ever that nothing more is wanted. What came can still be received; over TCP the
    /// other end is not told. Closing again changes nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotOwner`](crate::ErrorKind::NotOwner) in a child forked since the connection
    /// was made.
    pub fn close(&mut self) -> Result<()> {
        self.inlet.close()
    }

    /// Bytes of the longest message that is received.
    #[must_use]
    pub fn max_message(&self) -> usize {
        self.inlet.most
    }

    /// Sets [`Receiver::max_message`], 256 MiB at first. A longer one is [`RecvError::Decode`], and
    /// is passed over.
    ///
    /// That is also the most memory that the other end can make this process use for a message; it
    /// is taken as the bytes come: never more than 1 MiB because of what a length says.
    pub fn set_max_message(&mut self, bytes: usize) {
        self.inlet.most = bytes;
    }
}

impl<T: DeserializeOwned> Receiver<T> {
    /// The next message, sleeping until there is one.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// [`RecvError::Disconnected`] where there is no message, and the other end is closed or gone;
    /// [`RecvError::Decode`] where the message is none of this type, or too long;
    /// [`RecvError::Broken`] where what came is garbage, or another process has the connection.
    pub fn recv(&mut self) -> Result<T, RecvError> {
        self.inlet.recv(Patience::Ever)
    }

    /// The next message if there is one.
    ///
    /// # Errors
    ///
    /// [`RecvError::Empty`] where there is none; otherwise as [`Receiver::recv`].
    pub fn try_recv(&mut self) -> Result<T, RecvError> {
        self.inlet.recv(Patience::Not)
    }

    /// The next message, sleeping until there is one, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Receiver::recv`].
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// [`RecvError::Empty`] after `limit`; otherwise as [`Receiver::recv`].
    pub fn recv_timeout(&mut self, limit: Duration) -> Result<T, RecvError> {
        self.inlet.recv(Patience::For(limit))
    }

    /// The next message, sleeping until there is one, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Receiver::recv`].
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// As [`Receiver::recv_timeout`].
    pub fn recv_deadline(&mut self, instant: Instant) -> Result<T, RecvError> {
        self.inlet.recv(Patience::Until(instant))
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("line", &self.inlet.line)
            .finish_non_exhaustive()
    }
}
