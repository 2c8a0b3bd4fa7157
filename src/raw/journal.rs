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
//! | 0 | no | the data are whole | the holder: notes an update, or exposes the data |
//! | 0 | yes | committed, the data lag behind | the holder, or its heir: copies, clears the note |
//! | token | no | the holder writes openly; or a holder died so | the holder: settled, or an update |
//! | token | yes | as the two above | as above |
//!
//! # Invariants
//!
//! 1. All of this belongs to the lock's holder.
//! 2. The data are read or written only while nothing is pending.
//! 3. The note does not change while it is pending.
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

use super::lock::{LockWord, StillHeld};
use super::{Peers, Token};

/// What lies before the data.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Head {
    lock: LockWord,
    /// The token of a holder that writes the data openly; 0 while they are whole.
    exposed: AtomicU32,
    /// Not 0 from the commit of an update to the end of its copy.
    pending: AtomicU64,
    /// The range of the update in bytes.
    start: AtomicU64,
    len: AtomicU64,
}

/// The data and their shadow.
pub(crate) trait Medium {
    /// Bytes of the data, and of the shadow.
    fn len(&self) -> usize;

    /// Copies `len` bytes at `start`, inside both, from the shadow to the data.
    fn redo(&self, start: usize, len: usize);
}

/// In what state a new holder finds the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// As the last holder left them.
    Whole,
    /// As this participant left them when it died; `None` where its name is lost.
    Exposed(Option<Token>),
}

/// A lock, the data that it protects, and their journal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Journal<'a, M> {
    head: &'a Head,
    medium: M,
}

impl<M: Medium> Journal<'_, M> {
    /// Takes the lock, sleeping until it is free, its holder dies, or the deadline passes. What a
    /// dead holder committed is finished first.
    #[inline]
    pub(crate) fn lock(&self, peers: &impl Peers, deadline: Deadline) -> Result<Found, StillHeld> {
        self.head.lock.lock(peers, deadline)?;
        Ok(self.taken())
    }

    /// Takes the lock if nobody alive holds it; otherwise as [`Journal::lock`].
    #[inline]
    pub(crate) fn try_lock(&self, peers: &impl Peers) -> Result<Found, StillHeld> {
        self.head.lock.try_lock(peers)?;
        Ok(self.taken())
    }

    /// Frees the lock. Only the holder may call this.
    #[inline]
    pub(crate) fn unlock(&self, peers: &impl Peers) {
        self.head.lock.unlock(peers, false);
    }

    /// Announces that the data are written openly from here on. Only the holder may call this.
    #[inline]
    pub(crate) fn expose(&self, peers: &impl Peers) {
        // Relaxed: only a holder looks at it.
        if self.head.exposed.load(Ordering::Relaxed) == 0 {
            self.head
                .exposed
                .store(peers.me().bits(), Ordering::Relaxed);
            // Release: keeps what is written openly behind the announcement.
            fence(Ordering::Release);
        }
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
    pub(crate) fn repair(&self, peers: &impl Peers, dead: Token) {
        if self.head.lock.owner() == Some(dead) && self.try_lock(peers).is_ok() {
            self.unlock(peers);
        }
    }

    #[inline]
    fn taken(&self) -> Found {
        // Relaxed, both: ordered by the lock, or by the kernel after a death.
        if self.head.pending.load(Ordering::Relaxed) != 0 {
            self.finish();
        }
        match self.head.exposed.load(Ordering::Relaxed) {
            0 => Found::Whole,
            bits => Found::Exposed(Token::from_bits(bits)),
        }
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
pub(crate) use mapped::Mapped;

#[cfg(not(loom))]
mod mapped {
    #![expect(
        unsafe_code,
        reason = "the shadow is copied over the data raw, at memory speed"
    )]

    use core::ptr::NonNull;

    use super::{Head, Journal, Medium};
    use crate::raw::Storage;
    use crate::sys::crash;

    /// Data and shadow in a mapping.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Mapped<'a> {
        /// Both are `len` bytes of the storage, do not overlap, and stay mapped for `'a`.
        data: NonNull<u8>,
        shadow: NonNull<u8>,
        len: usize,
        storage: core::marker::PhantomData<Storage<'a>>,
    }

    /// The data begin on a cache line of their own, and the shadow too.
    const LINE: usize = 64;

    impl Mapped<'_> {
        /// Where the data begin. Only the holder of the journal's lock may use them.
        #[inline]
        pub(crate) fn data(&self) -> NonNull<u8> {
            self.data
        }

        /// Where the shadow begins. Only the holder of the journal's lock may use it.
        #[inline]
        pub(crate) fn shadow(&self) -> NonNull<u8> {
            self.shadow
        }
    }

    impl Medium for Mapped<'_> {
        #[inline]
        fn len(&self) -> usize {
            self.len
        }

        #[inline]
        fn redo(&self, start: usize, len: usize) {
            let end = start.saturating_add(len).min(self.len);
            let mut at = start;
            while at < end {
                let piece = crash::PIECE.min(end - at);
                crash::point();
                // SAFETY: `at` is below `end`, which is at most the length of the shadow (field).
                let from = unsafe { self.shadow.add(at) };
                // SAFETY: as above, of the data.
                let to = unsafe { self.data.add(at) };
                // SAFETY: `piece` bytes from `at` end at `end` or before, inside both; the two do
                // not overlap (field); the lock keeps everybody else out of them.
                unsafe { to.copy_from_nonoverlapping(from, piece) };
                at += piece;
            }
        }
    }

    impl<'a> Journal<'a, Mapped<'a>> {
        /// Where the data begin.
        const DATA: usize = size_of::<Head>().next_multiple_of(LINE);

        /// Bytes that `len` bytes with their journal take; `None` for a length beyond memory.
        pub(crate) fn size(len: usize) -> Option<usize> {
            len.checked_next_multiple_of(LINE)?
                .checked_add(len)?
                .checked_add(Self::DATA)
        }

        /// The journal of `len` bytes in `storage`; `None` where they do not fit.
        pub(crate) fn attach(storage: Storage<'a>, len: usize) -> Option<Self> {
            let shadow = len
                .checked_next_multiple_of(LINE)?
                .checked_add(Self::DATA)?;
            let medium = Mapped {
                data: storage.bytes(Self::DATA, len, 1)?,
                shadow: storage.bytes(shadow, len, 1)?,
                len,
                storage: core::marker::PhantomData,
            };
            Some(Self {
                head: storage.get(0)?,
                medium,
            })
        }

        /// The data and their shadow.
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
            lock: LockWord::new(),
            exposed: AtomicU32::new(0),
            pending: word(),
            start: word(),
            len: word(),
        }
    }
}

#[cfg(loom)]
impl<'a, M> Journal<'a, M> {
    pub(crate) fn new(head: &'a Head, medium: M) -> Self {
        Self { head, medium }
    }
}
