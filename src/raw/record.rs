//! The record: state of more than a word that changes whole or not at all.
//!
//! Two copies and a version. The version's lowest bit says which copy counts; an update, made
//! under the lock, writes the other one and then moves the version. Readers take no lock.
//!
//! # States
//!
//! | lock | other copy | meaning | who may change it, to what |
//! |---|---|---|---|
//! | free | anything | at rest | anyone: takes the lock |
//! | held | half written | an update is under way | the holder: moves the version, frees the lock |
//! | of the dead | half written | the update never happened | anyone: inherits, nothing to repair |
//!
//! # Invariants
//!
//! 1. Only the lock's holder writes a copy or the version.
//! 2. The copy that the version names is never written: an update writes the other one.
//! 3. One store, of the version, makes an update happen.
//!
//! # Memory orderings
//!
//! The store of the version is Release and pairs with the Acquire of a reader's first look: who
//! sees a version sees its copy. The Release fence before the words of a copy pairs with the
//! Acquire fence after a reader's words (Boehm, "Can seqlocks get along with programming language
//! memory models?"): a reader that met one word of an update sees, at its second look, a version
//! moved by the update before, so it does not take the copy. Under the lock the version is read
//! Relaxed: the lock orders it.
//!
//! # If a process dies
//!
//! Before the store of the version: the update never happened, and what it wrote lies in the copy
//! that nobody reads. After it: the update happened. The lock is inherited without a word, for
//! there is nothing to repair. A reader waits for nobody who died, or stopped: only a version that
//! moves makes it try again.

use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use crate::sys::bytes;
use crate::sys::clock::Deadline;
use crate::sys::hint;

use super::lock::{LockWord, StillHeld, Taken};
use super::{Pace, Peers, Token, Waited};

/// What lies before the two copies.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Head {
    lock: LockWord,
    /// Keeps the version in its place; never read.
    unused: AtomicU32,
    version: AtomicU64,
}

/// Tries between two sleeps, of a reader that a writer without rest holds up.
const ROUNDS: u32 = 256;

/// A record of a length that its users agree on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    head: &'a Head,
    /// Both hold the words of one value.
    copies: [&'a [AtomicU64]; 2],
}

