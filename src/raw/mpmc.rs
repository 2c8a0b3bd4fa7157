//! The ring of many producers and many consumers, in which every claim has an owner.
//!
//! Positions count items for ever. Position `p` of a ring of `2^k` slots is the slot `p mod 2^k` in
//! its *turn* `p / 2^k`. A claim is one compare-and-swap on the slot's word and names its owner.
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
mod place;
mod repair;
mod slot;
mod wait;

use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering, light_fence};
use crate::sys::hint;

use super::Peers;
use flag::{Bell, Flag};
use slot::{Phase, SlotWord};
pub(crate) use wait::Refused;
use wait::{Attempt, Held, Side};

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
    /// Slot `i` begins at `i * stride` with its word; its item lies behind it. There are at least
    /// `(mask + 1) * stride` of them, and at least one.
    words: &'a [AtomicU64],
    /// The first of them, for an index that invariants say cannot be.
    first: &'a AtomicU64,
    stride: usize,
    /// Slots, less one; slots are a power of two.
    mask: u64,
    /// Its logarithm.
    shift: u32,
    /// Bytes of an item; they fit into the words between two slots' words.
    item_size: usize,
    redelivery: Redelivery,
}

/// A slot that the caller owns, in the state in which it owns it.
#[derive(Debug)]
pub(super) struct Claim<'a> {
    word: &'a AtomicU64,
    state: SlotWord,
    index: usize,
}

/// What a word means to somebody who looks for the slot of his position.
enum Look {
    /// This is it.
    Claim,
    /// The position is gone; the truth is here or further on.
    Pass(u64),
    /// Somebody has it who will be done soon.
    Held,
    /// There is nothing to claim.
    Idle,
}

impl<'a> Slots<'a> {
    /// A view of `capacity` slots, a power of two, that lie `stride` words apart; `None` where
    /// they do not fit into `words`.
    pub(crate) fn new(
        controls: &'a Controls,
        tail: &'a AtomicU64,
        head: &'a AtomicU64,
        words: &'a [AtomicU64],
        capacity: usize,
        stride: usize,
        item_size: usize,
    ) -> Option<Self> {
        let fits = capacity.is_power_of_two()
            && capacity <= Self::MOST
            && item_size.div_ceil(8) < stride
            && capacity.checked_mul(stride)? <= words.len();
        let redelivery = match controls.redeliver.load(Ordering::Relaxed) {
            0 => Redelivery::Drop,
            _ => Redelivery::Again,
        };
        let first = words.first()?;
        let mask = u64::try_from(capacity).ok()?.wrapping_sub(1);
        let shift = capacity.trailing_zeros();
        fits.then_some(Self {
            controls,
            tail,
            head,
            words,
            first,
            stride,
            mask,
            shift,
            item_size,
            redelivery,
        })
    }

    /// Most slots of a ring.
    pub(crate) const MOST: usize = 1 << 30;

    /// What becomes of a dead consumer's item.
    pub(crate) fn redelivery(&self) -> Redelivery {
        self.redelivery
    }

    /// Slots in all.
    pub(crate) fn capacity(&self) -> u64 {
        self.mask + 1
    }

    /// Puts an item in, if there is room: `write` gets the number of the slot and copies it there.
    /// Sets `met` where a claim of a dead participant was in the way: the caller is to reap when it
    /// has done with the queue.
    #[inline]
    pub(crate) fn try_put(
        &self,
        peers: &impl Peers,
        write: impl FnOnce(usize),
        met: &mut bool,
    ) -> Result<(), Refused> {
        let claim = match self.claim_room(peers) {
            Ok(claim) => claim,
            Err(_) => self.try_again(peers, Side::Room, met)?,
        };
        self.publish(peers, &claim, write);
        Ok(())
    }

    /// Takes an item out, if there is one: `read` gets the number of the slot and copies it out.
    /// `met` as for [`Slots::try_put`].
    #[inline]
    pub(crate) fn try_get<R>(
        &self,
        peers: &impl Peers,
        read: impl FnOnce(usize) -> R,
        met: &mut bool,
    ) -> Result<R, Refused> {
        let claim = match self.claim_item(peers) {
            Ok(claim) => claim,
            Err(_) => self.try_again(peers, Side::Item, met)?,
        };
        Ok(self.give_back(peers, &claim, read))
    }

    #[inline]
    fn publish(&self, peers: &impl Peers, claim: &Claim<'_>, write: impl FnOnce(usize)) {
        write(claim.index);
        // Release: pairs with the Acquire of the consumer's claim; publishes the item.
        claim.word.store(claim.state.ready().0, Ordering::Release);
        light_fence();
        self.controls.not_empty.ring(peers);
    }

