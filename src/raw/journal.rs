//! The journal: bytes that change in place, all of a range or nothing.
//!
//! Beside the data lies a shadow of the same length. An update writes the range there, notes where
//! it is, and commits by one store; then it copies the range over the data. Whoever inherits the
//! lock in between finishes the copy. Readers hold the lock. A holder may also write the data
//! openly, without the journal: a death then leaves them as they are, and that is remembered.
//!
//! # States
//!
//! | exposed | pending | meaning | who may change it, to what |
//! |---|---|---|---|
//! | no | no | the data are whole | the holder: notes an update, or exposes the data |
//! | no | yes | committed, the data lag behind | the holder, or its heir: copies, clears the note |
//! | yes | no | the holder writes openly; or a holder died so | the holder: settled, or an update |
//! | yes | yes | as the two above | as above |
//!
//! # Invariants
//!
//! 1. All of this belongs to the lock's holder.
//! 2. The data are read or written only while nothing is pending.
//! 3. The note does not change while it is pending.
//! 4. What is exposed when a holder comes was left so by a death, and stays so until a holder says
//!    that the data are whole. The mark of the lock's word only repeats it.
//!
//! # Memory orderings
//!
//! The lock orders everything between the living. Between a death and its heir, the kernel orders
//! the stores of the dead, as they were made: the Release stores and the fences here keep the
//! compiler and the processor from making them in another order.
//!
//! # If a process dies
//!
//! Before the commit: the update never happened. After it: it happened, and the heir finishes it;
//! copying twice is copying once. While the data are exposed: the next holder is told, and who
//! died, until one says that the data are whole again. With the lock alone: nothing happened.

use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use crate::sys::clock::Deadline;

use super::lock::{StillHeld, Taken};
use super::robust_lock::{Obituary, RobustLock};
use super::{Peers, Token};

/// What lies before the data.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Head {
    lock: RobustLock,
    /// Not 0 while a holder writes the data openly, and after its death.
    exposed: AtomicU32,
    /// Keeps what follows in its place; never read.
    unused: AtomicU32,
    /// Not 0 from the commit of an update to the end of its copy.
    pending: AtomicU64,
    /// The range of the update in bytes.
    start: AtomicU64,
    len: AtomicU64,
    /// Bytes of the data; written once.
    bytes: AtomicU64,
}

/// The data and their shadow.
pub(crate) trait Medium {
    /// Bytes of the data, and of the shadow.
    fn len(&self) -> usize;

    /// Copies `len` bytes at `start`, inside both, from the shadow to the data.
    fn redo(&self, start: usize, len: usize);
}

/// What a new holder finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// How it came by the lock.
    pub(crate) taken: Taken,
    /// Whether the data are whole; otherwise a death has left them as they are.
    pub(crate) whole: bool,
}

/// A lock, the data that it protects, and their journal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Journal<'a, M> {
    head: &'a Head,
    medium: M,
}

