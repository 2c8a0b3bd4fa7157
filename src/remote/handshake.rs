//! How two sides prove to each other that they have the same key, without saying it.
//!
//! | from | bytes | |
//! |---|---|---|
//! | listener | 8 + 32 | what it is, and its challenge |
//! | client | 8 + 32 + 32 | what it is, its challenge, and the tag of both |
//! | listener | 1 + 32 | whether it accepts, and its own tag of both |
//!
//! A tag is the HMAC-SHA-256, with the key, of the role of who makes it, the listener's challenge and
//! the client's. So a tag fits one role and one connection: neither can be sent back to who made it,
//! nor used again. The client proves itself first, so a stranger gets no tag of a listener's to try
//! keys against. There are no lengths, and nothing is allocated for what a stranger sends.

use std::io;
use std::os::fd::BorrowedFd;

use crate::sys::readiness::Ready;
use crate::sys::stream::{self, Moved};

use super::key::{AuthKey, TAG};

/// What speaks here, and which version of it.
const MAGIC: [u8; 8] = *b"outlive\x01";
const CHALLENGE: usize = 32;

const HELLO: usize = MAGIC.len() + CHALLENGE;
const ANSWER: usize = HELLO + TAG;
const VERDICT: usize = 1 + TAG;

const ACCEPTED: u8 = 1;
const REFUSED: u8 = 0;

const OF_LISTENER: &[u8] = b"outlive listener";
const OF_CLIENT: &[u8] = b"outlive client";

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum Failure {
    /// The other side does not have the key.
    Unauthorized,
    /// The other side is something else.
    Stranger,
    /// The other side went.
    Gone,
    Os(io::Error),
}

/// One side of a handshake, as far as it has come.
pub(super) struct Handshake {
    key: AuthKey,
    challenge: [u8; CHALLENGE],
    /// The other side's.
    theirs: [u8; CHALLENGE],
    stage: Stage,
    /// What is to be sent, and how much of it is.
    output: [u8; ANSWER],
    leaving: usize,
    left: usize,
    /// What is awaited, and how much of it came.
    input: [u8; ANSWER],
    awaited: usize,
    came: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The listener, for the client's answer.
    AwaitsAnswer,
    /// The client, for the listener's challenge.
    AwaitsHello,
    /// The client, for the listener's verdict.
    AwaitsVerdict,
    /// The listener sends its verdict.
    Parts { accepted: bool },
}

impl Handshake {
    /// The listener's side.
    pub(super) fn of_listener(key: AuthKey) -> io::Result<Self> {
        let mut handshake = Self::new(key, Stage::AwaitsAnswer, ANSWER)?;
        let challenge = handshake.challenge;
        handshake.say(&[&MAGIC, &challenge]);
        Ok(handshake)
    }

    /// The client's side.
    pub(super) fn of_client(key: AuthKey) -> io::Result<Self> {
        Self::new(key, Stage::AwaitsHello, HELLO)
    }

    fn new(key: AuthKey, stage: Stage, awaited: usize) -> io::Result<Self> {
        let mut challenge = [0; CHALLENGE];
        stream::randomise(&mut challenge)?;
        Ok(Self {
            key,
            challenge,
            theirs: [0; CHALLENGE],
            stage,
            output: [0; ANSWER],
            leaving: 0,
            left: 0,
            input: [0; ANSWER],
            awaited,
            came: 0,
        })
    }

    /// Goes on as far as it can without waiting: what to wait for, or `None` where all is done.
    pub(super) fn go_on(&mut self, fd: BorrowedFd<'_>) -> Result<Option<Ready>, Failure> {
        loop {
            if self.left < self.leaving {
                let rest = self.output.get(self.left..self.leaving);
                match stream::send(fd, rest.unwrap_or_default()).map_err(Failure::Os)? {
                    Moved::Bytes(count) => self.left += count,
                    Moved::Blocked => return Ok(Some(Ready::ToSend)),
                    Moved::Gone => return Err(Failure::Gone),
                }
            } else if let Stage::Parts { accepted } = self.stage {
                return match accepted {
                    true => Ok(None),
                    false => Err(Failure::Unauthorized),
                };
            } else if self.came < self.awaited {
                let room = self.input.get_mut(self.came..self.awaited);
                match stream::receive(fd, room.unwrap_or_default()).map_err(Failure::Os)? {
                    Moved::Bytes(count) => self.came += count,
                    Moved::Blocked => return Ok(Some(Ready::ToReceive)),
                    Moved::Gone => return Err(Failure::Gone),
                }
                // Who is something else may never say more.
                if self.stage != Stage::AwaitsVerdict && !self.is_one_of_us() {
                    return Err(Failure::Stranger);
                }
            } else if self.judge()? {
                return Ok(None);
            }
        }
    }

    /// Whether what came so far begins as it should.
    fn is_one_of_us(&self) -> bool {
        let seen = self.came.min(MAGIC.len());
        self.input.get(..seen) == MAGIC.get(..seen)
    }

    /// Takes what was awaited; `true` where nothing more is to be done.
    fn judge(&mut self) -> Result<bool, Failure> {
        let input = self.input;
        self.came = 0;
        match self.stage {
            Stage::AwaitsAnswer => {
                self.theirs = part(&input, MAGIC.len());
                let tag: [u8; TAG] = part(&input, HELLO);
                let both = [&self.challenge[..], &self.theirs[..]];
                let accepted = (self.key).verifies(&[OF_CLIENT, both[0], both[1]], &tag);
                let (verdict, own) = match accepted {
                    true => (ACCEPTED, self.key.sign(&[OF_LISTENER, both[0], both[1]])),
                    false => (REFUSED, [0; TAG]),
                };
                self.say(&[&[verdict], &own]);
                self.stage = Stage::Parts { accepted };
            }
            Stage::AwaitsHello => {
                self.theirs = part(&input, MAGIC.len());
                let own = self.challenge;
                let tag = self.key.sign(&[OF_CLIENT, &self.theirs, &own]);
                self.say(&[&MAGIC, &own, &tag]);
                (self.stage, self.awaited) = (Stage::AwaitsVerdict, VERDICT);
            }
            Stage::AwaitsVerdict => {
                let tag: [u8; TAG] = part(&input, 1);
                let signed: [&[u8]; 3] = [OF_LISTENER, &self.theirs, &self.challenge];
                let is_accepted = input.first() == Some(&ACCEPTED);
                return match is_accepted && self.key.verifies(&signed, &tag) {
                    true => Ok(true),
                    false => Err(Failure::Unauthorized),
                };
            }
            Stage::Parts { .. } => {}
        }
        Ok(false)
    }

    fn say(&mut self, parts: &[&[u8]]) {
        (self.left, self.leaving) = (0, 0);
        for part in parts {
            let end = self.leaving + part.len();
            if let Some(room) = self.output.get_mut(self.leaving..end) {
                room.copy_from_slice(part);
                self.leaving = end;
            }
        }
    }
}

/// The bytes of `of` from `at` on.
fn part<const LEN: usize>(of: &[u8; ANSWER], at: usize) -> [u8; LEN] {
    let part = of.get(at..).and_then(<[u8]>::first_chunk);
    part.copied().unwrap_or([0; LEN])
}
