//! Waiting for room or for an item without taking it: for who watches several things at once.
//!
//! A watcher announces itself as any sleeper does, and so may be the one that a ring wakes. It does
//! not take what it was woken for, so it hands the wake on when it leaves: otherwise a consumer of
//! another process would sleep on beside an item.

use crate::raw::Peers;
use crate::sys::atomic::{AtomicU32, Ordering};

use super::flag::Bell;
use super::repair::Takers;
use super::slot::{Side, SlotWord};
use super::walk::Look;
use super::{Met, Slots};

/// What a watcher sees.
#[derive(Debug)]
pub(crate) struct Sight {
    /// Whether there is something to be done: a claim may succeed, or the queue is closed.
    pub(crate) is_ready: bool,
    /// Whose death would make something ready.
    pub(crate) owners: Takers,
    pub(crate) met: Met,
}

impl<'a> Slots<'a> {
    /// Announces a sleeper of `side`; what the word holds now. A full fence
    /// ([`Peers::fence_everywhere`]) and a look are due before the sleep.
    pub(crate) fn lie_down(&self, side: Side) -> u32 {
        self.bell(side).announce()
    }

    /// What a sleeper of `side` sleeps on.
    pub(crate) fn word(&self, side: Side) -> &'a AtomicU32 {
        self.bell(side).word()
    }

    /// Looks at what `side` waits for, and takes nothing. With `ask`, the claims of the dead are
    /// resolved first.
    pub(crate) fn sight(&self, peers: impl Peers + Copy, side: Side, ask: bool) -> Sight {
        let met = Met(ask && self.sweep(peers));
        let mut owners = self.takers(peers, side);
        let is_ready = match self.settle(side, |_| false) {
            (_, Look::Claim) => true,
            // Its owner will ring, or its death.
            (position, Look::Held) => {
                // Relaxed: nothing is concluded from it than whom to watch.
                let word = self
                    .slot(position.at())
                    .map(|word| SlotWord(word.load(Ordering::Relaxed)));
                if let Some(owner) = word.and_then(SlotWord::owner) {
                    owners.push(owner);
                }
                side == Side::Room && self.is_closed()
            }
            (_, Look::Idle | Look::Pass(_)) => self.is_closed(),
        };
        Sight {
            is_ready: is_ready || side == Side::Item && self.strays() > 0,
            owners,
            met,
        }
    }

    /// Leaves after a sleep that may have swallowed a wake, or ended without the wake it was owed.
    pub(crate) fn hand_on(&self, peers: impl Peers + Copy, side: Side) {
        if self.has_some(side) {
            self.bell(side).ring(peers);
        }
    }

    pub(super) fn bell(&self, side: Side) -> &'a Bell {
        match side {
            Side::Room => &self.controls.not_full,
            Side::Item => &self.controls.not_empty,
        }
    }
}
