//! What the living do with the claims of the dead.

use crate::raw::{Peers, Token};
use crate::sys::atomic::{AtomicU64, Ordering};

use super::flag::Seen;
use super::slot::{Phase, Position, Side, SlotWord};
use super::wait::Held;
use super::{Claim, Redelivery, Slots};

/// Changes of a word under our hands before we leave it to its fate, and the flag up.
const ROUNDS: u32 = 64;

/// Participants whose claims a waiter watches while it sleeps.
#[derive(Debug)]
pub(crate) struct Takers {
    /// The first `count` of them count.
    tokens: [Token; Self::MOST],
    count: usize,
}

impl Takers {
    const MOST: usize = 4;

    pub(crate) fn as_slice(&self) -> &[Token] {
        self.tokens.get(..self.count).unwrap_or_default()
    }
    pub(super) fn push(&mut self, token: Token) {
        if self.as_slice().contains(&token) {
            return;
        }
        if let Some(place) = self.tokens.get_mut(self.count) {
            *place = token;
            self.count += 1;
        }
    }
}

impl<'a> Slots<'a> {
    /// Resolves all claims of a dead participant and wakes whoever they held up. Idempotent; may
    /// race with itself and with everything else, and may be killed anywhere.
    pub(crate) fn repair(&self, peers: impl Peers + Copy, dead: Token) {
        for (word, at) in self.slots() {
            // Relaxed: whoever calls this knows of the death, and so sees what the dead wrote.
            let seen = SlotWord(word.load(Ordering::Relaxed));
            if seen.owner() == Some(dead) {
                self.release(peers, Held { at, seen });
            }
        }
        // The dead may have been about to wake somebody, or have been woken instead of others.
        self.controls.not_empty.ring_all(peers);
        self.controls.not_full.ring_all(peers);
    }

    /// Resolves all claims of the dead; `false` where there is none.
    pub(super) fn sweep(&self, peers: impl Peers + Copy) -> bool {
        let mut met = false;
        for (word, at) in self.slots() {
            // Relaxed: a claim that is not seen yet is seen after the next slice.
            let seen = SlotWord(word.load(Ordering::Relaxed));
            if seen.is_claimed() {
                met |= self.resolve(peers, Held { at, seen });
            }
        }
        met
    }

    /// Resolves one claim if its owner is dead; `false` where it lives.
    pub(super) fn resolve(&self, peers: impl Peers + Copy, held: Held) -> bool {
        let is_dead = Self::is_left_by_the_dead(peers, held.seen);
        if is_dead {
            self.release(peers, held);
        }
        is_dead
    }

    /// Whether a claim has no owner who could finish it.
    fn is_left_by_the_dead(peers: impl Peers + Copy, seen: SlotWord) -> bool {
        seen.is_claimed() && seen.owner().is_none_or(|owner| peers.is_dead(owner))
    }

    /// Undoes a dead participant's claim.
    #[cold]
    fn release(&self, peers: impl Peers + Copy, Held { at, seen }: Held) {
        let Some(word) = self.slot(at) else {
            return;
        };
        let released = match (seen.phase(), self.redelivery) {
            (Phase::Reading, Redelivery::Again) => {
                // Before the item is back: who lowers the flag without having seen the item has
                // seen the dead claim.
                self.controls.strays.raise();
                seen.again()
            }
            (Phase::Writing, _) | (Phase::Reading, Redelivery::Drop) => seen.passed(),
            (Phase::Empty | Phase::Ready, _) => return,
        };
        // AcqRel: see the module's page.
        let change = word.compare_exchange(seen.0, released.0, Ordering::AcqRel, Ordering::Relaxed);
        if change.is_ok() {
            self.controls.not_empty.ring_all(peers);
            self.controls.not_full.ring_all(peers);
        }
    }

    /// Claims an item that was, or is to be, taken back from a dead consumer. Where there is none,
    /// lowers the flag, if it is still as `flag`.
    #[cold]
    pub(super) fn claim_stray(&self, peers: impl Peers + Copy, flag: Seen) -> Option<Claim<'a>> {
        for (word, at) in self.slots() {
            // Relaxed: the Acquire that saw the flag shows all that was seen before it was raised.
            let mut seen = SlotWord(word.load(Ordering::Relaxed));
            let mut rounds = ROUNDS;
            while seen.is_again() || self.is_left_by_a_dead_consumer(peers, seen) {
                let state = seen.claimed(Phase::Reading, peers.me());
                // As in `claim`.
                let change =
                    word.compare_exchange(seen.0, state.0, Ordering::SeqCst, Ordering::Relaxed);
                match change {
                    Ok(_) => return Some(Claim { word, state, at }),
                    Err(now) => seen = SlotWord(now),
                }
                rounds -= 1;
                if rounds == 0 {
                    return None;
                }
            }
        }
        self.controls.strays.lower(flag);
        None
    }

    fn is_left_by_a_dead_consumer(&self, peers: impl Peers + Copy, seen: SlotWord) -> bool {
        self.redelivery == Redelivery::Again
            && seen.phase() == Phase::Reading
            && Self::is_left_by_the_dead(peers, seen)
    }

    /// Items that wait behind the head; it may change at once.
    pub(super) fn strays(&self) -> usize {
        // Relaxed, and below: a number that may be old at once.
        if !self.controls.strays.load(Ordering::Relaxed).is_raised() {
            return 0;
        }
        self.slots()
            .map(|(word, _)| SlotWord(word.load(Ordering::Relaxed)))
            .map(|seen| usize::from(seen.is_again()))
            .sum()
    }

    /// Consumers who are taking the newest items out: if one of them dies, its item comes back.
    /// Only an accelerator for a waiter of `side`; those that are not seen here, the sweep sees.
    pub(super) fn takers(&self, peers: impl Peers + Copy, side: Side) -> Takers {
        let mut takers = Takers {
            tokens: [peers.me(); Takers::MOST],
            count: 0,
        };
        if side == Side::Room || self.redelivery == Redelivery::Drop {
            return takers;
        }
        // Relaxed, and below: nothing is concluded from them than whom to watch.
        let head = Position(self.head.load(Ordering::Relaxed)).at() / self.stride;
        for back in 1..=self.capacity().min(8) {
            let index = (head + self.capacity() - back) % self.capacity();
            let Some(word) = self.slot(index * self.stride) else {
                continue;
            };
            let seen = SlotWord(word.load(Ordering::Relaxed));
            if seen.phase() == Phase::Reading
                && let Some(owner) = seen.owner()
            {
                takers.push(owner);
            }
        }
        takers
    }

    /// All slots: their words, and where they begin.
    pub(super) fn slots(&self) -> impl Iterator<Item = (&'a AtomicU64, usize)> {
        let slots = *self;
        let places = (0..self.capacity()).map(move |index| index * slots.stride);
        places.filter_map(move |at| Some((slots.slot(at)?, at)))
    }
}
