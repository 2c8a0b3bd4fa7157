//! [`Sender`]: the end that messages go into.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::queue::message;
use crate::queue::patience::Patience;
use crate::raw::spsc::Tail;
use crate::segment::Bound;

use super::SendError;
use super::frame::frames_of;
use super::frames::Frames;
use super::side::Side;

/// The end of a pipe that messages go into; made by [`one_way`](super::one_way),
/// [`pipe`](super::pipe()) and [`Pipe::sender`](super::Pipe::sender).
///
/// An end belongs to one handle of one process. One that comes from `one_way` or `pipe` is nobody's
/// yet: it becomes this process's when it is first used, or another's that it is sent to (serde)
/// before that. It may move between threads, and is given back when dropped.
///
/// # If a process dies
///
/// The receiver's: from then on nothing is sent, see [`SendError::Disconnected`]; what it had not
/// received is there for the next one who takes its end. Our own: what was sent is received; a
/// message that was being sent is not, not even in part.
pub struct Sender<T> {
    pub(super) side: Side<Tail>,
    pub(super) of: PhantomData<fn(&T)>,
}

impl<T> Sender<T> {
    /// An end for whoever takes it first.
    pub(super) fn free(bound: Bound<Frames>) -> Self {
        Self {
            side: Side::free(bound),
            of: PhantomData,
        }
    }

    /// An end of this process.
    pub(super) fn taken(bound: Bound<Frames>) -> Result<Self> {
        Ok(Self {
            side: Side::taken(bound)?,
            of: PhantomData,
        })
    }

    /// Sends bytes as they are, sleeping until there is room for all of them. A message that is
    /// larger than the pipe goes through it in parts, and is still received whole or not at all.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// See [`Sender`].
    ///
    /// # Errors
    ///
    /// [`SendError::Disconnected`] where the pipe is closed or its receiver has left or died,
    /// [`SendError::Broken`] where another process has this end.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.send_bytes_until(bytes, Patience::Ever)
    }

    /// Sends bytes if there is room for all of them.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] where there is none now, [`SendError::TooLong`] where there is never;
    /// otherwise as [`Sender::send_bytes`].
    pub fn try_send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.send_bytes_until(bytes, Patience::Not)
    }

    /// Sends bytes, sleeping until there is room, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Sender::send_bytes`].
    ///
    /// # If a process dies
    ///
    /// See [`Sender`].
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] after `limit`: nothing of the message will be received. Otherwise as
    /// [`Sender::send_bytes`].
    pub fn send_bytes_timeout(&mut self, bytes: &[u8], limit: Duration) -> Result<(), SendError> {
        self.send_bytes_until(bytes, Patience::For(limit))
    }

    /// Sends bytes, sleeping until there is room, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Sender::send_bytes`].
    ///
    /// # If a process dies
    ///
    /// See [`Sender`].
    ///
    /// # Errors
    ///
    /// As [`Sender::send_bytes_timeout`].
    pub fn send_bytes_deadline(&mut self, bytes: &[u8], instant: Instant) -> Result<(), SendError> {
        self.send_bytes_until(bytes, Patience::Until(instant))
    }

    /// Says for ever that nothing more is to come: the receiver gets what was sent, and is then
    /// told. Closing again changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Pipe::close`](super::Pipe::close).
    pub fn close(&mut self) -> Result<()> {
        self.side.close()
    }

    fn send_bytes_until(&mut self, bytes: &[u8], patience: Patience) -> Result<(), SendError> {
        let (frames, tail) = self.begin()?;
        let needed = frames_of(bytes.len() as u64);
        if needed > frames.ring().capacity() {
            return self.stream(bytes, patience);
        }
        if frames.ring().room(tail, needed) < needed {
            self.await_room(needed, patience)?;
        }
        let (frames, tail) = self.parts()?;
        frames.copy_from(tail.position(), true, bytes);
        self.commit(bytes.len() as u64)
    }

    /// A sender of this process, before a receiver that somebody may still read from.
    #[inline]
    pub(super) fn begin(&mut self) -> Result<(Frames, &mut Tail), SendError> {
        self.side.check().map_err(SendError::Broken)?;
        if let Some(stopped) = self.side.gone().map_err(SendError::Broken)? {
            return Err(stopped.into());
        }
        self.parts()
    }

    #[inline]
    pub(super) fn parts(&mut self) -> Result<(Frames, &mut Tail), SendError> {
        let frames = *self.side.bound.view();
        match self.side.place.as_mut() {
            Some(tail) => Ok((frames, tail)),
            // Checked before; no more than a way to say so.
            None => Err(SendError::Disconnected { crashed: false }),
        }
    }

    /// Publishes the message of `len` bytes that lies in the frames from the tail on.
    #[inline]
    fn commit(&mut self, len: u64) -> Result<(), SendError> {
        let (frames, tail) = self.parts()?;
        frames.set_len(tail.position(), len);
        self.publish(frames_of(len))
    }

    #[inline]
    pub(super) fn publish(&mut self, count: u64) -> Result<(), SendError> {
        let (frames, tail) = self.parts()?;
        if frames.ring().publish(tail, count) {
            self.side.wake();
        }
        Ok(())
    }

    /// Waits until there is room for `count` frames.
    #[cold]
    pub(super) fn await_room(&mut self, count: u64, patience: Patience) -> Result<(), SendError> {
        let (frames, tail) = self.parts()?;
        if frames.ring().room(tail, count) == count {
            return Ok(());
        }
        let deadline = patience.deadline().ok_or(SendError::Full)?;
        let side = &mut self.side;
        let Some(tail) = side.place.as_mut() else {
            return Err(SendError::Full);
        };
        let seat = side.bound.seat().map_err(SendError::Broken)?;
        let waited = frames.ring().wait_for_room_of(tail, count, &seat, deadline);
        waited.map_err(|stopped| {
            self.side.mourn(stopped);
            stopped.into()
        })
    }
}

