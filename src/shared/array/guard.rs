//! The guard of an array: the elements themselves.

#![expect(
    unsafe_code,
    reason = "the lock's holder gets references to the elements"
)]

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut, Range};
use std::ptr::NonNull;

use bytemuck::Pod;

use crate::error::Result;
use crate::raw::journal::{Journal, Mapped, Medium, copy};
use crate::raw::lock::Taken;
use crate::segment::{Bound, Seat};
use crate::shared::held::Held;
use crate::sync::Marked;

/// The elements of an array whose lock is held; freed when dropped.
///
/// While it is there nobody else, in this process or another, touches the data or their shadow: all
/// access is through one of these.
pub(crate) struct Elements<'a, T> {
    held: Held<'a, Journal<'static, Mapped<'static>>>,
    of: PhantomData<(&'a mut [T], *const ())>,
}

impl<'a, T: Pod> Elements<'a, T> {
    /// `taken` is how the lock of `bound` was just taken.
    #[inline]
    pub(crate) fn new(
        bound: &'a Bound<Journal<'static, Mapped<'static>>>,
        seat: Seat<'a>,
        taken: Taken,
    ) -> Self {
        Self {
            held: Held::new(bound, seat, taken),
            of: PhantomData,
        }
    }

    #[inline]
    fn journal(&self) -> &'a Journal<'static, Mapped<'static>> {
        self.held.view()
    }

    #[inline]
    fn len(&self) -> usize {
        self.journal().medium().len() / size_of::<T>()
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[T] {
        let data = self.journal().medium().data().cast::<T>();
        // SAFETY: (1) `len` elements fit in the data, which stay mapped as long as the array that
        // `self` borrows; (2) they are aligned to a cache line, and no `T` asks for more (checked
        // where arrays are made and opened); (3) any bytes are a `T`, which is plain data; (4) we
        // hold the lock, so nobody writes them, and our own writes need `&mut self`.
        unsafe { std::slice::from_raw_parts(data.as_ptr(), self.len()) }
    }

    #[inline]
    fn as_mut_slice(&mut self) -> &mut [T] {
        let data = self.journal().medium().data().cast::<T>();
        // SAFETY: as in `as_slice`; and `&mut self` lends the only reference there is.
        unsafe { std::slice::from_raw_parts_mut(data.as_ptr(), self.len()) }
    }

    /// Changes the elements of `range` by `change`, all or none. The range is inside the array.
    /// An error, and no change, in a child that was forked inside `change`.
    #[inline]
    pub(crate) fn commit<R>(
        &mut self,
        range: Range<usize>,
        change: impl FnOnce(&mut [T]) -> R,
    ) -> Result<R> {
        let journal = self.journal();
        let (start, len) = (range.start.min(self.len()), range.len());
        let len = len.min(self.len() - start);
        let shadow = journal.medium().shadow().cast::<T>();
        // SAFETY: `start` is inside the shadow, which has `self.len()` elements as the data do.
        let shadow = unsafe { shadow.add(start) };
        // SAFETY: (1) `len` elements from `start` are inside; (2) (3) (4) as in `as_mut_slice`, for
        // the shadow.
        let staged = unsafe { std::slice::from_raw_parts_mut(shadow.as_ptr(), len) };
        if let Some(elements) = self.as_slice().get(start..start + len) {
            staged.copy_from_slice(elements);
        }
        let result = change(staged);
        self.held.still_ours()?;
        journal.commit(start * size_of::<T>(), len * size_of::<T>());
        Ok(result)
    }

    /// Copies `from` openly over the elements from `start` on, as far as they reach.
    #[inline]
    pub(crate) fn overwrite(&mut self, start: usize, from: &[T]) {
        self.journal().expose();
        if let Some(to) = self.as_mut_slice().get_mut(start..) {
            copy_elements(from, to);
        }
        self.journal().settle();
    }
}

/// Copies as many elements as there are on both sides, with crash points between.
#[inline]
fn copy_elements<T: Pod>(from: &[T], to: &mut [T]) {
    let len = from.len().min(to.len()) * size_of::<T>();
    // SAFETY: both have `len` bytes, and a mutable slice overlaps no other.
    unsafe { copy(NonNull::from(from).cast(), NonNull::from(to).cast(), len) };
}

/// Gives the first elements to an array that nobody else knows yet.
pub(crate) fn fill<T: Pod>(journal: &Journal<'_, Mapped<'_>>, from: &[T]) {
    let medium = journal.medium();
    let len = medium.len().min(size_of_val(from));
    // SAFETY: both have `len` bytes; nobody else uses the array yet.
    unsafe { copy(NonNull::from(from).cast(), medium.data(), len) };
}

/// The lock of an [`Array`](crate::Array), with its elements as `&mut [T]`.
///
/// What is written is in the array at once, and others see it when the guard is dropped; a panic
/// takes nothing back. It belongs to its thread. A guard that is leaked keeps the lock until its
/// process ends, which then counts as a death.
///
/// # If a process dies
///
/// With the guard: the elements stay as they are, and the next owner is told. A forked child does
/// not hold it and must not touch the elements: dropped there, the guard does nothing.
#[must_use = "dropping the guard frees the lock"]
pub struct ArrayGuard<'a, T: Pod> {
    elements: Elements<'a, T>,
    /// Whether the elements still wait for a repair.
    marked: bool,
}

impl<'a, T: Pod> ArrayGuard<'a, T> {
    #[inline]
    pub(crate) fn new(elements: Elements<'a, T>, marked: bool) -> Self {
        elements.journal().expose();
        Self { elements, marked }
    }
}

impl<T: Pod> Deref for ArrayGuard<'_, T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        self.elements.as_slice()
    }
}

impl<T: Pod> DerefMut for ArrayGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        self.elements.as_mut_slice()
    }
}

impl<T: Pod> Marked for ArrayGuard<'_, T> {
    fn clear_mark(&mut self) {
        // The elements stay exposed while the guard is there; its drop says that they are whole.
        self.marked = false;
    }
}

impl<T: Pod> Drop for ArrayGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.marked && self.elements.held.is_ours() {
            self.elements.journal().settle();
        }
        // The lock is freed after this, with the field that holds it.
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for ArrayGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.elements.as_slice().fmt(f)
    }
}
