//! The reader-writer lock: a robust lock word for the writer, a count for each reading participant.
//!
//! # States
//!
//! The head holds a [`RobustLock`], which the writer takes as any lock; `reach`, above every slot
//! that ever read; the bell `drained`, on which the writer sleeps that waits for readers; and the
//! bell `gate`, on which readers sleep that wait for a writer. Behind it each participant has a
//! count, found by its slot:
//!
//! | owner of the count | count | meaning | who may change it, to what |
//! |---|---|---|---|
//! | token | n | so many read guards of that participant | the participant: one more, one less |
//! | token of the dead | any | empty | a waiting writer, the reaper: nobody's; the slot's next participant: its own |
//! | 0 or garbage | any | empty | the slot's participant: its own |
//!
//! | word | meaning to a reader | meaning to a writer |
//! |---|---|---|
//! | free | counted, it is in | takes the word |
//! | free and marked | the same, and is told of the death | the same |
//! | held by the living | takes its count back and waits at the gate | waits for the word |
//! | held by the dead | takes the word, frees it marked, and looks again | inherits it, marked |
//!
//! The writer that has the word is in when it has seen each count within reach empty once.
//!
//! # Invariants
//!
//! 1. A reader counts itself, then looks at the word, and is in only where nobody holds it. A
//!    writer takes the word, then looks at the counts. So of the two one sees the other, and what a
//!    writer has once seen empty holds no reader for as long as the word is taken, but at most one
//!    that is about to leave without having been in.
//! 2. `reach` rises before a count becomes its participant's, so the same holds of it.
//! 3. A count changes hands by one compare-and-swap that replaces all that was counted in it, and
//!    whoever had added to it under another's name counts anew. A repair that comes late finds
//!    another name and does nothing.
//! 4. Whoever brings its count to zero looks at the word afterwards, and rings `drained` where
//!    somebody holds it; the writer announces itself there before the look after which it sleeps.
//! 5. A reader sleeps at the gate only after it has announced itself there and then set the flag in
//!    the word, as it was while held; so the one who frees that word rings. Whoever frees the word
//!    of the dead rings always. A ring wakes all readers, so none of them can swallow it.
//! 6. A writer waits for counts only while it has the word, which keeps new readers out: it waits
//!    for those that were in, and for no others.
//!
//! # Memory orderings
//!
//! Invariant 1 is Dekker's: store, then load, on both sides. A reader's change of its count and its
//! look at the word are SeqCst, which costs nothing beside the locked instruction that the change
//! is in any case; the writer runs a SeqCst fence between taking the word and its first look. Loom
//! takes SeqCst accesses for AcqRel, so for it there is a fence on the reader's side too.
//!
//! A reader's look at the word is Acquire and pairs with the Release that freed it: what the writer
//! wrote is there. A count goes down with Release and is looked at with Acquire: what the readers
//! read they have read before the writer writes. From the dead: see [`super::lock`].
//!
//! # If a process dies
//!
//! A reader: its count is the dead's, and a writer that waits for it finds that out. A participant
//! that dies before it has made a count its own leaves one more of nobody's. A writer, from taking
//! the word on: whoever comes next, reader or writer, finds its word and marks it. So does whoever
//! finds the word of a reader that died while it freed that of a dead writer. Between freeing the
//! word and the ring, or between leaving and the ring: the sleepers' slice ends.

mod count;
#[cfg(not(loom))]
mod owners;
mod wait;

#[cfg(not(loom))]
use super::Storage;
use super::lock::{LockWord, StillHeld, Taken};
use super::permits::Bell;
use super::robust_lock::{Obituary, RobustLock};
use super::{Peers, Token};
use crate::sys::atomic::{AtomicU32, Ordering, light_fence};
use crate::sys::clock::Deadline;

pub(crate) use count::Count;

/// The head of a reader-writer lock: two cache lines, of which readers look at the first alone.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Head {
    pub(crate) lock: RobustLock,
    /// Counts in all; set once, read once.
    participants: AtomicU32,
    reach: AtomicU32,
    drained: Bell,
    gate: Bell,
}

#[cfg(loom)]
impl Head {
    pub(crate) fn new(reach: u32) -> Self {
        Self {
            lock: RobustLock::new(),
            participants: AtomicU32::new(0),
            reach: AtomicU32::new(reach),
            drained: Bell::new(),
            gate: Bell::new(),
        }
    }
}

