//! [`Lock`]: mutual exclusion between processes that outlives its owner.

#[cfg(feature = "async")]
mod future;

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::raw::lock::{StillHeld, Taken};
use crate::raw::robust_lock::{Obituary, RobustLock};
use crate::raw::{Kind, Peers, Storage, Token};
use crate::segment::object::{deserialize, serialize};
use crate::segment::{Bound, Object, Segment, Spec, label_words};
use crate::sys::clock::{self, Deadline};

use super::died::{LockError, Marked, OwnerDied};

/// A lock that processes share.
///
/// It protects whatever its users agree on; for a value of its own see [`Value`](crate::Value). Not
/// recursive: who holds it and locks again waits for himself, as with Python's `Lock`; the timed
/// forms then time out. See [`RLock`](crate::RLock) for one that counts.
///
/// A handle is cheap to clone and can be sent to other processes as a few bytes (serde). Taking a
/// free lock is one compare-and-swap, freeing it one exchange. Waiters are not served in order.
///
/// # If a process dies
///
/// Holding it: the next to take the lock gets it, wrapped in [`OwnerDied`], which says who died;
/// the lock stays marked until [`OwnerDied::repaired`]. Waiting for it: nobody notices. Between
/// freeing it and waking a waiter: the waiter wakes at the end of its slice, 20 ms at the most.
/// A stopped process is not dead: what it holds stays held, and the timed forms time out.
///
/// # Examples
///
/// ```
/// use outlive::Lock;
/// use outlive::sync::LockError;
///
/// let lock = Lock::new()?;
/// match lock.lock() {
///     Ok(guard) => drop(guard),
///     Err(LockError::OwnerDied(died)) => {
///         eprintln!("{died}");
///         // Make the data whole, then:
///         drop(died.repaired());
///     }
///     Err(e) => return Err(e.into()),
/// }
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "Mutex")]
pub struct Lock(Bound<&'static RobustLock>);

/// The right to what a [`Lock`] protects; gives it back when dropped.
///
/// It belongs to its process and not to a thread, as the lock does: it may be sent to another
/// thread, and be held over an `.await`. A guard that is leaked keeps the lock until its process
/// ends, which then counts as a death.
#[must_use = "dropping the guard frees the lock"]
pub struct LockGuard<'a> {
    lock: &'a Lock,
    /// Who took it: in a forked child it is nobody's, and frees nothing of the child's own.
    taker: Token,
}

const SPEC: Spec = Spec {
    kind: Kind::Lock,
    fingerprint: 0,
};

impl Lock {
    /// Creates a lock in the home segment.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`ErrorKind::Full`].
    pub fn new() -> Result<Self> {
        Self::bind(Object::create(&Segment::home()?, None, SPEC, LEN, |_| {})?)
    }