impl<M: Medium> Journal<'_, M> {
    /// Takes the lock, sleeping until it is free, its holder dies, or the deadline passes.
    ///
    /// What a dead holder committed is finished first.
    #[inline]
    pub(crate) fn lock(&self, peers: &impl Peers, deadline: Deadline) -> Result<Found, StillHeld> {
        self.head
            .lock
            .word
            .lock(peers, deadline)
            .map(|taken| self.taken(taken))
    }

    /// Takes the lock if nobody alive holds it; otherwise as [`Journal::lock`].
    #[inline]
    pub(crate) fn try_lock(&self, peers: &impl Peers) -> Result<Found, StillHeld> {
        self.head
            .lock
            .word
            .try_lock(peers)
            .map(|taken| self.taken(taken))
    }

    /// Frees the lock. Only the holder may call this.
    #[inline]
    pub(crate) fn unlock(&self, peers: &impl Peers) {
        self.head.lock.word.unlock(peers, self.is_exposed());
    }

    /// The lock, for the memory of who died.
    pub(crate) fn robust_lock(&self) -> &RobustLock {
        &self.head.lock
    }

    /// Announces that the data are written openly from here on. Only the holder may call this.
    #[inline]
    pub(crate) fn expose(&self) {
        // Relaxed: only a holder looks at it.
        self.head.exposed.store(1, Ordering::Relaxed);
        // Release: keeps what is written openly behind the announcement.
        fence(Ordering::Release);
    }

    /// Says that the data are whole. Only the holder may call this.
    #[inline]
    pub(crate) fn settle(&self) {
        // Release: keeps what was written openly before the word of it.
        self.head.exposed.store(0, Ordering::Release);
    }

    /// Makes the `len` bytes at `start` of the shadow the data. Only the holder may call this.
    ///
    /// Where the range is not inside the data, nothing happens.
    #[inline]
    pub(crate) fn commit(&self, start: usize, len: usize) {
        if !self.has(start, len) {
            return;
        }
        // Relaxed: ordered by the Release of the commit.
        self.head.start.store(start as u64, Ordering::Relaxed);
        self.head.len.store(len as u64, Ordering::Relaxed);
        // Release: the commit. The shadow and the note are there before it.
        self.head.pending.store(1, Ordering::Release);
        // Release: no byte of the data changes before the commit.
        fence(Ordering::Release);
        self.medium.redo(start, len);
        self.close();
    }

    /// Finishes what the dead participant committed and frees its lock. For the reaper.
    pub(crate) fn repair(&self, peers: &impl Peers, dead: Token, obituary: &Obituary) {
        if self.head.lock.word.owner() != Some(dead) {
            return;
        }
        let Ok(found) = self.try_lock(peers) else {
            return;
        };
        if let (Taken::Inherited(_), false) = (found.taken, found.whole) {
            self.head.lock.write(obituary);
        }
        self.unlock(peers);
    }

    #[inline]
    fn taken(&self, taken: Taken) -> Found {
        // Relaxed: ordered by the lock, or by the kernel after a death.
        if self.head.pending.load(Ordering::Relaxed) != 0 {
            self.finish();
        }
        Found {
            taken,
            whole: !self.is_exposed(),
        }
    }

    #[inline]
    fn is_exposed(&self) -> bool {
        // Relaxed: as in `taken`.
        self.head.exposed.load(Ordering::Relaxed) != 0
    }

    #[cold]
    fn finish(&self) {
        // Relaxed, both: as the note that says they hold.
        let start = usize::try_from(self.head.start.load(Ordering::Relaxed));
        let len = usize::try_from(self.head.len.load(Ordering::Relaxed));
        if let (Ok(start), Ok(len)) = (start, len)
            && self.has(start, len)
        {
            self.medium.redo(start, len);
        }
        self.close();
    }

    /// Ends an update whose copy is complete.
    #[inline]
    fn close(&self) {
        // Release: the copy is complete before the note goes.
        self.head.pending.store(0, Ordering::Release);
        // Release: the next update touches neither note nor shadow before that.
        fence(Ordering::Release);
    }

    #[inline]
    fn has(&self, start: usize, len: usize) -> bool {
        start
            .checked_add(len)
            .is_some_and(|end| end <= self.medium.len())
    }
}

#[cfg(not(loom))]
pub(crate) use mapped::{LINE, Mapped, copy};

