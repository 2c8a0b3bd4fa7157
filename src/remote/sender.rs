//! [`Sender`]: the half of a connection that sends.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::error::Result;
use crate::queue::patience::Patience;

use super::SendError;
use super::outlet::Outlet;

/// The half of a [`Connection`](super::Connection) that sends; made by
/// [`Connection::split`](super::Connection::split).
///
/// It may move between threads. When it is dropped, its direction is closed.
///
/// # If a process dies
///
/// As for [`Connection`](super::Connection).
pub struct Sender<T> {
    pub(super) outlet: Outlet,
    pub(super) of: PhantomData<fn(&T)>,
}

impl<T> Sender<T> {
    /// Sends bytes as they are, sleeping until there is room. They are received whole or not at all.
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
    /// [`SendError::Disconnected`] where the other end is closed or gone, [`SendError::TooLong`]
    /// where there are more bytes than [`Sender::max_message`], [`SendError::Broken`] where another
    /// process has the connection.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.outlet.send_bytes(bytes, Patience::Ever)
    }

    /// Sends bytes if there is room for them now.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] where there is none; [`SendError::TooLong`] where there are more than
    /// 60 KiB; otherwise as [`Sender::send_bytes`].
    pub fn try_send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.outlet.send_bytes(bytes, Patience::Not)
    }

    /// Sends bytes, sleeping until there is room, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Sender::send_bytes`].
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] after `limit`; otherwise as [`Sender::send_bytes`].
    pub fn send_bytes_timeout(&mut self, bytes: &[u8], limit: Duration) -> Result<(), SendError> {
        self.outlet.send_bytes(bytes, Patience::For(limit))
    }

    /// Sends bytes, sleeping until there is room, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Sender::send_bytes`].
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// As [`Sender::send_bytes_timeout`].
    pub fn send_bytes_deadline(&mut self, bytes: &[u8], instant: Instant) -> Result<(), SendError> {
        self.outlet.send_bytes(bytes, Patience::Until(instant))
    }

    /// Says for ever that nothing more is to come: the other end gets what was sent, and is then
    /// told. Closing again changes nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotOwner`](crate::ErrorKind::NotOwner) in a child forked since the connection
    /// was made.
    pub fn close(&mut self) -> Result<()> {
        self.outlet.close()
    }

    /// Bytes of the longest message that is sent.
    #[must_use]
    pub fn max_message(&self) -> usize {
        self.outlet.most
    }

    /// Sets [`Sender::max_message`], 256 MiB at first. The other side has a bound of its own.
    pub fn set_max_message(&mut self, bytes: usize) {
        self.outlet.most = bytes;
    }
}

impl<T: Serialize> Sender<T> {
    /// Sends a message, sleeping until there is room. It is received whole or not at all.
    ///
    /// That it is sent does not say that it is received: the other process may die before, or the
    /// network fail. Have the other side answer where that matters.
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
    /// [`SendError::Disconnected`] where the other end is closed or gone, [`SendError::Encode`]
    /// where the message cannot be written as bytes, [`SendError::TooLong`] where it has more of
    /// them than [`Sender::max_message`], [`SendError::Broken`] where another process has the
    /// connection.
    pub fn send(&mut self, message: &T) -> Result<(), SendError> {
        self.outlet.send(message, Patience::Ever)
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] where there is none; [`SendError::TooLong`] where it has more than
    /// 60 KiB; otherwise as [`Sender::send`].
    pub fn try_send(&mut self, message: &T) -> Result<(), SendError> {
        self.outlet.send(message, Patience::Not)
    }

    /// Sends a message, sleeping until there is room, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Sender::send`].
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] after `limit`: nothing of the message will be received. Otherwise as
    /// [`Sender::send`].
    pub fn send_timeout(&mut self, message: &T, limit: Duration) -> Result<(), SendError> {
        self.outlet.send(message, Patience::For(limit))
    }

    /// Sends a message, sleeping until there is room, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Sender::send`].
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// As [`Sender::send_timeout`].
    pub fn send_deadline(&mut self, message: &T, instant: Instant) -> Result<(), SendError> {
        self.outlet.send(message, Patience::Until(instant))
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("line", &self.outlet.line)
            .finish_non_exhaustive()
    }
}
