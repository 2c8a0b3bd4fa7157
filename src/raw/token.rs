//! The name of a participant: the only thing that is ever stored as an owner.

use core::fmt;
use core::num::NonZeroU32;

/// `(generation, slot)` of a participant in 30 bits; never zero.
///
/// Ten bits say the slot of the registry, counted from 1, and twenty the generation in which it
/// was joined. A slot is joined again only after everything that its last participant owned has
/// been repaired, so a generation that comes round again meets no token of its first time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Token(NonZeroU32);

impl Token {
    /// Bits of a token; the rest of a word is the protocol's own.
    pub(crate) const BITS: u32 = 30;
    /// The bits of a token in a 32-bit word.
    pub(crate) const MASK: u32 = (1 << Self::BITS) - 1;
    /// Bits of the slot, which counts from 1.
    const SLOT_BITS: u32 = 10;
    const SLOT_MASK: u32 = (1 << Self::SLOT_BITS) - 1;
    /// Most slots that a token can name.
    pub(crate) const MOST_SLOTS: u32 = Self::SLOT_MASK;
    /// The bits of a generation, which wraps.
    pub(crate) const GENERATION_MASK: u32 = Self::MASK >> Self::SLOT_BITS;

    /// Names nobody, in any registry.
    #[cfg(feature = "raw_sync")]
    pub(crate) const NOBODY: Self = match NonZeroU32::new(1 << Self::SLOT_BITS) {
        Some(bits) => Self(bits),
        None => Self(NonZeroU32::MAX),
    };

    /// The participant that joined `slot` in `generation`.
    pub(crate) fn new(generation: u32, slot: u32) -> Self {
        debug_assert!(slot < Self::MOST_SLOTS);
        let slot = (slot % Self::MOST_SLOTS) + 1;
        let bits = (generation & Self::GENERATION_MASK) << Self::SLOT_BITS | slot;
        // The slot counts from 1, so the bits are never zero.
        Self(NonZeroU32::new(bits).unwrap_or(NonZeroU32::MIN))
    }

    /// What the token bits of a word name; `None` where they are all zero.
    #[inline]
    pub(crate) fn from_bits(bits: u32) -> Option<Self> {
        NonZeroU32::new(bits & Self::MASK).map(Self)
    }

    /// As the low bits of a word.
    #[inline]
    pub(crate) fn bits(self) -> u32 {
        self.0.get()
    }

    /// Index into the registry; `u32::MAX` where a garbage word names none.
    pub(crate) fn slot(self) -> u32 {
        (self.bits() & Self::SLOT_MASK).wrapping_sub(1)
    }

    /// The generation of that slot.
    pub(crate) fn generation(self) -> u32 {
        self.bits() >> Self::SLOT_BITS
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.slot(), self.generation())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_token_gives_back_what_it_was_made_of() {
        for (generation, slot) in [
            (0, 0),
            (7, 3),
            (Token::GENERATION_MASK, Token::MOST_SLOTS - 1),
        ] {
            let token = Token::new(generation, slot);
            assert_eq!((token.generation(), token.slot()), (generation, slot));
            assert_eq!(Token::from_bits(token.bits() | !Token::MASK), Some(token));
        }
    }

    #[test]
    fn a_word_without_a_slot_names_nobody_in_any_registry() {
        assert_eq!(Token::from_bits(0), None);
        let garbage = Token::from_bits(1 << 20).unwrap();
        assert!(garbage.slot() >= Token::MOST_SLOTS);
        #[cfg(feature = "raw_sync")]
        assert!(Token::NOBODY.slot() >= Token::MOST_SLOTS);
    }
}
