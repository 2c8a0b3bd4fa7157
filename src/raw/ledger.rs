//! Permits in a ledger: a count for each participant, for semaphores of many permits.
//!
//! # State
//!
//! The head holds `total`, the permits that are not absent; each participant's entry, found by its
//! slot, holds how many it *guards* and how many it *keeps* (see [`super::permits`]), each with the
//! generation of the participant in the same word. Free is what `total` has over all entries.
//! `reach` is above every slot that ever had an entry. Sleepers for one permit share the `bell`,
//! those for several the `crowd`.
//!
//! | change | inside the lock | writes, in this order |
//! |---|---|---|
//! | acquire | yes | own guarded + n |
//! | release | yes | own guarded - n |
//! | keep | yes | own kept + n, own guarded - n |
//! | forget | yes | total - n, own guarded - n |
//! | add | yes | own kept, others' kept, total, until n permits are free |
//! | repair | no | guarded of the dead to 0, kept of the dead to 0 |
//!
//! # Invariants
//!
//! 1. What is free falls only inside the lock, and by one store.
//! 2. A count goes to zero by repair only where its word still names the dead generation, so a
//!    repair that comes late does nothing to the slot's next participant.
//! 3. Of two writes of one change the first only makes less free, and a death after it gives back
//!    all that the second would have: so no death makes a permit of nothing.
//! 4. A sleeper announces itself, then looks inside the lock, then sleeps. Whoever frees permits
//!    rings afterwards. A ring wakes one for each permit and takes the announcement away, so a
//!    woken sleeper that leaves permits behind rings again.
//!
//! # Memory orderings
//!
//! The lock orders all changes but repair, whose exchanges are Release and pair with the Acquire of
//! the sum; its ring and a sleeper's announcement change the same word, so one sees the other.
//!
//! # If a process dies
//!
//! Between any two writes: invariant 3. Inside the lock: the next owner inherits it without a word,
//! for there is nothing that it could leave half done. Between a change and its ring: the sleepers'
//! slice ends. What it guarded and kept comes back with the first slice of a waiter, or the reaper.

#[cfg(not(loom))]
use super::Storage;
mod entry;
#[cfg(not(loom))]
mod owners;

use super::lock::LockWord;
use super::permits::{Bell, Full, NoneFree, Others};
use super::{Peers, Token};
use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sys::clock::Deadline;

pub(crate) use entry::Entry;

/// The head of a ledger.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Head {
    /// Permits in all places; set once, read once.
    capacity: AtomicU32,
    /// Entries; set once, read once.
    participants: AtomicU32,
    lock: LockWord,
    reach: AtomicU32,
    pub(super) bell: Bell,
    pub(super) crowd: Bell,
    total: AtomicU64,
}

/// The ledger of a semaphore.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ledger<'a> {
    pub(crate) head: &'a Head,
    pub(crate) entries: &'a [Entry],
    pub(crate) capacity: u32,
}

#[cfg(loom)]
impl Head {
    pub(crate) fn new(total: u64) -> Self {
        Self {
            capacity: AtomicU32::new(0),
            participants: AtomicU32::new(0),
            lock: LockWord::new(),
            reach: AtomicU32::new(0),
            bell: Bell::new(),
            crowd: Bell::new(),
            total: AtomicU64::new(total),
        }
    }
}

#[cfg(not(loom))]
impl<'a> Ledger<'a> {
    /// Bytes that a ledger for `participants` needs.
    pub(crate) fn size(participants: u32) -> usize {
        size_of::<Head>() + participants as usize * size_of::<Entry>()
    }

    /// Makes zeroed storage hold `value` free permits and room for `capacity`.
    pub(crate) fn init(
        storage: Storage<'a>,
        capacity: u32,
        value: u32,
        participants: u32,
    ) -> Option<Self> {
        let head = storage.get::<Head>(0)?;
        // Relaxed: the object is not yet published.
        head.capacity.store(capacity, Ordering::Relaxed);
        head.participants.store(participants, Ordering::Relaxed);
        head.total.store(value.into(), Ordering::Relaxed);
        Self::attach(storage)
    }

    /// The ledger in `storage`; `None` where it cannot hold as many entries as it says.
    pub(crate) fn attach(storage: Storage<'a>) -> Option<Self> {
        let head = storage.get::<Head>(0)?;
        // Relaxed: set before the object was published.
        let participants = head.participants.load(Ordering::Relaxed) as usize;
        let capacity = head.capacity.load(Ordering::Relaxed);
        Some(Self {
            head,
            entries: storage.slice(size_of::<Head>(), participants)?,
            capacity,
        })
    }
}

