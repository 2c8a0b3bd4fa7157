//! The ring of many producers and many consumers, in which every claim has an owner.
//!
//! Positions count items for ever: a position is a slot and a *turn*, and after the last slot of a
//! turn comes the first of the next. A claim is one compare-and-swap on the slot's word and names its owner.
//!
//! # States
//!
//! | phase | rest | meaning | who may change it, to what |
//! |---|---|---|---|
//! | empty | 0 | waits for an item of its turn | a producer: writing |
//! | writing | producer | an item is put in | the producer: ready; after its death anyone: empty, next turn |
//! | ready | 0 | there is an item in it | a consumer: reading |
//! | ready | again | taken back from a dead consumer | any consumer, out of order: reading |
//! | reading | consumer | the item is taken out | the consumer: empty, next turn; after its death anyone: ready again, or by policy empty, next turn |
//!
//! # Invariants
//!
//! 1. Words are the truth. `tail` and `head` are hints, stored plainly after a claim: a claim comes
//!    before the hint that tells of it, so a hint is never beyond the truth, only behind, and is
//!    corrected by walking on over slots whose words say that they were claimed.
//! 2. Positions are claimed without gaps by producers, and without gaps by consumers: who claims
//!    `p` has seen, or was told by a hint, that `p - 1` was claimed.
//! 3. A claim that a dead producer left becomes a slot of the next turn, as if its item had been
//!    put and taken: consumers pass it as they pass any slot that they come late to.
//! 4. An item behind the head is marked *again*, and whoever marks it has raised `strays` before.
//!    `strays` is lowered only after all slots were seen without such an item and without a dead
//!    consumer's claim, and only if nobody raised it meanwhile: so no item is ever forgotten.
//! 5. An item of an open queue is never put into a closed one: a producer looks at `closed` after
//!    its claim, a consumer that found the queue closed looks for claims after that.
//!
//! From 2: first in, first out for each producer, except for items delivered again. A claim of a
//! living participant, stopped or not, is waited for.
//!
//! # Memory orderings
//!
//! The stores that make a slot ready or empty are Release, and publish the item and its removal;
//! the claims are Acquire. Resolving a dead claim is AcqRel: it passes on what the item's producer
//! published, and what [`Peers::is_dead`] knows of the dead one's writes.
//!
//! Claims are SeqCst. On both sides something is stored and then something of the other side's is
//! loaded: a claim, then the other side's bell and `closed`; a bell or `closed`, then the slots. So
//! both ends of each pair are SeqCst operations or stand behind a SeqCst fence, which costs nothing
//! on top of the claim. Whoever announces itself while the slot is *claimed already* may have
//! missed the owner's look at the bell. It runs [`Peers::fence_everywhere`] before it looks again:
//! what is still claimed then will be finished before its owner looks at the bell. Where there is
//! no such fence it sleeps short slices.
//!
//! # Wrap and ABA
//!
//! A claim compares the whole word. To meet the same word in another turn, a thread must stand
//! still between its look and its claim for a multiple of 2^32 turns, exactly. Even then it claims
//! a slot that is in the phase it wants: an item may come out of order, and none is lost, made up
//! or doubled. Turns are compared by their distance, so their wrap is no event.
//!
//! # If a process dies
//!
//! A producer before its claim: nothing happened. After it, before the item is published: the item
//! never existed, and the slot is passed. After that: the item is there; sleepers it did not wake
//! look again when their slice ends. A consumer before its claim: nothing happened. After it,
//! before the slot is given back: its item is delivered again, or dropped, by policy. A waiter that
//! dies leaves a raised flag, which costs the other side one needless wake. Who meets a dead claim
//! resolves it; the reaper's [`Slots::repair`] resolves those that nobody meets. Each of these is
//! one compare-and-swap, so the death of a helper changes nothing. Words of garbage name owners
//! that do not exist, which are dead ones; hints of garbage look like a full or an empty queue.

mod flag;
#[cfg(not(loom))]
mod owners;
#[cfg(not(loom))]
mod place;
mod repair;
mod slot;
mod wait;
mod walk;
mod watch;

use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering, light_fence};
use crate::sys::clock::Deadline;

use super::{Peers, Token};
use flag::{Bell, Flag};
pub(crate) use slot::Side;
use slot::{Position, SlotWord};
pub(crate) use wait::{Met, Refused};

/// What hardly ever changes, in lines that everybody shares.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Controls {
    capacity: AtomicU64,
    item_size: AtomicU64,
    /// 1: a dead consumer's item is delivered again. 0: it is dropped.
    redeliver: AtomicU32,
    closed: AtomicU32,
    /// Raised while there may be items behind the head.
    strays: Flag,
    not_empty: Bell,
    not_full: Bell,
}

