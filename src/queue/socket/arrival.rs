//! How a receiver comes by the next whole message.

use std::os::fd::AsFd;

use crate::error::{Error, ErrorKind};
use crate::queue::patience::Patience;
use crate::sys::clock::Deadline;
use crate::sys::socket::{self, Came};

use super::inbox::Refused;
use super::packet::{HEAD, Head, PART};
use super::sender::MORE_NUMBERS;
use super::{Receiver, RecvError};

impl<T> Receiver<T> {
    /// Most packets that are looked at without waiting: a sender may be faster than we are, and a
    /// whole message of so many cannot be under way.
    const AT_ONCE: usize = 512;

    /// Waits until the inbox has a whole message.
    pub(super) fn next(&mut self, patience: Patience) -> Result<(), RecvError> {
        if let Some(trouble) = self.trouble.take() {
            return Err(trouble);
        }
        self.end.check().map_err(RecvError::Broken)?;
        if self.inbox.is_whole() {
            return Ok(());
        }
        if self.has_ended {
            return Err(RecvError::Disconnected);
        }
        let deadline = patience.deadline();
        for seen in 0_usize.. {
            self.packet(deadline)?;
            if self.inbox.is_whole() {
                return Ok(());
            }
            // Packets may come without end.
            if deadline.map_or(seen == Self::AT_ONCE, Deadline::is_past) {
                break;
            }
        }
        Err(RecvError::Empty)
    }

    /// Waits for the next packet, and puts it into the inbox.
    fn packet(&mut self, deadline: Option<Deadline>) -> Result<(), RecvError> {
        let may_sleep = deadline == Some(Deadline::NEVER);
        self.packet.resize(PART, 0);
        let mut head = [0; HEAD];
        loop {
            let (packet, fds) = (&mut self.packet, &mut self.fds);
            // Of a packet that was refused: closed now.
            fds.clear();
            let came = socket::receive(self.end.as_fd(), &mut head, packet, fds, may_sleep);
            match came.map_err(broken)? {
                Came::Packet {
                    len,
                    is_cut,
                    fds_are_cut,
                } => {
                    let put = self.put(head, len, is_cut, fds_are_cut);
                    self.fds.clear();
                    return put;
                }
                Came::End => {
                    // The rest will not come.
                    self.inbox.discard();
                    self.fds.clear();
                    self.has_ended = true;
                    return Err(RecvError::Disconnected);
                }
                Came::Nothing => {
                    let deadline = deadline.ok_or(RecvError::Empty)?;
                    if !self.end.wait(deadline).map_err(RecvError::Broken)? {
                        return Err(RecvError::Empty);
                    }
                }
            }
        }
    }

    fn put(
        &mut self,
        head: [u8; HEAD],
        len: usize,
        is_cut: bool,
        fds_are_cut: bool,
    ) -> Result<(), RecvError> {
        let part = len.checked_sub(HEAD).and_then(|len| self.packet.get(..len));
        let (Some(head), Some(part), false) = (Head::of(head), part, is_cut) else {
            self.inbox.discard();
            return Err(self.refused(Refused::Garbage, false));
        };
        let put = self.inbox.put(head, part, &mut self.fds, self.bounds);
        put.map_err(|why| self.refused(why, fds_are_cut))
    }

    #[cold]
    fn refused(&self, why: Refused, fds_are_cut: bool) -> RecvError {
        let new = |kind, doing: String| Error::new(kind, doing);
        match why {
            Refused::TooLong(len) => RecvError::Decode(
                new(
                    ErrorKind::Full,
                    format!("receive {len} bytes, of {}", self.bounds.bytes),
                )
                .advise("raise the bound with set_max_message"),
            ),
            Refused::TooManyFds(count) => RecvError::Fds(
                new(
                    ErrorKind::Full,
                    format!("receive {count} descriptors, of {}", self.bounds.fds),
                )
                .advise("raise the bound with set_max_fds"),
            ),
            Refused::MissingFds if fds_are_cut => RecvError::Fds(
                Error::os(
                    socket::no_number_left(),
                    "receive the descriptors of a message",
                )
                .advise(MORE_NUMBERS),
            ),
            Refused::MissingFds => RecvError::Fds(
                new(
                    ErrorKind::Decode,
                    "receive the descriptors of a message".to_owned(),
                )
                .advise("the other end said that there are some, and sent none"),
            ),
            Refused::Headless => RecvError::Decode(
                new(ErrorKind::Decode, "receive a message".to_owned()).advise(
                    "its beginning went to another receiver, or another sender came between: \
                     an end is for one process",
                ),
            ),
            Refused::Garbage => RecvError::Decode(
                new(ErrorKind::Decode, "receive a message".to_owned())
                    .advise("the other end is no outlive::queue::socket of this version"),
            ),
        }
    }
}

#[cold]
fn broken(error: std::io::Error) -> RecvError {
    RecvError::Broken(Error::os(error, "receive from a socket"))
}
