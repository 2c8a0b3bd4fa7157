//! [`Sender`]: the direction of an end that messages go out by.

use std::fmt;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::queue::message::encode;
use crate::queue::patience::Patience;
use crate::sys::clock::Deadline;
use crate::sys::file;
use crate::sys::socket::{self, MOST_FDS, Sent};

use super::end::End;
use super::fd::{Outgoing, collect};
use super::inbox::Bounds;
use super::packet::{Head, Place};
use super::{MOST_BYTES, MOST_DESCRIPTORS, SendError};

/// The half of a [`Connection`](super::Connection) that sends; made by
/// [`Connection::split`](super::Connection::split).
///
/// It may move between threads. When a half that `split` gave is dropped, its direction is closed.
///
/// # If a process dies
///
/// As for [`Connection`](super::Connection).
pub struct Sender<T> {
    pub(super) end: End,
    bounds: Bounds,
    /// Bytes of a message in one packet; 0 until the first use.
    part: usize,
    /// Of the next message.
    number: u64,
    /// For messages, from one time to the next.
    copy: Vec<u8>,
    of: PhantomData<fn(&T)>,
}

impl<T> Sender<T> {
    /// Bytes that a sender keeps for the next message.
    const KEPT: usize = 1 << 20;

    pub(super) fn new(end: End) -> Self {
        Self {
            end,
            bounds: Bounds {
                bytes: MOST_BYTES,
                fds: MOST_DESCRIPTORS,
            },
            part: 0,
            number: 0,
            copy: Vec::new(),
            of: PhantomData,
        }
    }

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
    /// where there are more bytes than [`Sender::max_message`], [`SendError::Broken`] where the end
    /// is none, or another process has it.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.transmit(bytes, &[], Patience::Ever)
    }

    /// Sends bytes if there is room for them now.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] where there is none; [`SendError::TooLong`] where they do not go into one
    /// packet, of 51 KiB usually; otherwise as [`Sender::send_bytes`].
    pub fn try_send_bytes(&mut self, bytes: &[u8]) -> Result<(), SendError> {
        self.transmit(bytes, &[], Patience::Not)
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
    /// [`SendError::Full`] after `limit`: nothing of the message will be received. Otherwise as
    /// [`Sender::send_bytes`].
    pub fn send_bytes_timeout(&mut self, bytes: &[u8], limit: Duration) -> Result<(), SendError> {
        self.transmit(bytes, &[], Patience::For(limit))
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
        self.transmit(bytes, &[], Patience::Until(instant))
    }

    /// Says for ever that nothing more is to come: the other end gets what was sent, and is then
    /// told. Closing again changes nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotOwner`] in a child forked since the end was used, [`ErrorKind::WrongType`]
    /// where it is none.
    pub fn close(&mut self) -> Result<()> {
        self.end.check()?;
        self.end.close()
    }

    /// Bytes of the longest message that is sent.
    #[must_use]
    pub fn max_message(&self) -> usize {
        self.bounds.bytes
    }

    /// Sets [`Sender::max_message`], 256 MiB at first. The other side has a bound of its own.
    pub fn set_max_message(&mut self, bytes: usize) {
        self.bounds.bytes = bytes;
    }

    /// Most descriptors of a message that is sent.
    #[must_use]
    pub fn max_fds(&self) -> usize {
        self.bounds.fds
    }

    /// Sets [`Sender::max_fds`], 1024 at first. The other side has a bound of its own.
    pub fn set_max_fds(&mut self, count: usize) {
        self.bounds.fds = count;
    }

    /// Makes sure that the end can be used.
    fn begin(&mut self) -> Result<()> {
        if self.end.check()? || self.part == 0 {
            let drawn = file::random().map_err(|e| Error::os(e, "draw a number for messages"))?;
            let (number, _) = drawn.split_first_chunk().unwrap_or((&[0; 8], &[]));
            // Whoever else sends by the same end has other numbers.
            self.number = u64::from_le_bytes(*number);
            self.part = self.end.part_len()?;
        }
        Ok(())
    }

    fn transmit(
        &mut self,
        bytes: &[u8],
        fds: &[OwnedFd],
        patience: Patience,
    ) -> Result<(), SendError> {
        self.begin().map_err(SendError::Broken)?;
        let deadline = patience.deadline();
        let at_once = deadline.is_none();
        let longest = if at_once { self.part } else { usize::MAX };
        let longest = longest.min(self.bounds.bytes);
        if bytes.len() > longest {
            return Err(SendError::TooLong { longest });
        }
        let most = if at_once { MOST_FDS } else { usize::MAX };
        let most = most.min(self.bounds.fds).min(u32::MAX as usize);
        if fds.len() > most {
            return Err(SendError::Fds(too_many(fds.len(), most)));
        }
        self.number = self.number.wrapping_add(1);
        let fds: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
        self.packets(bytes, &fds, deadline)
    }

    /// Sends a message as packets. Whatever ends it early, the receiver drops what had come: the
    /// next message begins with a packet that says so.
    fn packets(
        &self,
        bytes: &[u8],
        fds: &[BorrowedFd<'_>],
        deadline: Option<Deadline>,
    ) -> Result<(), SendError> {
        let mut place = Place::First {
            len: bytes.len() as u64,
            // Compared with the bounds before.
            fds: u32::try_from(fds.len()).unwrap_or(u32::MAX),
        };
        let (mut sent, mut rest) = (0, fds);
        loop {
            let end = bytes.len().min(sent + self.part);
            let part = bytes.get(sent..end).unwrap_or_default();
            let (now, later) = rest.split_at(rest.len().min(MOST_FDS));
            let head = Head {
                number: self.number,
                here: u16::try_from(now.len()).unwrap_or(u16::MAX),
                place,
            };
            self.packet(head, part, now, deadline)?;
            (sent, rest) = (end, later);
            if sent == bytes.len() && rest.is_empty() {
                return Ok(());
            }
            // Room may come without end.
            if deadline.is_some_and(Deadline::is_past) {
                return Err(SendError::Full);
            }
            place = Place::Behind(sent as u64);
        }
    }

    fn packet(
        &self,
        head: Head,
        part: &[u8],
        fds: &[BorrowedFd<'_>],
        deadline: Option<Deadline>,
    ) -> Result<(), SendError> {
        let (head, may_sleep) = (head.to_bytes(), deadline == Some(Deadline::NEVER));
        loop {
            match socket::send(self.end.as_fd(), &head, part, fds, may_sleep) {
                Ok(Sent::Whole) => return Ok(()),
                Ok(Sent::Gone) => return Err(SendError::Disconnected),
                Ok(Sent::Full) => {
                    let deadline = deadline.ok_or(SendError::Full)?;
                    if !self.end.wait(deadline).map_err(SendError::Broken)? {
                        return Err(SendError::Full);
                    }
                }
                Err(error) => return Err(refused(error, fds.len())),
            }
        }
    }
}

impl<T: Serialize> Sender<T> {
    /// Sends a message, sleeping until there is room. It is received whole or not at all.
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
    /// where the message cannot be written as bytes, [`SendError::Fds`] where its descriptors cannot
    /// be sent, [`SendError::TooLong`] where it has more bytes than [`Sender::max_message`],
    /// [`SendError::Broken`] where the end is none, or another process has it.
    pub fn send(&mut self, message: &T) -> Result<(), SendError> {
        self.send_until(message, Patience::Ever)
    }

    /// Sends a message if there is room for it now.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] where there is none; [`SendError::TooLong`] where it does not go into one
    /// packet, of 51 KiB usually, and [`SendError::Fds`] where it has more than 253 descriptors;
    /// otherwise as [`Sender::send`].
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
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] after `limit`: nothing of the message will be received. Otherwise as
    /// [`Sender::send`].
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
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// As [`Sender::send_timeout`].
    pub fn send_deadline(&mut self, message: &T, instant: Instant) -> Result<(), SendError> {
        self.send_until(message, Patience::Until(instant))
    }

    fn send_until(&mut self, message: &T, patience: Patience) -> Result<(), SendError> {
        self.begin().map_err(SendError::Broken)?;
        let copy = std::mem::take(&mut self.copy);
        let (written, Outgoing { fds, refused }) =
            collect(|| encode(|| postcard::to_extend(message, copy)));
        let mut bytes = match (written, refused) {
            (_, Some(error)) => {
                let error = Error::os(error, "copy a descriptor into a message");
                return Err(SendError::Fds(error.advise(MORE_NUMBERS)));
            }
            (Err(error), None) => return Err(SendError::Encode(error)),
            (Ok(bytes), None) => bytes,
        };
        let sent = self.transmit(&bytes, &fds, patience);
        bytes.clear();
        if bytes.capacity() <= Self::KEPT {
            self.copy = bytes;
        }
        sent
    }
}

/// What helps where a process has no number left for a descriptor.
pub(super) const MORE_NUMBERS: &str =
    "close some, or raise the limit of open files (RLIMIT_NOFILE, `ulimit -n`)";

#[cold]
fn too_many(count: usize, most: usize) -> Error {
    let doing = format!("send a message with {count} descriptors, of {most}");
    Error::new(ErrorKind::Full, doing).advise("raise the bound with set_max_fds on both sides")
}

#[cold]
fn refused(error: std::io::Error, fds: usize) -> SendError {
    if socket::is_refused_for_fds(&error) {
        let error = Error::os(error, format!("send {fds} descriptors"));
        let why = "more are under way than RLIMIT_NOFILE of the sender; let some be received";
        return SendError::Fds(error.advise(why));
    }
    SendError::Broken(Error::os(error, "send to a socket"))
}

impl<T> AsFd for Sender<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.end.as_fd()
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("at", &self.end.as_fd())
            .finish_non_exhaustive()
    }
}