    /// Creates the lock called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the segment has an object of that name,
    /// [`ErrorKind::Full`] where it has no room.
    pub fn create(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::create(segment, Some(name), SPEC, LEN, |_| {})?)
    }

    /// Opens the lock called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no object of that name, [`ErrorKind::WrongType`]
    /// where it is not a lock.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open(segment, name, SPEC)?)
    }

    /// Opens the lock called `name`, or creates it.
    ///
    /// # Errors
    ///
    /// As [`Lock::open`] and [`Lock::create`], but for the two that exclude each other.
    pub fn open_or_create(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open_or_create(segment, name, SPEC, LEN, |_| {})?)
    }

    /// Takes the lock, sleeping until it is free.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel. Not fair.
    ///
    /// # If a process dies
    ///
    /// The holder's death hands the lock over, with [`LockError::OwnerDied`].
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] with the guard inside; [`LockError::Broken`] after a fork, where
    /// the child cannot join the segment.
    #[inline]
    pub fn lock(&self) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        self.lock_until(Deadline::NEVER)
    }

    /// Takes the lock if it is free or its holder is dead.
    ///
    /// # If a process dies
    ///
    /// As for [`Lock::lock`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] where it is held; otherwise as [`Lock::lock`].
    #[inline]
    pub fn try_lock(&self) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        let seat = self.0.seat().map_err(LockError::Broken)?;
        self.guard(seat.me(), self.resident().word.try_lock(seat), None)
    }

    /// Takes the lock, sleeping until it is free, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Lock::lock`].
    ///
    /// # If a process dies
    ///
    /// As for [`Lock::lock`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] after `limit`, or [`LockError::Deadlock`]; otherwise as [`Lock::lock`].
    pub fn lock_timeout(&self, limit: Duration) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        self.lock_until(Deadline::after(limit))
    }

    /// Takes the lock, sleeping until it is free, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Lock::lock`].
    ///
    /// # If a process dies
    ///
    /// As for [`Lock::lock`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] at `instant`, or [`LockError::Deadlock`]; otherwise as [`Lock::lock`].
    pub fn lock_deadline(
        &self,
        instant: Instant,
    ) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        self.lock_until(Deadline::at(instant))
    }

    /// Takes the lock without a guard, for callers whose scopes do not nest. [`Lock::release`]
    /// gives it back, from any thread of this process.
    ///
    /// # Blocking
    ///
    /// As [`Lock::lock`]; `None` waits for ever.
    ///
    /// # If a process dies
    ///
    /// As for [`Lock::lock`]. A lock taken after a death stays marked until it is released with
    /// [`Lock::release_repaired`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] after `limit`, or [`LockError::Deadlock`]; [`LockError::OwnerDied`],
    /// and the lock is the caller's; [`LockError::Broken`] as for [`Lock::lock`].
    pub fn acquire(&self, limit: Option<Duration>) -> Result<(), LockError<()>> {
        let deadline = limit.map_or(Deadline::NEVER, Deadline::after);
        let keep = |guard: LockGuard<'_>| guard.keep();
        self.lock_until(deadline).map(keep).map_err(|e| e.map(keep))
    }

    /// Gives back a lock that this process holds. A mark stays.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotOwner`] where this process does not hold it.
    pub fn release(&self) -> Result<()> {
        self.release_as(false)
    }

    /// Gives back a lock that this process holds, and says that the data are whole.
    ///
    /// # Errors
    ///
    /// As [`Lock::release`].
    pub fn release_repaired(&self) -> Result<()> {
        self.release_as(true)
    }

    fn release_as(&self, repaired: bool) -> Result<()> {
        let seat = self.0.seat()?;
        let released = self.resident().word.release(&seat, repaired);
        released.map_err(|_| self.not_owner())
    }

    pub(super) fn not_owner(&self) -> Error {
        Error::new(ErrorKind::NotOwner, format!("release {self:?}"))
            .advise("only the process that took the lock can give it back")
    }

    /// Process id of the holder; `None` where the lock is free. It may change at once.
    #[must_use]
    pub fn holder(&self) -> Option<u32> {
        Some(self.0.object().identity(self.resident().word.owner()?).pid)
    }

    /// Whether somebody holds the lock. It may change at once, unless the caller holds it.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.resident().word.owner().is_some()
    }

    #[inline]
    pub(super) fn lock_until(
        &self,
        deadline: Deadline,
    ) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        let seat = self.0.seat().map_err(LockError::Broken)?;
        let taken = self.resident().word.lock(seat, deadline);
        self.guard(seat.me(), taken, Some(deadline))
    }

    #[inline]
    fn guard(
        &self,
        taker: Token,
        taken: Result<Taken, StillHeld>,
        deadline: Option<Deadline>,
    ) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        let guard = || LockGuard { lock: self, taker };
        match taken {
            Ok(Taken::Clean) => Ok(guard()),
            Ok(taken) => Err(LockError::OwnerDied(after_death(
                self.0.object(),
                self.resident(),
                taken,
                guard(),
            ))),
            Err(StillHeld) => Err(LockError::in_vain(self.0.object(), 0, deadline)),
        }
    }

    /// The rest of giving the lock back, where somebody sleeps or a death was met.
    #[cold]
    fn see_to_the_others(&self) {
        if let Ok(seat) = self.0.seat() {
            self.resident().word.wake_one(&seat);
        }
        self.0.object().reap_if_due();
    }

    #[inline]
    fn resident(&self) -> &RobustLock {
        self.0.view()
    }

    fn bind(object: Object) -> Result<Self> {
        object
            .bind(Kind::Lock, |storage: Storage<'static>| storage.get(0))
            .map(Self)
    }
}

/// Bytes of a lock.
const LEN: usize = size_of::<RobustLock>();

/// Writes down whose death the new owner of `lock` met, where it is the first to know, and says it.
#[cold]
pub(crate) fn after_death<G>(
    object: &Object,
    lock: &RobustLock,
    taken: Taken,
    guard: G,
) -> OwnerDied<G> {
    if let Taken::Inherited(dead) = taken {
        object.owe_reap();
        let who = object.identity(dead);
        lock.write(&Obituary {
            pid: who.pid,
            when: clock::unix_nanos(),
            label: label_words(&who.label),
            heir: std::process::id(),
        });
    }
    OwnerDied::new(guard, object, &lock.obituary())
}

impl<'a> LockGuard<'a> {
    #[inline]
    pub(super) fn is_ours(&self) -> bool {
        self.lock.0.is_me(self.taker)
    }

    /// The lock that it belongs to.
    pub(super) fn lock(&self) -> &'a Lock {
        self.lock
    }

    /// Leaves the lock taken.
    pub(super) fn keep(self) {
        self.lock.0.object().reap_if_due();
        #[expect(
            clippy::mem_forget,
            reason = "the raw forms give the lock back by hand"
        )]
        std::mem::forget(self);
    }
}

impl Marked for LockGuard<'_> {
    fn clear_mark(&mut self) {
        if self.is_ours() {
            self.lock.resident().word.clear_mark();
        }
    }
}

impl Drop for LockGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.is_ours() && self.lock.resident().word.free_as_found(self.taker) {
            self.lock.see_to_the_others();
        }
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("at", self.0.object())
            .field("holder", &self.holder())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for LockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockGuard").field(self.lock).finish()
    }
}

impl Serialize for Lock {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.0.object(), to)
    }
}

impl<'de> Deserialize<'de> for Lock {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(SPEC, from, Self::bind)
    }
}
