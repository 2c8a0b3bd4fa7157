//! One cell of a condition: the place of one waiter.

use crate::raw::Token;
use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering};

/// The value of a cell: who waits in it, since when, and whether it has been notified.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct State(u64);

impl State {
    const FREE: Self = Self(0);
    const NOTIFIED: u64 = 1 << Token::BITS;
    const TICKET_AT: u32 = 32;

    /// Of a waiter that came after `ticket` others.
    pub(super) fn waiting(owner: Token, ticket: u32) -> Self {
        Self(u64::from(ticket) << Self::TICKET_AT | u64::from(owner.bits()))
    }
    fn low(self) -> u32 {
        u32::try_from(self.0 & u64::from(u32::MAX)).unwrap_or(0)
    }
    /// `None` where the cell is free.
    pub(super) fn owner(self) -> Option<Token> {
        Token::from_bits(self.low())
    }
    pub(super) fn ticket(self) -> u32 {
        u32::try_from(self.0 >> Self::TICKET_AT).unwrap_or(0)
    }
    pub(super) fn is_waiting(self) -> bool {
        self.owner().is_some() && self.0 & Self::NOTIFIED == 0
    }
    pub(super) fn is_notified(self) -> bool {
        self.owner().is_some() && self.0 & Self::NOTIFIED != 0
    }
    pub(super) fn notified(self) -> Self {
        Self(self.0 | Self::NOTIFIED)
    }
    pub(super) fn with_owner(self, owner: Token) -> Self {
        Self(self.0 & !u64::from(Token::MASK) | u64::from(owner.bits()))
    }
}

impl core::fmt::Debug for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.owner() {
            None => f.write_str("free"),
            Some(owner) if self.is_notified() => write!(f, "{owner:?} notified"),
            Some(owner) => write!(f, "{owner:?} waits as {}", self.ticket()),
        }
    }
}

/// A resident cell: 16 bytes.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Cell {
    state: AtomicU64,
    /// What its waiter sleeps on: moved after each notification. A word of its own, since the
    /// kernel compares 32 bits.
    pub(super) call: AtomicU32,
    reserved: AtomicU32,
}

impl Cell {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU64::new(0),
            call: AtomicU32::new(0),
            reserved: AtomicU32::new(0),
        }
    }

    /// What the cell holds at this moment. Acquire: whoever sees a waiter or a notification sees
    /// what was written before it.
    pub(super) fn state(&self) -> State {
        State(self.state.load(Ordering::Acquire))
    }

    /// Changes the cell from `old` to `new`, if that is what it holds.
    pub(super) fn change(&self, old: State, new: State) -> bool {
        // AcqRel: pairs with itself and with `state`; see the module page. Relaxed on failure: the
        // caller looks again.
        self.state
            .compare_exchange(old.0, new.0, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Frees the cell, if it holds `old`.
    pub(super) fn free(&self, old: State) -> bool {
        self.change(old, State::FREE)
    }
}