/// In what state the lock was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Clean,
    /// A writer died, and nobody has said since that the data are repaired.
    Marked,
}

/// Why a reader is not in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// By a living writer, and the caller would not wait, or not longer.
    StillHeld,
    /// The caller has as many read guards as there can be.
    NoRoom,
}

/// A resident reader-writer lock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RwLock<'a> {
    pub(crate) head: &'a Head,
    pub(crate) counts: &'a [Count],
}

#[cfg(not(loom))]
impl<'a> RwLock<'a> {
    /// Bytes that a lock of so many `participants` needs.
    pub(crate) fn size(participants: u32) -> usize {
        size_of::<Head>() + participants as usize * size_of::<Count>()
    }

    /// Makes zeroed storage a free lock of so many `participants`.
    pub(crate) fn init(storage: Storage<'a>, participants: u32) -> Option<Self> {
        let head = storage.get::<Head>(0)?;
        // Relaxed: the object is not yet published.
        head.participants.store(participants, Ordering::Relaxed);
        Self::attach(storage)
    }

    /// The lock in `storage`; `None` where it cannot hold as many counts as it says.
    pub(crate) fn attach(storage: Storage<'a>) -> Option<Self> {
        let head = storage.get::<Head>(0)?;
        // Relaxed: set before the object was published.
        let participants = head.participants.load(Ordering::Relaxed) as usize;
        Some(Self {
            head,
            counts: storage.slice(size_of::<Head>(), participants)?,
        })
    }
}

impl<'a> RwLock<'a> {
    /// Lets a reader in where no writer is, nothing is marked, and the caller has read before. All
    /// else is for [`RwLock::read`]: `false`, and nothing has changed.
    #[inline]
    pub(crate) fn enter(&self, peers: impl Peers) -> bool {
        let Some(count) = self.count(peers.me()) else {
            return false;
        };
        let was = count.add();
        // As a SeqCst fence under loom; see the module page.
        light_fence();
        if was.has_room_for(peers.me()) && self.word().is_clean() {
            return true;
        }
        self.back_out(peers, was);
        false
    }

    /// Takes a read guard back; `true` where [`RwLock::wake_writer`] is due.
    #[inline]
    pub(crate) fn leave(&self, me: Token) -> bool {
        let Some(count) = self.count(me) else {
            return false;
        };
        count.subtract();
        // As a SeqCst fence under loom; see the module page.
        light_fence();
        !self.word().is_clean()
    }

    /// Lets a reader in, sleeping until no living writer is there or the deadline passes.
    ///
    /// `tell` says what is to be remembered of a dead writer; `met` becomes true where one was met.
    #[cold]
    pub(crate) fn read(
        &self,
        peers: &impl Peers,
        deadline: Deadline,
        tell: impl Fn(Token) -> Obituary,
        met: &mut bool,
    ) -> Result<Found, Refused> {
        self.wait_for_writer(peers, deadline, &tell, met)
            .unwrap_or_else(|_| self.try_read(peers, &tell, met))
    }

    /// Lets a reader in if no living writer is there.
    #[cold]
    pub(crate) fn try_read(
        &self,
        peers: &impl Peers,
        tell: impl Fn(Token) -> Obituary,
        met: &mut bool,
    ) -> Result<Found, Refused> {
        for _ in 0..ROUNDS {
            match self.look(peers) {
                Look::In(found) => return Ok(found),
                Look::NoRoom => return Err(Refused::NoRoom),
                Look::Writer(_) if self.bury_writer(peers, &tell) => *met = true,
                Look::Writer(_) => break,
            }
        }
        Err(Refused::StillHeld)
    }

    /// Keeps everybody else out, sleeping until all are gone or the deadline passes. `tell` and
    /// `met` as for [`RwLock::read`]; `met` also where a dead reader was met.
    pub(crate) fn write(
        &self,
        peers: &impl Peers,
        deadline: Deadline,
        tell: impl Fn(Token) -> Obituary,
        met: &mut bool,
    ) -> Result<Found, StillHeld> {
        let found = self.take_over(self.word().lock(peers, deadline)?, tell, met);
        self.drain(peers, found, |turned| {
            self.wait_for_readers(turned, peers, deadline, met)
        })
    }

