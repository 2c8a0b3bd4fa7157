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
///
/// Above a capacity of 1024, what is done with it (drop, [`keep`](Permit::keep),
/// [`forget`](Permit::forget)) waits as [`Semaphore::release`] does; below, for nobody.
#[must_use = "dropping it gives the permit back"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
    claim: Claim,
}

/// What a permit stands for, in one word that stays in a register: its owner, and either the cell
/// of one permit or the number of several.
#[derive(Clone, Copy)]
pub(super) struct Claim(u64);

impl Claim {
    const OWNER_BITS: u32 = u32::BITS;
    const SEVERAL: u32 = 1 << 31;

    /// The permit in the cell `at`.
    #[inline]
    pub(super) fn one(owner: Token, at: u32) -> Self {
        Self(u64::from(at) << Self::OWNER_BITS | u64::from(owner.bits()))
    }

    /// Permits in whatever cells; also one, which is then not given back in the quick way.
    pub(super) fn several(owner: Token, count: u32) -> Self {
        Self::one(owner, count | Self::SEVERAL)
    }

    #[inline]
    fn owner(self) -> u32 {
        u32::try_from(self.0 & u64::from(u32::MAX)).unwrap_or(0)
    }

    /// The cell; no cell at all where there are several.
    #[inline]
    fn at(self) -> u32 {
        u32::try_from(self.0 >> Self::OWNER_BITS).unwrap_or(0)
    }

    fn count(self) -> u32 {
        if self.at() & Self::SEVERAL == 0 {
            1
        } else {
            self.at() & !Self::SEVERAL
        }
    }
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
    pub(super) fn new(semaphore: &'a Semaphore, claim: Claim) -> Self {
        Self { semaphore, claim }
    }

    /// How many permits it is.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.claim.count()
    }

    /// Takes the permits out of the world: the semaphore's value stays lower, also after this
    /// process has died, until somebody [releases](Semaphore::release) others in their place.
    ///
    /// # If a process dies
    ///
    /// Doing this: of several, some may be out of the world, and the others have come back.
    pub fn forget(self) {
        if let Some(seat) = self.seat() {
            let (at, count) = (self.claim.at(), self.claim.count());
            self.semaphore.permits().forget(&seat, at, count);
        }
        self.leave();
    }

    /// Leaves the permits with this process without a guard. [`Semaphore::release`] gives them
    /// back, from any process: Python's `acquire` is `acquire()?.keep()`.
    ///
    /// # If a process dies
    ///
    /// The permits come back with the death of this process, if nobody has released them before.
    pub fn keep(self) {
        if let Some(seat) = self.seat() {
            let (at, count) = (self.claim.at(), self.claim.count());
            self.semaphore.permits().keep(&seat, at, count);
        }
        self.leave();
    }

    /// The seat that the permit was acquired in; `None` in a forked child.
    #[inline]
    fn seat(&self) -> Option<Seat<'a>> {
        let seat = self.semaphore.seat().ok()?;
        (seat.me().bits() == self.claim.owner()).then_some(seat)
    }

    #[inline(never)]
    fn give_back(&self) {
        if let Some(seat) = self.seat() {
            let (at, count) = (self.claim.at(), self.claim.count());
            self.semaphore.permits().release(&seat, at, count);
            if at & Claim::SEVERAL == 0 {
                self.semaphore.found_free(at);
            }
        }
        self.semaphore.object().reap_if_due();
    }

    /// Ends a permit that has nothing to give back any more.
    fn leave(self) {
        self.semaphore.object().reap_if_due();
        #[expect(clippy::mem_forget, reason = "what it stood for is elsewhere now")]
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        // One permit, nobody waiting, no fork since: all else is for `give_back`.
        let at = self.claim.at();
        match self.seat() {
            Some(seat) if self.semaphore.permits().free(seat.me(), at) => {
                self.semaphore.found_free(at);
            }
            _ => self.give_back(),
        }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("count", &self.count())
            .finish_non_exhaustive()
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
            AcquireError::TimedOut => Self::new(ErrorKind::TimedOut, "acquire a permit").advise(
                "not enough came free in time: try again, or have the living give back theirs",
            ),
            AcquireError::Broken(error) => error,
        }
    }
}
