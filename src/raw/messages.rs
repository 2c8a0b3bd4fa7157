//! Messages of any length between many: an order, and an area in which every block has an owner.
//!
//! The area is a chain of blocks without a gap, each as long as its word says. A message is one
//! block, from the reservation of its room until it is taken out. Beside the area lies the *order*,
//! a ring of block numbers between `head` and `tail`: a message enters it when it is published, so
//! a slow producer holds nobody up, and leaves it when it is claimed, so a slow consumer does not
//! either. All but a few single stores happens under one short lock; messages are written and read
//! without it.
//!
//! # States of a block
//!
//! | phase | rest | meaning | who may change it, to what |
//! |---|---|---|---|
//! | free | 0 | nobody's | with the lock: joined with its neighbour, split, reserved |
//! | reserved | producer | a message is written | the producer: free; with the lock: ready; after its death, with the lock: free |
//! | ready | 0 | a message in the order | with the lock: claimed |
//! | ready | returned | a message that comes again, beside the order | with the lock: claimed |
//! | claimed | consumer | the message is read | the consumer: free, or returned; after its death, with the lock: returned or, by policy, free |
//!
//! # Invariants
//!
//! 1. A block changes by one store of its word, after everything that the new word implies.
//! 2. Publication commits with the store of `tail`, a claim with the store of the block's word; what
//!    lags behind in the other place is brought up by whoever inherits the lock (`mend`), before
//!    it looks at anything. So a message is in the order exactly while it is ready and not returned.
//! 3. `reserved` is never less than the number of reserved blocks, and `returned` never less than
//!    that of returned messages: raised before, lowered after. Both are counted anew, with the lock,
//!    where they are in the way, and after a note (`due`) that somebody did without the lock.
//! 4. Messages in the order and reserved ones are `items` at the most, so that the ring never
//!    overflows. Claimed and returned ones do not count.
//! 5. `cursor` is the beginning of a block: a block that is joined to the one before takes the
//!    cursor back first.
//! 6. A sleeper announces itself, then looks with the lock, then sleeps. Whoever makes room or
//!    brings a message looks at the bell after its change.
//! 7. A message is unfinished exactly while its block is ready, returned or claimed. No count says
//!    so, only the chain. See `join` for who wakes those that wait for the last of them.
//!
//! Returned messages are delivered first, the oldest of them before the others.
//!
//! # Memory orderings
//!
//! The lock orders everything but the stores without it: what an owner makes of its block, `due` and
//! `closed`. The first are Release and pair with the Acquire of whoever walks the chain. `closed` is
//! read with the lock: a publication that missed it comes before a get that saw it in the order of
//! the lock, so no message enters a queue that was found closed and empty. Room that is given back
//! without the lock is told of behind a fence. Commits and what must come before them are Release
//! stores, which keeps them in this order also for whoever learns from the kernel that their maker
//! died.
//!
//! # If a process dies
//!
//! Without the lock: writing, and the message never was; reading, and it is returned; both wait for
//! a repair, by a waiter after its slice or by the reaper. With the lock: invariant 2. Between a
//! change and its ring: the sleepers' slice ends. The repair itself is done with the lock, and a
//! reaper that cannot have it, because its holder is stopped, leaves a note for whoever is next.
//! Words of garbage end a walk early, or name owners that do not exist, which are dead ones.

mod block;
mod chain;
mod held;
mod join;
#[cfg(not(loom))]
mod owners;
#[cfg(not(loom))]
mod place;
mod repair;
mod wait;
mod watch;

use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sys::clock::Deadline;

use super::lock::{LockWord, StillHeld, Taken};
use super::mpmc::Redelivery;
use super::permits::Bell;
use super::{Peers, Token};
use block::{Phase, Word};
use held::Held;
pub(crate) use held::{Message, Room};
pub(crate) use wait::{Met, Refused, Wait};
pub(crate) use watch::Want;

/// Words of a unit: the least that a block takes.
#[cfg(not(loom))]
pub(crate) const UNIT: usize = 8;
#[cfg(loom)]
pub(crate) const UNIT: usize = 4;

/// What lies before the order and the area.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Head {
    /// Entries of the order; set once, read once.
    items: AtomicU64,
    /// Units of the area; set once, read once.
    units: AtomicU64,
    /// 1: a dead consumer's message is delivered again. 0: it is dropped. Set once, read once.
    redeliver: AtomicU32,
    closed: AtomicU32,
    not_empty: Bell,
    not_full: Bell,
    /// For those who wait until nothing is unfinished.
    all_done: Bell,
    unused: [AtomicU32; 7],
    inner: Inner,
}

