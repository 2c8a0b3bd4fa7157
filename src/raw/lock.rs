//! The lock word: mutual exclusion that outlives its owner.
//!
//! # States
//!
//! | owner | marked | waiters | meaning | who may change it, to what |
//! |---|---|---|---|---|
//! | 0 | no | - | free | anyone: owned |
//! | 0 | yes | - | free, data unrepaired | anyone: owned and marked |
//! | token | any | no | held | the owner: free; a waiter: sets the waiters flag |
//! | token | any | yes | held, somebody may sleep | the owner: free, then wakes one |
//! | token of the dead | any | any | orphaned | anyone: owned by itself, marked, with the flag |
//!
//! # Invariants
//!
//! 1. Only the owner clears the owner bits, or one participant after the owner's death; both by
//!    one read-modify-write, so of several heirs one wins.
//! 2. Whoever comes out of a sleep takes the word *with* the waiters flag: others may sleep still.
//! 3. The mark goes away only through an owner that says the data are repaired.
//!
//! # Memory orderings
//!
//! Every change that takes the word is Acquire and pairs with the Release of the change that freed
//! it, which publishes what the lock protects. It is Release too, and pairs with the fence in the
//! registry's question for signs of life: whoever sees an owner sees that it has joined. Taking over from the dead pairs with nothing the
//! dead did: the kernel orders a process's stores before the release of its lease, and
//! [`Peers::is_dead`] reads that. Setting the waiters flag is Relaxed: it publishes nothing, and the
//! futex compares the whole word again under the kernel's own lock.
//!
//! # If a process dies
//!
//! Before the exchange that takes the word: nothing happened. After it: the next to look inherits.
//! Between the exchange that frees it and the wake: the sleepers' slice ends. A waiter that dies
//! asleep, or woken before it acts: the same. A word of garbage names an owner that does not exist,
//! which is a dead one.

#[cfg(not(loom))]
mod sight;
mod watch;

use super::{Pace, Peers, Token, Waited};
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::Deadline;
use crate::sys::hint;

#[cfg(not(loom))]
pub(crate) use sight::Sight;

/// The value of a lock word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct State(u32);

impl State {
    /// The data that the lock protects were left by a death and not repaired since.
    const MARKED: u32 = 1 << 30;
    /// Somebody may sleep on the word.
    const WAITERS: u32 = 1 << 31;

    #[inline]
    pub(super) fn owner(self) -> Option<Token> {
        Token::from_bits(self.0)
    }
    #[inline]
    pub(super) fn is_marked(self) -> bool {
        self.0 & Self::MARKED != 0
    }
    #[inline]
    fn has_waiters(self) -> bool {
        self.0 & Self::WAITERS != 0
    }
    fn with_owner(self, owner: Token) -> Self {
        Self(self.0 & !Token::MASK | owner.bits())
    }
    fn with_waiters(self) -> Self {
        Self(self.0 | Self::WAITERS)
    }
    fn with_mark(self) -> Self {
        Self(self.0 | Self::MARKED)
    }
    #[inline]
    fn freed(marked: bool) -> u32 {
        if marked { Self::MARKED } else { 0 }
    }
}

impl core::fmt::Debug for State {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}", self.owner())?;
        f.write_str(if self.is_marked() { " marked" } else { "" })?;
        f.write_str(if self.has_waiters() { " waiters" } else { "" })
    }
}

/// In what state a lock was found by its new owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The data are as the last owner left them.
    Clean,
    /// An earlier owner died and nobody has said that the data are repaired.
    Marked,
    /// The participant named here died holding the lock: the caller is the first to know.
    Inherited(Token),
}

/// The lock is held by a living participant, and the caller would not wait, or not longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StillHeld;

/// The caller does not hold the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotOwner;

/// Changes of a word under our hands before we take a breath, so that a peer that writes garbage
/// without end cannot make us spin for ever.
const ROUNDS: u32 = 4096;

/// A resident lock.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct LockWord(AtomicU32);

