//! The part of a message that has come so far.

use std::os::fd::OwnedFd;

use super::packet::{Head, Place};

/// A message that is being put together.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
    /// `None` while there is no message.
    message: Option<Message>,
    /// The message of this number is not wanted any more: what comes of it is dropped.
    passed: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Message {
    number: u64,
    /// Of the whole message.
    len: u64,
    fds: usize,
}

/// The most that a message may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) bytes: usize,
    pub(crate) fds: usize,
}

/// Why a packet, and with it its message, is refused. The rest of the message is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// So many bytes are too many.
    TooLong(u64),
    /// So many descriptors are too many.
    TooManyFds(usize),
    /// Descriptors are not with it that should be.
    MissingFds,
    /// The beginning of the message never came here.
    Headless,
    /// It makes no sense.
    Garbage,
}

impl Inbox {
    /// Bytes that are reserved before they have come: a length may be garbage.
    const AHEAD: u64 = 1 << 20;

    /// Whether there is a whole message.
    #[inline]
    pub(crate) fn is_whole(&self) -> bool {
        self.message.is_some_and(|message| {
            message.len == self.bytes.len() as u64 && message.fds == self.fds.len()
        })
    }

    /// Bytes of the whole message.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what has come: the rest never will. Closes its descriptors.
    pub(crate) fn discard(&mut self) {
        self.bytes.clear();
        self.fds.clear();
        self.message = None;
    }

    /// The whole message, which it no longer has.
    pub(crate) fn take(&mut self) -> (Vec<u8>, Vec<OwnedFd>) {
        self.message = None;
        (
            std::mem::take(&mut self.bytes),
            std::mem::take(&mut self.fds),
        )
    }

    /// Gives memory back, for the next message.
    pub(crate) fn reuse(&mut self, mut bytes: Vec<u8>) {
        if self.message.is_none() {
            bytes.clear();
            self.bytes = bytes;
        }
    }

    /// Adds a packet, with the descriptors that came with it.
    pub(crate) fn put(
        &mut self,
        head: Head,
        part: &[u8],
        fds: &mut Vec<OwnedFd>,
        bounds: Bounds,
    ) -> Result<(), Refused> {
        let taken = match head.place {
            Place::First { len, fds } => self.begin(head.number, len, fds, bounds),
            Place::Behind(before) => match self.follow(head.number, before) {
                // What does not bring it on would make it last for ever.
                Ok(true) if part.is_empty() && head.here == 0 => Err(Refused::Garbage),
                Ok(false) => return Ok(()),
                other => other.map(drop),
            },
        };
        let taken = taken.and_then(|()| self.append(head.here, part, fds));
        if let Err(why) = taken {
            // The message that is begun has nothing to do with the rest of another.
            if why != Refused::Headless {
                self.discard();
            }
            self.passed = Some(head.number);
        }
        taken
    }

    /// Whatever was begun before will never be finished: its sender gave it up.
    fn begin(&mut self, number: u64, len: u64, fds: u32, bounds: Bounds) -> Result<(), Refused> {
        self.discard();
        let fds = usize::try_from(fds).unwrap_or(usize::MAX);
        if usize::try_from(len).map_or(true, |len| len > bounds.bytes) {
            return Err(Refused::TooLong(len));
        }
        if fds > bounds.fds {
            return Err(Refused::TooManyFds(fds));
        }
        let ahead = usize::try_from(len.min(Self::AHEAD)).unwrap_or(0);
        self.bytes.reserve(ahead);
        self.message = Some(Message { number, len, fds });
        self.passed = None;
        Ok(())
    }

    /// Whether the message that is begun goes on with this packet; `false` where it is of one that
    /// is passed over.
    fn follow(&mut self, number: u64, before: u64) -> Result<bool, Refused> {
        match self.message {
            Some(message) if message.number == number && !self.is_whole() => {
                match before == self.bytes.len() as u64 {
                    true => Ok(true),
                    false => Err(Refused::Garbage),
                }
            }
            _ if self.passed == Some(number) => Ok(false),
            _ => Err(Refused::Headless),
        }
    }

    fn append(&mut self, here: u16, part: &[u8], fds: &mut Vec<OwnedFd>) -> Result<(), Refused> {
        let Some(message) = self.message else {
            return Err(Refused::Garbage);
        };
        if fds.len() < usize::from(here) {
            return Err(Refused::MissingFds);
        }
        let left = message.len - (self.bytes.len() as u64).min(message.len);
        let fits = part.len() as u64 <= left && fds.len() + self.fds.len() <= message.fds;
        if !fits || fds.len() > usize::from(here) {
            return Err(Refused::Garbage);
        }
        self.bytes.extend_from_slice(part);
        self.fds.append(fds);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Head, Inbox, Place, Refused};

    const BOUNDS: Bounds = Bounds {
        bytes: 1000,
        fds: 2,
    };

    fn put(inbox: &mut Inbox, number: u64, place: Place, part: &[u8]) -> Result<(), Refused> {
        let head = Head {
            number,
            here: 0,
            place,
        };
        inbox.put(head, part, &mut Vec::new(), BOUNDS)
    }

    fn first(len: u64) -> Place {
        Place::First { len, fds: 0 }
    }

    #[test]
    fn parts_of_two_messages_are_never_one() {
        let mut inbox = Inbox::default();
        put(&mut inbox, 1, first(4), &[1, 1]).unwrap();
        put(&mut inbox, 2, first(4), &[2, 2]).unwrap();
        assert_eq!(
            put(&mut inbox, 1, Place::Behind(2), &[1, 1]),
            Err(Refused::Headless)
        );
        assert!(!inbox.is_whole());
        // It is said once, and the other goes on.
        put(&mut inbox, 1, Place::Behind(2), &[1, 1]).unwrap();
        put(&mut inbox, 2, Place::Behind(2), &[2, 2]).unwrap();
        assert!(inbox.is_whole());
        assert_eq!(inbox.take().0, [2; 4]);
    }

    #[test]
    fn a_part_at_the_wrong_place_ends_its_message() {
        let mut inbox = Inbox::default();
        put(&mut inbox, 1, first(6), &[1, 1]).unwrap();
        assert_eq!(
            put(&mut inbox, 1, Place::Behind(4), &[1, 1]),
            Err(Refused::Garbage)
        );
        // It is said once.
        assert_eq!(put(&mut inbox, 1, Place::Behind(2), &[1, 1]), Ok(()));
        assert!(!inbox.is_whole());
        put(&mut inbox, 2, first(0), &[]).unwrap();
        assert!(inbox.is_whole());
    }

    #[test]
    fn bounds_hold_before_anything_is_kept() {
        let mut inbox = Inbox::default();
        assert_eq!(
            put(&mut inbox, 1, first(u64::MAX), &[1]),
            Err(Refused::TooLong(u64::MAX))
        );
        let place = Place::First { len: 0, fds: 3 };
        assert_eq!(put(&mut inbox, 2, place, &[]), Err(Refused::TooManyFds(3)));
        assert_eq!(put(&mut inbox, 3, first(1), &[1, 2]), Err(Refused::Garbage));
        put(&mut inbox, 4, first(1), &[]).unwrap();
        assert_eq!(
            put(&mut inbox, 4, Place::Behind(0), &[]),
            Err(Refused::Garbage)
        );
    }
}