#[cfg(not(loom))]
mod mapped {
    #![expect(
        unsafe_code,
        reason = "the shadow is copied over the data raw, at memory speed"
    )]

    use core::ptr::NonNull;

    use super::{Head, Journal, Medium};
    use crate::raw::Storage;
    use crate::sys::atomic::Ordering;
    use crate::sys::crash;

    /// The data begin on a cache line of their own, and the shadow too.
    pub(crate) const LINE: usize = 64;
    /// Where the data begin.
    const DATA: usize = size_of::<Head>().next_multiple_of(LINE);

    /// Data and shadow in a mapping.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Mapped<'a> {
        /// Both are `len` bytes of the storage, on a [`LINE`]; they do not overlap, and stay mapped
        /// for `'a`.
        data: NonNull<u8>,
        shadow: NonNull<u8>,
        len: usize,
        /// The data once more, for residents in their place.
        words: Storage<'a>,
    }

    impl<'a> Mapped<'a> {
        fn new(storage: Storage<'a>, len: usize) -> Option<Self> {
            let shadow = len.checked_next_multiple_of(LINE)?.checked_add(DATA)?;
            Some(Self {
                data: storage.bytes(DATA, len, LINE)?,
                shadow: storage.bytes(shadow, len, LINE)?,
                len,
                words: storage.part(DATA, len)?,
            })
        }

        /// Where the data begin.
        #[inline]
        pub(crate) fn data(&self) -> NonNull<u8> {
            self.data
        }

        /// Where the shadow begins.
        #[inline]
        pub(crate) fn shadow(&self) -> NonNull<u8> {
            self.shadow
        }

        /// The data, to be written as residents.
        #[inline]
        pub(crate) fn words(&self) -> Storage<'a> {
            self.words
        }
    }

    impl Medium for Mapped<'_> {
        #[inline]
        fn len(&self) -> usize {
            self.len
        }

        #[inline]
        fn redo(&self, start: usize, len: usize) {
            if start.checked_add(len).is_none_or(|end| end > self.len) {
                return;
            }
            // SAFETY: `start` is inside the shadow, checked above (field).
            let from = unsafe { self.shadow.add(start) };
            // SAFETY: as above, of the data.
            let to = unsafe { self.data.add(start) };
            // SAFETY: `len` bytes are inside both, which do not overlap (field); the lock, which
            // the caller holds, keeps everybody else out of them.
            unsafe { copy(from, to, len) };
        }
    }

    /// Copies raw, at memory speed.
    ///
    /// # Safety
    ///
    /// As [`NonNull::copy_to_nonoverlapping`].
    #[inline]
    pub(crate) unsafe fn copy(from: NonNull<u8>, to: NonNull<u8>, len: usize) {
        let mut at = 0;
        while at < len {
            let piece = crash::piece(len - at);
            crash::point();
            // SAFETY: `at` is below `len`, so inside what the caller answers for.
            let from = unsafe { from.add(at) };
            // SAFETY: as above.
            let to = unsafe { to.add(at) };
            // SAFETY: `piece` bytes from `at` end at `len` or before.
            unsafe { from.copy_to_nonoverlapping(to, piece) };
            at += piece;
        }
    }

    impl<'a> Journal<'a, Mapped<'a>> {
        /// Bytes that `len` bytes with their journal take; `None` for a length beyond memory.
        pub(crate) fn size(len: usize) -> Option<usize> {
            len.checked_next_multiple_of(LINE)?
                .checked_add(len)?
                .checked_add(DATA)
        }

        /// Makes a journal of `len` bytes out of zeroes that nobody else knows yet.
        pub(crate) fn init(storage: Storage<'a>, len: usize) -> Option<Self> {
            let head: &Head = storage.get(0)?;
            // Relaxed: publishing the object publishes it.
            head.bytes.store(len as u64, Ordering::Relaxed);
            Self::attach(storage)
        }

        /// The journal in `storage`; `None` where its length makes no sense.
        pub(crate) fn attach(storage: Storage<'a>) -> Option<Self> {
            let head: &Head = storage.get(0)?;
            // Relaxed: opening the object ordered it.
            let len = usize::try_from(head.bytes.load(Ordering::Relaxed)).ok()?;
            Some(Self {
                head,
                medium: Mapped::new(storage, len)?,
            })
        }

        /// The data and their shadow. Only the holder of the lock may use them.
        #[inline]
        pub(crate) fn medium(&self) -> &Mapped<'a> {
            &self.medium
        }
    }

    // SAFETY: the pointers are used only under the journal's lock, whatever the thread.
    unsafe impl Send for Mapped<'_> {}
    // SAFETY: as above.
    unsafe impl Sync for Mapped<'_> {}
}

#[cfg(loom)]
impl Head {
    pub(crate) fn new() -> Self {
        let word = || AtomicU64::new(0);
        Self {
            lock: RobustLock::new(),
            exposed: AtomicU32::new(0),
            unused: AtomicU32::new(0),
            pending: word(),
            start: word(),
            len: word(),
            bytes: word(),
        }
    }
}

#[cfg(loom)]
impl<'a, M> Journal<'a, M> {
    pub(crate) fn new(head: &'a Head, medium: M) -> Self {
        Self { head, medium }
    }
}
