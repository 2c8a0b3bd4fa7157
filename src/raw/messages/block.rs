//! One block of the area: its word, and what it says of its message.

use crate::raw::Token;
use crate::sys::atomic::{AtomicU64, Ordering};

/// Words before the message.
pub(super) const HEAD: usize = 3;

/// What a block is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nobody's.
    Free,
    /// Its owner writes a message.
    Reserved(Option<Token>),
    /// A message in the order.
    Ready,
    /// A message that comes again.
    Returned,
    /// Its owner reads the message.
    Claimed(Option<Token>),
}

impl Phase {
    /// Who owns the block; `None` within where a garbage word owns it for nobody.
    pub(super) fn owner(self) -> Option<Option<Token>> {
        match self {
            Self::Reserved(owner) | Self::Claimed(owner) => Some(owner),
            Self::Free | Self::Ready | Self::Returned => None,
        }
    }
}

/// The value of a block's word: 32 bits length in units, 2 bits phase, 30 bits owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(u64);

impl Word {
    const FREE: u64 = 0;
    const RESERVED: u64 = 1;
    const READY: u64 = 2;
    const CLAIMED: u64 = 3;
    const UNITS_SHIFT: u32 = 32;
    /// In place of the owner of a ready block.
    const RETURNED: u64 = 1;

    pub(super) fn new(units: u32, phase: Phase) -> Self {
        let owned = |phase: u64, owner: Option<Token>| {
            phase << Token::BITS | u64::from(owner.map_or(0, Token::bits))
        };
        let low = match phase {
            Phase::Free => Self::FREE,
            Phase::Reserved(owner) => owned(Self::RESERVED, owner),
            Phase::Ready => Self::READY << Token::BITS,
            Phase::Returned => Self::READY << Token::BITS | Self::RETURNED,
            Phase::Claimed(owner) => owned(Self::CLAIMED, owner),
        };
        Self(u64::from(units) << Self::UNITS_SHIFT | low)
    }

    pub(super) fn units(self) -> u32 {
        // The high half fits.
        (self.0 >> Self::UNITS_SHIFT) as u32
    }

    pub(super) fn phase(self) -> Phase {
        let low = u32::try_from(self.0 & u64::from(u32::MAX)).unwrap_or(0);
        match u64::from(low >> Token::BITS) {
            Self::FREE => Phase::Free,
            Self::RESERVED => Phase::Reserved(Token::from_bits(low)),
            Self::READY if low & Token::MASK == 0 => Phase::Ready,
            Self::READY => Phase::Returned,
            _ => Phase::Claimed(Token::from_bits(low)),
        }
    }
}

/// A block at a unit where a head fits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    /// Its first unit.
    pub(super) at: u32,
    /// Word, number, length and deliveries.
    pub(super) head: &'a [AtomicU64; HEAD],
}

impl Block<'_> {
    const LEN_BITS: u32 = 40;
    const LEN_MASK: u64 = (1 << Self::LEN_BITS) - 1;
    const MOST_DELIVERIES: u64 = (1 << (u64::BITS - Self::LEN_BITS)) - 1;

    #[inline]
    pub(super) fn word(self) -> Word {
        // Acquire: pairs with the Release in `set_word`, where that is done without the lock.
        Word(self.head[0].load(Ordering::Acquire))
    }

    /// Changes what the block is: the one store that makes it so.
    #[inline]
    pub(super) fn set_word(self, word: Word) {
        // Release: pairs with the Acquire in `word`; for an heir, all that the word implies and all
        // that was to be done before comes before it.
        self.head[0].store(word.0, Ordering::Release);
    }

    /// The number of its message in the order.
    #[inline]
    pub(super) fn number(self) -> u64 {
        // Relaxed, and below: the lock orders it.
        self.head[1].load(Ordering::Relaxed)
    }
    #[inline]
    pub(super) fn set_number(self, number: u64) {
        self.head[1].store(number, Ordering::Relaxed);
    }

    /// Bytes of its message, and how often that was claimed.
    #[inline]
    pub(super) fn len(self) -> (usize, u32) {
        let both = self.head[2].load(Ordering::Relaxed);
        let len = usize::try_from(both & Self::LEN_MASK).unwrap_or(usize::MAX);
        // The upper 24 bits fit.
        (len, (both >> Self::LEN_BITS) as u32)
    }
    #[inline]
    pub(super) fn set_len(self, len: usize, deliveries: u32) {
        let deliveries = u64::from(deliveries).min(Self::MOST_DELIVERIES);
        let both = deliveries << Self::LEN_BITS | len as u64 & Self::LEN_MASK;
        self.head[2].store(both, Ordering::Relaxed);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_word_gives_back_what_it_was_made_of() {
        let token = Some(Token::new(7, 3));
        for phase in [
            Phase::Free,
            Phase::Reserved(token),
            Phase::Ready,
            Phase::Returned,
            Phase::Claimed(token),
        ] {
            let word = Word::new(u32::MAX, phase);
            assert_eq!((word.units(), word.phase()), (u32::MAX, phase));
        }
    }
}
