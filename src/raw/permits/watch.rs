//! Waiting for permits without taking them: for who watches several things at once.

use super::{Bell, NoneFree, Others, Permits};
use crate::raw::Peers;
use crate::sys::atomic::AtomicU32;
use crate::sys::clock::Deadline;

impl<'a> Permits<'a> {
    /// What a sleeper for `count` permits sleeps on.
    pub(crate) fn word(&self, count: u32) -> &'a AtomicU32 {
        self.bell(count).word()
    }

    /// Announces a sleeper for `count` permits; what the word holds now. A look is due before the
    /// sleep.
    pub(crate) fn lie_down(&self, count: u32) -> u32 {
        self.bell(count).announce()
    }

    /// Whether `count` permits are free. Otherwise it sees to it that their release rings, and notes
    /// who holds them. Takes nothing; a peer stopped inside a change is waited for until `patience`
    /// ends, and then the answer is no.
    pub(crate) fn are_free(
        &self,
        peers: &impl Peers,
        count: u32,
        others: &mut Others,
        patience: Deadline,
    ) -> bool {
        match self {
            Self::Cells(cells) => cells.count_free_and_flag(others) >= count,
            Self::Ledger(ledger) => ledger.are_free(peers, count, others, patience),
        }
    }

    /// Takes `count` permits as one that comes out of a sleep; otherwise as [`Permits::try_acquire`].
    pub(crate) fn try_acquire_watched(
        &self,
        peers: &impl Peers,
        start: u32,
        count: u32,
        patience: impl Fn() -> Deadline,
        met: &mut bool,
    ) -> Result<u32, NoneFree> {
        match (self, count) {
            (Self::Cells(cells), 1) => {
                let mut others = Others::but(peers.me());
                cells.take_one_or_flag(peers.me(), start, true, &mut others)
            }
            _ => self.try_acquire(peers, start, count, patience, met),
        }
    }

    /// Leaves after a wake with fewer permits than are free. Those who wait for several are all
    /// woken at once; there is nothing to hand on to them.
    pub(crate) fn hand_on(&self, peers: &impl Peers, count: u32, patience: Deadline) {
        if count != 1 {
            return;
        }
        match self {
            Self::Cells(cells) => {
                if cells.count_free_and_flag(&mut Others::but(peers.me())) > 0 {
                    cells.head.bell.ring_always(peers, 1);
                }
            }
            Self::Ledger(ledger) => {
                ledger.head.bell.announce();
                // After the announcement: what comes later rings by itself.
                if ledger.are_free(peers, 1, &mut Others::but(peers.me()), patience) {
                    ledger.head.bell.ring(peers, 1);
                }
            }
        }
    }

    fn bell(&self, count: u32) -> &'a Bell {
        match (self, count) {
            (Self::Cells(cells), 1) => &cells.head.bell,
            (Self::Cells(cells), _) => &cells.head.crowd,
            (Self::Ledger(ledger), 1) => &ledger.head.bell,
            (Self::Ledger(ledger), _) => &ledger.head.crowd,
        }
    }
}