impl Record<'_> {
    /// Copies the value out, whole as some update left it.
    ///
    /// Waits for no lock. Where a writer moves the version again and again under the copy, it takes
    /// the lock in a gap; it sleeps between its tries and gives up at the deadline.
    #[inline]
    pub(crate) fn read(
        &self,
        peers: &impl Peers,
        out: &mut [u8],
        deadline: Deadline,
    ) -> Result<(), StillHeld> {
        if self.try_read(out) {
            Ok(())
        } else {
            self.read_contended(peers, out, deadline)
        }
    }

    /// One copy; `false` where the version moved meanwhile, and `out` is to be thrown away.
    #[inline]
    pub(crate) fn try_read(&self, out: &mut [u8]) -> bool {
        // Acquire: pairs with the Release in `commit`; the copy is there.
        let before = self.head.version.load(Ordering::Acquire);
        let words = bytes::words(out.len());
        // One check here spares one at each word.
        if let Some(copy) = self.copy(before).get(..words) {
            bytes::load(copy, out);
        }
        // Acquire: pairs with the Release fence in `commit`; keeps the second look behind the copy.
        fence(Ordering::Acquire);
        // Relaxed: the fence orders it.
        self.head.version.load(Ordering::Relaxed) == before
    }

    #[cold]
    fn read_contended(
        &self,
        peers: &impl Peers,
        out: &mut [u8],
        deadline: Deadline,
    ) -> Result<(), StillHeld> {
        for _ in 0..hint::SPINS {
            hint::spin();
            if self.try_read(out) {
                return Ok(());
            }
        }
        let mut pace = Pace::short();
        loop {
            for _ in 0..ROUNDS {
                if self.try_read(out) {
                    return Ok(());
                }
                if self.try_lock(peers).is_ok() {
                    self.load(out);
                    self.unlock(peers);
                    return Ok(());
                }
                hint::spin();
            }
            if peers.pause(&mut pace, deadline) == Waited::TimedOut {
                return Err(StillHeld);
            }
        }
    }

    /// Takes the right to update, sleeping until it is free, its holder dies, or the deadline
    /// passes.
    #[cfg(loom)]
    pub(crate) fn lock(&self, peers: &impl Peers, deadline: Deadline) -> Result<Taken, StillHeld> {
        self.head.lock.lock(peers, deadline)
    }

    /// Takes the right to update if nobody alive has it.
    #[inline]
    pub(crate) fn try_lock(&self, peers: &impl Peers) -> Result<Taken, StillHeld> {
        self.head.lock.try_lock(peers)
    }

    /// Gives the right to update back. Only the holder may call this.
    #[inline]
    pub(crate) fn unlock(&self, peers: &impl Peers) {
        self.head.lock.unlock(peers, false);
    }

    /// Copies the value out. Only the holder may call this.
    #[inline]
    pub(crate) fn load(&self, out: &mut [u8]) {
        // Relaxed: only the holder, which is the caller, moves the version.
        let copy = self.copy(self.head.version.load(Ordering::Relaxed));
        if let Some(copy) = copy.get(..bytes::words(out.len())) {
            bytes::load(copy, out);
        }
    }

    /// Makes `value` the value, by one store. Only the holder may call this.
    #[inline]
    pub(crate) fn commit(&self, value: &[u8]) {
        // Relaxed: only the holder, which is the caller, moves the version.
        let next = self.head.version.load(Ordering::Relaxed).wrapping_add(1);
        // Release: pairs with the Acquire fence in `try_read`; whoever meets a word of the copy
        // sees the version that made this copy the other one.
        fence(Ordering::Release);
        if let Some(copy) = self.copy(next).get(..bytes::words(value.len())) {
            bytes::store(copy, value);
        }
        // Release: pairs with the Acquire in `try_read`; publishes the copy.
        self.head.version.store(next, Ordering::Release);
    }

    /// See [`repair`].
    #[cfg(loom)]
    pub(crate) fn repair(&self, peers: &impl Peers, dead: Token) {
        repair(&self.head.lock, peers, dead);
    }

    #[inline]
    fn copy(&self, version: u64) -> &[AtomicU64] {
        self.copies[usize::from(version & 1 != 0)]
    }
}

/// Frees the lock of a record for whoever waits, if the dead participant held it. For the reaper,
/// which need not know how long the record is.
pub(crate) fn repair(lock: &LockWord, peers: &impl Peers, dead: Token) {
    if lock.owner() == Some(dead) && lock.try_lock(peers).is_ok() {
        lock.unlock(peers, false);
    }
}

#[cfg(not(loom))]
impl<'a> Record<'a> {
    /// Bytes that a record of values of `len` bytes takes; `None` for a length beyond memory.
    pub(crate) const fn size(len: usize) -> Option<usize> {
        match (bytes::words(len) * 8).checked_mul(2) {
            Some(copies) => copies.checked_add(size_of::<Head>()),
            None => None,
        }
    }

    /// The record of a value of `len` bytes in `storage`; `None` where it does not fit.
    #[inline]
    pub(crate) fn attach(storage: super::Storage<'a>, len: usize) -> Option<Self> {
        let words = bytes::words(len);
        let both = storage.slice::<AtomicU64>(size_of::<Head>(), words.checked_mul(2)?)?;
        let (first, second) = both.split_at_checked(words)?;
        Some(Self {
            head: storage.get(0)?,
            copies: [first, second],
        })
    }

    /// Gives the first value to a record of zeroes that nobody else knows yet.
    pub(crate) fn init(&self, value: &[u8]) {
        // Publishing the object publishes the copy.
        bytes::store(self.copy(0), value);
    }
}

#[cfg(loom)]
impl Head {
    pub(crate) fn new() -> Self {
        Self {
            lock: LockWord::new(),
            unused: AtomicU32::new(0),
            version: AtomicU64::new(0),
        }
    }
}

#[cfg(loom)]
impl<'a> Record<'a> {
    pub(crate) fn new(head: &'a Head, copies: [&'a [AtomicU64]; 2]) -> Self {
        Self { head, copies }
    }
}
