//! The guard of a value: a private copy that becomes the value, or does not.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::thread;

use bytemuck::Pod;

use crate::raw::Peers;
use crate::raw::lock::Taken;
use crate::segment::{Bound, Seat};

use crate::shared::cell::Cell;

/// The lock of a value, held; freed when dropped.
pub(crate) struct Held<'a> {
    bound: &'a Bound<Cell<'static>>,
    seat: Seat<'a>,
    /// Whether the others' repair after the death that the lock came from is due.
    reap: bool,
}

impl<'a> Held<'a> {
    #[inline]
    pub(crate) fn new(bound: &'a Bound<Cell<'static>>, seat: Seat<'a>, taken: Taken) -> Self {
        Self {
            bound,
            seat,
            reap: matches!(taken, Taken::Inherited(_)),
        }
    }

    /// The value.
    #[inline]
    pub(crate) fn load<T: Pod>(&self) -> T {
        self.bound.view().load()
    }

    /// Makes `value` the value.
    #[inline]
    pub(crate) fn commit<T: Pod>(&self, value: &T) {
        self.bound.view().commit(value);
    }

    /// Whether this is still the process that took the lock, and not a forked child of it.
    #[inline]
    fn is_ours(&self) -> bool {
        self.bound
            .object()
            .seat_if_joined()
            .is_some_and(|now| now.me() == self.seat.me())
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        self.bound.view().unlock(&self.seat);
        if self.reap {
            self.bound.object().reap();
        }
    }
}

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
    held: Held<'a>,
    copy: T,
    /// Whether the copy was lent out to be written.
    changed: bool,
    /// Whether the thread was unwinding already when it took the lock.
    unwinding: bool,
    not_send: PhantomData<*const ()>,
}

impl<'a, T: Pod> ValueGuard<'a, T> {
    #[inline]
    pub(crate) fn new(held: Held<'a>) -> Self {
        let copy = held.load();
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
            self.held.commit(&self.copy);
        }
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for ValueGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.copy.fmt(f)
    }
}
