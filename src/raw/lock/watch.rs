//! Waiting for a lock without taking it: for who watches several things at once.
//!
//! Who is told by a watcher takes the lock as one that comes out of a sleep, with the waiters flag
//! (invariant 2): others may sleep still.

use crate::raw::Peers;
#[cfg(any(loom, feature = "async"))]
use crate::raw::Token;
#[cfg(any(loom, feature = "async"))]
use crate::sys::atomic::AtomicU32;
use crate::sys::atomic::Ordering;

#[cfg(any(loom, feature = "async"))]
use super::{Attempt, ROUNDS, StillHeld, Taken};
use super::{LockWord, State};

impl LockWord {
    /// Leaves without the lock after a sleep that may have swallowed a wake.
    pub(crate) fn hand_on(&self, peers: &impl Peers) {
        // Relaxed: publishes nothing; see the module's page on the flag.
        let seen = State(self.0.fetch_or(State::WAITERS, Ordering::Relaxed));
        if seen.owner().is_none() {
            self.wake_one(peers);
        }
    }
}

#[cfg(any(loom, feature = "async"))]
impl LockWord {
    /// What a sleeper sleeps on.
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.0
    }

    /// Announces a sleeper; what the word holds now. A free lock is flagged too, so that nobody can
    /// take it and free it again unheard between the look that follows and the sleep.
    pub(crate) fn lie_down(&self) -> u32 {
        // Relaxed: publishes nothing; see the module's page on the flag.
        self.0.fetch_or(State::WAITERS, Ordering::Relaxed) | State::WAITERS
    }

    /// Who holds the lock and is not known to be dead; with `ask`, that is asked.
    pub(crate) fn holder(&self, peers: &impl Peers, ask: bool) -> Option<Token> {
        self.owner().filter(|owner| !(ask && peers.is_dead(*owner)))
    }

    /// As [`LockWord::try_lock`], after a watch.
    pub(crate) fn try_lock_watched(&self, peers: &impl Peers) -> Result<Taken, StillHeld> {
        let mut seen = State(self.0.load(Ordering::Relaxed));
        for _ in 0..ROUNDS {
            match self.attempt(peers, seen, true, true) {
                Attempt::Taken(taken) => return Ok(taken),
                Attempt::Changed(now) => seen = now,
                Attempt::Held(_) => return Err(StillHeld),
            }
        }
        Err(StillHeld)
    }
}