impl Ledger<'_> {
    /// Permits in all places.
    #[inline]
    pub(crate) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Free permits; it may change at once. Where changes go on and on until `patience` ends, a sum
    /// over them that may never have been true.
    pub(crate) fn available(&self, peers: &impl Peers, patience: Deadline) -> u32 {
        let locked = self.head.lock.lock(peers, patience).is_ok();
        let free = self.free(&mut Others::but(peers.me()));
        if locked {
            self.head.lock.unlock(peers, false);
        }
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    /// Takes `count` permits if as many are free; waits for the lock until `patience` ends.
    pub(crate) fn try_acquire(
        &self,
        peers: &impl Peers,
        count: u32,
        patience: Deadline,
    ) -> Result<(), NoneFree> {
        self.take(peers, count, &mut Others::but(peers.me()), patience)
            .map(drop)
    }

    /// Takes `count` permits at once, sleeping until as many are free or the deadline passes.
    pub(crate) fn acquire(
        &self,
        peers: &impl Peers,
        count: u32,
        deadline: Deadline,
        met: &mut bool,
    ) -> Result<(), NoneFree> {
        let quick = self.take(peers, count, &mut Others::but(peers.me()), deadline);
        if quick.is_ok() {
            Ok(())
        } else {
            self.acquire_contended(peers, count, deadline, met)
        }
    }

    /// Gives back `count` permits that the caller acquired.
    pub(crate) fn release(&self, peers: &impl Peers, count: u32) {
        self.inside(peers, || self.lessen_guarded(peers.me(), count));
        self.ring_if_heard(peers, count);
    }

    /// Makes `count` permits that the caller acquired kept.
    pub(crate) fn keep(&self, peers: &impl Peers, count: u32) {
        let me = peers.me();
        self.inside(peers, || {
            let Some(entry) = self.entry(me) else { return };
            let kept = entry.kept.load().count_of(me).saturating_add(count.into());
            entry.kept.store(me, kept);
            self.lessen_guarded(me, count);
        });
    }

    /// Makes `count` permits that the caller acquired absent.
    pub(crate) fn forget(&self, peers: &impl Peers, count: u32) {
        self.inside(peers, || {
            let total = self.total().saturating_sub(count.into());
            self.head.total.store(total, Ordering::Relaxed);
            self.lessen_guarded(peers.me(), count);
        });
    }

    /// Makes `count` kept or absent permits free, or, where there are fewer, none.
    ///
    /// If a keeper dies meanwhile, what its death gives back counts as released.
    pub(crate) fn add(&self, peers: &impl Peers, count: u32) -> Result<(), Full> {
        let me = peers.me();
        let added = self.inside(peers, || {
            let kept: u64 = self.seats().map(|(_, seat)| seat.kept.load().count()).sum();
            let absent = u64::from(self.capacity).saturating_sub(self.total());
            if kept.saturating_add(absent) < count.into() {
                return Err(Full);
            }
            let own = self.entry(me).into_iter();
            let others = self.seats().map(|(_, entry)| entry);
            let left = own.chain(others).fold(count.into(), Self::unkeep);
            if left > 0 {
                let total = self.total().saturating_add(left).min(self.capacity.into());
                self.head.total.store(total, Ordering::Relaxed);
            }
            Ok(())
        });
        self.ring_if_heard(peers, count);
        added
    }

    /// Gives back what `dead` held; says how many permits.
    pub(crate) fn repair(&self, peers: &impl Peers, dead: Token) -> u32 {
        let Some(entry) = self.entry(dead) else {
            return 0;
        };
        let freed = [&entry.guarded, &entry.kept]
            .into_iter()
            .fold(0, |freed: u64, word| {
                let lessened = word.lessen(|seen| seen.count_of(dead));
                freed.saturating_add(lessened)
            });
        let freed = u32::try_from(freed).unwrap_or(u32::MAX);
        if freed > 0 {
            self.head.bell.ring(peers, freed);
            self.head.crowd.ring(peers, u32::MAX);
        }
        freed
    }

    #[cold]
    fn acquire_contended(
        &self,
        peers: &impl Peers,
        count: u32,
        deadline: Deadline,
        met: &mut bool,
    ) -> Result<(), NoneFree> {
        let bell = if count == 1 {
            &self.head.bell
        } else {
            &self.head.crowd
        };
        let look = |others: &mut Others, slept| {
            let left = self.take(peers, count, others, deadline)?;
            if slept && left > 0 && count == 1 {
                bell.ring(peers, 1);
            }
            Ok(())
        };
        bell.wait_for(peers, deadline, met, look, || self.bury(peers))
    }

    /// Gives back what participants hold that have died; says whether that was anything.
    pub(crate) fn bury(&self, peers: &impl Peers) -> bool {
        let mut met = false;
        for (slot, entry) in self.seats() {
            for tally in [entry.guarded.load(), entry.kept.load()] {
                let owner = tally.owner(slot);
                if tally.count() > 0 && owner != peers.me() && peers.is_dead(owner) {
                    met |= self.repair(peers, owner) > 0;
                }
            }
        }
        met
    }

    /// Takes `count` permits if as many are free; says how many are left.
    fn take(
        &self,
        peers: &impl Peers,
        count: u32,
        others: &mut Others,
        deadline: Deadline,
    ) -> Result<u64, NoneFree> {
        self.head.lock.lock(peers, deadline).map_err(|_| NoneFree)?;
        let taken = self.take_inside(peers.me(), count.into(), others);
        self.head.lock.unlock(peers, false);
        taken.ok_or(NoneFree)
    }

    fn take_inside(&self, me: Token, count: u64, others: &mut Others) -> Option<u64> {
        let left = self.free(others).checked_sub(count)?;
        let entry = self.entry(me)?;
        if me.slot() >= self.head.reach.load(Ordering::Relaxed) {
            self.head.reach.store(me.slot() + 1, Ordering::Relaxed);
        }
        let guarded = entry.guarded.load().count_of(me).checked_add(count)?;
        entry.guarded.store(me, guarded);
        Some(left)
    }

    /// Whether `count` permits are free; takes none.
    #[cfg(any(loom, feature = "async"))]
    pub(super) fn are_free(
        &self,
        peers: &impl Peers,
        count: u32,
        others: &mut Others,
        patience: Deadline,
    ) -> bool {
        let locked = self.head.lock.lock(peers, patience).is_ok();
        let free = self.free(others);
        if locked {
            self.head.lock.unlock(peers, false);
        }
        locked && free >= count.into()
    }

    /// What `total` has over all entries. Exact inside the lock.
    fn free(&self, others: &mut Others) -> u64 {
        let mut taken: u64 = 0;
        for (slot, entry) in self.seats() {
            for tally in [entry.guarded.load(), entry.kept.load()] {
                if tally.count() > 0 {
                    others.note(tally.owner(slot));
                    taken = taken.saturating_add(tally.count());
                }
            }
        }
        self.total().saturating_sub(taken)
    }

    /// Frees up to `left` of the permits that are kept in `entry`; says how many are left to free.
    fn unkeep(left: u64, entry: &Entry) -> u64 {
        left - entry.kept.lessen(|seen| seen.count().min(left))
    }

    fn lessen_guarded(&self, me: Token, count: u32) {
        let Some(entry) = self.entry(me) else { return };
        let guarded = entry
            .guarded
            .load()
            .count_of(me)
            .saturating_sub(count.into());
        entry.guarded.store(me, guarded);
    }

    fn inside<R>(&self, peers: &impl Peers, change: impl FnOnce() -> R) -> R {
        // Without a deadline the lock is taken, and its owner's death inside changes nothing.
        let _ = self.head.lock.lock(peers, Deadline::NEVER);
        let result = change();
        self.head.lock.unlock(peers, false);
        result
    }

    /// Wakes sleepers after a change inside the lock, which orders it after their announcement.
    fn ring_if_heard(&self, peers: &impl Peers, freed: u32) {
        self.head.bell.ring_if_heard(peers, freed);
        self.head.crowd.ring_if_heard(peers, u32::MAX);
    }

    fn total(&self) -> u64 {
        self.head.total.load(Ordering::Relaxed)
    }

    fn entry(&self, owner: Token) -> Option<&Entry> {
        self.entries.get(owner.slot() as usize)
    }

    /// The entries that were ever used, with their slots.
    fn seats(&self) -> impl Iterator<Item = (u32, &Entry)> {
        // Relaxed: it rises inside the lock.
        let reach = self.head.reach.load(Ordering::Relaxed);
        (0..reach).zip(self.entries)
    }
}
