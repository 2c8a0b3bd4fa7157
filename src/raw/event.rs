//! The event word: set or not, and how often it became so.
//!
//! # States
//!
//! | set | sleepers | meaning | who may change it, to what |
//! |---|---|---|---|
//! | no | no | not set | anyone who sets: set, next sequence; anyone who waits: sleepers |
//! | no | yes | not set, somebody may sleep | anyone who sets: set, next sequence, no sleepers, then wakes all |
//! | yes | no | set | anyone who clears: not set; who sets writes what is there |
//!
//! Who *takes* an event clears it, and knows from that same step whether it was set: so of all who
//! wait in order to take it each set lets one go on. All are woken; the others find it taken.
//!
//! The rest of the word is the sequence. It moves with each set of an event that is not set, so
//! whoever waited before a set knows of it however soon a clear follows.
//!
//! # Invariants
//!
//! 1. Sleepers and set are never there together: a waiter announces itself by a compare-and-swap
//!    from a word that is not set, and the set that ends its wait takes the flag away, in one step.
//! 2. A sleeper sleeps on the word with the flag as it announced it, so any change since keeps the
//!    kernel from letting it sleep; and the set that made the change finds the flag and wakes.
//! 3. Nobody owns an event. All changes are whole in themselves.
//!
//! # Memory orderings
//!
//! Setting is Release and pairs with the Acquire of whoever finds the event set, or the sequence
//! moved, or clears it: they see what was done before the set. All changes are read-modify-writes,
//! so seeing a later one sees the set too. That is why the set of a set event writes as well: it
//! comes before a clear, which then sees what was done before it, or after, and then it sets the
//! event again. With a mere load it could see an event still set that a consumer has cleared, who
//! in turn does not see the work yet and goes to sleep on it. The clear is Release for those who
//! wait for it by polling. Announcing is Relaxed: it publishes nothing, and the futex compares the
//! whole word again.
//!
//! # If a process dies
//!
//! Before an exchange: nothing happened. Between the exchange that sets the event and the wake: the
//! sleepers' slice ends, and they see it. A waiter leaves at most its flag, which costs one wake of
//! nobody. There is nothing to repair. Whoever dies after taking a set has spent it.
//!
//! A waiter misses a set followed by a clear if, between two of its looks, the event is set anew
//! exactly 2^30 times, or a multiple of that: only one that is stopped can.

use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::Deadline;
use crate::sys::hint;

use super::{Pace, Peers, Waited};

/// The value of an event word.
#[derive(Clone, Copy, PartialEq, Eq)]
struct State(u32);

impl State {
    const SET: u32 = 1;
    /// Somebody may sleep on the word.
    const SLEEPERS: u32 = 1 << 1;
    /// One step of the sequence.
    const STEP: u32 = 1 << 2;

    #[inline]
    fn is_set(self) -> bool {
        self.0 & Self::SET != 0
    }
    #[inline]
    fn has_sleepers(self) -> bool {
        self.0 & Self::SLEEPERS != 0
    }
    fn sequence(self) -> u32 {
        self.0 / Self::STEP
    }
    fn with_sleepers(self) -> Self {
        Self(self.0 | Self::SLEEPERS)
    }
    /// Set, and nobody announced.
    #[inline]
    fn set(self) -> Self {
        let step = if self.is_set() { 0 } else { Self::STEP };
        Self((self.0 & !Self::SLEEPERS).wrapping_add(step) | Self::SET)
    }
    /// Whether the event is set, or was since it was as in `first`.
    fn was_set_since(self, first: Self) -> bool {
        self.is_set() || self.sequence() != first.sequence()
    }
}

impl core::fmt::Debug for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let set = if self.is_set() { "set" } else { "not set" };
        let sleepers = if self.has_sleepers() { " sleepers" } else { "" };
        write!(f, "{set}{sleepers} {}", self.sequence())
    }
}

/// The event was not set, and the caller would not wait longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotSet;

/// Changes of the word under our hands, or wakes for nothing, before we take a breath, so that a
/// peer that writes garbage without end cannot make us spin for ever.
const ROUNDS: u32 = 4096;

/// A resident event.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct EventWord(AtomicU32);

