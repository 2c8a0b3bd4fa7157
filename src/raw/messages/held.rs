//! What the caller owns: room for a message, or a message.

use crate::raw::Token;

/// A block that the caller owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// Its first unit.
    pub(super) at: u32,
    pub(super) units: u32,
    pub(super) owner: Token,
}

/// Room for a message, the caller's to write.
#[derive(Debug)]
pub(crate) struct Room {
    pub(super) held: Held,
    pub(super) len: usize,
}

/// A message, the caller's to read.
#[derive(Debug)]
pub(crate) struct Message {
    pub(super) held: Held,
    pub(super) len: usize,
    pub(super) deliveries: u32,
}

impl Room {
    /// Bytes of the message.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
    /// Who reserved it.
    pub(crate) fn owner(&self) -> Token {
        self.held.owner
    }
    /// The unit at which its block begins.
    #[cfg(loom)]
    pub(crate) fn at(&self) -> usize {
        self.held.at as usize
    }
}

impl Message {
    /// Bytes of the message; the block has as many.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
    /// Who claimed it.
    pub(crate) fn owner(&self) -> Token {
        self.held.owner
    }
    /// How often it was claimed, this time included.
    pub(crate) fn deliveries(&self) -> u32 {
        self.deliveries
    }
    /// The unit at which its block begins.
    #[cfg(loom)]
    pub(crate) fn at(&self) -> usize {
        self.held.at as usize
    }
}