    /// Keeps everybody else out if nobody who lives is there.
    pub(crate) fn try_write(
        &self,
        peers: &impl Peers,
        tell: impl Fn(Token) -> Obituary,
        met: &mut bool,
    ) -> Result<Found, StillHeld> {
        let found = self.take_over(self.word().try_lock(peers)?, tell, met);
        self.drain(peers, found, |turned| {
            *met |= self.bury_readers(peers);
            self.is_drained(turned)
        })
    }

    /// Frees the lock if the caller is its writer, and keeps its mark.
    #[inline]
    pub(crate) fn free(&self, peers: &impl Peers) {
        if self.word().free_as_found(peers.me()) {
            self.wake_all(peers);
        }
    }

    /// Makes the writer a reader; `false` where the caller is not the writer.
    pub(crate) fn downgrade(&self, peers: &impl Peers) -> bool {
        let me = peers.me();
        let is_writer = self.word().owner() == Some(me);
        if is_writer && let Some(count) = self.count(me) {
            // While nobody else is in there is room, unless the count is garbage; then so is the
            // guard's place in it.
            let _ = count.enter(me, || self.extend(me));
            self.free(peers);
        }
        is_writer
    }

    /// Wakes the writer that waits for readers, after the last of the caller's has left.
    pub(crate) fn wake_writer(&self, peers: &impl Peers) {
        let others_read = |count: &Count| count.state().reader(peers.me().slot()).is_some();
        if self.word().owner().is_some() && !self.count(peers.me()).is_some_and(others_read) {
            self.head.drained.ring(peers, u32::MAX);
        }
    }

    /// Wakes those who wait for a writer that has gone.
    #[cold]
    fn wake_all(&self, peers: &impl Peers) {
        self.word().wake_one(peers);
        self.head.gate.ring(peers, u32::MAX);
    }

    /// Read guards of all participants; it may change at once.
    pub(crate) fn readers(&self) -> u64 {
        let states = self.within(0).map(|(slot, count)| (slot, count.state()));
        states
            .filter(|(slot, state)| state.reader(*slot).is_some())
            .map(|(_, state)| state.count())
            .sum()
    }

    /// After the death of `dead`: takes back its read guards, and frees, marked, what it wrote to.
    pub(crate) fn repair(&self, peers: &impl Peers, dead: Token, obituary: &Obituary) {
        if self.count(dead).is_some_and(|count| count.clear(dead)) {
            self.head.drained.ring(peers, u32::MAX);
        }
        self.head.lock.repair(peers, dead, obituary);
        self.head.gate.ring(peers, u32::MAX);
    }

    #[inline]
    fn word(&self) -> &'a LockWord {
        &self.head.lock.word
    }

    #[inline]
    fn count(&self, of: Token) -> Option<&'a Count> {
        self.counts.get(of.slot() as usize)
    }

    /// The counts within reach, from `start` on, with their slots.
    fn within(&self, start: u32) -> impl Iterator<Item = (u32, &'a Count)> {
        // Relaxed: ordered by the fence after taking the word, or only shown.
        let reach = self.head.reach.load(Ordering::Relaxed) as usize;
        (0..).zip(self.counts).take(reach).skip(start as usize)
    }

    /// Brings the count of `me` within reach.
    fn extend(&self, me: Token) {
        // SeqCst: invariant 2.
        let above = me.slot().wrapping_add(1);
        self.head.reach.fetch_max(above, Ordering::SeqCst);
    }

    /// Writes down whose death the new writer met.
    fn take_over(&self, taken: Taken, tell: impl Fn(Token) -> Obituary, met: &mut bool) -> Found {
        match taken {
            Taken::Clean => Found::Clean,
            Taken::Marked => Found::Marked,
            Taken::Inherited(dead) => {
                *met = true;
                self.head.lock.write(&tell(dead));
                Found::Marked
            }
        }
    }
}

/// Looks before a word that changes under our hands counts as held; garbage may change without end.
const ROUNDS: u32 = 64;

/// What a reader finds.
enum Look {
    In(Found),
    NoRoom,
    /// The word, with an owner.
    Writer(super::lock::State),
}
