//! The recursive lock: a lock word, the thread that holds it, and how deep.
//!
//! The word names the process; `holder` names the thread, as (token, number of the thread in its
//! process), so that what a dead process left there is never mistaken for one's own.
//!
//! # Invariants
//!
//! 1. `holder` is written only by the owner of the word: after it took the word, and, as zero,
//!    before it frees it. So a thread that finds itself there owns the word.
//! 2. `depth` is read and written by that thread only.
//!
//! # Memory orderings
//!
//! The lock word orders everything; `holder` and `depth` are Relaxed, since a thread looks for its
//! own writes only.
//!
//! # If a process dies
//!
//! The word is inherited as any lock word is; the heir's first act overwrites `holder` and `depth`,
//! which until then name a thread that no other process can take itself for.

use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sys::clock::Deadline;

use super::Peers;
use super::lock::{LockWord, NotOwner, StillHeld, Taken};

/// What lies beside the lock word of a recursive lock.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Recursion {
    holder: AtomicU64,
    depth: AtomicU32,
    reserved: AtomicU32,
}

/// How a recursive lock was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entered {
    /// By a thread that did not hold it.
    First(Taken),
    /// Once more by the thread that holds it.
    Again,
}

/// What giving a level back left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing.
    Done,
    /// The lock is free, and somebody may sleep: [`LockWord::wake_one`] is due.
    OthersWait,
}

/// Why a recursive lock was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Another thread or process holds it.
    StillHeld,
    /// Held as many times as can be counted.
    TooDeep,
}

impl From<StillHeld> for Refused {
    fn from(StillHeld: StillHeld) -> Self {
        Self::StillHeld
    }
}

impl Recursion {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            holder: AtomicU64::new(0),
            depth: AtomicU32::new(0),
            reserved: AtomicU32::new(0),
        }
    }

    /// Takes `word` for the calling `thread`, or counts one level more.
    #[inline]
    pub(crate) fn lock(
        &self,
        word: &LockWord,
        peers: impl Peers + Copy,
        thread: u32,
        deadline: Deadline,
    ) -> Result<Entered, Refused> {
        if let Some(again) = self.again(&peers, thread) {
            return again;
        }
        let taken = word.lock(peers, deadline)?;
        self.begin(&peers, thread);
        Ok(Entered::First(taken))
    }

    /// The same without waiting.
    #[inline]
    pub(crate) fn try_lock(
        &self,
        word: &LockWord,
        peers: &impl Peers,
        thread: u32,
    ) -> Result<Entered, Refused> {
        if let Some(again) = self.again(peers, thread) {
            return again;
        }
        let taken = word.try_lock(peers)?;
        self.begin(peers, thread);
        Ok(Entered::First(taken))
    }

    /// Gives up one level; the last frees the word, and keeps its mark.
    #[inline]
    pub(crate) fn unlock(
        &self,
        word: &LockWord,
        peers: &impl Peers,
        thread: u32,
    ) -> Result<Left, NotOwner> {
        if !self.is_held_by(peers, thread) {
            return Err(NotOwner);
        }
        let depth = self.depth.load(Ordering::Relaxed);
        if depth > 1 {
            self.depth.store(depth - 1, Ordering::Relaxed);
            return Ok(Left::Done);
        }
        Ok(self.free(word, peers))
    }

    /// Gives up all levels, and says how many they were; frees the word, and keeps its mark.
    pub(crate) fn unlock_all(
        &self,
        word: &LockWord,
        peers: &impl Peers,
        thread: u32,
    ) -> Result<(u32, Left), NotOwner> {
        if !self.is_held_by(peers, thread) {
            return Err(NotOwner);
        }
        let depth = self.depth.load(Ordering::Relaxed);
        Ok((depth, self.free(word, peers)))
    }

    /// Counts a lock as taken `depth` times. For a thread that has just taken it for the first.
    pub(crate) fn deepen(&self, depth: u32) {
        // Garbage may have been no level at all.
        self.depth.store(depth.max(1), Ordering::Relaxed);
    }

    #[inline]
    fn free(&self, word: &LockWord, peers: &impl Peers) -> Left {
        self.holder.store(0, Ordering::Relaxed);
        if word.free_as_found(peers.me()) {
            Left::OthersWait
        } else {
            Left::Done
        }
    }

    /// Whether `thread` of the caller's process holds the lock.
    #[inline]
    pub(crate) fn is_held_by(&self, peers: &impl Peers, thread: u32) -> bool {
        self.holder.load(Ordering::Relaxed) == name(peers, thread)
    }

    /// How often the lock is held; exact for its holder only.
    pub(crate) fn depth(&self) -> u32 {
        self.depth.load(Ordering::Relaxed)
    }

    #[inline]
    fn again(&self, peers: &impl Peers, thread: u32) -> Option<Result<Entered, Refused>> {
        if !self.is_held_by(peers, thread) {
            return None;
        }
        let deeper = self.depth.load(Ordering::Relaxed).checked_add(1);
        Some(deeper.ok_or(Refused::TooDeep).map(|deeper| {
            self.depth.store(deeper, Ordering::Relaxed);
            Entered::Again
        }))
    }

    #[inline]
    fn begin(&self, peers: &impl Peers, thread: u32) {
        // In this order: a holder that finds itself must find its depth too, though only this
        // thread looks.
        self.depth.store(1, Ordering::Relaxed);
        self.holder.store(name(peers, thread), Ordering::Relaxed);
    }
}

/// A thread's name among all threads of all participants; never zero.
#[inline]
fn name(peers: &impl Peers, thread: u32) -> u64 {
    u64::from(peers.me().bits()) << 32 | u64::from(thread)
}
