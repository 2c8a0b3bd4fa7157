//! The word of a slot: in which turn it is, what is being done with it, and by whom.

use crate::raw::Token;

/// What is being done with a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing is in it.
    Empty,
    /// Its owner puts an item in.
    Writing,
    /// There is an item in it.
    Ready,
    /// Its owner takes the item out.
    Reading,
}

/// What somebody wants to claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// An empty slot, to put an item into.
    Room,
    /// A ready slot, to take its item out.
    Item,
}

impl Side {
    /// The phase of a slot that can be claimed.
    #[inline]
    pub(super) fn phase(self) -> Phase {
        match self {
            Self::Room => Phase::Empty,
            Self::Item => Phase::Ready,
        }
    }
    /// The phase of a slot that was.
    #[inline]
    pub(super) fn claimed(self) -> Phase {
        match self {
            Self::Room => Phase::Writing,
            Self::Item => Phase::Reading,
        }
    }
}

/// The value of a slot's word: 32 bits turn, 2 bits phase, 30 bits owner.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotWord(pub(super) u64);

impl SlotWord {
    const TURN_SHIFT: u32 = 32;
    /// Phase and owner.
    const LOW: u64 = (1 << Self::TURN_SHIFT) - 1;
    const PHASE_SHIFT: u32 = Token::BITS;
    /// In place of the owner of a ready slot: its item was taken back from a dead consumer.
    const AGAIN: u64 = 1;

    #[inline]
    fn new(turn: u32, phase: Phase, rest: u64) -> Self {
        Self(u64::from(turn) << Self::TURN_SHIFT | (phase as u64) << Self::PHASE_SHIFT | rest)
    }
    fn low(self) -> u32 {
        // The low half on purpose.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "phase and owner are the low half"
        )]
        let low = self.0 as u32;
        low
    }

    #[inline]
    pub(super) fn turn(self) -> u32 {
        // The high half fits.
        (self.0 >> Self::TURN_SHIFT) as u32
    }
    #[inline]
    pub(super) fn phase(self) -> Phase {
        match self.low() >> Self::PHASE_SHIFT {
            0 => Phase::Empty,
            1 => Phase::Writing,
            2 => Phase::Ready,
            _ => Phase::Reading,
        }
    }
    /// Whether somebody has claimed the slot and not finished.
    pub(super) fn is_claimed(self) -> bool {
        matches!(self.phase(), Phase::Writing | Phase::Reading)
    }
    /// Who claimed it; `None` also where a garbage word claims it for nobody.
    pub(super) fn owner(self) -> Option<Token> {
        if self.is_claimed() {
            Token::from_bits(self.low())
        } else {
            None
        }
    }
    /// Whether its item was taken back from a dead consumer, and waits outside the order.
    pub(super) fn is_again(self) -> bool {
        self.phase() == Phase::Ready && self.low() & Token::MASK != 0
    }

    /// Claimed.
    #[inline]
    pub(super) fn claimed(self, phase: Phase, by: Token) -> Self {
        Self(self.0 & !Self::LOW | (phase as u64) << Self::PHASE_SHIFT | u64::from(by.bits()))
    }
    /// With the item in it.
    #[inline]
    pub(super) fn ready(self) -> Self {
        Self::new(self.turn(), Phase::Ready, 0)
    }
    /// With the item of a dead consumer in it.
    pub(super) fn again(self) -> Self {
        Self::new(self.turn(), Phase::Ready, Self::AGAIN)
    }
    /// Done with: empty in its next turn.
    #[inline]
    pub(super) fn passed(self) -> Self {
        Self::new(self.turn().wrapping_add(1), Phase::Empty, 0)
    }
}

/// A position: 32 bits turn, like a word's, and 32 bits where its slot begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position(pub(super) u64);

impl Position {
    /// Where the slot begins, in words; checked before it is used, as the hint may be garbage.
    #[inline]
    pub(super) fn at(self) -> usize {
        // The low half fits.
        (self.0 & SlotWord::LOW) as usize
    }
    /// The word of the slot as long as nobody has claimed it.
    #[inline]
    pub(super) fn waiting(self, phase: Phase) -> SlotWord {
        SlotWord(self.0 & !SlotWord::LOW | (phase as u64) << SlotWord::PHASE_SHIFT)
    }
    /// The next one; `last` is where the last slot begins.
    #[inline]
    pub(super) fn next(self, stride: usize, last: usize) -> Self {
        if self.at() >= last {
            Self((self.0 | SlotWord::LOW).wrapping_add(1))
        } else {
            Self(self.0.wrapping_add(stride as u64))
        }
    }
    /// The same slot, `turns` later.
    pub(super) fn later(self, turns: i32) -> Self {
        Self(
            self.0
                .wrapping_add(u64::from(turns.cast_unsigned()) << SlotWord::TURN_SHIFT),
        )
    }
    /// At the beginning of a slot, also where the hint was garbage.
    pub(super) fn whole(self, stride: usize) -> Self {
        Self(self.0.wrapping_sub((self.at() % stride) as u64))
    }
    /// Turns by which a slot is further.
    pub(super) fn turns_behind(self, seen: SlotWord) -> i32 {
        seen.turn()
            .wrapping_sub(SlotWord(self.0).turn())
            .cast_signed()
    }
}

impl core::fmt::Debug for SlotWord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "turn {} {:?}", self.turn(), self.phase())?;
        match self.owner() {
            Some(owner) => write!(f, " by {owner:?}"),
            None if self.is_again() => f.write_str(" again"),
            None => Ok(()),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn positions_go_round_the_slots_and_into_the_next_turn() {
        let mut position = Position(u64::from(u32::MAX) << 32);
        for at in [0, 4, 8, 12] {
            assert_eq!((position.at(), position.turns_behind(SlotWord(0))), (at, 1));
            position = position.next(4, 12);
        }
        assert_eq!(position, Position(0));
        assert_eq!(position.next(4, 0), Position(1 << 32));
        assert_eq!(position.later(-1).later(2), Position(1 << 32));
        assert_eq!(Position(7).whole(4), Position(4));
    }

    #[test]
    fn a_word_goes_round_its_phases_and_into_the_next_turn() {
        let (one, two) = (Token::new(7, 3), Token::new(9, Token::MOST_SLOTS - 1));
        let empty = SlotWord(u64::from(u32::MAX) << 32);
        assert_eq!(
            (empty.phase(), empty.turn(), empty.owner()),
            (Phase::Empty, u32::MAX, None)
        );
        let writing = empty.claimed(Phase::Writing, one);
        assert_eq!(
            (writing.phase(), writing.owner()),
            (Phase::Writing, Some(one))
        );
        let ready = writing.ready();
        assert_eq!(
            (ready.phase(), ready.owner(), ready.is_again()),
            (Phase::Ready, None, false)
        );
        let reading = ready.claimed(Phase::Reading, two);
        assert_eq!(
            (reading.phase(), reading.owner()),
            (Phase::Reading, Some(two))
        );
        assert!(reading.again().is_again());
        assert_eq!(
            reading.again().claimed(Phase::Reading, one),
            ready.claimed(Phase::Reading, one)
        );
        assert_eq!(reading.passed(), SlotWord(0));
    }
}
