//! The permits of a semaphore, in whichever of two forms their number asks for.
//!
//! Up to [`Permits::MOST_CELLS`] permits lie in cells ([`super::semaphore`]): one compare-and-swap
//! to take one, one to give it back. More of them are counted in a [`super::ledger`].
//!
//! # Rules that both forms keep
//!
//! A permit is in one of four places: *free*; *guarded*, that is taken by a participant where some
//! guard will give it back; *kept*, taken by a participant without a guard; or *absent*, room for a
//! permit that may come. Capacity is the sum of all four and never changes; the value of the
//! semaphore is what is free.
//!
//! - acquire: free to guarded. release: guarded to free.
//! - keep: guarded to kept. forget: guarded to absent.
//! - add, which is Python's `release`, where anyone may release: kept to free, the caller's own
//!   first, then anybody's; where nobody keeps one, absent to free. With no permit in either place
//!   every permit is free or guarded by somebody who will give it back, so there is nothing to
//!   release, and nothing changes: this is the bound, and the check is not apart from the change.
//! - the death of a participant: guarded and kept to free.
//!
//! # If a process dies
//!
//! Of an acquire of several permits nothing is left: what was taken comes back. A release, a
//! forget, a keep or an add of several permits is done for the first few of them; those of the
//! others that the dead process held come back. No death makes a permit of nothing, and none loses
//! one.

#[cfg(not(loom))]
mod owners;
#[cfg(any(loom, feature = "async"))]
mod watch;

#[cfg(not(loom))]
use super::Storage;
use super::{Pace, Peers, Token, Waited, ledger::Ledger, semaphore::Cells};
use crate::sys::atomic::{AtomicU32, Ordering, fence};
use crate::sys::clock::Deadline;

/// There are not enough free permits, and the caller would not wait, or not longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoneFree;

/// There is nothing to release: the semaphore would rise above its capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

/// Wakes for nothing before a waiter takes a breath, so that a bell that a peer moves without end
/// cannot keep it running.
const WAKES: u32 = 4096;

/// What sleepers sleep on: a flag that somebody may sleep, and a sequence that each ring moves.
///
/// A sleeper announces itself, looks once more at what it waits for, and sleeps while the bell
/// holds what [`Bell::announce`] gave. Both sides change the one word, or take one lock, or have a
/// fence between what they write and what they read, so of two of them one comes later and sees the
/// other.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Bell(AtomicU32);

impl Bell {
    const SLEEPERS: u32 = 1;
    const STEP: u32 = 2;

    /// A bell that nobody listens to.
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Whether anybody may sleep. Relaxed: only for a caller that a lock, or a fence, orders after
    /// announcements.
    pub(super) fn is_heard(&self) -> bool {
        self.0.load(Ordering::Relaxed) & Self::SLEEPERS != 0
    }

    /// Says that the caller may sleep; gives what it then sleeps on.
    pub(super) fn announce(&self) -> u32 {
        // Acquire: pairs with the Release of the ring that moved the word, so that the look that
        // follows sees what was rung for. Release: `ring` acquires it and so comes after.
        let rung = self.0.fetch_or(Self::SLEEPERS, Ordering::AcqRel) | Self::SLEEPERS;
        // SeqCst: Dekker's pair with the fence of who looks at the flag without a lock. The flag comes
        // before the look that follows, as what was made comes before the look at the flag.
        fence(Ordering::SeqCst);
        rung
    }

    /// What [`Bell::announce`] is about, for who sleeps on several words.
    pub(super) fn word(&self) -> &AtomicU32 {
        &self.0
    }

    /// Wakes up to `count` sleepers; no system call where none has announced itself since the last
    /// ring, so a sleeper that has been woken and leaves must announce the others again.
    pub(super) fn ring(&self, peers: &impl Peers, count: u32) {
        // Release: publishes what the sleepers wait for. Acquire: see `announce`.
        if self.0.fetch_and(!Self::SLEEPERS, Ordering::AcqRel) & Self::SLEEPERS != 0 {
            self.ring_always(peers, count);
        }
    }

    /// As [`Bell::ring`], but takes the bell's line from nobody where nobody has announced itself.
    /// For the same callers as [`Bell::is_heard`].
    #[inline]
    pub(super) fn ring_if_heard(&self, peers: &impl Peers, count: u32) {
        if self.is_heard() {
            self.ring(peers, count);
        }
    }

