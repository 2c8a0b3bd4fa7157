//! [`Receiver`]: the direction of an end that messages come in by.

use std::fmt;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::queue::message::decode;
use crate::queue::patience::Patience;

use super::end::End;
use super::fd::hand_out;
use super::inbox::{Bounds, Inbox};
use super::{MOST_BYTES, MOST_DESCRIPTORS, RecvError};

/// The half of a [`Connection`](super::Connection) that receives; made by
/// [`Connection::split`](super::Connection::split).
///
/// It may move between threads. When a half that `split` gave is dropped, its direction is closed.
///
/// # If a process dies
///
/// As for [`Connection`](super::Connection).
pub struct Receiver<T> {
    pub(super) end: End,
    pub(super) bounds: Bounds,
    /// Messages come here packet by packet.
    pub(super) inbox: Inbox,
    /// A packet as it comes; empty until the first use.
    pub(super) packet: Vec<u8>,
    /// Descriptors of a packet as it comes.
    pub(super) fds: Vec<OwnedFd>,
    /// What a look at the socket met, and the next message is to be told.
    pub(super) trouble: Option<RecvError>,
    /// The end of file was reached.
    pub(super) has_ended: bool,
    of: PhantomData<fn() -> T>,
}

impl<T> Receiver<T> {
    /// Bytes that a receiver keeps for the next message.
    const KEPT: usize = 1 << 20;

    pub(super) fn new(end: End) -> Self {
        Self {
            end,
            bounds: Bounds {
                bytes: MOST_BYTES,
                fds: MOST_DESCRIPTORS,
            },
            inbox: Inbox::default(),
            packet: Vec::new(),
            fds: Vec::new(),
            trouble: None,
            has_ended: false,
            of: PhantomData,
        }
    }

    /// Whether there is something to receive: a whole message, the end of file, or a message that
    /// is an error.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotOwner`] in a child forked since the end was used, [`ErrorKind::WrongType`]
    /// where it is none.
    pub fn poll(&mut self) -> Result<bool> {
        self.poll_until(Patience::Not)
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
        self.poll_until(Patience::For(limit))
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
        self.poll_until(Patience::Until(instant))
    }

    /// Says for ever that nothing more is wanted: the other end is refused from now on; what it has
    /// sent can still be received. Closing again changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Receiver::poll`].
    pub fn close(&mut self) -> Result<()> {
        self.end.check()?;
        self.end.close()
    }

    /// Bytes of the longest message that is received.
    #[must_use]
    pub fn max_message(&self) -> usize {
        self.bounds.bytes
    }

    /// Sets [`Receiver::max_message`], 256 MiB at first. A longer one is [`RecvError::Decode`], and
    /// is passed over.
    ///
    /// That is also the most memory that somebody at the other end can make this process use for a
    /// message; it is taken as the bytes come, and not because of what a length says.
    pub fn set_max_message(&mut self, bytes: usize) {
        self.bounds.bytes = bytes;
    }

    /// Most descriptors of a message that is received.
    #[must_use]
    pub fn max_fds(&self) -> usize {
        self.bounds.fds
    }

    /// Sets [`Receiver::max_fds`], 1024 at first. A message with more is [`RecvError::Fds`], and is
    /// passed over. While one comes, up to 253 more may be open for a moment.
    pub fn set_max_fds(&mut self, count: usize) {
        self.bounds.fds = count;
    }

    fn poll_until(&mut self, patience: Patience) -> Result<bool> {
        match self.next(patience) {
            Ok(()) | Err(RecvError::Disconnected) => Ok(true),
            Err(RecvError::Empty | RecvError::TooShort { .. }) => Ok(false),
            Err(RecvError::Broken(error)) => Err(error),
            Err(trouble) => {
                self.trouble = Some(trouble);
                Ok(true)
            }
        }
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
    /// [`RecvError::Decode`] where the message is none of this type, or too long; [`RecvError::Fds`]
    /// where it has descriptors that did not come; [`RecvError::Broken`] where the end is none, or
    /// another process has it.
    pub fn recv(&mut self) -> Result<T, RecvError> {
        self.recv_until(Patience::Ever)
    }

    /// The next message if there is one.
    ///
    /// # Errors
    ///
    /// [`RecvError::Empty`] where there is none; otherwise as [`Receiver::recv`].
    pub fn try_recv(&mut self) -> Result<T, RecvError> {
        self.recv_until(Patience::Not)
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
        self.recv_until(Patience::For(limit))
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
        self.recv_until(Patience::Until(instant))
    }

    fn recv_until(&mut self, patience: Patience) -> Result<T, RecvError> {
        self.next(patience)?;
        let (bytes, fds) = self.inbox.take();
        let (read, rest) = hand_out(fds, || decode(&bytes));
        let message = read.map_err(|error| match rest.is_missing {
            true => missing::<T>(),
            false => RecvError::Decode(error),
        });
        if bytes.capacity() <= Self::KEPT {
            self.inbox.reuse(bytes);
        }
        message
    }
}

#[cold]
fn missing<T>() -> RecvError {
    let doing = format!("receive a {} with a descriptor", std::any::type_name::<T>());
    RecvError::Fds(
        Error::new(ErrorKind::Decode, doing)
            .advise("the message names one that did not come with it"),
    )
}

impl<T> AsFd for Receiver<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("at", &self.end.as_fd())
            .finish_non_exhaustive()
    }
}
