//! [`Connection`]: a sender and a receiver, to and from the same place.

use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::Result;

use super::{Receiver, RecvError, SendError, Sender};

/// One end of a pipe of two directions: it sends `S`, and receives `R`; made by
/// [`pipe`](super::pipe()) and [`duplex`](super::duplex), or of two halves by [`Connection::new`].
///
/// What is said of [`Sender`] and [`Receiver`] holds for the halves, which [`Connection::split`]
/// gives one by one.
///
/// # If a process dies
///
/// The one at the other end: what it had sent is received, then comes
/// [`RecvError::Disconnected`]; sending is [`SendError::Disconnected`] at once. See [`Sender`] and
/// [`Receiver`].
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Connection<S, R = S> {
    sender: Sender<S>,
    pub(super) receiver: Receiver<R>,
}

impl<S, R> Connection<S, R> {
    /// A connection of two halves.
    #[must_use]
    pub fn new(sender: Sender<S>, receiver: Receiver<R>) -> Self {
        Self { sender, receiver }
    }

    /// The halves, each for itself.
    #[must_use]
    pub fn split(self) -> (Sender<S>, Receiver<R>) {
        (self.sender, self.receiver)
    }

    /// The half that sends.
    pub fn sender(&mut self) -> &mut Sender<S> {
        &mut self.sender
    }

    /// The half that receives.
    pub fn receiver(&mut self) -> &mut Receiver<R> {
        &mut self.receiver
    }

    /// As [`Sender::send_bytes`]; its other forms are those of [`Connection::sender`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.sender.send_bytes(bytes)
    }

    /// As [`Receiver::recv_bytes`]; its other forms are those of [`Connection::receiver`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, RecvError> {
        self.receiver.recv_bytes()
    }

    /// As [`Receiver::recv_bytes_into`]; its other forms are those of [`Connection::receiver`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        self.receiver.recv_bytes_into(buffer)
    }

    /// As [`Receiver::poll`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll(&mut self) -> Result<bool> {
        self.receiver.poll()
    }

    /// As [`Receiver::poll_timeout`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// As there.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_timeout(&mut self, limit: Duration) -> Result<bool> {
        self.receiver.poll_timeout(limit)
    }

    /// As [`Receiver::poll_deadline`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// As there.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_deadline(&mut self, instant: Instant) -> Result<bool> {
        self.receiver.poll_deadline(instant)
    }

    /// Closes both directions for ever: the other end gets what was sent, and is then told. Closing
    /// again changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Pipe::close`](super::Pipe::close).
    pub fn close(&mut self) -> Result<()> {
        self.sender.close()?;
        self.receiver.close()
    }
}

impl<S: Serialize, R> Connection<S, R> {
    /// As [`Sender::send`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn send(&mut self, message: &S) -> Result<(), SendError> {
        self.sender.send(message)
    }

    /// As [`Sender::try_send`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn try_send(&mut self, message: &S) -> Result<(), SendError> {
        self.sender.try_send(message)
    }

    /// As [`Sender::send_timeout`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn send_timeout(&mut self, message: &S, limit: Duration) -> Result<(), SendError> {
        self.sender.send_timeout(message, limit)
    }

    /// As [`Sender::send_deadline`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn send_deadline(&mut self, message: &S, instant: Instant) -> Result<(), SendError> {
        self.sender.send_deadline(message, instant)
    }
}

impl<S, R: DeserializeOwned> Connection<S, R> {
    /// As [`Receiver::recv`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn recv(&mut self) -> Result<R, RecvError> {
        self.receiver.recv()
    }

    /// As [`Receiver::try_recv`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn try_recv(&mut self) -> Result<R, RecvError> {
        self.receiver.try_recv()
    }

    /// As [`Receiver::recv_timeout`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn recv_timeout(&mut self, limit: Duration) -> Result<R, RecvError> {
        self.receiver.recv_timeout(limit)
    }

    /// As [`Receiver::recv_deadline`].
    ///
    /// # Blocking
    ///
    /// As there.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn recv_deadline(&mut self, instant: Instant) -> Result<R, RecvError> {
        self.receiver.recv_deadline(instant)
    }
}
