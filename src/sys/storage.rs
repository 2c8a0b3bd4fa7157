//! A checked view of an object's bytes in the mapping.

#![expect(
    unsafe_code,
    reason = "references into a mapping are made here and nowhere else"
)]

use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::sys::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};

/// Types that may lie in a mapping and be shared by reference while other processes write them.
///
/// # Safety
///
/// The type is `repr(C)` or `repr(transparent)`, consists of facade atomics and other residents
/// only, and so any bytes are a valid value of it; all zeroes is its empty state.
pub(crate) unsafe trait Resident {}

macro_rules! residents {
    ($($resident:ty),* $(,)?) => {$(
        // SAFETY: a facade atomic, which is `repr(transparent)` over core's.
        unsafe impl Resident for $resident {}
    )*};
}
residents!(AtomicU8, AtomicU16, AtomicU32, AtomicU64);

/// The bytes of one object. Other processes write them at any time, so they are seen only through
/// [`Resident`]s, or copied raw.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Storage<'a> {
    base: NonNull<u8>,
    len: usize,
    life: PhantomData<&'a ()>,
}

impl<'a> Storage<'a> {
    /// The `len` bytes from `base`.
    ///
    /// # Safety
    ///
    /// The bytes stay mapped, readable and writable for `'a`, and within this process they are
    /// touched only through [`Resident`]s or raw copies.
    pub(crate) unsafe fn new(base: NonNull<u8>, len: usize) -> Self {
        Self {
            base,
            len,
            life: PhantomData,
        }
    }

    /// Bytes in all.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The `len` bytes from `offset`; `None` where they are not all inside.
    pub(crate) fn part(&self, offset: usize, len: usize) -> Option<Self> {
        Some(Self {
            base: self.bytes(offset, len, 1)?,
            len,
            life: PhantomData,
        })
    }

    /// No bytes at all, in the same place.
    pub(crate) fn empty(&self) -> Self {
        Self { len: 0, ..*self }
    }

    /// The same bytes for as long as the caller answers for.
    ///
    /// # Safety
    ///
    /// As [`Storage::new`], for `'b`.
    pub(crate) unsafe fn extend<'b>(self) -> Storage<'b> {
        Storage {
            base: self.base,
            len: self.len,
            life: PhantomData,
        }
    }

    /// Where `word` lies in the storage; `None` where it lies elsewhere.
    pub(crate) fn offset_of(&self, word: &AtomicU32) -> Option<usize> {
        let offset = core::ptr::from_ref(word)
            .addr()
            .checked_sub(self.base.as_ptr().addr())?;
        (offset < self.len).then_some(offset)
    }

    /// The resident at `offset`; `None` where it does not fit or is not aligned.
    pub(crate) fn get<R: Resident>(&self, offset: usize) -> Option<&'a R> {
        self.slice(offset, 1)?.first()
    }

    /// `count` residents from `offset`; `None` where they do not fit or are not aligned.
    pub(crate) fn slice<R: Resident>(&self, offset: usize, count: usize) -> Option<&'a [R]> {
        let first = self.bytes(offset, count.checked_mul(size_of::<R>())?, align_of::<R>())?;
        // SAFETY: (1) the range is inside the storage, which is mapped for `'a`, and aligned, both
        // checked in `bytes`; (2) any bytes are a valid `R`, and all access is atomic, by the
        // contract of `Resident`.
        Some(unsafe { core::slice::from_raw_parts(first.cast::<R>().as_ptr(), count) })
    }

    /// A pointer to `len` bytes at `offset`, for raw copies; `None` where they do not fit or the
    /// first is not aligned to `align`.
    pub(crate) fn bytes(&self, offset: usize, len: usize, align: usize) -> Option<NonNull<u8>> {
        if offset.checked_add(len)? > self.len {
            return None;
        }
        // SAFETY: `offset` is at most `len`, checked above, so the result is inside the mapping or
        // one past its end.
        let first = unsafe { self.base.add(offset) };
        (first.as_ptr().addr() % align == 0).then_some(first)
    }
}

// SAFETY: the view gives atomics, which any thread may use, and raw pointers, whose users argue
// for themselves.
unsafe impl Send for Storage<'_> {}
// SAFETY: as above.
unsafe impl Sync for Storage<'_> {}
