//! The direction of a connection that messages come in by, whatever their type.

use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::queue::message::decode;
use crate::queue::patience::Patience;
use crate::queue::socket::inbox::{Bounds, Inbox, Refused};
use crate::sys::clock::Deadline;
use crate::sys::readiness::Ready;
use crate::sys::stream::Moved;

use super::error::RecvError;
use super::line::Line;
use super::outlet::MOST_BYTES;
use super::packet::{self, AROUND, MOST, Seen};

/// Bytes that a direction keeps for the next message.
const KEPT: usize = 1 << 20;
/// Most packets that are looked at without waiting: a sender may be faster than we are.
const AT_ONCE: usize = 512;

/// What it knows of a direction.
#[derive(Debug)]
pub(super) struct Inlet {
    pub(super) line: Line,
    pub(super) most: usize,
    inbox: Inbox,
    /// Bytes of packets, as they come; those before `read` are in the inbox, those from `came` on
    /// are none.
    raw: Vec<u8>,
    read: usize,
    came: usize,
    /// What a look met, and the next message is to be told.
    trouble: Option<RecvError>,
    /// Nothing more is to be had.
    end: Option<End>,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Gone,
    /// What came makes no sense, and nothing behind it does.
    Garbage,
}

impl Inlet {
    pub(super) fn new(line: Line) -> Self {
        Self {
            line,
            most: MOST_BYTES,
            inbox: Inbox::default(),
            raw: Vec::new(),
            read: 0,
            came: 0,
            trouble: None,
            end: None,
        }
    }

    pub(super) fn recv<T: DeserializeOwned>(&mut self, patience: Patience) -> Result<T, RecvError> {
        let bytes = self.recv_bytes(patience)?;
        let message = decode(&bytes).map_err(RecvError::Decode);
        if bytes.capacity() <= KEPT {
            self.inbox.reuse(bytes);
        }
        message
    }

    pub(super) fn recv_bytes(&mut self, patience: Patience) -> Result<Vec<u8>, RecvError> {
        self.next(patience)?;
        Ok(self.inbox.take().0)
    }

    /// Whether there is something to receive, the end and errors counted.
    pub(super) fn poll(&mut self, patience: Patience) -> Result<bool> {
        match self.next(patience) {
            Ok(()) | Err(RecvError::Disconnected) => Ok(true),
            Err(RecvError::Empty) => Ok(false),
            Err(RecvError::Broken(error)) => Err(error),
            Err(trouble) => {
                self.trouble = Some(trouble);
                Ok(true)
            }
        }
    }

    pub(super) fn close(&mut self) -> Result<()> {
        self.line.check()?;
        self.line.shut(Ready::ToReceive)
    }

    /// Waits until the inbox has a whole message.
    fn next(&mut self, patience: Patience) -> Result<(), RecvError> {
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        self.line.check().map_err(RecvError::Broken)?;
        let deadline = patience.deadline();
        let mut packets = 0;
        while !self.inbox.is_whole() {
            let unread = self.raw.get(self.read..self.came).unwrap_or_default();
            let seen = packet::read(unread);
            // Packets may come without end.
            if packets > 0 && deadline.map_or(packets >= AT_ONCE, Deadline::is_past) {
                return Err(RecvError::Empty);
            }
            let needed = match seen {
                Seen::Packet(head, part, whole) => {
                    let bounds = Bounds {
                        bytes: self.most,
                        fds: 0,
                    };
                    let put = self.inbox.put(head, part, &mut Vec::new(), bounds);
                    self.read += whole;
                    packets += 1;
                    put.map_err(|why| self.refused(why))?;
                    continue;
                }
                Seen::TakenBack(whole) => {
                    self.inbox.discard();
                    self.read += whole;
                    packets += 1;
                    continue;
                }
                Seen::Begun(needed) => needed,
                Seen::Garbage => {
                    self.end = Some(End::Garbage);
                    AROUND
                }
            };
            match self.end {
                Some(End::Gone) => return Err(RecvError::Disconnected),
                Some(End::Garbage) => return Err(RecvError::Broken(garbage())),
                None => self.fill(needed, deadline)?,
            }
        }
        Ok(())
    }

    /// Waits for more bytes, of a packet of at least `needed`.
    fn fill(&mut self, needed: usize, deadline: Option<Deadline>) -> Result<(), RecvError> {
        self.raw.resize(AROUND + MOST, 0);
        if self.read + needed > self.raw.len() || self.read == self.came {
            self.raw.copy_within(self.read..self.came, 0);
            self.came -= self.read;
            self.read = 0;
        }
        loop {
            let room = self.raw.get_mut(self.came..).unwrap_or_default();
            match self.line.receive(room).map_err(RecvError::Broken)? {
                Moved::Bytes(count) => {
                    self.came += count;
                    return Ok(());
                }
                Moved::Gone => {
                    // The rest will not come.
                    self.inbox.discard();
                    self.end = Some(End::Gone);
                    return Ok(());
                }
                Moved::Blocked => {
                    let deadline = deadline.ok_or(RecvError::Empty)?;
                    let is_ready = self.line.wait(Ready::ToReceive, deadline);
                    if !is_ready.map_err(RecvError::Broken)? {
                        return Err(RecvError::Empty);
                    }
                }
            }
        }
    }

    #[cold]
    fn refused(&self, why: Refused) -> RecvError {
        RecvError::Decode(match why {
            Refused::TooLong(len) => {
                let doing = format!("receive {len} bytes, of {}", self.most);
                Error::new(ErrorKind::Full, doing).advise("raise the bound with set_max_message")
            }
            _ => garbage(),
        })
    }
}

#[cold]
fn garbage() -> Error {
    Error::new(ErrorKind::Decode, "receive a message")
        .advise("the other end is no outlive::remote of this version")
}

impl Drop for Inlet {
    fn drop(&mut self) {
        self.line.leave(Ready::ToReceive);
    }
}