    /// Wakes up to `count` sleepers, and leaves the flag as it is.
    pub(super) fn ring_always(&self, peers: &impl Peers, count: u32) {
        // Release: pairs with the Acquire in `announce`.
        self.0.fetch_add(Self::STEP, Ordering::Release);
        peers.wake(&self.0, count);
    }

    /// Sleeps until `look` finds permits, or the deadline passes.
    ///
    /// `look` is told whether the caller has slept, notes who holds what it waits for, and sees to
    /// it that what it did not find rings. `bury` gives back what the dead hold, and says whether
    /// that was anything; `met` becomes true where it was.
    pub(super) fn wait_for<T, P: Peers>(
        &self,
        peers: &P,
        deadline: Deadline,
        met: &mut bool,
        look: impl Fn(&mut Others, bool) -> Result<T, NoneFree>,
        bury: impl Fn() -> bool,
    ) -> Result<T, NoneFree> {
        let mut pace = Pace::new();
        let mut wakes = WAKES;
        let mut slept = false;
        let mut late = false;
        loop {
            let rung = self.announce();
            let mut others = Others::but(peers.me());
            let looked = look(&mut others, slept);
            // One look after the deadline: a wake that came with it must not be lost.
            if looked.is_ok() || late {
                return looked;
            }
            slept = true;
            let waited = if wakes > 0 {
                wakes -= 1;
                peers.wait(&self.0, rung, others.list(), &mut pace, deadline)
            } else {
                wakes = WAKES;
                peers.pause(&mut pace, deadline)
            };
            match waited {
                Waited::Woken => {}
                Waited::Slice => *met |= bury(),
                Waited::TimedOut => late = true,
            }
        }
    }
}

/// Other participants, each once, as many as one sleep can watch.
pub(crate) struct Others {
    me: Token,
    list: [Token; Self::MOST],
    len: usize,
}

impl Others {
    const MOST: usize = 16;

    pub(crate) fn but(me: Token) -> Self {
        Self {
            me,
            list: [me; Self::MOST],
            len: 0,
        }
    }

    pub(crate) fn list(&self) -> &[Token] {
        self.list.get(..self.len).unwrap_or_default()
    }

    /// Notes the owner of a permit, if it has one.
    pub(super) fn note_some(&mut self, other: Option<Token>) {
        if let Some(other) = other {
            self.note(other);
        }
    }

    /// `true` where `other` is not the caller and was not in the list.
    pub(super) fn note(&mut self, other: Token) -> bool {
        let fresh = other != self.me && !self.list().contains(&other);
        if let (true, Some(place)) = (fresh, self.list.get_mut(self.len)) {
            *place = other;
            self.len += 1;
        }
        fresh
    }
}

