//! [`Array`]: many elements under one lock.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeBounds;
use std::time::{Duration, Instant};

use bytemuck::Pod;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::journal::{Found, Journal, Mapped, Medium};
use crate::raw::lock::{StillHeld, Taken};
use crate::segment::{Bound, Seat};
use crate::sync::{LockError, OwnerDied, after_death};
use crate::sys::clock::Deadline;

use super::cell::Word;

mod guard;
mod open;
mod range;

pub use guard::ArrayGuard;
use guard::Elements;

/// An array that processes share, of a length fixed when it is made.
///
/// Every access is under its lock. [`Array::lock`] gives the elements themselves, as `&mut [T]`.
/// Where a death must not leave half a change, [`Array::update`] works on a private copy that
/// becomes the array whole or not at all. For elements that are counted without a lock see
/// [`AtomicArray`](crate::AtomicArray). The lock is not recursive: a thread that holds the guard
/// and uses the array otherwise waits for itself.
///
/// `T` is plain data without pointers. All processes must mean the same type by it: its path, size
/// and alignment are compared when it is opened.
///
/// # If a process dies
///
/// With the guard, or in a bulk copy into the array: the elements stay as they are, perhaps half
/// changed. The next guard comes wrapped in [`OwnerDied`](crate::sync::OwnerDied), and everything
/// else is an error of kind [`ErrorKind::PeerDied`], until somebody says
/// [`repaired`](crate::sync::OwnerDied::repaired). In [`Array::set`] or [`Array::update`]: it
/// happened, or it did not, and nobody is told. While only reading: nothing happened.
///
/// # Examples
///
/// ```
/// use outlive::Array;
///
/// let array = Array::from_slice(&[1_u32, 2, 3])?;
/// array.set(0, 10)?;
/// array.lock()?.sort_by(|a, b| b.cmp(a));
/// array.update(1.., |rest| rest.iter_mut().for_each(|x| *x += 1))?;
/// assert_eq!(array.to_vec()?, [10, 4, 3]);
/// assert!(array.get(3).is_err());
/// # Ok::<(), outlive::Error>(())
/// ```
pub struct Array<T> {
    /// The journal's data are as many `T`s as fit in them, and aligned for them.
    bound: Bound<Journal<'static, Mapped<'static>>>,
    of: PhantomData<fn(T) -> T>,
}