/// What changes with every message, in a line of its own.
#[derive(Debug)]
#[repr(C, align(64))]
struct Inner {
    lock: LockWord,
    /// Not 0 while a repair is left to the next holder of the lock.
    due: AtomicU32,
    head: AtomicU64,
    tail: AtomicU64,
    cursor: AtomicU64,
    reserved: AtomicU64,
    returned: AtomicU64,
}

#[cfg(loom)]
impl Head {
    pub(crate) fn new(redelivery: Redelivery) -> Self {
        let word = || AtomicU64::new(0);
        Self {
            items: word(),
            units: word(),
            redeliver: AtomicU32::new((redelivery == Redelivery::Again).into()),
            closed: AtomicU32::new(0),
            not_empty: Bell::new(),
            not_full: Bell::new(),
            all_done: Bell::new(),
            unused: core::array::from_fn(|_| AtomicU32::new(0)),
            inner: Inner {
                lock: LockWord::new(),
                due: AtomicU32::new(0),
                head: word(),
                tail: word(),
                cursor: word(),
                reserved: word(),
                returned: word(),
            },
        }
    }
}

/// A view of the queue, with its geometry checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Messages<'a> {
    head: &'a Head,
    /// At least one.
    order: &'a [AtomicU32],
    /// Whole units, at least one.
    words: &'a [AtomicU64],
    units: u32,
    redelivery: Redelivery,
}

/// Why nothing was done with the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// There is no room, or no message.
    Idle,
    /// Nothing may be put any more, and, for a consumer, nothing is there.
    Closed,
}

impl<'a> Messages<'a> {
    /// A view of the whole units in `words`; `None` where there is none, or no entry of the order.
    pub(crate) fn new(
        head: &'a Head,
        order: &'a [AtomicU32],
        words: &'a [AtomicU64],
    ) -> Option<Self> {
        let units = u32::try_from(words.len() / UNIT).ok()?;
        let redelivery = match head.redeliver.load(Ordering::Relaxed) {
            0 => Redelivery::Drop,
            _ => Redelivery::Again,
        };
        (units > 0 && !order.is_empty()).then_some(Self {
            head,
            order,
            words,
            units,
            redelivery,
        })
    }

    /// Makes the whole area one free block.
    pub(crate) fn format(&self) {
        if let Some(first) = self.block(0) {
            first.set_word(Word::new(self.units, Phase::Free));
        }
    }

    /// Messages that can wait in the order.
    pub(crate) fn items(&self) -> usize {
        self.order.len()
    }

    /// What becomes of a dead consumer's message.
    pub(crate) fn redelivery(&self) -> Redelivery {
        self.redelivery
    }

    /// Messages that wait to be taken, those that come again included; it may change at once.
    pub(crate) fn len(&self) -> usize {
        // Relaxed: a number that may be old at once.
        let returned = self.head.inner.returned.load(Ordering::Relaxed);
        let returned = usize::try_from(returned).unwrap_or(usize::MAX);
        self.queued()
            .saturating_add(returned.min(self.units as usize))
    }

    /// Whether the order has no entry for another message; it may change at once.
    pub(crate) fn is_full(&self) -> bool {
        // Relaxed: as in `len`.
        let reserved = self.head.inner.reserved.load(Ordering::Relaxed);
        (self.queued() as u64).saturating_add(reserved) >= self.items() as u64
    }

    /// Whether the queue takes no more messages.
    pub(crate) fn is_closed(&self) -> bool {
        // Acquire: what whoever closed it did before is visible.
        self.head.closed.load(Ordering::Acquire) != 0
    }

    /// Lets nothing more in, and wakes everybody.
    pub(crate) fn close(&self, peers: &impl Peers) {
        // Release: pairs with the Acquire of `is_closed`.
        self.head.closed.store(1, Ordering::Release);
        self.head.not_empty.ring(peers, u32::MAX);
        self.head.not_full.ring(peers, u32::MAX);
    }

    /// Takes the lock, and first of all does what a death has left to its next holder; `true` where
    /// there was one.
    #[inline]
    fn enter(
        &self,
        peers: &impl Peers,
        deadline: impl FnOnce() -> Deadline,
    ) -> Result<bool, StillHeld> {
        let taken = self.head.inner.lock.lock_by(peers, deadline)?;
        // Acquire: pairs with the Release of the note.
        if taken == Taken::Clean && self.head.inner.due.load(Ordering::Acquire) == 0 {
            return Ok(false);
        }
        self.mend(peers, taken);
        Ok(true)
    }

