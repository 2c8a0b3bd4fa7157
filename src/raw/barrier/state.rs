//! The two words of a barrier: the state, and a cell for each party.

use crate::raw::Token;
use crate::sys::atomic::{AtomicU64, Ordering};

/// The value of the state word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct State(u64);

impl State {
    /// The turn cannot be completed any more.
    const BROKEN: u64 = 1 << 30;
    /// Changes with each turn that is completed, and with no other change.
    const PARITY: u64 = 1 << 31;
    /// Above the rest.
    const TURN: u64 = 1 << 32;

    /// Number of the turn.
    pub(super) fn turn(self) -> u32 {
        u32::try_from(self.0 / Self::TURN).unwrap_or(0)
    }
    pub(super) fn is_broken(self) -> bool {
        self.0 & Self::BROKEN != 0
    }
    pub(super) fn parity(self) -> bool {
        self.0 & Self::PARITY != 0
    }
    fn token(self) -> Option<Token> {
        Token::from_bits(u32::try_from(self.0 & u64::from(Token::MASK)).unwrap_or(0))
    }
    /// Who runs the action.
    pub(super) fn actor(self) -> Option<Token> {
        self.token().filter(|_| !self.is_broken())
    }
    /// Whose death broke the turn.
    pub(super) fn dead(self) -> Option<Token> {
        self.token().filter(|_| self.is_broken())
    }
    fn bare(self) -> u64 {
        self.0 & !(u64::from(Token::MASK) | Self::BROKEN)
    }
    /// All have arrived, and `actor` runs the action.
    pub(super) fn acted_by(self, actor: Token) -> Self {
        Self(self.bare() | u64::from(actor.bits()))
    }
    pub(super) fn broken_by(self, dead: Option<Token>) -> Self {
        Self(self.bare() | Self::BROKEN | u64::from(dead.map_or(0, Token::bits)))
    }
    /// The next turn, after this one was given up.
    pub(super) fn next(self) -> Self {
        Self(self.bare().wrapping_add(Self::TURN))
    }
    /// The next turn, after this one was completed.
    pub(super) fn completed(self) -> Self {
        Self(self.next().0 ^ Self::PARITY)
    }
}

impl core::fmt::Debug for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "turn {}{}", self.turn(), u8::from(self.parity()))?;
        f.write_str(if self.is_broken() { " broken" } else { "" })?;
        write!(f, " {:?}", self.token())
    }
}

/// The resident state word.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct StateWord(AtomicU64);

impl StateWord {
    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self(AtomicU64::new(0))
    }
    pub(super) fn get(&self) -> State {
        // Acquire: pairs with the Release of the change that ended a turn.
        State(self.0.load(Ordering::Acquire))
    }
    /// Changes what was `seen`; `false` where it is something else by now.
    pub(super) fn change(&self, seen: State, next: State) -> bool {
        // Release: publishes what all parties did before they arrived. Acquire: whoever goes on
        // from here comes after what was changed before. Relaxed on failure: looked at again.
        self.0
            .compare_exchange(seen.0, next.0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
}

/// The value of a cell: a turn and a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(u64);

impl Place {
    fn new(turn: u32, bits: u32) -> Self {
        Self(u64::from(turn) << 32 | u64::from(bits))
    }
    /// `party` has arrived for `turn`.
    pub(super) fn taken(turn: u32, party: Token) -> Self {
        Self::new(turn, party.bits())
    }
    fn turn(self) -> u32 {
        u32::try_from(self.0 >> 32).unwrap_or(0)
    }
    /// Who has arrived, and for which turn.
    pub(super) fn party(self) -> Option<(Token, u32)> {
        let bits = u32::try_from(self.0 & u64::from(u32::MAX)).unwrap_or(0);
        Token::from_bits(bits).map(|party| (party, self.turn()))
    }
    pub(super) fn has_arrived(self, turn: u32) -> bool {
        self.party().is_some_and(|(_, own)| own == turn)
    }
    /// Whether it can be taken in `turn`: it was last taken in one before that.
    pub(super) fn is_free(self, turn: u32) -> bool {
        // The turns wrap: what is at most half a round ahead is before.
        self.party().is_none() && turn.wrapping_sub(self.turn()) <= u32::MAX / 2
    }
    /// Free from the next turn on.
    pub(super) fn left(self) -> Self {
        Self::new(self.turn().wrapping_add(1), 0)
    }
}

/// A resident cell.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Cell(AtomicU64);

impl Cell {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }
    pub(super) fn get(&self) -> Place {
        // Acquire: pairs with the Release of the arrival.
        Place(self.0.load(Ordering::Acquire))
    }
    /// Changes what was `seen`; `false` where it is something else by now.
    pub(super) fn change(&self, seen: Place, next: Place) -> bool {
        // Release: publishes what the party did before. Acquire: who takes a cell comes after who
        // left it. Relaxed on failure: looked at again.
        self.0
            .compare_exchange(seen.0, next.0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
}