    #[inline]
    fn give_back<R>(
        &self,
        peers: &impl Peers,
        claim: &Claim<'_>,
        read: impl FnOnce(usize) -> R,
    ) -> R {
        let item = read(claim.index);
        // Release: pairs with the Acquire of the producer's claim; the item was copied out.
        claim.word.store(claim.state.passed().0, Ordering::Release);
        light_fence();
        self.controls.not_full.ring(peers);
        item
    }

    /// Claims the next slot for an item.
    #[inline]
    fn claim_room(&self, peers: &impl Peers) -> Result<Claim<'a>, Attempt> {
        // Relaxed: a shortcut; what counts is the look after the claim.
        if self.controls.closed.load(Ordering::Relaxed) != 0 {
            return Err(Attempt::Closed);
        }
        let claim = self.claim(self.tail, Self::look_for_room, |seen| {
            seen.writing(peers.me())
        })?;
        light_fence();
        // SeqCst: pairs with `close`; see invariant 5.
        if self.controls.closed.load(Ordering::SeqCst) != 0 {
            self.skip(peers, &claim);
            return Err(Attempt::Closed);
        }
        Ok(claim)
    }

    /// Gives up a claim on a slot without an item.
    #[cold]
    fn skip(&self, peers: &impl Peers, claim: &Claim<'_>) {
        // Release: pairs with the Acquire of the next claim; there is nothing in it.
        claim.word.store(claim.state.passed().0, Ordering::Release);
        light_fence();
        self.controls.not_empty.ring(peers);
    }

    /// Claims the next item.
    #[inline]
    fn claim_item(&self, peers: &impl Peers) -> Result<Claim<'a>, Attempt> {
        // Acquire: pairs with the Release that raised it; shows why.
        let strays = self.controls.strays.load(Ordering::Acquire);
        if strays.is_raised()
            && let Some(claim) = self.claim_stray(peers, strays)
        {
            return Ok(claim);
        }
        self.claim(self.head, Self::look_for_item, |seen| {
            seen.reading(peers.me())
        })
    }

    /// Walks from the hint to the first slot that `look` lets through, and claims it.
    #[inline]
    fn claim(
        &self,
        hint: &AtomicU64,
        look: impl Fn(&Self, u64, SlotWord) -> Look,
        claimed: impl Fn(SlotWord) -> SlotWord,
    ) -> Result<Claim<'a>, Attempt> {
        // Relaxed, here and for the words: the claim orders what follows it, and nothing else is
        // concluded from them than where to look.
        let mut position = hint.load(Ordering::Relaxed);
        let mut backoff = Backoff::new();
        // A walk over the whole ring and some more; then somebody writes garbage without end.
        let mut rounds = self.capacity() + 4096;
        while rounds > 0 {
            rounds -= 1;
            let (word, index) = self.slot(position);
            let seen = SlotWord(word.load(Ordering::Relaxed));
            match look(self, position, seen) {
                Look::Claim => {
                    let state = claimed(seen);
                    // Acquire: pairs with the Release that made the slot ready or empty. SeqCst:
                    // the store half of Dekker's pairs; see the module's page.
                    let change =
                        word.compare_exchange(seen.0, state.0, Ordering::SeqCst, Ordering::Relaxed);
                    if change.is_ok() {
                        // Relaxed: a hint.
                        hint.store(position.wrapping_add(1), Ordering::Relaxed);
                        return Ok(Claim { word, state, index });
                    }
                    backoff.spin();
                    position = hint.load(Ordering::Relaxed);
                }
                Look::Pass(next) => position = next,
                Look::Held => return Err(Attempt::Held(Held { index, seen })),
                Look::Idle => return Err(Attempt::Idle),
            }
        }
        Err(Attempt::Idle)
    }

    fn look_for_room(&self, position: u64, seen: SlotWord) -> Look {
        match (self.turns_ahead(position, seen), seen.phase()) {
            (0, Phase::Empty) => Look::Claim,
            (0, _) => Look::Pass(position.wrapping_add(1)),
            (ahead @ 1.., Phase::Empty) => self.pass(position, ahead - 1),
            (ahead @ 1.., _) => self.pass(position, ahead),
            (-1, Phase::Writing | Phase::Reading) => Look::Held,
            _ => Look::Idle,
        }
    }

    fn look_for_item(&self, position: u64, seen: SlotWord) -> Look {
        match (self.turns_ahead(position, seen), seen.phase()) {
            (0, Phase::Ready) => Look::Claim,
            (0, Phase::Reading) => Look::Pass(position.wrapping_add(1)),
            (0, Phase::Writing) => Look::Held,
            (ahead @ 1.., Phase::Reading) => self.pass(position, ahead),
            (ahead @ 1.., Phase::Writing | Phase::Ready) => self.pass(position, ahead - 1),
            // Its last turn may have been given up by a producer while items before it wait; the
            // turn before that was over before that producer came.
            (ahead @ 1.., Phase::Empty) => self.pass(position, (ahead - 2).max(0)),
            _ => Look::Idle,
        }
    }

    /// Turns by which a slot is further than `position` expects.
    fn turns_ahead(&self, position: u64, seen: SlotWord) -> i32 {
        // The turn is what 32 bits hold of it.
        #[expect(clippy::cast_possible_truncation, reason = "turns wrap at 32 bits")]
        let turn = (position >> self.shift) as u32;
        seen.turn().wrapping_sub(turn).cast_signed()
    }

    /// The position after that of the same slot `turns` later.
    fn pass(&self, position: u64, turns: i32) -> Look {
        let laps = u64::from(turns.unsigned_abs()) << self.shift;
        Look::Pass(position.wrapping_add(laps).wrapping_add(1))
    }

    /// The word of the slot of `position`, and the number of the slot.
    fn slot(&self, position: u64) -> (&'a AtomicU64, usize) {
        // The mask leaves less than `MOST`.
        #[expect(clippy::cast_possible_truncation, reason = "masked to less than 2^30")]
        let index = (position & self.mask) as usize;
        (self.word(index), index)
    }

    fn word(&self, index: usize) -> &'a AtomicU64 {
        self.words.get(index * self.stride).unwrap_or(self.first)
    }

    /// Where the claims really are, from a hint.
    fn settle(&self, hint: &AtomicU64, look: impl Fn(&Self, u64, SlotWord) -> Look) -> u64 {
        let mut position = hint.load(Ordering::Relaxed);
        for _ in 0..self.capacity() + 4096 {
            // Relaxed: a number that may be old at once.
            let seen = SlotWord(self.slot(position).0.load(Ordering::Relaxed));
            match look(self, position, seen) {
                Look::Pass(next) => position = next,
                Look::Claim | Look::Held | Look::Idle => break,
            }
        }
        position
    }

    /// Items put and not taken, those to be delivered again included; it may change at once.
    pub(crate) fn len(&self) -> u64 {
        let head = self.settle(self.head, |slots, position, seen| {
            let is_behind = seen.is_again() && slots.turns_ahead(position, seen) == 0;
            let look = slots.look_for_item(position, seen);
            if is_behind {
                Look::Pass(position.wrapping_add(1))
            } else {
                look
            }
        });
        let tail = self.settle(self.tail, Self::look_for_room);
        let between = tail.wrapping_sub(head).cast_signed().max(0).cast_unsigned();
        between.saturating_add(self.strays()).min(self.capacity())
    }

    /// Whether a put would have to wait; it may change at once.
    pub(crate) fn is_full(&self) -> bool {
        let tail = self.settle(self.tail, Self::look_for_room);
        // Relaxed: a number that may be old at once.
        let seen = SlotWord(self.slot(tail).0.load(Ordering::Relaxed));
        !matches!(self.look_for_room(tail, seen), Look::Claim)
    }

    /// Whether the queue takes no more items.
    pub(crate) fn is_closed(&self) -> bool {
        // Acquire: what whoever closed it did before is visible.
        self.controls.closed.load(Ordering::Acquire) != 0
    }

    /// Whether there is something that a waiter of `side` waits for, or will be in a moment.
    fn has_some(&self, side: Side) -> bool {
        let (hint, look): (_, fn(&Self, u64, SlotWord) -> Look) = match side {
            Side::Room => (self.tail, Self::look_for_room),
            Side::Item => (self.head, Self::look_for_item),
        };
        let position = self.settle(hint, look);
        // Relaxed: as in `settle`.
        let seen = SlotWord(self.slot(position).0.load(Ordering::Relaxed));
        !matches!(look(self, position, seen), Look::Idle)
            || side == Side::Item && self.controls.strays.load(Ordering::Relaxed).is_raised()
    }

    /// Lets nothing more in, and wakes everybody.
    pub(crate) fn close(&self, peers: &impl Peers) {
        // SeqCst: the store half of Dekker's pair in invariant 5.
        self.controls.closed.swap(1, Ordering::SeqCst);
        self.controls.not_empty.ring_all(peers);
        self.controls.not_full.ring_all(peers);
    }
}

/// Pauses after a claim that somebody else won: 1, 2, 4, .. 64.
struct Backoff(u32);

impl Backoff {
    const MOST: u32 = 64;

    fn new() -> Self {
        Self(1)
    }
    fn spin(&mut self) {
        for _ in 0..self.0 {
            hint::spin();
        }
        self.0 = (self.0 * 2).min(Self::MOST);
    }
}
