//! The direction of a connection that messages go out by, whatever their type.

use serde::Serialize;

use crate::error::{Error, Result};
use crate::queue::message::encode;
use crate::queue::patience::Patience;
use crate::queue::socket::packet::{Head, Place};
use crate::sys::clock::Deadline;
use crate::sys::readiness::Ready;
use crate::sys::stream::{Moved, randomise};

use super::error::SendError;
use super::line::Line;
use super::packet::{self, MOST};

/// Most bytes of a message, where nobody says otherwise.
pub(super) const MOST_BYTES: usize = 256 << 20;
/// Bytes that a direction keeps for the next message.
const KEPT: usize = 1 << 20;

/// What it knows of a direction.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) line: Line,
    pub(super) most: usize,
    /// Of the next message.
    number: u64,
    /// The packet that is going out, and how much of it is.
    packet: Vec<u8>,
    gone: usize,
    /// For messages, from one time to the next.
    copy: Vec<u8>,
}

impl Outlet {
    pub(super) fn new(line: Line) -> Result<Self> {
        let mut number = [0; 8];
        randomise(&mut number).map_err(|e| Error::os(e, "draw a number for messages"))?;
        Ok(Self {
            line,
            most: MOST_BYTES,
            number: u64::from_le_bytes(number),
            packet: Vec::new(),
            gone: 0,
            copy: Vec::new(),
        })
    }

    pub(super) fn send(
        &mut self,
        message: &(impl Serialize + ?Sized),
        patience: Patience,
    ) -> Result<(), SendError> {
        let mut copy = std::mem::take(&mut self.copy);
        copy.clear();
        let bytes = encode(|| postcard::to_extend(message, copy)).map_err(SendError::Encode)?;
        let sent = self.send_bytes(&bytes, patience);
        if bytes.capacity() <= KEPT {
            self.copy = bytes;
        }
        sent
    }

    pub(super) fn send_bytes(&mut self, bytes: &[u8], patience: Patience) -> Result<(), SendError> {
        self.line.check().map_err(SendError::Broken)?;
        let deadline = patience.deadline();
        let longest = if deadline.is_none() { MOST } else { usize::MAX };
        let longest = longest.min(self.most);
        if bytes.len() > longest {
            return Err(SendError::TooLong { longest });
        }
        // What is left of a packet that was taken back.
        self.go_out(deadline)?;
        self.number = self.number.wrapping_add(1);
        let mut place = Place::First {
            len: bytes.len() as u64,
            fds: 0,
        };
        let mut sent = 0;
        loop {
            let end = bytes.len().min(sent + MOST);
            let head = Head {
                number: self.number,
                here: 0,
                place,
            };
            let part = bytes.get(sent..end).unwrap_or_default();
            packet::write(head, part, &mut self.packet);
            self.gone = 0;
            self.go_out(deadline)?;
            sent = end;
            if sent == bytes.len() {
                return Ok(());
            }
            // Room may come without end.
            if deadline.is_some_and(Deadline::is_past) {
                return Err(SendError::Full);
            }
            place = Place::Behind(sent as u64);
        }
    }

    /// Sends the packet, or what is left of it. What does not go out in time is taken back.
    fn go_out(&mut self, deadline: Option<Deadline>) -> Result<(), SendError> {
        while let Some(rest) = self.packet.get(self.gone..).filter(|rest| !rest.is_empty()) {
            match self.line.send(rest).map_err(SendError::Broken)? {
                Moved::Bytes(count) => self.gone += count,
                Moved::Gone => return Err(SendError::Disconnected),
                Moved::Blocked => {
                    let may_wait = deadline.map_or(Ok(false), |deadline| {
                        self.line.wait(Ready::ToSend, deadline)
                    });
                    if may_wait.map_err(SendError::Broken)? {
                        continue;
                    }
                    match self.gone {
                        // Nobody has seen anything of it.
                        0 => self.packet.clear(),
                        _ => packet::take_back(&mut self.packet),
                    }
                    return Err(SendError::Full);
                }
            }
        }
        self.packet.clear();
        self.gone = 0;
        Ok(())
    }

    pub(super) fn close(&mut self) -> Result<()> {
        self.line.check()?;
        self.line.shut(Ready::ToSend)
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.line.leave(Ready::ToSend);
    }
}
