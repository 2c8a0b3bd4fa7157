//! Waiting for room and for items: the same loop for both sides.

use crate::raw::{Pace, Peers, Waited};
use crate::sys::atomic::{Ordering, fence};
use crate::sys::clock::Deadline;
use crate::sys::hint;

use super::flag::Bell;
use super::slot::SlotWord;
use super::{Claim, Slots};

/// Why nothing was put or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no room, or no item, and the caller would not wait, or not longer.
    Blocked,
    /// The queue was closed; for a consumer: and is empty.
    Closed,
}

/// A claim in the caller's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) index: usize,
    pub(super) seen: SlotWord,
}

/// Why a claim was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// There is nothing to claim.
    Idle,
    /// Somebody's claim is in the way.
    Held(Held),
    /// Nothing may be put any more.
    Closed,
}

/// What a waiter waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Room,
    Item,
}

impl<'a> Slots<'a> {
    /// As [`Slots::try_put`], sleeping until there is room or the deadline passes.
    #[inline]
    pub(crate) fn put(
        &self,
        peers: &impl Peers,
        deadline: impl FnOnce() -> Deadline,
        write: impl FnOnce(usize),
        met: &mut bool,
    ) -> Result<(), Refused> {
        let claim = match self.claim_room(peers) {
            Ok(claim) => claim,
            Err(before) => self.wait(peers, Side::Room, deadline(), before, met)?,
        };
        self.publish(peers, &claim, write);
        Ok(())
    }

    /// As [`Slots::try_get`], sleeping until there is an item or the deadline passes.
    #[inline]
    pub(crate) fn get<R>(
        &self,
        peers: &impl Peers,
        deadline: impl FnOnce() -> Deadline,
        read: impl FnOnce(usize) -> R,
        met: &mut bool,
    ) -> Result<R, Refused> {
        let claim = match self.claim_item(peers) {
            Ok(claim) => claim,
            Err(before) => self.wait(peers, Side::Item, deadline(), before, met)?,
        };
        Ok(self.give_back(peers, &claim, read))
    }

    /// One attempt for `side`, which also finds the end of a closed queue.
    fn attempt(&self, peers: &impl Peers, side: Side) -> Result<Claim<'a>, Attempt> {
        match side {
            Side::Room => self.claim_room(peers),
            Side::Item => match self.claim_item(peers) {
                // SeqCst: pairs with `close`.
                Err(Attempt::Idle) if self.controls.closed.load(Ordering::SeqCst) != 0 => {
                    // Dekker's pair of invariant 5: what was claimed before the close is seen now.
                    fence(Ordering::SeqCst);
                    match self.claim_item(peers) {
                        Err(Attempt::Idle) => Err(Attempt::Closed),
                        found => found,
                    }
                }
                found => found,
            },
        }
    }

    /// A `try_` form that did not succeed at once: gives a claim in the way a moment to be
    /// finished, and then asks whether its owner is dead.
    #[cold]
    pub(super) fn try_again(
        &self,
        peers: &impl Peers,
        side: Side,
        met: &mut bool,
    ) -> Result<Claim<'a>, Refused> {
        let mut before = None;
        let mut spins = hint::SPINS;
        loop {
            let held = match self.attempt(peers, side) {
                Ok(claim) => return Ok(claim),
                Err(Attempt::Closed) => return Err(Refused::Closed),
                Err(Attempt::Idle) => return Err(Refused::Blocked),
                Err(Attempt::Held(held)) => held,
            };
            if spins > 0 && before.is_none_or(|before| before == held) {
                spins -= 1;
                hint::spin();
                before = Some(held);
            } else if self.resolve(peers, held) {
                *met = true;
            } else {
                return Err(Refused::Blocked);
            }
        }
    }

    /// Sleeps until a claim for `side` succeeds, the queue is closed, or the deadline passes.
    #[cold]
    fn wait(
        &self,
        peers: &impl Peers,
        side: Side,
        deadline: Deadline,
        mut before: Attempt,
        met: &mut bool,
    ) -> Result<Claim<'a>, Refused> {
        if before == Attempt::Closed {
            return Err(Refused::Closed);
        }
        let bell = match side {
            Side::Room => &self.controls.not_full,
            Side::Item => &self.controls.not_empty,
        };
        for _ in 0..hint::SPINS {
            hint::spin();
            match self.attempt(peers, side) {
                Ok(claim) => return Ok(claim),
                Err(Attempt::Closed) => return Err(Refused::Closed),
                Err(now) => before = now,
            }
        }
        let mut event_pace = Pace::for_event();
        let mut owner_pace = Pace::for_owner();
        loop {
            let (word, expected) = bell.announce();
            let is_sure = if let Attempt::Held(_) = before {
                peers.fence_everywhere()
            } else {
                // The fence of Dekker's pairs: the bell before the words.
                fence(Ordering::SeqCst);
                true
            };
            let blocked = match self.attempt(peers, side) {
                Ok(claim) => return Ok(claim),
                Err(Attempt::Closed) => return Err(Refused::Closed),
                Err(blocked) => blocked,
            };
            let waited = match blocked {
                // A claim that came after the fence is not covered by it: look once more.
                Attempt::Held(_) if !matches!(before, Attempt::Held(_)) => {
                    before = blocked;
                    continue;
                }
                Attempt::Held(_) if !is_sure => peers.pause(&mut owner_pace, deadline),
                Attempt::Held(Held { seen, .. }) => {
                    let owner = seen.owner();
                    peers.wait(word, expected, owner.as_slice(), &mut owner_pace, deadline)
                }
                Attempt::Idle | Attempt::Closed => {
                    let takers = self.takers(peers, side);
                    let takers = takers.as_slice();
                    let pace = if takers.is_empty() {
                        &mut event_pace
                    } else {
                        &mut owner_pace
                    };
                    peers.wait(word, expected, takers, pace, deadline)
                }
            };
            if waited != Waited::Woken {
                *met |= self.sweep(peers);
            }
            before = match self.attempt(peers, side) {
                Ok(claim) => {
                    // Found without being told: a wake was swallowed, and others may sleep on.
                    if waited != Waited::Woken {
                        self.pass_on(peers, side, bell);
                    }
                    return Ok(claim);
                }
                Err(Attempt::Closed) => return Err(Refused::Closed),
                Err(_) if waited == Waited::TimedOut => {
                    self.pass_on(peers, side, bell);
                    return Err(Refused::Blocked);
                }
                Err(now) => now,
            };
        }
    }

    /// Leaves after a sleep that may have swallowed a wake, or ended without the wake it was owed.
    fn pass_on(&self, peers: &impl Peers, side: Side, bell: &Bell) {
        if self.has_some(side) {
            bell.ring(peers);
        }
    }
}
