//! What one participant has taken of a ledger's permits.

use crate::raw::Token;
use crate::sys::atomic::{AtomicU64, Ordering};

/// A count and the generation that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally(u64);

impl Tally {
    const COUNT_BITS: u32 = u64::BITS - Token::GENERATION_MASK.count_ones();
    const COUNT_MASK: u64 = (1 << Self::COUNT_BITS) - 1;

    fn new(owner: Token, count: u64) -> Self {
        Self(u64::from(owner.generation()) << Self::COUNT_BITS | count & Self::COUNT_MASK)
    }
    pub(super) fn count(self) -> u64 {
        self.0 & Self::COUNT_MASK
    }
    pub(super) fn owner(self, slot: u32) -> Token {
        let generation = u32::try_from(self.0 >> Self::COUNT_BITS).unwrap_or(0);
        Token::new(generation, slot)
    }
    pub(super) fn count_of(self, owner: Token) -> u64 {
        if self.owner(owner.slot()) == owner {
            self.count()
        } else {
            0
        }
    }
}

/// What one participant has taken.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Entry {
    pub(super) guarded: TallyWord,
    pub(super) kept: TallyWord,
}

#[cfg(loom)]
impl Entry {
    pub(crate) fn new() -> Self {
        Self {
            guarded: TallyWord(AtomicU64::new(0)),
            kept: TallyWord(AtomicU64::new(0)),
        }
    }
}

/// A resident tally.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct TallyWord(AtomicU64);

/// Changes of one word under our hands before it counts as somebody else's; garbage may change
/// without end.
const ROUNDS: u32 = 64;

impl TallyWord {
    pub(super) fn load(&self) -> Tally {
        // Acquire: pairs with the Release of a repair.
        Tally(self.0.load(Ordering::Acquire))
    }

    /// Inside the lock, by the owner alone.
    pub(super) fn store(&self, owner: Token, count: u64) {
        // Relaxed: the lock publishes it.
        self.0.store(Tally::new(owner, count).0, Ordering::Relaxed);
    }

    /// Lessens the count as `by` says; says by how much.
    pub(super) fn lessen(&self, by: impl Fn(Tally) -> u64) -> u64 {
        let mut seen = self.load();
        for _ in 0..ROUNDS {
            let lessened = by(seen);
            if lessened == 0 {
                break;
            }
            let new = seen.0.wrapping_sub(lessened);
            // Release: pairs with the Acquire of the sum.
            match self
                .0
                .compare_exchange(seen.0, new, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return lessened,
                Err(now) => seen = Tally(now),
            }
        }
        0
    }
}