impl EventWord {
    /// An event that is not set.
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Makes whatever stands here an event that is not set, before anybody uses it.
    #[cfg(feature = "raw_sync")]
    pub(crate) fn reset(&self) {
        // Relaxed: whoever makes the event publishes it.
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether somebody has announced itself.
    pub(crate) fn has_sleepers(&self) -> bool {
        State(self.0.load(Ordering::Relaxed)).has_sleepers()
    }

    /// Whether the event is set at this moment.
    #[inline]
    pub(crate) fn is_set(&self) -> bool {
        // Acquire: pairs with the Release of the set.
        State(self.0.load(Ordering::Acquire)).is_set()
    }

    /// Sets the event, and wakes all who wait for it; no system call where nobody does.
    #[inline]
    pub(crate) fn set(&self, peers: impl Peers) {
        // Relaxed: only compared.
        let seen = State(self.0.load(Ordering::Relaxed));
        match self.set_from(seen) {
            Ok(()) if seen.has_sleepers() => self.wake_all(&peers),
            Ok(()) => {}
            Err(now) => self.set_contended(peers, now),
        }
    }

    /// Makes the event not set.
    #[inline]
    pub(crate) fn clear(&self) {
        // Acquire, Release: see the module page.
        self.0.fetch_and(!State::SET, Ordering::AcqRel);
    }

    /// Makes a set event not set; of several who try, one does.
    #[cfg(any(feature = "raw_sync", loom))]
    #[inline]
    pub(crate) fn take(&self) -> bool {
        // Acquire, Release: as in `clear`.
        State(self.0.fetch_and(!State::SET, Ordering::AcqRel)).is_set()
    }

    /// Sleeps until the caller is the one who makes the event not set, or the deadline passes.
    #[cfg(any(feature = "raw_sync", loom))]
    pub(crate) fn wait_and_take(
        &self,
        peers: impl Peers,
        deadline: Deadline,
    ) -> Result<(), NotSet> {
        let mut pace = Pace::new();
        let mut rounds = ROUNDS;
        while !self.take() {
            // A wait that was in vain, as another took it, has not looked at the time.
            if deadline.is_past() {
                return Err(NotSet);
            }
            if rounds == 0 {
                rounds = ROUNDS;
                peers.pause(&mut pace, deadline);
            }
            rounds -= 1;
            self.wait(&peers, deadline)?;
        }
        Ok(())
    }

    /// Sleeps until the event is set, was set since the call began, or the deadline passes.
    #[inline]
    pub(crate) fn wait(&self, peers: impl Peers, deadline: Deadline) -> Result<(), NotSet> {
        let first = self.look();
        if first.is_set() {
            Ok(())
        } else {
            self.wait_contended(peers, first, deadline)
        }
    }

    /// How the event is now: for [`EventWord::was_set_since`].
    #[cfg(feature = "async")]
    pub(crate) fn mark(&self) -> u32 {
        self.look().0
    }

    /// Whether the event is set, or was since it was as in `first`.
    #[cfg(feature = "async")]
    pub(crate) fn was_set_since(&self, first: u32) -> bool {
        self.look().was_set_since(State(first))
    }

    /// What a sleeper sleeps on.
    #[cfg(feature = "async")]
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.0
    }

    /// Announces a sleeper, where the event is not set; what the word holds now.
    #[cfg(feature = "async")]
    pub(crate) fn lie_down(&self) -> u32 {
        let mut seen = self.look();
        for _ in 0..ROUNDS {
            if seen.is_set() {
                break;
            }
            match self.announce(seen) {
                Ok(()) => return seen.with_sleepers().0,
                Err(now) => seen = now,
            }
        }
        seen.0
    }

    #[inline]
    fn look(&self) -> State {
        // Acquire: pairs with the Release of the set.
        State(self.0.load(Ordering::Acquire))
    }

    #[inline]
    fn set_from(&self, seen: State) -> Result<(), State> {
        // Release: see the module page. Relaxed on failure: the value is only compared.
        self.0
            .compare_exchange(seen.0, seen.set().0, Ordering::Release, Ordering::Relaxed)
            .map(drop)
            .map_err(State)
    }

    /// By value, as all cold paths: what the caller keeps in registers is not spilled for them.
    #[cold]
    fn set_contended(&self, peers: impl Peers, mut seen: State) {
        let mut pace = Pace::new();
        let mut rounds = ROUNDS;
        while let Err(now) = self.set_from(seen) {
            seen = now;
            if rounds == 0 {
                rounds = ROUNDS;
                peers.pause(&mut pace, Deadline::NEVER);
            }
            rounds -= 1;
        }
        if seen.has_sleepers() {
            self.wake_all(&peers);
        }
    }

    #[cold]
    fn wake_all(&self, peers: &impl Peers) {
        peers.wake(&self.0, u32::MAX);
    }

    #[cold]
    fn wait_contended(
        &self,
        peers: impl Peers,
        first: State,
        deadline: Deadline,
    ) -> Result<(), NotSet> {
        let mut pace = Pace::new();
        let mut spins = hint::SPINS;
        let mut rounds = ROUNDS;
        let mut seen = first;
        let mut late = false;
        loop {
            if seen.was_set_since(first) {
                return Ok(());
            }
            // One look after the deadline: a set that came with it must not be lost.
            if late {
                return Err(NotSet);
            }
            let waited = if spins > 0 {
                spins -= 1;
                hint::spin();
                seen = self.look();
                continue;
            } else if rounds > 0 {
                rounds -= 1;
                if let Err(now) = self.announce(seen) {
                    seen = now;
                    continue;
                }
                let announced = seen.with_sleepers().0;
                peers.wait(&self.0, announced, &[], &mut pace, deadline)
            } else {
                rounds = ROUNDS;
                peers.pause(&mut pace, deadline)
            };
            match waited {
                Waited::Woken => {}
                Waited::Slice => rounds = ROUNDS,
                Waited::TimedOut => late = true,
            }
            seen = self.look();
        }
    }

    /// Says that the caller may sleep; fails where the word is no longer as `seen`.
    fn announce(&self, seen: State) -> Result<(), State> {
        if seen.has_sleepers() {
            return Ok(());
        }
        let announced = seen.with_sleepers().0;
        // Relaxed: see the module page. Acquire on failure: as in `look`.
        self.0
            .compare_exchange(seen.0, announced, Ordering::Relaxed, Ordering::Acquire)
            .map(drop)
            .map_err(State)
    }
}
