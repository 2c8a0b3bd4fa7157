//! [`Receiver`]: the end that messages come out of.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::queue::message::decode;
use crate::queue::patience::Patience;
use crate::raw::spsc::Head;
use crate::segment::Bound;

use super::RecvError;
use super::arrival::Next;
use super::frame::{HEAD, IN_FIRST};
use super::frames::Frames;
use super::inbox::{Inbox, bytes as in_memory};
use super::side::Side;

/// The end of a pipe that messages come out of; made by [`one_way`](super::one_way),
/// [`pipe`](super::pipe()) and [`Pipe::receiver`](super::Pipe::receiver).
///
/// An end belongs to one handle of one process. One that comes from `one_way` or `pipe` is nobody's
/// yet: it becomes this process's when it is first used, or another's that it is sent to (serde)
/// before that. It may move between threads, and is given back when dropped.
///
/// # If a process dies
///
/// The sender's: what it had sent is received; then the receiver gets
/// [`RecvError::Disconnected`]. What it had not finished sending is never seen. Our own: a message
/// that was not received is there for the next one who takes this end, unless it is larger than the
/// pipe and part of it was received already: then the next one begins with the message after it.
pub struct Receiver<T> {
    pub(super) side: Side<Head>,
    /// Messages that are larger than the pipe come here in parts.
    pub(super) inbox: Inbox,
    /// For messages of more than one frame, from one time to the next.
    copy: Vec<u8>,
    of: PhantomData<fn() -> T>,
}

impl<T> Receiver<T> {
    /// Bytes that a receiver keeps for the next message.
    const KEPT: usize = 1 << 20;

    /// An end for whoever takes it first.
    pub(super) fn free(bound: Bound<Frames>) -> Self {
        Self::new(Side::free(bound))
    }

    /// An end of this process.
    pub(super) fn taken(bound: Bound<Frames>) -> Result<Self> {
        Ok(Self::new(Side::taken(bound)?))
    }

    fn new(side: Side<Head>) -> Self {
        Self {
            side,
            inbox: Inbox::default(),
            copy: Vec::new(),
            of: PhantomData,
        }
    }

    /// Whether there is something to receive: a whole message, or the end of file.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InUse`](crate::ErrorKind::InUse) or
    /// [`ErrorKind::NotOwner`](crate::ErrorKind::NotOwner) where another process has this end.
    pub fn poll(&mut self) -> Result<bool> {
        self.poll_until(Patience::Not)
    }

    /// Whether there is something to receive, sleeping until then, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Receiver::recv_bytes`].
    ///
    /// # If a process dies
    ///
    /// The sender's: then there is something to receive, at least the end of file.
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
    /// As [`Receiver::recv_bytes`].
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

    /// Says for ever that nothing more is wanted: the sender is refused from now on. Closing again
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Pipe::close`](super::Pipe::close).
    pub fn close(&mut self) -> Result<()> {
        self.side.close()
    }

    fn poll_until(&mut self, patience: Patience) -> Result<bool> {
        match self.next(patience) {
            Ok(_) | Err(RecvError::Disconnected { .. }) => Ok(true),
            Err(RecvError::Broken(error)) => Err(error),
            Err(_) => Ok(false),
        }
    }
}

impl<T: DeserializeOwned> Receiver<T> {
    /// The next message, sleeping until there is one.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// See [`Receiver`].
    ///
    /// # Errors
    ///
    /// [`RecvError::Disconnected`] where there is no message, and the pipe is closed or its sender
    /// has left or died; [`RecvError::Decode`] where the message is none of this type;
    /// [`RecvError::Broken`] where another process has this end.
    #[inline]
    pub fn recv(&mut self) -> Result<T, RecvError> {
        self.recv_until(Patience::Ever)
    }

    /// The next message if there is one.
    ///
    /// That the sender has died may be noticed some milliseconds late.
    ///
    /// # Errors
    ///
    /// [`RecvError::Empty`] where there is none; otherwise as [`Receiver::recv`].
    #[inline]
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
    /// See [`Receiver`].
    ///
    /// # Errors
    ///
    /// [`RecvError::Empty`] after `limit`; otherwise as [`Receiver::recv`].
    #[inline]
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
    /// See [`Receiver`].
    ///
    /// # Errors
    ///
    /// As [`Receiver::recv_timeout`].
    #[inline]
    pub fn recv_deadline(&mut self, instant: Instant) -> Result<T, RecvError> {
        self.recv_until(Patience::Until(instant))
    }

    #[inline]
    fn recv_until(&mut self, patience: Patience) -> Result<T, RecvError> {
        match self.next(patience)? {
            Next::InRing { len } if len <= IN_FIRST as u64 => {
                let position = self.side.place.as_ref().map_or(0, Head::position);
                // A copy of our own: nobody writes it while it is decoded.
                let frame = self.side.bound.view().read(position);
                self.consume(1);
                let bytes = frame.get(HEAD..HEAD + in_memory(len));
                decode(bytes.unwrap_or_default()).map_err(RecvError::Decode)
            }
            next => self.decode_long(next),
        }
    }

    #[cold]
    fn decode_long(&mut self, next: Next) -> Result<T, RecvError> {
        let mut bytes = match next {
            Next::InRing { len } => {
                let mut bytes = std::mem::take(&mut self.copy);
                bytes.resize(in_memory(len), 0);
                self.copy_out(&mut bytes);
                bytes
            }
            Next::InInbox => self.inbox.take(),
        };
        let message = decode(&bytes).map_err(RecvError::Decode);
        bytes.clear();
        if bytes.capacity() <= Self::KEPT {
            self.copy = bytes;
        }
        message
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("at", self.side.bound.object())
            .field("taken", &self.side.place.is_some())
            .finish_non_exhaustive()
    }
}
