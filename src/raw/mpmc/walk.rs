//! From a hint to the truth: what the words say of positions.

use crate::raw::Token;
use crate::sys::atomic::Ordering;
use crate::sys::hint;

use super::slot::{Phase, SlotWord};
use super::wait::{Attempt, Held};
use super::{Claim, Side, Slots};

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
    /// Steps of a walk: over the whole ring and some more. Beyond that somebody writes garbage
    /// without end.
    fn rounds(&self) -> u64 {
        self.capacity() + 4096
    }

    /// Walks from the hint to the first slot that can be claimed, and claims it.
    pub(super) fn walk(&self, side: Side, me: Token) -> Result<Claim<'a>, Attempt> {
        let hint = self.hint(side);
        // Relaxed, here and for the words: as in `claim`.
        let mut position = hint.load(Ordering::Relaxed);
        let mut backoff = Backoff::new();
        for _ in 0..self.rounds() {
            let Some((word, at)) = self.slot(position) else {
                break;
            };
            let seen = SlotWord(word.load(Ordering::Relaxed));
            match self.look(side, position, seen) {
                Look::Claim => {
                    match self.claim_at(side, me, position, (word, at), seen) {
                        Ok(claim) => return Ok(claim),
                        Err(_) => backoff.spin(),
                    }
                    position = hint.load(Ordering::Relaxed);
                }
                Look::Pass(next) => position = next,
                Look::Held => return Err(Attempt::Held(Held { at, seen })),
                Look::Idle => break,
            }
        }
        Err(Attempt::Idle)
    }

    #[inline]
    fn look(&self, side: Side, position: u64, seen: SlotWord) -> Look {
        match side {
            Side::Room => self.look_for_room(position, seen),
            Side::Item => self.look_for_item(position, seen),
        }
    }

    #[inline]
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

    #[inline]
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

    /// Where the claims of `side` really are, and what is there; it may change at once. Passes what
    /// is `beside` the order.
    fn settle(&self, side: Side, beside: impl Fn(SlotWord) -> bool) -> (u64, Look) {
        // Relaxed, both: a number that may be old at once.
        let mut position = self.hint(side).load(Ordering::Relaxed);
        for _ in 0..self.rounds() {
            let Some((word, _)) = self.slot(position) else {
                break;
            };
            let seen = SlotWord(word.load(Ordering::Relaxed));
            match self.look(side, position, seen) {
                Look::Pass(next) => position = next,
                Look::Claim if beside(seen) => position = position.wrapping_add(1),
                look => return (position, look),
            }
        }
        (position, Look::Idle)
    }

    /// Items put and not taken, those to be delivered again included; it may change at once.
    pub(crate) fn len(&self) -> u64 {
        let (head, _) = self.settle(Side::Item, SlotWord::is_again);
        let (tail, _) = self.settle(Side::Room, |_| false);
        let between = tail.wrapping_sub(head).cast_signed().max(0).cast_unsigned();
        between.saturating_add(self.strays()).min(self.capacity())
    }

    /// Whether a put would have to wait; it may change at once.
    pub(crate) fn is_full(&self) -> bool {
        !matches!(self.settle(Side::Room, |_| false), (_, Look::Claim))
    }

    /// Whether there is something that a waiter of `side` waits for, or will be in a moment.
    pub(super) fn has_some(&self, side: Side) -> bool {
        !matches!(self.settle(side, |_| false), (_, Look::Idle))
            // Relaxed: as in `settle`.
            || side == Side::Item && self.controls.strays.load(Ordering::Relaxed).is_raised()
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
