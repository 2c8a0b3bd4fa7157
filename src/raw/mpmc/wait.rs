//! Waiting for room and for items: the same loop for both sides.

use crate::raw::{Pace, Peers, Waited};
use crate::sys::atomic::{Ordering, fence, light_fence};
use crate::sys::clock::Deadline;
use crate::sys::hint;

use super::slot::{Side, SlotWord};
use super::{Claim, Slots};

/// Whether a claim of a dead participant was in the way: the caller is to reap when it has done
/// with the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Met(pub(crate) bool);

/// Why nothing was put or taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no room, or no item, and the caller would not wait, or not longer.
    Blocked(Met),
    /// The queue was closed; for a consumer: and is empty.
    Closed,
}

/// A claim in the caller's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// Where its slot begins.
    pub(super) at: usize,
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

impl<'a> Slots<'a> {
    #[inline(never)]
    pub(super) fn try_put_contended(
        &self,
        peers: impl Peers + Copy,
        write: impl FnOnce(usize),
    ) -> Result<Met, Refused> {
        let (claim, met) = self.try_contended(peers, Side::Room)?;
        self.publish(peers, &claim, write);
        Ok(met)
    }

    #[cold]
    pub(super) fn put_contended(
        &self,
        peers: impl Peers + Copy,
        deadline: Deadline,
        write: impl FnOnce(usize),
    ) -> Result<Met, Refused> {
        let (claim, met) = self.wait(peers, Side::Room, deadline)?;
        self.publish(peers, &claim, write);
        Ok(met)
    }

    #[inline(never)]
    pub(super) fn try_get_contended<R>(
        &self,
        peers: impl Peers + Copy,
        read: impl FnOnce(usize) -> R,
    ) -> Result<(R, Met), Refused> {
        let (claim, met) = self.try_contended(peers, Side::Item)?;
        Ok((self.give_back(peers, &claim, read), met))
    }

    #[cold]
    pub(super) fn get_contended<R>(
        &self,
        peers: impl Peers + Copy,
        deadline: Deadline,
        read: impl FnOnce(usize) -> R,
    ) -> Result<(R, Met), Refused> {
        let (claim, met) = self.wait(peers, Side::Item, deadline)?;
        Ok((self.give_back(peers, &claim, read), met))
    }

    /// One attempt for `side`, whatever is in the way.
    fn attempt(&self, peers: impl Peers + Copy, side: Side) -> Result<Claim<'a>, Attempt> {
        match side {
            Side::Room => self.attempt_room(peers),
            Side::Item => match self.attempt_item(peers) {
                // SeqCst: pairs with `close`.
                Err(Attempt::Idle) if self.controls.closed.load(Ordering::SeqCst) != 0 => {
                    // Dekker's pair of invariant 5: what was claimed before the close is seen now.
                    fence(Ordering::SeqCst);
                    match self.attempt_item(peers) {
                        Err(Attempt::Idle) => Err(Attempt::Closed),
                        found => found,
                    }
                }
                found => found,
            },
        }
    }

    fn attempt_room(&self, peers: impl Peers + Copy) -> Result<Claim<'a>, Attempt> {
        // Relaxed: as in `claim`.
        if self.controls.closed.load(Ordering::Relaxed) == 0 {
            let claim = self.walk(Side::Room, peers.me())?;
            if self.is_open_to(&claim) {
                return Ok(claim);
            }
        }
        // A claim that was given up, here or in `claim`, may be waited for.
        light_fence();
        self.controls.not_empty.ring(peers);
        Err(Attempt::Closed)
    }

    fn attempt_item(&self, peers: impl Peers + Copy) -> Result<Claim<'a>, Attempt> {
        // Acquire: pairs with the Release that raised it; shows why.
        let strays = self.controls.strays.load(Ordering::Acquire);
        if strays.is_raised()
            && let Some(claim) = self.claim_stray(peers, strays)
        {
            return Ok(claim);
        }
        self.walk(Side::Item, peers.me())
    }

    /// A `try_` form that did not succeed at once: gives a claim in the way a moment to be
    /// finished, and then asks whether its owner is dead.
    fn try_contended(
        &self,
        peers: impl Peers + Copy,
        side: Side,
    ) -> Result<(Claim<'a>, Met), Refused> {
        let mut met = Met(false);
        let mut before = None;
        let mut spins = hint::SPINS;
        loop {
            let held = match self.attempt(peers, side) {
                Ok(claim) => return Ok((claim, met)),
                Err(Attempt::Closed) => return Err(Refused::Closed),
                Err(Attempt::Idle) => return Err(Refused::Blocked(met)),
                Err(Attempt::Held(held)) => held,
            };
            if spins > 0 && before.is_none_or(|before| before == held) {
                spins -= 1;
                hint::spin();
                before = Some(held);
            } else if self.resolve(peers, held) {
                met = Met(true);
            } else {
                return Err(Refused::Blocked(met));
            }
        }
    }

    /// Sleeps until a claim for `side` succeeds, the queue is closed, or the deadline passes.
    fn wait(
        &self,
        peers: impl Peers + Copy,
        side: Side,
        deadline: Deadline,
    ) -> Result<(Claim<'a>, Met), Refused> {
        let bell = self.bell(side);
        let mut spins = hint::SPINS;
        let mut before = loop {
            match self.attempt(peers, side) {
                Ok(claim) => return Ok((claim, Met(false))),
                Err(Attempt::Closed) => return Err(Refused::Closed),
                Err(before) if spins == 0 => break before,
                Err(_) => {
                    spins -= 1;
                    hint::spin();
                }
            }
        };
        let mut met = Met(false);
        let mut pace = Pace::new();
        loop {
            let (word, rung) = (bell.word(), bell.announce());
            let is_sure = if let Attempt::Held(_) = before {
                peers.fence_everywhere()
            } else {
                // The fence of Dekker's pairs: the bell before the words.
                fence(Ordering::SeqCst);
                true
            };
            let blocked = match self.attempt(peers, side) {
                Ok(claim) => return Ok((claim, met)),
                Err(Attempt::Closed) => return Err(Refused::Closed),
                Err(blocked) => blocked,
            };
            let waited = match blocked {
                // A claim that came after the fence is not covered by it: look once more.
                Attempt::Held(_) if !matches!(before, Attempt::Held(_)) => {
                    before = blocked;
                    continue;
                }
                Attempt::Held(_) if !is_sure => peers.pause(&mut pace, deadline),
                Attempt::Held(Held { seen, .. }) => {
                    let owner = seen.owner();
                    peers.wait(word, rung, owner.as_slice(), &mut pace, deadline)
                }
                Attempt::Idle | Attempt::Closed => {
                    let takers = self.takers(peers, side);
                    peers.wait(word, rung, takers.as_slice(), &mut pace, deadline)
                }
            };
            if waited != Waited::Woken {
                met.0 |= self.sweep(peers);
            }
            before = match self.attempt(peers, side) {
                Ok(claim) => {
                    // Found without being told: a wake was swallowed, and others may sleep on.
                    if waited != Waited::Woken {
                        self.hand_on(peers, side);
                    }
                    return Ok((claim, met));
                }
                Err(Attempt::Closed) => return Err(Refused::Closed),
                Err(_) if waited == Waited::TimedOut => {
                    self.hand_on(peers, side);
                    return Err(Refused::Blocked(met));
                }
                Err(now) => now,
            };
        }
    }
}