/// The permits of one semaphore.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Permits<'a> {
    Cells(Cells<'a>),
    Ledger(Ledger<'a>),
}

#[cfg(not(loom))]
impl<'a> Permits<'a> {
    /// Most permits that lie in cells: a look at all of them still takes less than a sleep.
    pub(crate) const MOST_CELLS: u32 = 1024;

    /// Bytes that `capacity` permits need among so many `participants`.
    pub(crate) fn size(capacity: u32, participants: u32) -> usize {
        if capacity <= Self::MOST_CELLS {
            Cells::size(capacity)
        } else {
            Ledger::size(participants)
        }
    }

    /// Makes zeroed storage hold `value` free permits and room for `capacity`; `None` where it is
    /// too small.
    pub(crate) fn init(
        storage: Storage<'a>,
        capacity: u32,
        value: u32,
        participants: u32,
    ) -> Option<Self> {
        let value = value.min(capacity);
        if capacity <= Self::MOST_CELLS {
            Cells::init(storage, capacity, value).map(Self::Cells)
        } else {
            Ledger::init(storage, capacity, value, participants).map(Self::Ledger)
        }
    }

    /// The permits in `storage`; `None` where it cannot hold as many as it says.
    pub(crate) fn attach(storage: Storage<'a>) -> Option<Self> {
        // Relaxed: set before the object was published. Both forms have it first.
        let capacity = storage.get::<AtomicU32>(0)?.load(Ordering::Relaxed);
        if capacity <= Self::MOST_CELLS {
            Cells::attach(storage).map(Self::Cells)
        } else {
            Ledger::attach(storage).map(Self::Ledger)
        }
    }
}

impl Permits<'_> {
    /// Permits in all places.
    #[inline]
    pub(crate) fn capacity(&self) -> u32 {
        match self {
            Self::Cells(cells) => cells.capacity(),
            Self::Ledger(ledger) => ledger.capacity(),
        }
    }

    /// Free permits; it may change at once. A peer that stopped inside a change is waited for until
    /// `patience` ends.
    pub(crate) fn available(&self, peers: &impl Peers, patience: impl FnOnce() -> Deadline) -> u32 {
        match self {
            Self::Cells(cells) => cells.available(),
            Self::Ledger(ledger) => ledger.available(peers, patience()),
        }
    }

    /// Takes the cell `at` if it is free; `false` too where there are no cells.
    #[inline]
    pub(crate) fn take(&self, me: Token, at: u32) -> bool {
        match self {
            Self::Cells(cells) => cells.take(me, at),
            Self::Ledger(_) => false,
        }
    }

    /// Frees the cell `at` if the caller guards it and nobody waits for it; otherwise it is for
    /// [`Permits::release`].
    #[inline]
    pub(crate) fn free(&self, me: Token, at: u32) -> bool {
        match self {
            Self::Cells(cells) => cells.free(me, at),
            Self::Ledger(_) => false,
        }
    }

    /// Takes `count` permits if as many are free, or become free by asking who is dead; gives
    /// where the first was found, from where to `start` the next time. `met` becomes true where a
    /// death was. A peer that stopped inside a change is waited for until `patience` ends.
    pub(crate) fn try_acquire(
        &self,
        peers: &impl Peers,
        start: u32,
        count: u32,
        patience: impl Fn() -> Deadline,
        met: &mut bool,
    ) -> Result<u32, NoneFree> {
        let look = || match (self, count) {
            (Self::Cells(cells), 1) => cells.try_acquire(peers, start),
            (_, 0) => Ok(start),
            (Self::Cells(cells), _) => cells.try_acquire_many(peers, count, patience()),
            (Self::Ledger(ledger), _) => ledger.try_acquire(peers, count, patience()).map(|()| 0),
        };
        look().or_else(|none| {
            *met = self.bury(peers);
            if *met { look() } else { Err(none) }
        })
    }

    /// Takes `count` permits at once, sleeping until as many are free or the deadline passes.
    /// `met` becomes true where a death was met.
    pub(crate) fn acquire(
        &self,
        peers: &impl Peers,
        start: u32,
        count: u32,
        deadline: Deadline,
        met: &mut bool,
    ) -> Result<u32, NoneFree> {
        match (self, count) {
            (Self::Cells(cells), 1) => cells.acquire(peers, start, deadline, met),
            (_, 0) => Ok(start),
            (Self::Cells(cells), _) => cells.acquire_many(peers, count, deadline, met),
            (Self::Ledger(ledger), _) => ledger.acquire(peers, count, deadline, met).map(|()| 0),
        }
    }

    /// Gives back `count` permits that the caller acquired, the first of them `at`.
    pub(crate) fn release(&self, peers: &impl Peers, at: u32, count: u32) {
        match self {
            Self::Cells(cells) => cells.release(peers, at, count),
            Self::Ledger(ledger) => ledger.release(peers, count),
        }
    }

    /// Makes `count` permits that the caller acquired kept.
    pub(crate) fn keep(&self, peers: &impl Peers, at: u32, count: u32) {
        match self {
            Self::Cells(cells) => cells.keep(peers, at, count),
            Self::Ledger(ledger) => ledger.keep(peers, count),
        }
    }

    /// Makes `count` permits that the caller acquired absent.
    pub(crate) fn forget(&self, peers: &impl Peers, at: u32, count: u32) {
        match self {
            Self::Cells(cells) => cells.forget(peers, at, count),
            Self::Ledger(ledger) => ledger.forget(peers, count),
        }
    }

    /// Makes `count` kept or absent permits free, or, where there are fewer, none.
    pub(crate) fn add(&self, peers: &impl Peers, count: u32) -> Result<(), Full> {
        match self {
            Self::Cells(cells) => cells.add(peers, count),
            Self::Ledger(ledger) => ledger.add(peers, count),
        }
    }

    /// Gives back what participants hold that have died; says whether that was anything.
    #[cold]
    pub(crate) fn bury(&self, peers: &impl Peers) -> bool {
        match self {
            Self::Cells(cells) => cells.bury(peers),
            Self::Ledger(ledger) => ledger.bury(peers),
        }
    }

    /// Gives back what `dead` held; says how many permits.
    pub(crate) fn repair(&self, peers: &impl Peers, dead: Token) -> u32 {
        match self {
            Self::Cells(cells) => cells.repair(peers, dead),
            Self::Ledger(ledger) => ledger.repair(peers, dead),
        }
    }
}
