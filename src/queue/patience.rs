//! How long the operations of a pipe, of a socket and of a connection wait.

use std::time::{Duration, Instant};

use crate::sys::clock::Deadline;

/// How long an operation waits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    Not,
    Ever,
    For(Duration),
    Until(Instant),
    /// Until an instant that was computed before.
    Fixed(Deadline),
}

impl Patience {
    /// As an instant; `None` where there is to be no wait.
    pub(crate) fn deadline(self) -> Option<Deadline> {
        match self {
            Self::Not => None,
            Self::Ever => Some(Deadline::NEVER),
            Self::For(limit) => Some(Deadline::after(limit)),
            Self::Until(instant) => Some(Deadline::at(instant)),
            Self::Fixed(deadline) => Some(deadline),
        }
    }
}
