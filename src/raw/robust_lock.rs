//! A lock word, and the memory of the last owner that died with it.
//!
//! The memory is written only by the lock's owner, while the lock is marked, so whoever is told of
//! a death reads a whole story. For all others it is a sequence lock: `number` is odd while the
//! memory is written. An owner that dies writing it leaves it odd; the next to write makes it whole.

use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use super::lock::{LockWord, Taken};
use super::{Peers, Token};

/// Words of the dead owner's label.
const LABEL_WORDS: usize = super::registry::LABEL_WORDS;

/// Who died and when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Obituary {
    pub(crate) pid: u32,
    /// Nanoseconds since the Unix epoch at which the death was noticed.
    pub(crate) when: u64,
    pub(crate) label: [u64; LABEL_WORDS],
    /// Process id of whoever took the lock over; 0 where it was freed by a repair.
    pub(crate) heir: u32,
}

/// A resident lock that can say whose death marked it: 64 bytes.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct RobustLock {
    pub(crate) word: LockWord,
    pid: AtomicU32,
    when: AtomicU64,
    label: [AtomicU64; LABEL_WORDS],
    heir: AtomicU32,
    number: AtomicU32,
    reserved: AtomicU64,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<RobustLock>() == 64);

impl RobustLock {
    /// A free lock that nobody died with.
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        let word = |_| AtomicU64::new(0);
        Self {
            word: LockWord::new(),
            pid: AtomicU32::new(0),
            when: AtomicU64::new(0),
            label: core::array::from_fn(word),
            heir: AtomicU32::new(0),
            number: AtomicU32::new(0),
            reserved: AtomicU64::new(0),
        }
    }

    /// Writes the memory. Only for the owner of the lock.
    pub(crate) fn write(&self, obituary: &Obituary) {
        // Relaxed: the Release of the unlock publishes it, with the mark. For who does not wait for
        // that, the two fences.
        let odd = self.number.load(Ordering::Relaxed).wrapping_add(1) | 1;
        self.number.store(odd, Ordering::Relaxed);
        fence(Ordering::Release);
        self.pid.store(obituary.pid, Ordering::Relaxed);
        self.when.store(obituary.when, Ordering::Relaxed);
        for (word, value) in self.label.iter().zip(obituary.label) {
            word.store(value, Ordering::Relaxed);
        }
        self.heir.store(obituary.heir, Ordering::Relaxed);
        // Release: pairs with the Acquire in `history`.
        self.number.store(odd.wrapping_add(1), Ordering::Release);
    }

    /// The memory. Whole for the owner of the lock; for others perhaps of two deaths.
    pub(crate) fn obituary(&self) -> Obituary {
        // Relaxed: the Acquire of the lock orders it.
        Obituary {
            pid: self.pid.load(Ordering::Relaxed),
            when: self.when.load(Ordering::Relaxed),
            label: core::array::from_fn(|at| self.label[at].load(Ordering::Relaxed)),
            heir: self.heir.load(Ordering::Relaxed),
        }
    }

    /// The memory, whole for anybody; it stays after a repair. `None` where nobody has died with
    /// the lock, or the memory is being written.
    #[cfg(not(loom))]
    pub(crate) fn history(&self) -> Option<Obituary> {
        // Acquire: pairs with the Release at the end of `write`.
        let number = self.number.load(Ordering::Acquire);
        let copy = self.obituary();
        // Acquire: the copy comes before the second look.
        fence(Ordering::Acquire);
        let same = self.number.load(Ordering::Relaxed) == number;
        (same && number != 0 && number & 1 == 0).then_some(copy)
    }

    /// After the death of `dead`: where it held the lock, frees it, marked, with its obituary.
    ///
    /// Somebody who waits for the lock may be faster; then there is nothing left to do here.
    pub(crate) fn repair(&self, peers: &impl Peers, dead: Token, obituary: &Obituary) {
        if self.word.owner() != Some(dead) {
            return;
        }
        match self.word.try_lock(peers) {
            Ok(Taken::Inherited(_)) => {
                self.write(&Obituary {
                    heir: 0,
                    ..*obituary
                });
                self.word.unlock(peers, true);
            }
            Ok(Taken::Marked) => self.word.unlock(peers, true),
            Ok(Taken::Clean) => self.word.unlock(peers, false),
            Err(_) => {}
        }
    }
}