impl LockWord {
    /// A free lock.
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Takes a lock that is free, unmarked and not waited for.
    #[inline]
    fn take_free(&self, me: Token) -> bool {
        // AcqRel: see the module page. Relaxed on failure: the value is looked at again.
        self.0
            .compare_exchange(0, me.bits(), Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Takes the lock if it is free, or if its owner is dead.
    #[inline]
    pub(crate) fn try_lock(&self, peers: impl Peers) -> Result<Taken, StillHeld> {
        if self.take_free(peers.me()) {
            Ok(Taken::Clean)
        } else {
            self.try_lock_contended(peers)
        }
    }

    /// Takes the lock, sleeping until it is free, its owner dies, or the deadline passes.
    #[inline]
    pub(crate) fn lock(&self, peers: impl Peers, deadline: Deadline) -> Result<Taken, StillHeld> {
        self.lock_by(peers, || deadline)
    }

    /// As [`LockWord::lock`]; asks for the deadline only where the lock is not free at once.
    #[inline]
    pub(crate) fn lock_by(
        &self,
        peers: impl Peers,
        deadline: impl FnOnce() -> Deadline,
    ) -> Result<Taken, StillHeld> {
        if self.take_free(peers.me()) {
            Ok(Taken::Clean)
        } else {
            self.lock_contended(peers, deadline())
        }
    }

    /// Frees a lock that the caller holds; `marked` leaves the mark for the next owner.
    #[inline]
    pub(crate) fn unlock(&self, peers: &impl Peers, marked: bool) {
        if self.free(marked) {
            self.wake_one(peers);
        }
    }

    /// Frees the lock if `me` holds it, and keeps its mark. `true` where [`LockWord::wake_one`] is
    /// due: somebody may sleep. It is so after every inheritance.
    #[inline]
    pub(crate) fn free_as_found(&self, me: Token) -> bool {
        // Release: as in `free`. Relaxed on failure: the value is looked at again.
        self.0
            .compare_exchange(me.bits(), 0, Ordering::Release, Ordering::Relaxed)
            .is_err()
            && self.free_if_owned(me)
    }

    /// The rest of [`LockWord::free_as_found`]: a marked lock, one with waiters, or somebody
    /// else's, as in a forked child that drops its parent's guard.
    #[cold]
    #[inline(never)]
    fn free_if_owned(&self, me: Token) -> bool {
        self.free_by_exchange(me, false)
            .is_ok_and(State::has_waiters)
    }

    /// Frees the lock if `me` holds it; gives back what it was.
    fn free_by_exchange(&self, me: Token, repaired: bool) -> Result<State, NotOwner> {
        let mut seen = State(self.0.load(Ordering::Relaxed));
        loop {
            if seen.owner() != Some(me) {
                return Err(NotOwner);
            }
            let freed = State::freed(seen.is_marked() && !repaired);
            // Release: as in `free`. Relaxed on failure: the value is only compared.
            match self
                .0
                .compare_exchange(seen.0, freed, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return Ok(seen),
                // Only the waiters flag can have come.
                Err(now) => seen = State(now),
            }
        }
    }

    #[inline]
    fn free(&self, marked: bool) -> bool {
        // Release: pairs with the Acquire that takes the word next; publishes the protected data.
        State(self.0.swap(State::freed(marked), Ordering::Release)).has_waiters()
    }

    /// Frees the lock if the caller's process holds it, and keeps a mark.
    ///
    /// For callers whose scopes do not nest: unlike [`LockWord::unlock`] it never takes the lock
    /// away from somebody else.
    pub(crate) fn release(&self, peers: &impl Peers, repaired: bool) -> Result<(), NotOwner> {
        if self.free_by_exchange(peers.me(), repaired)?.has_waiters() {
            self.wake_one(peers);
        }
        Ok(())
    }

    /// Who holds the lock at this moment; it may change at once.
    #[inline]
    pub(crate) fn owner(&self) -> Option<Token> {
        State(self.0.load(Ordering::Relaxed)).owner()
    }

    /// What the word holds, for whoever has written elsewhere before; see [`super::rwlock`].
    #[inline]
    pub(super) fn seen(&self) -> State {
        // SeqCst: invariant 1 of `super::rwlock`; an Acquire too, which pairs with `free`.
        State(self.0.load(Ordering::SeqCst))
    }

    /// Whether nobody holds the lock, and no death has marked it.
    #[inline]
    pub(super) fn is_clean(&self) -> bool {
        self.seen().0 & !State::WAITERS == 0
    }

    /// Says that somebody may sleep until the word, which was `seen`, is freed; `false` where it is
    /// no longer so.
    pub(super) fn announce(&self, seen: State) -> bool {
        self.flag(seen, &mut None)
    }

    /// Clears the mark. Only the owner may call this.
    pub(crate) fn clear_mark(&self) {
        // Relaxed: only the owner, which is the caller, looks at the mark before the next Release.
        self.0.fetch_and(!State::MARKED, Ordering::Relaxed);
    }

    /// By value, as all cold paths: what the caller keeps in registers is not spilled for them.
    #[cold]
    fn try_lock_contended(&self, peers: impl Peers) -> Result<Taken, StillHeld> {
        let peers = &peers;
        let mut seen = State(self.0.load(Ordering::Relaxed));
        for _ in 0..ROUNDS {
            match self.attempt(peers, seen, false, true) {
                Attempt::Taken(taken) => return Ok(taken),
                Attempt::Changed(now) => seen = now,
                Attempt::Held(_) => return Err(StillHeld),
            }
        }
        Err(StillHeld)
    }

    #[cold]
    fn lock_contended(&self, peers: impl Peers, deadline: Deadline) -> Result<Taken, StillHeld> {
        let peers = &peers;
        let mut pace = Pace::new();
        let mut spins = hint::SPINS;
        let mut rounds = ROUNDS;
        let mut slept = false;
        // The owner is asked for signs of life only after a sleep: a question is a system call.
        let mut ask = false;
        // What a failed exchange saw; a load may see less.
        let mut known = None;
        loop {
            let seen = known
                .take()
                .unwrap_or_else(|| State(self.0.load(Ordering::Relaxed)));
            let held_by = match self.attempt(peers, seen, slept, ask) {
                Attempt::Taken(taken) => return Ok(taken),
                Attempt::Held(owner) => Some(owner),
                Attempt::Changed(now) => {
                    known = Some(now);
                    None
                }
            };
            ask = false;
            let waited = match held_by {
                Some(_) if spins > 0 => {
                    spins -= 1;
                    hint::spin();
                    continue;
                }
                Some(owner) if self.flag(seen, &mut known) => {
                    slept = true;
                    peers.wait(
                        &self.0,
                        seen.with_waiters().0,
                        &[owner],
                        &mut pace,
                        deadline,
                    )
                }
                _ if rounds > 0 => {
                    rounds -= 1;
                    hint::spin();
                    continue;
                }
                _ => {
                    rounds = ROUNDS;
                    peers.pause(&mut pace, deadline)
                }
            };
            match waited {
                Waited::Woken => {}
                Waited::Slice => ask = true,
                Waited::TimedOut => return self.last_attempt(peers, slept),
            }
        }
    }

    /// Announces a sleeper; `false` where the word is no longer as `seen` but as `known`.
    fn flag(&self, seen: State, known: &mut Option<State>) -> bool {
        let flagged = seen.with_waiters().0;
        // Relaxed: publishes nothing; the futex compares the word again.
        seen.has_waiters()
            || self
                .0
                .compare_exchange(seen.0, flagged, Ordering::Relaxed, Ordering::Relaxed)
                .map_err(|now| *known = Some(State(now)))
                .is_ok()
    }

    /// One look after the deadline: a wake that came with it must not be lost.
    fn last_attempt(&self, peers: &impl Peers, slept: bool) -> Result<Taken, StillHeld> {
        let seen = State(self.0.load(Ordering::Relaxed));
        match self.attempt(peers, seen, slept, true) {
            Attempt::Taken(taken) => Ok(taken),
            Attempt::Held(_) | Attempt::Changed(_) => {
                if slept {
                    self.hand_on(peers);
                }
                Err(StillHeld)
            }
        }
    }

    /// Wakes one sleeper.
    pub(crate) fn wake_one(&self, peers: &impl Peers) {
        peers.wake(&self.0, 1);
    }

    /// One try to take the word from the state that was `seen`.
    fn attempt(&self, peers: &impl Peers, seen: State, slept: bool, ask: bool) -> Attempt {
        let (base, taken) = match seen.owner() {
            None if seen.is_marked() => (seen, Taken::Marked),
            None => (seen, Taken::Clean),
            Some(owner) if ask && peers.is_dead(owner) => {
                (seen.with_mark().with_waiters(), Taken::Inherited(owner))
            }
            Some(owner) => return Attempt::Held(owner),
        };
        let base = if slept { base.with_waiters() } else { base };
        let mine = base.with_owner(peers.me());
        // AcqRel: see the module page, also on taking over from the dead.
        match self
            .0
            .compare_exchange(seen.0, mine.0, Ordering::AcqRel, Ordering::Relaxed)
        {
            Ok(_) => Attempt::Taken(taken),
            Err(now) => Attempt::Changed(State(now)),
        }
    }
}

/// What came of one try.
enum Attempt {
    Taken(Taken),
    /// By a participant that lives, or was not asked.
    Held(Token),
    Changed(State),
}