impl<T: Pod> Array<T> {
    /// How many elements there are; it never changes.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.bound.view().medium().len() / size_of::<T>()
    }

    /// Whether there are no elements at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element `index`.
    ///
    /// # Blocking
    ///
    /// As [`Array::lock`]; a guard from [`Array::lock_timeout`] does the same with a limit.
    ///
    /// # If a process dies
    ///
    /// As the type says. The death of the caller in here leaves nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] where there is no such element, [`ErrorKind::PeerDied`] where a
    /// death has left the array and nobody has repaired it; [`ErrorKind::TooManyParticipants`] only
    /// after a fork, where the child cannot join the segment.
    pub fn get(&self, index: usize) -> Result<T> {
        let held = self.whole()?;
        held.as_slice()
            .get(index)
            .copied()
            .ok_or_else(|| self.no_element(index))
    }

    /// Makes `value` element `index`, all of it or nothing.
    ///
    /// # Blocking
    ///
    /// As [`Array::update`].
    ///
    /// # If a process dies
    ///
    /// As the type says. The death of the caller in here: it happened, or it did not.
    ///
    /// # Errors
    ///
    /// As [`Array::get`].
    pub fn set(&self, index: usize, value: T) -> Result<()> {
        let mut held = self.whole()?;
        if index >= self.len() {
            return Err(self.no_element(index));
        }
        let at = index * size_of::<T>();
        match Word::attach(self.bound.view().medium().words(), at, size_of::<T>()) {
            Some(word) => word.store(&value),
            None => held.commit(index..index + 1, |copy| copy.copy_from_slice(&[value]))?,
        }
        Ok(())
    }

    /// Changes the elements of `range` by `change`, all of them or none, and returns what that
    /// returns. It works on a copy; where it panics, nothing has changed. The copy lies in the
    /// segment too: a child that is forked inside `change` must leave it alone.
    ///
    /// # Blocking
    ///
    /// As [`Array::lock`]; with a limit only [`Array::lock_timeout`], which is not all or nothing.
    ///
    /// # If a process dies
    ///
    /// As the type says. The death of the caller in here: the change happened whole, or not at all.
    ///
    /// # Errors
    ///
    /// As [`Array::get`]; [`ErrorKind::NotOwner`] in a child that was forked inside `change`.
    pub fn update<R>(
        &self,
        range: impl RangeBounds<usize>,
        change: impl FnOnce(&mut [T]) -> R,
    ) -> Result<R> {
        let range = self.range(&range)?;
        self.whole()?.commit(range, change)
    }

    /// A copy of all elements, as they are at one moment.
    ///
    /// # Blocking
    ///
    /// As [`Array::lock`]; a guard from [`Array::lock_timeout`] does the same with a limit.
    ///
    /// # If a process dies
    ///
    /// As the type says. The death of the caller in here leaves nothing.
    ///
    /// # Errors
    ///
    /// As [`Array::get`].
    pub fn to_vec(&self) -> Result<Vec<T>> {
        Ok(self.whole()?.as_slice().to_vec())
    }

    /// Copies the elements from `start` on into all of `to`, as they are at one moment.
    ///
    /// # Blocking
    ///
    /// As [`Array::lock`]; a guard from [`Array::lock_timeout`] does the same with a limit.
    ///
    /// # If a process dies
    ///
    /// As for [`Array::to_vec`].
    ///
    /// # Errors
    ///
    /// As [`Array::get`]; nothing is copied then.
    pub fn copy_range_to(&self, start: usize, to: &mut [T]) -> Result<()> {
        let range = self.range_of(start, to.len())?;
        let held = self.whole()?;
        if let Some(from) = held.as_slice().get(range) {
            to.copy_from_slice(from);
        }
        Ok(())
    }

    /// Copies all of `from` over the elements from `start` on.
    ///
    /// # Blocking
    ///
    /// As [`Array::lock`]; a guard from [`Array::lock_timeout`] does the same with a limit.
    ///
    /// # If a process dies
    ///
    /// In here: part of it may be copied, and the array is to be repaired. [`Array::update`] copies
    /// all or nothing, in twice the time.
    ///
    /// # Errors
    ///
    /// As [`Array::get`]; nothing is copied then.
    pub fn copy_range_from(&self, start: usize, from: &[T]) -> Result<()> {
        self.range_of(start, from.len())?;
        let mut held = self.whole()?;
        held.overwrite(start, from);
        Ok(())
    }

    /// Copies `from` over all elements; it must be as long as the array.
    ///
    /// # Blocking
    ///
    /// As [`Array::lock`]; a guard from [`Array::lock_timeout`] does the same with a limit.
    ///
    /// # If a process dies
    ///
    /// As for [`Array::copy_range_from`].
    ///
    /// # Errors
    ///
    /// As [`Array::get`]; [`ErrorKind::InvalidInput`] also where the lengths differ.
    pub fn copy_from_slice(&self, from: &[T]) -> Result<()> {
        if from.len() != self.len() {
            return Err(self.other_length(from.len()));
        }
        self.copy_range_from(0, from)
    }

    /// Takes the array's lock, with the elements as `&mut [T]`.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel, also while the holder is stopped.
    /// Not fair.
    ///
    /// # If a process dies
    ///
    /// With the guard: the next gets it in [`LockError::OwnerDied`].
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] with the guard inside; [`LockError::Broken`] after a fork, where
    /// the child cannot join the segment.
    #[inline]
    pub fn lock(&self) -> Result<ArrayGuard<'_, T>, LockError<ArrayGuard<'_, T>>> {
        self.lock_until(Deadline::NEVER)
    }

    /// Takes the array's lock if it is free or its holder is dead; see [`Array::lock`].
    ///
    /// # If a process dies
    ///
    /// As for [`Array::lock`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] where it is held; otherwise as [`Array::lock`].
    #[inline]
    pub fn try_lock(&self) -> Result<ArrayGuard<'_, T>, LockError<ArrayGuard<'_, T>>> {
        let seat = self.bound.seat().map_err(LockError::Broken)?;
        self.guard(seat, self.bound.view().try_lock(&seat), None)
    }

    /// Takes the array's lock, sleeping until it is free, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Array::lock`].
    ///
    /// # If a process dies
    ///
    /// As for [`Array::lock`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] after `limit`, or [`LockError::Deadlock`]; otherwise as [`Array::lock`].
    pub fn lock_timeout(
        &self,
        limit: Duration,
    ) -> Result<ArrayGuard<'_, T>, LockError<ArrayGuard<'_, T>>> {
        self.lock_until(Deadline::after(limit))
    }

    /// Takes the array's lock, sleeping until it is free, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Array::lock`].
    ///
    /// # If a process dies
    ///
    /// As for [`Array::lock`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] at `instant`, or [`LockError::Deadlock`]; otherwise as [`Array::lock`].
    pub fn lock_deadline(
        &self,
        instant: Instant,
    ) -> Result<ArrayGuard<'_, T>, LockError<ArrayGuard<'_, T>>> {
        self.lock_until(Deadline::at(instant))
    }

    #[inline]
    fn lock_until(
        &self,
        deadline: Deadline,
    ) -> Result<ArrayGuard<'_, T>, LockError<ArrayGuard<'_, T>>> {
        let seat = self.bound.seat().map_err(LockError::Broken)?;
        let found = self.bound.view().lock(&seat, deadline);
        self.guard(seat, found, Some(deadline))
    }

    #[inline]
    fn guard<'a>(
        &'a self,
        seat: Seat<'a>,
        found: Result<Found, StillHeld>,
        deadline: Option<Deadline>,
    ) -> Result<ArrayGuard<'a, T>, LockError<ArrayGuard<'a, T>>> {
        match found {
            Ok(found) if found.whole => Ok(ArrayGuard::new(
                Elements::new(&self.bound, seat, found.taken),
                false,
            )),
            Ok(found) => Err(LockError::OwnerDied(self.after_death(seat, found.taken))),
            Err(StillHeld) => Err(LockError::in_vain(self.bound.object(), 0, deadline)),
        }
    }

    /// The lock, of an array that no death has left half changed.
    #[inline]
    fn whole(&self) -> Result<Elements<'_, T>> {
        let seat = self.bound.seat()?;
        match self.bound.view().lock(&seat, Deadline::NEVER) {
            Ok(found) if found.whole => Ok(Elements::new(&self.bound, seat, found.taken)),
            Ok(found) => Err(self.half_changed(self.after_death(seat, found.taken))),
            Err(StillHeld) => Err(Error::new(ErrorKind::TimedOut, format!("lock {self:?}"))),
        }
    }

    #[cold]
    fn half_changed(&self, died: OwnerDied<ArrayGuard<'_, T>>) -> Error {
        Error::new(ErrorKind::PeerDied, format!("use {self:?} ({died})"))
            .advise("take it with lock(), make the elements whole, then call repaired()")
    }

    #[cold]
    fn after_death<'a>(&'a self, seat: Seat<'a>, taken: Taken) -> OwnerDied<ArrayGuard<'a, T>> {
        let guard = ArrayGuard::new(Elements::new(&self.bound, seat, taken), true);
        after_death(
            self.bound.object(),
            self.bound.view().robust_lock(),
            taken,
            guard,
        )
    }
}

impl<T> Clone for Array<T> {
    fn clone(&self) -> Self {
        Self {
            bound: self.bound.clone(),
            of: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Array<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array")
            .field("at", self.bound.object())
            .finish_non_exhaustive()
    }
}