/// What becomes of an item whose consumer died taking it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Redelivery {
    /// It is delivered again.
    #[default]
    Again,
    /// It is dropped.
    Drop,
}

impl Controls {
    /// Those of a ring whose size is known elsewhere.
    #[cfg(loom)]
    pub(crate) fn new(redelivery: Redelivery) -> Self {
        Self {
            capacity: AtomicU64::new(0),
            item_size: AtomicU64::new(0),
            redeliver: AtomicU32::new((redelivery == Redelivery::Again).into()),
            closed: AtomicU32::new(0),
            strays: Flag::new(),
            not_empty: Bell::new(),
            not_full: Bell::new(),
        }
    }
}

/// A view of the ring, with its geometry checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slots<'a> {
    controls: &'a Controls,
    tail: &'a AtomicU64,
    head: &'a AtomicU64,
    /// Slot `i` begins at `i * stride` with its word; its item lies behind it. There are
    /// `capacity * stride` of them, less than 2^32.
    words: &'a [AtomicU64],
    /// The same, up to the word of the last slot: whatever begins in here is inside.
    starts: &'a [AtomicU64],
    stride: usize,
    /// Where the last slot begins.
    last: usize,
    /// Slots in all.
    capacity: usize,
    /// Bytes of an item; they fit into the words between two slots' words.
    item_size: usize,
    redelivery: Redelivery,
}

/// A slot that the caller owns, in the state in which it owns it.
#[derive(Debug)]
struct Claim<'a> {
    word: &'a AtomicU64,
    state: SlotWord,
    /// Where the slot begins.
    at: usize,
}

impl<'a> Slots<'a> {
    /// A view of `capacity` slots that lie `stride` words apart; `None` where they do not fit into
    /// `words`.
    pub(crate) fn new(
        controls: &'a Controls,
        tail: &'a AtomicU64,
        head: &'a AtomicU64,
        words: &'a [AtomicU64],
        capacity: usize,
        stride: usize,
        item_size: usize,
    ) -> Option<Self> {
        let len = capacity.checked_mul(stride)?;
        let words = words.get(..len)?;
        let fits = capacity > 0 && item_size.div_ceil(8) < stride && u32::try_from(len).is_ok();
        let last = len.checked_sub(stride)?;
        let starts = words.get(..=last)?;
        let redelivery = match controls.redeliver.load(Ordering::Relaxed) {
            0 => Redelivery::Drop,
            _ => Redelivery::Again,
        };
        fits.then_some(Self {
            controls,
            tail,
            head,
            words,
            starts,
            stride,
            last,
            capacity,
            item_size,
            redelivery,
        })
    }

    /// What becomes of a dead consumer's item.
    pub(crate) fn redelivery(&self) -> Redelivery {
        self.redelivery
    }

    /// Slots in all.
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Puts an item in, if there is room: `write` gets the place of the slot and copies it there.
    #[inline]
    pub(crate) fn try_put(
        &self,
        peers: impl Peers + Copy,
        write: impl FnOnce(usize),
    ) -> Result<Met, Refused> {
        match self.claim(Side::Room, peers.me()) {
            Some(claim) => {
                self.publish(peers, &claim, write);
                Ok(Met(false))
            }
            None => self.try_put_contended(peers, write),
        }
    }

    /// As [`Slots::try_put`], sleeping until there is room or the deadline passes.
    #[inline]
    pub(crate) fn put(
        &self,
        peers: impl Peers + Copy,
        deadline: impl FnOnce() -> Deadline,
        write: impl FnOnce(usize),
    ) -> Result<Met, Refused> {
        match self.claim(Side::Room, peers.me()) {
            Some(claim) => {
                self.publish(peers, &claim, write);
                Ok(Met(false))
            }
            None => self.put_contended(peers, deadline(), write),
        }
    }

    /// Takes an item out, if there is one: `read` gets the place of the slot and copies it out.
    #[inline]
    pub(crate) fn try_get<R>(
        &self,
        peers: impl Peers + Copy,
        read: impl FnOnce(usize) -> R,
    ) -> Result<(R, Met), Refused> {
        match self.claim(Side::Item, peers.me()) {
            Some(claim) => Ok((self.give_back(peers, &claim, read), Met(false))),
            None => self.try_get_contended(peers, read),
        }
    }

    /// As [`Slots::try_get`], sleeping until there is an item or the deadline passes.
    #[inline]
    pub(crate) fn get<R>(
        &self,
        peers: impl Peers + Copy,
        deadline: impl FnOnce() -> Deadline,
        read: impl FnOnce(usize) -> R,
    ) -> Result<(R, Met), Refused> {
        match self.claim(Side::Item, peers.me()) {
            Some(claim) => Ok((self.give_back(peers, &claim, read), Met(false))),
            None => self.get_contended(peers, deadline(), read),
        }
    }

