//! The guard of a value: a private copy that becomes the value, or does not.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::thread;

use bytemuck::Pod;

use crate::shared::cell::Cell;
use crate::shared::held::Held;

/// The lock of a [`Value`](crate::Value), with a private copy of the value.
///
/// What is written through it becomes the value when the guard is dropped, by one store. A drop by
/// a panic changes nothing, and [`ValueGuard::rollback`] too.
///
/// It belongs to its thread. A guard that is leaked keeps the lock until its process ends.
///
/// # If a process dies
///
/// With the guard: the value is as it was, and the lock is free for the next. A forked child does
/// not hold it: dropped there, the guard does nothing.
#[must_use = "dropping the guard frees the lock"]
pub struct ValueGuard<'a, T: Pod> {
    held: Held<'a, Cell<'static>>,
    copy: T,
    /// Whether the copy was lent out to be written.
    changed: bool,
    /// Whether the thread was unwinding already when it took the lock.
    unwinding: bool,
    not_send: PhantomData<*const ()>,
}

impl<'a, T: Pod> ValueGuard<'a, T> {
    #[inline]
    pub(in crate::shared) fn new(held: Held<'a, Cell<'static>>) -> Self {
        let copy = held.view().load();
        let unwinding = thread::panicking();
        Self {
            held,
            copy,
            changed: false,
            unwinding,
            not_send: PhantomData,
        }
    }

    /// Frees the lock and leaves the value as it was.
    pub fn rollback(mut self) {
        self.changed = false;
    }
}

impl<T: Pod> Deref for ValueGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.copy
    }
}

impl<T: Pod> DerefMut for ValueGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.changed = true;
        &mut self.copy
    }
}

impl<T: Pod> Drop for ValueGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // The lock is freed after this, with the field that holds it.
        if self.changed && (self.unwinding || !thread::panicking()) && self.held.is_ours() {
            self.held.view().commit(&self.copy);
        }
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for ValueGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.copy.fmt(f)
    }
}
