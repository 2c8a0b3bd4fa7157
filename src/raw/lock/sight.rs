//! What the lock word says to whoever only looks.

use crate::raw::Token;
use crate::sys::atomic::Ordering;

use super::{LockWord, State};

/// A lock at one moment; it may change at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) owner: Option<Token>,
    /// A death left what it protects, and nobody has said that it is repaired.
    pub(crate) is_marked: bool,
    /// Somebody may sleep on it.
    pub(crate) has_waiters: bool,
}

impl LockWord {
    /// The lock at this moment.
    pub(crate) fn sight(&self) -> Sight {
        // Relaxed: shown to people, and nothing is concluded from it.
        let state = State(self.0.load(Ordering::Relaxed));
        Sight {
            owner: state.owner(),
            is_marked: state.is_marked(),
            has_waiters: state.has_waiters(),
        }
    }
}