    #[inline]
    fn publish(&self, peers: impl Peers + Copy, claim: &Claim<'_>, write: impl FnOnce(usize)) {
        write(claim.at);
        // Release: pairs with the Acquire of the consumer's claim; publishes the item.
        claim.word.store(claim.state.ready().0, Ordering::Release);
        light_fence();
        self.controls.not_empty.ring(peers);
    }

    #[inline]
    fn give_back<R>(
        &self,
        peers: impl Peers + Copy,
        claim: &Claim<'_>,
        read: impl FnOnce(usize) -> R,
    ) -> R {
        let item = read(claim.at);
        // Release: pairs with the Acquire of the producer's claim; the item was copied out.
        claim.word.store(claim.state.passed().0, Ordering::Release);
        light_fence();
        self.controls.not_full.ring(peers);
        item
    }

    /// Claims for `side` where nothing is in the way, which is nearly always.
    #[inline]
    fn claim(&self, side: Side, me: Token) -> Option<Claim<'a>> {
        let in_the_way = match side {
            // Relaxed: a shortcut; what counts is the look after the claim.
            Side::Room => self.controls.closed.load(Ordering::Relaxed) != 0,
            // Relaxed: who sees the flag looks again.
            Side::Item => self.controls.strays.load(Ordering::Relaxed).is_raised(),
        };
        if in_the_way {
            return None;
        }
        let claim = self.claim_at_hint(side, me)?;
        if side == Side::Item || self.is_open_to(&claim) {
            Some(claim)
        } else {
            None
        }
    }

    /// Whether a producer's claim came before the end; gives it up otherwise.
    #[inline]
    fn is_open_to(&self, claim: &Claim<'_>) -> bool {
        light_fence();
        // SeqCst: pairs with `close`; see invariant 5.
        let is_open = self.controls.closed.load(Ordering::SeqCst) == 0;
        if !is_open {
            // Release: pairs with the Acquire of the next claim; there is nothing in it.
            claim.word.store(claim.state.passed().0, Ordering::Release);
        }
        is_open
    }

    /// Claims the slot of the hint, if it can be claimed.
    #[inline]
    fn claim_at_hint(&self, side: Side, me: Token) -> Option<Claim<'a>> {
        // Relaxed, both: the claim orders what follows, and nothing else is concluded.
        let position = Position(self.hint(side).load(Ordering::Relaxed));
        let wanted = position.waiting(side.phase());
        let word = self.slot(position.at())?;
        if word.load(Ordering::Relaxed) != wanted.0 {
            return None;
        }
        self.claim_at(side, me, position, word, wanted).ok()
    }

    /// Claims the slot of `position` if its word is still as `seen`; otherwise says how it is.
    #[inline]
    fn claim_at(
        &self,
        side: Side,
        me: Token,
        position: Position,
        word: &'a AtomicU64,
        seen: SlotWord,
    ) -> Result<Claim<'a>, SlotWord> {
        let state = seen.claimed(side.claimed(), me);
        // Acquire: pairs with the Release that made the slot ready or empty. SeqCst: the store half
        // of Dekker's pairs; see the module's page. Relaxed: a lost claim concludes nothing.
        word.compare_exchange(seen.0, state.0, Ordering::SeqCst, Ordering::Relaxed)
            .map_err(SlotWord)?;
        // Relaxed: a hint.
        self.hint(side)
            .store(self.next(position).0, Ordering::Relaxed);
        Ok(Claim {
            word,
            state,
            at: position.at(),
        })
    }

    #[inline]
    fn hint(&self, side: Side) -> &'a AtomicU64 {
        match side {
            Side::Room => self.tail,
            Side::Item => self.head,
        }
    }

    #[inline]
    fn next(&self, position: Position) -> Position {
        position.next(self.stride, self.last)
    }

    /// The word of the slot that begins `at`; `None` where garbage says so and there is no room for
    /// a slot.
    #[inline]
    fn slot(&self, at: usize) -> Option<&'a AtomicU64> {
        self.starts.get(at)
    }

    /// Whether the queue takes no more items.
    pub(crate) fn is_closed(&self) -> bool {
        // Acquire: what whoever closed it did before is visible.
        self.controls.closed.load(Ordering::Acquire) != 0
    }

    /// Lets nothing more in, and wakes everybody.
    pub(crate) fn close(&self, peers: impl Peers + Copy) {
        // SeqCst: the store half of Dekker's pair in invariant 5.
        self.controls.closed.swap(1, Ordering::SeqCst);
        self.controls.not_empty.ring_all(peers);
        self.controls.not_full.ring_all(peers);
    }
}
