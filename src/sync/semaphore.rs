//! [`Semaphore`]: a number of permits between processes, which come back from the dead.

mod create;
#[cfg(feature = "async")]
mod future;

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::raw::permits::{NoneFree, Permits};
use crate::raw::{Kind, Peers, Token};
use crate::segment::object::{deserialize, serialize};
use crate::segment::{Bound, Object, Seat, Spec};
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::Deadline;

use super::permit::{AcquireError, Acquired, Claim, Permit};

/// A number of permits that processes share.
///
/// Who acquires a permit gets a [`Permit`], which gives it back when dropped. As with Python's
/// `Semaphore`, anybody may also [`release`](Semaphore::release) without one, and so raise the
/// value above where it began, up to the [`capacity`](Semaphore::capacity).
///
/// A handle is cheap to clone and can be sent to other processes as a few bytes (serde). Up to a
/// capacity of 1024, taking a free permit is one compare-and-swap, and giving it back another.
/// Waiters are not served in order.
///
/// # If a process dies
///
/// All permits that it held come back, at once where somebody waits: those with a [`Permit`], and
/// those that [`Permit::keep`] left without one. Of an [`acquire_many`](Semaphore::acquire_many) or
/// a [`release`](Semaphore::release) of several that it was in the middle of, the semaphore is
/// whole in any case: see there. Waiting: nobody notices. Between giving a permit back and waking a
/// waiter: the waiter wakes at the end of its slice, 20 ms at the most. A stopped process is not
/// dead: what it holds stays held, and the timed forms time out. Stopped *inside* an operation on
/// several permits, or with a capacity above 1024 on any, it holds up those that would do the same.
///
/// # Examples
///
/// ```
/// let semaphore = outlive::Semaphore::new(2)?;
/// let one = semaphore.acquire()?;
/// let two = semaphore.acquire()?;
/// assert!(semaphore.try_acquire().is_err());
/// drop(one);
/// assert_eq!(semaphore.available(), 1);
/// # drop(two);
/// # Ok::<(), outlive::Error>(())
/// ```
pub struct Semaphore {
    permits: Bound<Permits<'static>>,
    /// The cell that was given back last: the first to look at.
    hint: AtomicU32,
}

const SPEC: Spec = Spec {
    kind: Kind::Semaphore,
    fingerprint: 0,
};

/// How long the forms that do not wait let a process go on that they find inside a change, some
/// instructions long. It is passed only where that process has been stopped there.
const PATIENCE: Duration = Duration::from_millis(20);
/// A hint that says nothing.
const NOWHERE: u32 = u32::MAX;

