//! How many read guards one participant has out, and under which name: one word.

use crate::raw::Token;
use crate::sys::atomic::{AtomicU64, Ordering};

/// The value of a count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct State(u64);

impl State {
    const COUNT_BITS: u32 = 32;
    const COUNT_MASK: u64 = (1 << Self::COUNT_BITS) - 1;
    /// From here on there is no room for more: a count never runs over into the name.
    const MOST: u64 = 1 << 31;

    #[inline]
    fn none_of(owner: Token) -> u64 {
        u64::from(owner.bits()) << Self::COUNT_BITS
    }

    /// Whether the count is `owner`'s, and one more fits. Two questions in one comparison.
    #[inline]
    pub(super) fn has_room_for(self, owner: Token) -> bool {
        self.0.wrapping_sub(Self::none_of(owner)) < Self::MOST
    }

    pub(super) fn owner(self) -> Option<Token> {
        let bits = u32::try_from(self.0 >> Self::COUNT_BITS).unwrap_or(0);
        Token::from_bits(bits).filter(|owner| owner.bits() == bits)
    }

    pub(super) fn count(self) -> u64 {
        self.0 & Self::COUNT_MASK
    }

    /// Who reads, if somebody does, in the count of the participant in `slot`.
    pub(super) fn reader(self, slot: u32) -> Option<Token> {
        self.owner()
            .filter(|owner| owner.slot() == slot && self.count() > 0)
    }
}

impl core::fmt::Debug for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} of {:?}", self.count(), self.owner())
    }
}

/// A participant has as many read guards as there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoRoom;

/// Changes of one count under our hands before it counts as full; garbage may change without end.
const ROUNDS: u32 = 64;

/// A resident count, in a cache line of its own: 64 bytes.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Count(AtomicU64);

#[cfg(not(loom))]
const _: () = assert!(size_of::<Count>() == 64);

impl Count {
    /// A count of so many under the name of `owner`.
    #[cfg(loom)]
    pub(crate) fn new(owner: Option<Token>, count: u64) -> Self {
        Self(AtomicU64::new(owner.map_or(0, State::none_of) | count))
    }

    /// What the count is. Acquire: pairs with the Release of the guard that left.
    pub(super) fn state(&self) -> State {
        State(self.0.load(Ordering::Acquire))
    }

    /// One more, whosever the count is; gives what it was.
    #[inline]
    pub(super) fn add(&self) -> State {
        // SeqCst: invariant 1 of the module page.
        State(self.0.fetch_add(1, Ordering::SeqCst))
    }

    /// One less; gives what it was. Only for a guard of the participant whose the count is.
    #[inline]
    pub(super) fn subtract(&self) -> State {
        // SeqCst: invariant 4 of the module page; a Release too, which pairs with `state`.
        State(self.0.fetch_sub(1, Ordering::SeqCst))
    }

    /// One more of `me`; `claim` runs before a count that was another's becomes the caller's.
    pub(super) fn enter(&self, me: Token, claim: impl Fn()) -> Result<(), NoRoom> {
        let mut seen = self.state();
        for _ in 0..ROUNDS {
            let next = if seen.has_room_for(me) {
                seen.0 + 1
            } else if seen.owner() == Some(me) {
                return Err(NoRoom);
            } else {
                claim();
                State::none_of(me) + 1
            };
            // SeqCst: as in `add`. Relaxed on failure: the value is only compared.
            match self
                .0
                .compare_exchange(seen.0, next, Ordering::SeqCst, Ordering::Relaxed)
            {
                Ok(_) => return Ok(()),
                Err(now) => seen = State(now),
            }
        }
        Err(NoRoom)
    }

    /// Makes the count nobody's where it is that of `dead`; says whether it had guards out.
    pub(super) fn clear(&self, dead: Token) -> bool {
        let mut seen = self.state();
        for _ in 0..ROUNDS {
            if seen.owner() != Some(dead) {
                return false;
            }
            // AcqRel: what is known of the dead goes on to the writer that looks next.
            match self
                .0
                .compare_exchange(seen.0, 0, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return seen.count() > 0,
                Err(now) => seen = State(now),
            }
        }
        false
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_count_has_room_only_for_its_owner_and_below_its_end() {
        let (me, other) = (Token::new(7, 3), Token::new(8, 3));
        let of = |count: u64| State(State::none_of(me) | count);
        assert!(of(0).has_room_for(me) && of(State::MOST - 1).has_room_for(me));
        assert!(!of(State::MOST).has_room_for(me) && !of(u64::from(u32::MAX)).has_room_for(me));
        assert!(!of(0).has_room_for(other) && !State(1).has_room_for(me));
    }

    #[test]
    fn a_reader_is_named_only_in_its_own_slot() {
        let me = Token::new(7, 3);
        let state = State(State::none_of(me) | 1);
        assert_eq!((state.reader(3), state.reader(4)), (Some(me), None));
        assert_eq!(State(State::none_of(me)).reader(3), None);
        // Garbage above the name makes it no name.
        assert_eq!(State(state.0 | 1 << 63).owner(), None);
    }
}
