//! [`Permit`]: the right that a semaphore gives, and what it says when it gives none.

use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::raw::{Peers, Token};
use crate::segment::Seat;

use super::semaphore::Semaphore;

/// One permit of a [`Semaphore`] or several; gives them back when dropped, in whatever thread.
///
/// One that is leaked holds its permits until the process ends. In a forked child a permit of the
/// parent does nothing.
#[must_use = "dropping it gives the permit back"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    owner: Token,
    at: u32,
    count: u32,
    /// Whether the others' repair after a death that was met is due.
    reap: bool,
}

/// The result of acquiring.
pub type Acquired<'a> = Result<Permit<'a>, AcquireError>;

/// Why no permit was acquired.
#[derive(Debug)]
pub enum AcquireError {
    /// There are not enough permits, and the caller would not wait, or not longer.
    TimedOut,
    /// There can never be as many, or the segment cannot be used.
    Broken(Error),
}

impl<'a> Permit<'a> {
    #[inline]
    pub(super) fn new(
        semaphore: &'a Semaphore,
        owner: Token,
        at: u32,
        count: u32,
        reap: bool,
    ) -> Self {
        Self { semaphore, owner, at, count, reap }
    }

    /// How many permits it is.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Takes the permits out of the world: the semaphore's value stays lower, also after this
    /// process has died, until somebody [releases](Semaphore::release) others in their place.
    ///
    /// # If a process dies
    ///
    /// Doing this: of several, some may be out of the world, and the others have come back.
    pub fn forget(mut self) {
        if let Some(seat) = self.seat() {
            self.semaphore.permits().forget(&seat, self.at, self.count);
        }
        self.count = 0;
    }

    /// Leaves the permits with this process without a guard. [`Semaphore::release`] gives them
    /// back, from any process: Python's `acquire` is `acquire()?.keep()`.
    ///
    /// # If a process dies
    ///
    /// The permits come back with the death of this process, if nobody has released them before.
    pub fn keep(mut self) {
        if let Some(seat) = self.seat() {
            self.semaphore.permits().keep(&seat, self.at, self.count);
        }
        self.count = 0;
    }

    /// The seat that the permit was acquired in; `None` in a forked child.
    #[inline]
    fn seat(&self) -> Option<Seat<'a>> {
        let seat = self.semaphore.seat().ok()?;
        (seat.me() == self.owner).then_some(seat)
    }

    #[cold]
    fn reap(&self) {
        self.semaphore.object().reap();
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.count > 0
            && let Some(seat) = self.seat()
        {
            self.semaphore.permits().release(&seat, self.at, self.count);
            self.semaphore.found_free(self.at);
        }
        if self.reap {
            self.reap();
        }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("count", &self.count).finish_non_exhaustive()
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("there are not enough free permits"),
            Self::Broken(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for AcquireError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Broken(error) => error.source(),
            Self::TimedOut => None,
        }
    }
}

impl From<AcquireError> for Error {
    fn from(error: AcquireError) -> Self {
        match error {
            AcquireError::TimedOut => Self::new(ErrorKind::TimedOut, "acquire a permit"),
            AcquireError::Broken(error) => error,
        }
    }
}