impl Semaphore {
    /// Acquires a permit, sleeping until one is free.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel. Not fair.
    ///
    /// # If a process dies
    ///
    /// The permits that it held are free, and the caller gets one of them.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Broken`] after a fork, where the child cannot join the segment.
    #[inline]
    pub fn acquire(&self) -> Acquired<'_> {
        match self.quick() {
            Some(permit) => Ok(permit),
            None => self.acquire_until(1, Deadline::NEVER),
        }
    }

    /// Acquires a permit if one is free or held by the dead.
    ///
    /// # If a process dies
    ///
    /// As for [`Semaphore::acquire`].
    ///
    /// # Errors
    ///
    /// [`AcquireError::TimedOut`] where none is; otherwise as [`Semaphore::acquire`].
    #[inline]
    pub fn try_acquire(&self) -> Acquired<'_> {
        match self.quick() {
            Some(permit) => Ok(permit),
            None => self.try_acquire_many(1),
        }
    }

    /// Acquires a permit, sleeping until one is free, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Semaphore::acquire`].
    ///
    /// # If a process dies
    ///
    /// As for [`Semaphore::acquire`].
    ///
    /// # Errors
    ///
    /// [`AcquireError::TimedOut`] after `limit`; otherwise as [`Semaphore::acquire`].
    pub fn acquire_timeout(&self, limit: Duration) -> Acquired<'_> {
        self.acquire_until(1, Deadline::after(limit))
    }

    /// Acquires a permit, sleeping until one is free, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Semaphore::acquire`].
    ///
    /// # If a process dies
    ///
    /// As for [`Semaphore::acquire`].
    ///
    /// # Errors
    ///
    /// [`AcquireError::TimedOut`] at `instant`; otherwise as [`Semaphore::acquire`].
    pub fn acquire_deadline(&self, instant: Instant) -> Acquired<'_> {
        self.acquire_until(1, Deadline::at(instant))
    }

    /// Acquires `count` permits at once, sleeping until as many are free. Holds none while it
    /// waits, so those who take permits one by one can keep it waiting.
    ///
    /// # Blocking
    ///
    /// As [`Semaphore::acquire`].
    ///
    /// # If a process dies
    ///
    /// As for [`Semaphore::acquire`]. The caller's own death in the middle gives back all of them.
    ///
    /// # Errors
    ///
    /// [`AcquireError::Broken`] with [`ErrorKind::InvalidInput`] above the capacity; otherwise as
    /// [`Semaphore::acquire`].
    pub fn acquire_many(&self, count: u32) -> Acquired<'_> {
        self.acquire_until(count, Deadline::NEVER)
    }

    /// Acquires `count` permits if as many are free or held by the dead. One who is stopped in the
    /// middle of the same is waited for, but not longer than 20 ms.
    ///
    /// # If a process dies
    ///
    /// As for [`Semaphore::acquire_many`].
    ///
    /// # Errors
    ///
    /// [`AcquireError::TimedOut`] where there are fewer; otherwise as [`Semaphore::acquire_many`].
    pub fn try_acquire_many(&self, count: u32) -> Acquired<'_> {
        let seat = self.permits.seat().map_err(AcquireError::Broken)?;
        let mut met = false;
        let patience = || Deadline::after(PATIENCE);
        let start = self.start(seat.me());
        let taken = self
            .permits
            .view()
            .try_acquire(&seat, start, count, patience, &mut met);
        self.permit(seat.me(), taken, count, met)
    }

    /// As [`Semaphore::acquire_many`], but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Semaphore::acquire`].
    ///
    /// # If a process dies
    ///
    /// As for [`Semaphore::acquire_many`].
    ///
    /// # Errors
    ///
    /// [`AcquireError::TimedOut`] after `limit`; otherwise as [`Semaphore::acquire_many`].
    pub fn acquire_many_timeout(&self, count: u32, limit: Duration) -> Acquired<'_> {
        self.acquire_until(count, Deadline::after(limit))
    }

    /// As [`Semaphore::acquire_many`], but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Semaphore::acquire`].
    ///
    /// # If a process dies
    ///
    /// As for [`Semaphore::acquire_many`].
    ///
    /// # Errors
    ///
    /// [`AcquireError::TimedOut`] at `instant`; otherwise as [`Semaphore::acquire_many`].
    pub fn acquire_many_deadline(&self, count: u32, instant: Instant) -> Acquired<'_> {
        self.acquire_until(count, Deadline::at(instant))
    }

    /// Makes `count` permits free without a [`Permit`], all of them or none: Python's `release`.
    ///
    /// First those that this process [kept](Permit::keep), then those that any process did, then
    /// new ones, up to the capacity. Permits with a guard stay where they are: the guard will give
    /// them back.
    ///
    /// # Blocking
    ///
    /// Waits for other releases, and for those who take several permits, to get out of the way:
    /// some instructions, or as long as one of them is stopped there. There is no form with a
    /// limit; up to a capacity of 1024, to drop a [`Permit`] waits for none of them.
    ///
    /// # If a process dies
    ///
    /// Doing this: some of the `count` may be free, and the others are not. Having kept a permit
    /// that another now releases: it comes back once, not twice.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Full`] where this would be more than the capacity; nothing has changed.
    pub fn release(&self, count: u32) -> Result<()> {
        let seat = self.permits.seat()?;
        self.permits.view().add(&seat, count).map_err(|_| {
            Error::new(
                ErrorKind::Full,
                format!("release {count} permits of {self:?}"),
            )
            .advise("it is released more often than acquired, or needs a larger capacity")
        })
    }

    /// Free permits; it may change at once. Those of the dead count only after somebody met the
    /// death: whoever acquires in vain, or
    /// [`Segment::reap`](crate::Segment::reap).
    #[must_use]
    pub fn available(&self) -> u32 {
        let patience = || Deadline::after(PATIENCE);
        self.permits
            .seat()
            .map_or(0, |seat| self.permits.view().available(&seat, patience))
    }

    /// The highest value that the semaphore can have; it never changes.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.permits.view().capacity()
    }

    /// Takes the cell that was given back last, if it is still free: all that there is to do where
    /// nobody is in the way.
    #[inline]
    fn quick(&self) -> Option<Permit<'_>> {
        let me = self.permits.seat().ok()?.me();
        // Relaxed: a guess.
        let at = self.hint.load(Ordering::Relaxed);
        let taken = self.permits.view().take(me, at);
        taken.then(|| Permit::new(self, Claim::one(me, at)))
    }

    #[inline(never)]
    fn acquire_until(&self, count: u32, deadline: Deadline) -> Acquired<'_> {
        let seat = self.permits.seat().map_err(AcquireError::Broken)?;
        let permits = self.permits.view();
        if count > 1 && count > permits.capacity() {
            return Err(AcquireError::Broken(self.never(count)));
        }
        let mut met = false;
        let taken = permits.acquire(&seat, self.start(seat.me()), count, deadline, &mut met);
        self.permit(seat.me(), taken, count, met)
    }

    fn permit(
        &self,
        owner: Token,
        taken: Result<u32, NoneFree>,
        count: u32,
        met: bool,
    ) -> Acquired<'_> {
        match taken {
            Ok(_) if met => {
                self.permits.object().owe_reap();
                Ok(Permit::new(self, Claim::several(owner, count)))
            }
            Ok(at) if count == 1 => Ok(Permit::new(self, Claim::one(owner, at))),
            Ok(_) => Ok(Permit::new(self, Claim::several(owner, count))),
            Err(NoneFree) => Err(self.none(count, met)),
        }
    }

    #[cold]
    fn none(&self, count: u32, met: bool) -> AcquireError {
        if met {
            self.permits.object().reap();
        }
        if count > 1 && count > self.capacity() {
            return AcquireError::Broken(self.never(count));
        }
        AcquireError::TimedOut
    }

    #[cold]
    fn never(&self, count: u32) -> Error {
        Error::new(
            ErrorKind::InvalidInput,
            format!("acquire {count} permits of {self:?}"),
        )
        .advise("there can never be as many")
    }

    /// Where to look first: where this handle last gave back, and before that a place of each
    /// process's own.
    fn start(&self, me: Token) -> u32 {
        // Relaxed: a guess.
        match self.hint.load(Ordering::Relaxed) {
            NOWHERE => me.slot() % self.capacity().max(1),
            at => at,
        }
    }

    /// Says that the cell `at` was given back.
    #[inline]
    pub(super) fn found_free(&self, at: u32) {
        // Relaxed: a guess. Stored only where it is news, as the handle may be shared by threads.
        if self.hint.load(Ordering::Relaxed) != at {
            self.hint.store(at, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(super) fn permits(&self) -> &Permits<'static> {
        self.permits.view()
    }

    /// This process as a participant of the semaphore's segment.
    #[inline]
    pub(super) fn seat(&self) -> Result<Seat<'_>> {
        self.permits.seat()
    }

    #[inline]
    pub(super) fn object(&self) -> &Object {
        self.permits.object()
    }
}

impl Clone for Semaphore {
    fn clone(&self) -> Self {
        Self {
            permits: self.permits.clone(),
            hint: AtomicU32::new(NOWHERE),
        }
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("at", self.object())
            .field("available", &self.available())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

impl Serialize for Semaphore {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.object(), to)
    }
}

impl<'de> Deserialize<'de> for Semaphore {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(SPEC, from, Self::bind)
    }
}
