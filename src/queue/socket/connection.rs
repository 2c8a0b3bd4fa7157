//! [`Connection`]: one end of a socket, in both directions.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

use super::end::End;
use super::{Receiver, RecvError, SendError, Sender};

/// One end of a socket: it sends `S`, and receives `R`; made by [`pair`](super::pair), or of a
/// descriptor that came from another process.
///
/// An end is for one handle of one process, and may move between threads. It becomes this process's
/// when it is first used: a child forked after that gets [`ErrorKind::NotOwner`], a child forked
/// before it can use it in our place. It is closed when it is dropped; the other end is told when
/// nobody has a copy of the descriptor any more.
///
/// What is said of [`Sender`] and [`Receiver`] holds for the halves, which [`Connection::split`]
/// gives one by one.
///
/// # If a process dies
///
/// The one at the other end: what it had sent is received whole, with its descriptors; of a message
/// that it had not finished nothing is, and the descriptors of it that came are closed. Then comes
/// [`RecvError::Disconnected`]; sending is [`SendError::Disconnected`] at once. The kernel tells of
/// it, so nobody waits for the dead. Our own: a message that was not received is lost with the end,
/// unless somebody else has a copy of it: that one begins with the next message of which no part was
/// received.
pub struct Connection<S, R = S> {
    sender: Sender<S>,
    receiver: Receiver<R>,
}

impl<S, R> Connection<S, R> {
    /// The halves, each for itself, of this process: a direction is closed, for all who have a copy
    /// of this end, when its half is dropped.
    #[must_use]
    pub fn split(self) -> (Sender<S>, Receiver<R>) {
        let (mut sender, mut receiver) = (self.sender, self.receiver);
        sender.end.part();
        receiver.end.part();
        (sender, receiver)
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

    /// Closes both directions for ever, for all who have a copy of this end: the other end gets what
    /// was sent, and is then told. Closing again changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Sender::close`].
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

/// The descriptor of an end, perhaps inherited, perhaps received. That it is one is seen when it is
/// first used.
impl<S, R> From<OwnedFd> for Connection<S, R> {
    fn from(fd: OwnedFd) -> Self {
        let (out, inward) = End::both(fd);
        Self {
            sender: Sender::new(out),
            receiver: Receiver::new(inward),
        }
    }
}

/// The descriptor of an end, for another process: as standard input of a child, say. What was
/// received of a message that is not finished, and a message that was kept, is lost.
///
/// An error only where the halves of two connections were exchanged.
impl<S, R> TryFrom<Connection<S, R>> for OwnedFd {
    type Error = Error;

    fn try_from(connection: Connection<S, R>) -> Result<Self> {
        let fd = connection.sender.end.shared();
        drop(connection);
        Arc::into_inner(fd).ok_or_else(|| {
            Error::new(ErrorKind::InUse, "take the descriptor of an end")
                .advise("its halves belong to two connections")
        })
    }
}

/// To wait for this end among other descriptors, with `poll` or the like: readable when a packet or
/// the end of file is there. Call [`Connection::poll`] before, for what has been read already, and
/// after, for a packet may be only a part of a message.
impl<S, R> AsFd for Connection<S, R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.receiver.as_fd()
    }
}

impl<S, R> fmt::Debug for Connection<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("at", &self.receiver.as_fd())
            .finish_non_exhaustive()
    }
}
