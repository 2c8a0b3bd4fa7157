//! Blocks of a queue that this process owns, and gives back whatever happens.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use crate::raw::messages::{Message, Messages, Met, Refused, Room, Wait};
use crate::segment::Bound;
use crate::sys::clock::Deadline;

use super::error::{GetError, PutError};

pub(super) type Hold = Bound<Messages<'static>>;
/// How long somebody waits, as the forms of an operation say it.
pub(super) type Limit = Wait<fn() -> Deadline>;

/// How long a peer that stopped inside a short lock is waited for by who does not want to wait.
/// Under the fuzzer nobody does, and garbage is the rule.
const PATIENCE: Duration = if cfg!(fuzzing) {
    Duration::from_micros(200)
} else {
    Duration::from_millis(20)
};

fn patience() -> Deadline {
    Deadline::after(PATIENCE)
}

/// The limit of the `try_` forms.
pub(super) const AT_ONCE: Limit = Wait::Try(patience);

/// Until when whoever had room or a message may take to end what it began.
fn to_the_end(limit: &Limit) -> Deadline {
    match limit {
        Wait::Try(patience) => patience(),
        Wait::Until(Deadline::NEVER) => Deadline::NEVER,
        Wait::Until(deadline) => patience().max(*deadline),
    }
}

/// A death that was met on the way is repaired everywhere.
fn reap_after(hold: &Hold, met: Met) {
    if met.0 {
        hold.object().reap();
    }
}

fn refused<R>(hold: &Hold, why: Refused, blocked: R, closed: R) -> R {
    match why {
        Refused::Blocked(met) => {
            reap_after(hold, met);
            blocked
        }
        Refused::Closed => closed,
    }
}

/// Waits until nothing is unfinished; `false` where that took longer than `limit`.
pub(super) fn join(hold: &Hold, limit: &Limit) -> crate::error::Result<bool> {
    let joined = hold.view().join(&hold.seat()?, limit);
    if let Ok(met) | Err(Refused::Blocked(met)) = joined {
        reap_after(hold, met);
    }
    Ok(joined.is_ok())
}

/// Messages that are not done. A child forked since that cannot join the segment looks too.
pub(super) fn unfinished(hold: &Hold) -> usize {
    let seat = hold.seat().ok();
    hold.view().unfinished(seat.as_ref(), patience())
}

/// Puts a short message.
pub(super) fn put(hold: &Hold, limit: &Limit, bytes: &[u8]) -> Result<(), PutError> {
    check(hold, bytes.len())?;
    let seat = hold.seat().map_err(PutError::Broken)?;
    let messages = hold.view();
    let write = |room: &Room| {
        messages.copy_in(room, 0, bytes);
    };
    match messages.put(&seat, limit, bytes.len(), write) {
        Ok(met) => {
            reap_after(hold, met);
            Ok(())
        }
        Err(why) => Err(refused(hold, why, PutError::Full, PutError::Closed)),
    }
}

fn check(hold: &Hold, needs: usize) -> Result<(), PutError> {
    let limit = hold.view().most_bytes();
    if needs > limit {
        return Err(PutError::TooLarge { needs, limit });
    }
    Ok(())
}

/// Room for a message, given up when it is dropped.
pub(super) struct Reservation<'a> {
    hold: &'a Hold,
    limit: Limit,
    room: Option<Room>,
}

