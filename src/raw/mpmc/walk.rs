//! From a hint to the truth: what the words say of positions.

use crate::raw::Token;
use crate::sys::atomic::Ordering;
use crate::sys::hint;

use super::slot::{Phase, Position, Side, SlotWord};
use super::wait::{Attempt, Held};
use super::{Claim, Slots};

/// What a word means to somebody who looks for the slot of his position.
pub(super) enum Look {
    /// This is it.
    Claim,
    /// The position is gone; the truth is here or further on.
    Pass(Position),
    /// Somebody has it who will be done soon.
    Held,
    /// There is nothing to claim.
    Idle,
}

impl<'a> Slots<'a> {
    /// Steps of a walk: over the whole ring and some more. Beyond that somebody writes garbage
    /// without end.
    fn rounds(&self) -> usize {
        self.capacity() + 4096
    }

    /// The hint of `side`, at the beginning of a slot.
    fn hinted(&self, side: Side) -> Position {
        // Relaxed: as in `claim_at_hint`.
        Position(self.hint(side).load(Ordering::Relaxed)).whole(self.stride)
    }

    /// Walks from the hint to the first slot that can be claimed, and claims it.
    pub(super) fn walk(&self, side: Side, me: Token) -> Result<Claim<'a>, Attempt> {
        let mut position = self.hinted(side);
        let mut backoff = Backoff::new();
        for _ in 0..self.rounds() {
            let Some(word) = self.slot(position.at()) else {
                break;
            };
            // Relaxed: as in `claim_at_hint`.
            let seen = SlotWord(word.load(Ordering::Relaxed));
            match self.look(side, position, seen) {
                Look::Claim => {
                    match self.claim_at(side, me, position, word, seen) {
                        Ok(claim) => return Ok(claim),
                        Err(_) => backoff.spin(),
                    }
                    position = self.hinted(side);
                }
                Look::Pass(next) => position = next,
                Look::Held => {
                    return Err(Attempt::Held(Held {
                        at: position.at(),
                        seen,
                    }));
                }
                Look::Idle => break,
            }
        }
        Err(Attempt::Idle)
    }

    #[inline]
    fn look(&self, side: Side, position: Position, seen: SlotWord) -> Look {
        match side {
            Side::Room => self.look_for_room(position, seen),
            Side::Item => self.look_for_item(position, seen),
        }
    }

    #[inline]
    fn look_for_room(&self, position: Position, seen: SlotWord) -> Look {
        match (position.turns_behind(seen), seen.phase()) {
            (0, Phase::Empty) => Look::Claim,
            (0, _) => Look::Pass(self.next(position)),
            (ahead @ 1.., Phase::Empty) => self.pass(position, ahead - 1),
            (ahead @ 1.., _) => self.pass(position, ahead),
            (-1, Phase::Writing | Phase::Reading) => Look::Held,
            _ => Look::Idle,
        }
    }

    #[inline]
    fn look_for_item(&self, position: Position, seen: SlotWord) -> Look {
        match (position.turns_behind(seen), seen.phase()) {
            (0, Phase::Ready) => Look::Claim,
            (0, Phase::Reading) => Look::Pass(self.next(position)),
            (0, Phase::Writing) => Look::Held,
            (ahead @ 1.., Phase::Reading) => self.pass(position, ahead),
            (ahead @ 1.., Phase::Writing | Phase::Ready) => self.pass(position, ahead - 1),
            // Its last turn may have been given up by a producer while items before it wait; the
            // turn before that was over before that producer came.
            (ahead @ 1.., Phase::Empty) => self.pass(position, (ahead - 2).max(0)),
            _ => Look::Idle,
        }
    }

    /// The position after that of the same slot `turns` later.
    fn pass(&self, position: Position, turns: i32) -> Look {
        Look::Pass(self.next(position.later(turns)))
    }

    /// Where the claims of `side` really are, and what is there; it may change at once. Passes what
    /// is `beside` the order.
    pub(super) fn settle(&self, side: Side, beside: impl Fn(SlotWord) -> bool) -> (Position, Look) {
        // Relaxed, both: a number that may be old at once.
        let mut position = self.hinted(side);
        for _ in 0..self.rounds() {
            let Some(word) = self.slot(position.at()) else {
                break;
            };
            let seen = SlotWord(word.load(Ordering::Relaxed));
            match self.look(side, position, seen) {
                Look::Pass(next) => position = next,
                Look::Claim if beside(seen) => position = self.next(position),
                look => return (position, look),
            }
        }
        (position, Look::Idle)
    }

    /// Items put and not taken, those to be delivered again included; it may change at once.
    pub(crate) fn len(&self) -> usize {
        let (head, _) = self.settle(Side::Item, SlotWord::is_again);
        let (tail, _) = self.settle(Side::Room, |_| false);
        let turns = i64::from(head.turns_behind(SlotWord(tail.0)));
        let slots = |position: Position| (position.at() / self.stride) as i64;
        let between = turns * self.capacity() as i64 + slots(tail) - slots(head);
        let between = usize::try_from(between).unwrap_or(0);
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