    #[inline]
    fn leave(&self, peers: &impl Peers) {
        self.head.inner.lock.unlock(peers, false);
    }

    /// Messages in the order: garbage is an empty one.
    #[inline]
    fn queued(&self) -> usize {
        // Relaxed, and below: the lock orders them; without it, a number that may be old at once.
        let head = self.head.inner.head.load(Ordering::Relaxed);
        let tail = self.head.inner.tail.load(Ordering::Relaxed);
        match usize::try_from(tail.wrapping_sub(head)) {
            Ok(queued) if queued <= self.items() => queued,
            _ => 0,
        }
    }

    /// The entry of the order for the message of this number.
    #[inline]
    fn entry(&self, number: u64) -> Option<&'a AtomicU32> {
        let at = number % self.order.len() as u64;
        self.order.get(usize::try_from(at).ok()?)
    }

    /// Takes room for a message of `len` bytes. With the lock.
    #[inline]
    fn reserve(&self, me: Token, len: usize) -> Result<Room, Attempt> {
        // Relaxed: see the module's page.
        if self.head.closed.load(Ordering::Relaxed) != 0 {
            return Err(Attempt::Closed);
        }
        if self.is_full() && (self.queued() >= self.items() || !self.recount()) {
            return Err(Attempt::Idle);
        }
        let wanted = Self::units_of(len).ok_or(Attempt::Idle)?;
        let at = self.find_room(wanted).ok_or(Attempt::Idle)?;
        let reserved = &self.head.inner.reserved;
        // Relaxed, and before the word: invariant 3; the Release of the word keeps the order.
        let others = reserved.load(Ordering::Relaxed);
        reserved.store(others.saturating_add(1), Ordering::Relaxed);
        self.take(at, wanted, me).ok_or(Attempt::Idle)?;
        let held = Held {
            at,
            units: wanted,
            owner: me,
        };
        Ok(Room { held, len })
    }

    /// Makes a written message the last of the order. With the lock.
    #[inline]
    fn publish(&self, room: &Room) -> Result<(), Attempt> {
        let Some(block) = self.block(room.held.at) else {
            return Err(Attempt::Closed);
        };
        // Relaxed: see the module's page.
        if self.head.closed.load(Ordering::Relaxed) != 0 {
            block.set_word(Word::new(room.held.units, Phase::Free));
            self.lower_reserved();
            return Err(Attempt::Closed);
        }
        let tail = self.head.inner.tail.load(Ordering::Relaxed);
        block.set_number(tail);
        block.set_len(room.len, 0);
        if let Some(entry) = self.entry(tail) {
            entry.store(room.held.at, Ordering::Relaxed);
        }
        // Release: the commit; for an heir, entry, number and length come before it.
        let next = tail.wrapping_add(1);
        self.head.inner.tail.store(next, Ordering::Release);
        block.set_word(Word::new(room.held.units, Phase::Ready));
        self.lower_reserved();
        Ok(())
    }

    fn lower_reserved(&self) {
        let reserved = &self.head.inner.reserved;
        let others = reserved.load(Ordering::Relaxed).saturating_sub(1);
        // Release: after the word, by invariant 3.
        reserved.store(others, Ordering::Release);
    }

    /// Takes a message: one that comes again, or the oldest of the order. With the lock.
    #[inline]
    fn claim(&self, me: Token) -> Result<Message, Attempt> {
        if self.head.inner.returned.load(Ordering::Relaxed) != 0
            && let Some(message) = self.claim_returned(me)
        {
            return Ok(message);
        }
        // An entry whose block is no message of its number is garbage, and passed.
        for _ in 0..self.queued() {
            let head = self.head.inner.head.load(Ordering::Relaxed);
            let message = self.claim_entry(head, me);
            // Release: after the claim; invariant 2.
            let next = head.wrapping_add(1);
            self.head.inner.head.store(next, Ordering::Release);
            if let Some(message) = message {
                return Ok(message);
            }
        }
        // Relaxed: see the module's page.
        if self.head.closed.load(Ordering::Relaxed) == 0 {
            Err(Attempt::Idle)
        } else {
            Err(Attempt::Closed)
        }
    }

    #[inline]
    fn claim_entry(&self, number: u64, me: Token) -> Option<Message> {
        let block = self.block(self.entry(number)?.load(Ordering::Relaxed))?;
        let word = block.word();
        if word.phase() != Phase::Ready || block.number() != number {
            return None;
        }
        self.claim_block(block, word, me)
    }
}
