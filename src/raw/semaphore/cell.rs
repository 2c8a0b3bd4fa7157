//! One cell of a semaphore: a permit, or room for one.

use crate::raw::Token;
use crate::sys::atomic::{AtomicU32, Ordering};

/// The value of a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct State(u32);

impl State {
    pub(super) const FREE: Self = Self(0);
    /// With an owner: no guard stands for the permit. Without: there is no permit.
    const MARK: u32 = 1 << 30;
    pub(super) const ABSENT: Self = Self(Self::MARK);
    /// Somebody may sleep until the cell is free.
    const WAITERS: u32 = 1 << 31;

    #[inline]
    pub(super) fn guarded(owner: Token) -> Self {
        Self(owner.bits())
    }
    #[inline]
    pub(super) fn owner(self) -> Option<Token> {
        Token::from_bits(self.0)
    }
    #[inline]
    pub(super) fn is_marked(self) -> bool {
        self.0 & Self::MARK != 0
    }
    #[inline]
    pub(super) fn is_free(self) -> bool {
        self.owner().is_none() && !self.is_marked()
    }
    pub(super) fn is_absent(self) -> bool {
        self.owner().is_none() && self.is_marked()
    }
    pub(super) fn is_guarded_by(self, owner: Token) -> bool {
        self.owner() == Some(owner) && !self.is_marked()
    }
    pub(super) fn keeper(self) -> Option<Token> {
        self.owner().filter(|_| self.is_marked())
    }
    pub(super) fn has_waiters(self) -> bool {
        self.0 & Self::WAITERS != 0
    }
    pub(super) fn with_waiters(self, waiters: bool) -> Self {
        if waiters {
            Self(self.0 | Self::WAITERS)
        } else {
            self
        }
    }
    pub(super) fn kept(self) -> Self {
        Self(self.0 | Self::MARK)
    }
}

impl core::fmt::Debug for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.owner() {
            _ if self.is_free() => f.write_str("free")?,
            None => f.write_str("absent")?,
            Some(owner) if self.is_marked() => write!(f, "kept by {owner:?}")?,
            Some(owner) => write!(f, "guarded by {owner:?}")?,
        }
        f.write_str(if self.has_waiters() { " waiters" } else { "" })
    }
}

/// Changes of one cell under our hands before it counts as somebody else's; garbage may change
/// without end.
const ROUNDS: u32 = 64;

/// A resident cell.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Cell(AtomicU32);

impl Cell {
    #[cfg(loom)]
    pub(crate) fn new(absent: bool) -> Self {
        Self(AtomicU32::new(if absent {
            State::ABSENT.0
        } else {
            State::FREE.0
        }))
    }

    /// Makes a fresh cell absent.
    #[cfg(not(loom))]
    pub(super) fn init_absent(&self) {
        // Relaxed: the object is not yet published.
        self.0.store(State::ABSENT.0, Ordering::Relaxed);
    }

    /// What the cell holds at this moment. Relaxed: whoever acts on it compares again.
    #[inline]
    pub(super) fn state(&self) -> State {
        State(self.0.load(Ordering::Relaxed))
    }

    /// Takes the cell if it is free and nobody ever waited for it.
    #[inline]
    pub(super) fn take(&self, me: Token) -> bool {
        // Acquire: pairs with the Release that freed the cell.
        let (free, mine) = (State::FREE.0, State::guarded(me).0);
        self.0
            .compare_exchange(free, mine, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
    }

    /// Frees the cell if the caller guards it and nobody waits for it.
    #[inline]
    pub(super) fn free_unheard(&self, me: Token) -> bool {
        // Release: pairs with the Acquire that takes the cell next.
        let (free, mine) = (State::FREE.0, State::guarded(me).0);
        self.0
            .compare_exchange(mine, free, Ordering::Release, Ordering::Relaxed)
            .is_ok()
    }

    /// Changes the cell as `next` says, while it says something; gives what the cell held.
    pub(super) fn change(&self, next: impl Fn(State) -> Option<State>) -> Option<State> {
        let mut seen = self.state();
        for _ in 0..ROUNDS {
            let new = next(seen)?;
            if new == seen {
                return Some(seen);
            }
            // AcqRel: as in `take` or as in `free_unheard`, whichever the change is.
            match self
                .0
                .compare_exchange(seen.0, new.0, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return Some(seen),
                Err(now) => seen = State(now),
            }
        }
        None
    }
}