impl<T: Serialize> Sender<T> {
    /// Sends a message, sleeping until there is room for all of it. One that is larger than the
    /// pipe goes through it in parts, and is still received whole or not at all.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// See [`Sender`].
    ///
    /// # Errors
    ///
    /// [`SendError::Disconnected`] where the pipe is closed or its receiver has left or died,
    /// [`SendError::Encode`] where the message cannot be written as bytes, [`SendError::Broken`]
    /// where another process has this end.
    #[inline]
    pub fn send(&mut self, message: &T) -> Result<(), SendError> {
        self.send_until(message, Patience::Ever)
    }

    /// Sends a message if there is room for all of it.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] where there is none now, [`SendError::TooLong`] where there is never;
    /// otherwise as [`Sender::send`].
    #[inline]
    pub fn try_send(&mut self, message: &T) -> Result<(), SendError> {
        self.send_until(message, Patience::Not)
    }

    /// Sends a message, sleeping until there is room, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Sender::send`].
    ///
    /// # If a process dies
    ///
    /// See [`Sender`].
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] after `limit`: nothing of the message will be received. Otherwise as
    /// [`Sender::send`].
    #[inline]
    pub fn send_timeout(&mut self, message: &T, limit: Duration) -> Result<(), SendError> {
        self.send_until(message, Patience::For(limit))
    }

    /// Sends a message, sleeping until there is room, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Sender::send`].
    ///
    /// # If a process dies
    ///
    /// See [`Sender`].
    ///
    /// # Errors
    ///
    /// As [`Sender::send_timeout`].
    #[inline]
    pub fn send_deadline(&mut self, message: &T, instant: Instant) -> Result<(), SendError> {
        self.send_until(message, Patience::Until(instant))
    }

    #[inline]
    fn send_until(&mut self, message: &T, patience: Patience) -> Result<(), SendError> {
        let (frames, tail) = self.begin()?;
        // A message is often about as long as its type; what does not fit is only counted.
        let guess = const { frames_of(size_of::<T>() as u64) }.min(Self::GUESS);
        let room = frames
            .ring()
            .room(tail, guess.min(frames.ring().capacity()));
        let len = encode(message, &frames, tail.position(), room)?;
        if frames_of(len) <= room {
            return self.commit(len);
        }
        self.send_counted(message, len, patience)
    }

    pub(super) fn to_bytes(item: &T) -> Result<Vec<u8>, SendError> {
        message::encode(|| postcard::to_stdvec(item)).map_err(SendError::Encode)
    }

    /// Frames that `message` will need.
    #[cfg(feature = "async")]
    pub(super) fn frames_for(&self, message: &T) -> u64 {
        // Without room, it is only counted. An error is for the next try to tell.
        encode(message, self.side.bound.view(), 0, 0).map_or(1, frames_of)
    }

    /// Most frames that are tried without knowing how many are needed.
    const GUESS: u64 = 64;

    /// Sends a message that will have `len` bytes.
    #[cold]
    fn send_counted(&mut self, message: &T, len: u64, patience: Patience) -> Result<(), SendError> {
        let (frames, _) = self.parts()?;
        let needed = frames_of(len);
        if needed > frames.ring().capacity() {
            return self.stream(&Self::to_bytes(message)?, patience);
        }
        self.await_room(needed, patience)?;
        let (frames, tail) = self.parts()?;
        let len = encode(message, &frames, tail.position(), needed)?;
        if frames_of(len) > needed {
            let doing = format!("send a {}", std::any::type_name::<T>());
            let error = Error::new(ErrorKind::Encode, doing);
            return Err(SendError::Encode(
                error.advise("it is longer each time it is written"),
            ));
        }
        self.commit(len)
    }
}

/// Writes `item` into at most `room` frames from `position` on; returns its whole length.
#[inline]
fn encode<T: Serialize>(
    item: &T,
    frames: &Frames,
    position: u64,
    room: u64,
) -> Result<u64, SendError> {
    let writer = frames.writer(position, room);
    message::encode(|| postcard::serialize_with_flavor(item, writer)).map_err(SendError::Encode)
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("at", self.side.bound.object())
            .field("taken", &self.side.place.is_some())
            .finish_non_exhaustive()
    }
}
