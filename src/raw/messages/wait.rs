//! The operations: each with the lock, and asleep between two tries.

use core::cell::Cell;

use crate::raw::Peers;
use crate::raw::permits::{NoneFree, Others};
use crate::sys::atomic::{Ordering, fence};
use crate::sys::clock::Deadline;
use crate::sys::hint;

use super::block::{Phase, Word};
use super::{Attempt, Held, Message, Messages, Room};

/// Whether a death was met: the caller is to reap when it has done with the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Met(pub(crate) bool);

/// Why nothing was put or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no room, or no message, and the caller would not wait, or not longer.
    Blocked(Met),
    /// The queue was closed; for a consumer: and is empty.
    Closed,
}

/// What somebody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Room,
    Message,
    /// That nothing is unfinished.
    End,
}

/// Turns of a spin between two polls.
const REST: u32 = 8;

/// How long a caller waits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait<P> {
    /// Not at all, but for the lock until then.
    Try(P),
    /// For room or a message, and for the lock.
    Until(Deadline),
}

impl<P: Fn() -> Deadline> Wait<P> {
    fn for_the_lock(&self) -> Deadline {
        match self {
            Self::Try(patience) => patience(),
            Self::Until(deadline) => *deadline,
        }
    }
}

impl Messages<'_> {
    /// Takes room for a message of `len` bytes, which [`Messages::most_bytes`] must allow.
    pub(crate) fn reserve_room(
        &self,
        peers: &impl Peers,
        wait: &Wait<impl Fn() -> Deadline>,
        len: usize,
    ) -> Result<(Room, Met), Refused> {
        self.act(peers, wait, Side::Room, || self.reserve(peers.me(), len))
    }

    /// Puts a message of `len` bytes, in one go: `write` runs with the lock, so it must be short
    /// and must not panic.
    pub(crate) fn put(
        &self,
        peers: &impl Peers,
        wait: &Wait<impl Fn() -> Deadline>,
        len: usize,
        write: impl Fn(&Room),
    ) -> Result<Met, Refused> {
        let put = self.act(peers, wait, Side::Room, || {
            let room = self.reserve(peers.me(), len)?;
            write(&room);
            self.publish(&room)
        });
        let ((), met) = put?;
        self.tell_consumers(peers);
        Ok(met)
    }

    /// Makes a message that was written visible. Where the lock cannot be had until `patience`
    /// ends, or the queue is closed, the room is given up.
    pub(crate) fn publish_room(
        &self,
        peers: &impl Peers,
        patience: Deadline,
        room: &Room,
    ) -> Result<Met, Refused> {
        let Ok(met) = self.enter(peers, || patience) else {
            self.free(peers, room.held);
            return Err(Refused::Blocked(Met(false)));
        };
        let published = self.publish(room);
        self.leave(peers);
        if published.is_err() {
            self.head.not_full.ring(peers, u32::MAX);
            return Err(Refused::Closed);
        }
        self.tell_consumers(peers);
        Ok(Met(met))
    }

    /// Gives room up that was not written. Where the lock cannot be had until `patience` ends, it
    /// counts as reserved until somebody counts anew.
    pub(crate) fn give_up(&self, peers: &impl Peers, patience: Deadline, room: &Room) {
        let entered = self.enter(peers, || patience).is_ok();
        self.free(peers, room.held);
        if entered {
            self.lower_reserved();
            self.leave(peers);
        }
    }

    /// Takes a message.
    pub(crate) fn get(
        &self,
        peers: &impl Peers,
        wait: &Wait<impl Fn() -> Deadline>,
    ) -> Result<(Message, Met), Refused> {
        let got = self.act(peers, wait, Side::Message, || self.claim(peers.me()))?;
        // Its entry is free; its room comes later. The lock orders this after announcements.
        self.head.not_full.ring_if_heard(peers, u32::MAX);
        Ok(got)
    }

    /// Frees the room of a message that was read. Waits for nobody, but where somebody joins, for
    /// the lock until `patience` ends.
    #[inline]
    pub(crate) fn release(
        &self,
        peers: &impl Peers,
        message: &Message,
        patience: impl FnOnce() -> Deadline,
    ) {
        self.free(peers, message.held);
        self.tell_joiners(peers, patience);
    }

    /// Lets a message come again. Where the lock cannot be had until `patience` ends, it is left to
    /// the next holder to count it.
    pub(crate) fn give_back(&self, peers: &impl Peers, message: &Message, patience: Deadline) {
        let entered = self.enter(peers, || patience).is_ok();
        if entered {
            self.raise_returned();
        }
        if let Some(block) = self.block(message.held.at) {
            block.set_word(Word::new(message.held.units, Phase::Returned));
        }
        if entered {
            self.leave(peers);
            self.tell_consumers(peers);
        } else {
            self.owe();
            self.head.not_empty.ring_always(peers, u32::MAX);
        }
    }

    /// Wakes a consumer after something was published with the lock, which orders the look at the
    /// bell after announcements.
    #[inline]
    fn tell_consumers(&self, peers: &impl Peers) {
        self.head.not_empty.ring_if_heard(peers, 1);
    }

    /// Frees a block that the caller owns, without the lock, and passes a fence: the bells come after.
    #[inline]
    fn free(&self, peers: &impl Peers, held: Held) {
        if let Some(block) = self.block(held.at) {
            block.set_word(Word::new(held.units, Phase::Free));
        }
        // SeqCst: pairs with the fence of `Bell::announce`, of this bell and of `all_done`. The free
        // word comes before the look at the flag; so one of the two sides sees the other.
        fence(Ordering::SeqCst);
        self.head.not_full.ring_if_heard(peers, u32::MAX);
    }

    /// Does `act` with the lock, as soon as it is possible.
    #[inline]
    pub(super) fn act<T>(
        &self,
        peers: &impl Peers,
        wait: &Wait<impl Fn() -> Deadline>,
        side: Side,
        act: impl Fn() -> Result<T, Attempt>,
    ) -> Result<(T, Met), Refused> {
        let met = Cell::new(false);
        let first = self.try_act(peers, || wait.for_the_lock(), &met, None, &act);
        let end = match (first, wait) {
            (Err(Attempt::Idle), Wait::Until(deadline)) => {
                self.wait(peers, *deadline, &met, side, &act)
            }
            (first, _) => first,
        };
        match end {
            Ok(done) => Ok((done, Met(met.get()))),
            Err(Attempt::Idle) => Err(Refused::Blocked(Met(met.get()))),
            Err(Attempt::Closed) => Err(Refused::Closed),
        }
    }

    /// One try; notes who may make the next one succeed, where `others` are asked for.
    #[inline]
    fn try_act<T>(
        &self,
        peers: &impl Peers,
        deadline: impl FnOnce() -> Deadline,
        met: &Cell<bool>,
        others: Option<&mut Others>,
        act: &impl Fn() -> Result<T, Attempt>,
    ) -> Result<T, Attempt> {
        let mended = self.enter(peers, deadline).map_err(|_| Attempt::Idle)?;
        let done = act();
        if let (Err(Attempt::Idle), Some(others)) = (&done, others) {
            self.note_owners(others);
        }
        self.leave(peers);
        met.set(met.get() || mended);
        done
    }

    #[cold]
    fn wait<T>(
        &self,
        peers: &impl Peers,
        deadline: Deadline,
        met: &Cell<bool>,
        side: Side,
        act: &impl Fn() -> Result<T, Attempt>,
    ) -> Result<T, Attempt> {
        self.spin(side);
        let look = |others: &mut Others, slept: bool| {
            let done = self.try_act(peers, || deadline, met, Some(others), act);
            if let Err(Attempt::Idle) = done {
                return Err(NoneFree);
            }
            // A ring for a message wakes one and takes the announcement away: there may be more for
            // others. A ring for room wakes all: what is too little for one may do for the next.
            if slept && side == Side::Message && self.len() > 0 {
                self.head.not_empty.ring(peers, 1);
            }
            Ok(done)
        };
        let bell = match side {
            Side::Room => &self.head.not_full,
            Side::Message => &self.head.not_empty,
            Side::End => &self.head.all_done,
        };
        let mut buried = false;
        let end = bell.wait_for(peers, deadline, &mut buried, look, || {
            self.bury(peers, deadline)
        });
        met.set(met.get() || buried);
        end.unwrap_or(Err(Attempt::Idle))
    }

    /// Polls for some microseconds. Only a hint comes of it: what counts is the look with the lock.
    ///
    /// Seldom, because a look takes the line from whoever works with the lock. What is waited for is
    /// seen before the lock is free: after another rest, it is, and more may have come.
    fn spin(&self, side: Side) {
        // Relaxed, and below: a hint.
        let head = self.head.inner.head.load(Ordering::Relaxed);
        let rest = || (0..REST).for_each(|_| hint::spin());
        for _ in 0..hint::SPINS / REST {
            let is_time = match side {
                Side::Room => self.head.inner.head.load(Ordering::Relaxed) != head,
                Side::Message => self.len() > 0,
                // A task takes longer than a spin.
                Side::End => return,
            };
            rest();
            if is_time {
                return;
            }
        }
    }

    /// Gives back what the dead own; says whether that was anything. Waits for the lock until
    /// `patience` ends.
    pub(crate) fn bury(&self, peers: &impl Peers, patience: Deadline) -> bool {
        let Ok(mended) = self.enter(peers, || patience) else {
            return false;
        };
        let met = self.sweep(peers, None);
        self.leave(peers);
        mended || met
    }
}