impl<'a> Reservation<'a> {
    pub(super) fn make(hold: &'a Hold, limit: Limit, len: usize) -> Result<Self, PutError> {
        check(hold, len)?;
        let seat = hold.seat().map_err(PutError::Broken)?;
        match hold.view().reserve_room(&seat, &limit, len) {
            Ok((room, met)) => {
                reap_after(hold, met);
                Ok(Self {
                    hold,
                    limit,
                    room: Some(room),
                })
            }
            Err(why) => Err(refused(hold, why, PutError::Full, PutError::Closed)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.room.as_ref().map_or(0, Room::len)
    }

    /// Writes `bytes` at `offset`; `false` where they do not fit. A child forked since writes
    /// nothing: by then the room may be another's.
    pub(super) fn write(&self, offset: usize, bytes: &[u8]) -> bool {
        let Some(room) = &self.room else { return false };
        if self.hold.is_me(room.owner()) {
            return self.hold.view().copy_in(room, offset, bytes);
        }
        let end = offset.checked_add(bytes.len());
        end.is_some_and(|end| end <= room.len())
    }

    /// Makes it a message.
    pub(super) fn send(mut self) -> Result<(), PutError> {
        let room = self.room.take();
        // A child forked since must not publish for its parent.
        let Some((room, seat)) = room
            .and_then(|room| Some((self.hold.seat_of(room.owner())?, room)))
            .map(|(seat, room)| (room, seat))
        else {
            return Err(PutError::Closed);
        };
        let until = to_the_end(&self.limit);
        match self.hold.view().publish_room(&seat, until, &room) {
            Ok(met) => {
                reap_after(self.hold, met);
                Ok(())
            }
            Err(why) => Err(refused(self.hold, why, PutError::Full, PutError::Closed)),
        }
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if let Some(room) = self.room.take()
            && let Some(seat) = self.hold.seat_of(room.owner())
        {
            self.hold.view().give_up(&seat, patience(), &room);
        }
    }
}

/// A message that was taken, gone when it is dropped.
pub(super) struct Claim<'a> {
    hold: &'a Hold,
    message: Option<Message>,
}

impl<'a> Claim<'a> {
    pub(super) fn make(hold: &'a Hold, limit: &Limit) -> Result<Self, GetError> {
        let seat = hold.seat().map_err(GetError::Broken)?;
        match hold.view().get(&seat, limit) {
            Ok((message, met)) => {
                let claim = Self {
                    hold,
                    message: Some(message),
                };
                reap_after(hold, met);
                Ok(claim)
            }
            Err(why) => Err(refused(hold, why, GetError::Empty, GetError::Closed)),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.message.as_ref().map_or(0, Message::len)
    }

    pub(super) fn deliveries(&self) -> u32 {
        self.message.as_ref().map_or(0, Message::deliveries)
    }

    /// Copies `out.len()` bytes from `offset`; `false` where there are not so many.
    pub(super) fn read(&self, offset: usize, out: &mut [u8]) -> bool {
        (self.message.as_ref())
            .is_some_and(|message| self.hold.view().copy_out(message, offset, out))
    }

    /// A copy of the bytes.
    pub(super) fn to_vec(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        if let Some(message) = &self.message {
            self.hold.view().append_to(message, &mut bytes);
        }
        bytes
    }

    /// Shows a private copy of the message: nobody else changes it under the reader.
    pub(super) fn copied<R>(&self, show: impl FnOnce(&[u8]) -> R) -> R {
        let len = self.len();
        if len <= SHORT {
            let mut buffer = [0; SHORT];
            let copy = buffer.get_mut(..len).unwrap_or_default();
            self.read(0, copy);
            return show(copy);
        }
        // Taken and put back, so that a codec may itself use queues.
        let mut buffer = LONG.take();
        if buffer.len() < len {
            buffer.resize(len, 0);
        }
        let copy = buffer.get_mut(..len).unwrap_or_default();
        self.read(0, copy);
        let shown = show(copy);
        if buffer.len() <= KEPT {
            LONG.set(buffer);
        }
        shown
    }

    /// Lets the message come again, soon to somebody.
    pub(super) fn give_back(mut self) {
        if let Some(message) = self.message.take()
            && let Some(seat) = self.hold.seat_of(message.owner())
        {
            let view = self.hold.view();
            view.give_back(&seat, &message, patience());
        }
    }
}

impl Drop for Claim<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(message) = self.message.take()
            && let Some(seat) = self.hold.seat_of(message.owner())
        {
            self.hold.view().release(&seat, &message, patience);
        }
    }
}

/// Messages up to here are copied over the stack.
pub(super) const SHORT: usize = 256;
/// The longest buffer that a thread keeps.
const KEPT: usize = 4 << 20;

thread_local! {
    static LONG: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The beginning of a message, up to [`SHORT`], and how long it is.
pub(super) struct Beginning {
    bytes: [u8; SHORT],
    pub(super) len: usize,
}

impl Beginning {
    pub(super) fn new() -> Self {
        Self {
            bytes: [0; SHORT],
            len: 0,
        }
    }

    /// All of it, if it is short.
    pub(super) fn whole(&self) -> Option<&[u8]> {
        self.bytes.get(..self.len)
    }
}

impl io::Write for Beginning {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.len.saturating_add(bytes.len());
        if let Some(place) = self.bytes.get_mut(self.len..end) {
            place.copy_from_slice(bytes);
        }
        self.len = end;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
