//! [`RLock`]: a lock that its holder may take again.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::raw::lock::Taken;
use crate::raw::rlock::{Entered, Left, Recursion, Refused};
use crate::raw::robust_lock::RobustLock;
use crate::raw::{Kind, Peers, Storage, Token};
use crate::segment::object::{deserialize, serialize};
use crate::segment::{Bound, Object, Segment, Spec};
use crate::sys::clock::Deadline;
use crate::sys::thread;

use super::died::{LockError, Marked};
use super::lock::after_death;

/// A recursive lock that processes share: the thread that holds it may take it again, and frees it
/// when it has given it back as often.
///
/// Otherwise as [`Lock`](crate::Lock), and as cheap.
///
/// # If a process dies
///
/// As for [`Lock`](crate::Lock), at whatever depth: the heir starts at the first level.
///
/// # Examples
///
/// ```
/// let lock = outlive::RLock::new()?;
/// let outer = lock.lock()?;
/// let inner = lock.lock()?;
/// assert_eq!(lock.depth(), 2);
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "ReentrantMutex")]
pub struct RLock(Bound<View>);

#[derive(Clone, Copy)]
struct View {
    lock: &'static RobustLock,
    recursion: &'static Recursion,
}

/// One level of an [`RLock`]; gives it back when dropped. It belongs to its thread.
#[must_use = "dropping the guard gives the level back"]
pub struct RLockGuard<'a> {
    lock: &'a RLock,
    /// Who took it: in a forked child it is nobody's, and gives nothing of the child's own back.
    taker: Token,
    not_send: PhantomData<*const ()>,
}

const SPEC: Spec = Spec {
    kind: Kind::RLock,
    fingerprint: 0,
};
const LEN: usize = size_of::<RobustLock>() + size_of::<Recursion>();

type Locked<'a> = Result<RLockGuard<'a>, LockError<RLockGuard<'a>>>;

impl RLock {
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
    /// As [`Lock::create`](crate::Lock::create).
    pub fn create(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::create(segment, Some(name), SPEC, LEN, |_| {})?)
    }

    /// Opens the lock called `name`.
    ///
    /// # Errors
    ///
    /// As [`Lock::open`](crate::Lock::open).
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open(segment, name, SPEC)?)
    }

    /// Opens the lock called `name`, or creates it.
    ///
    /// # Errors
    ///
    /// As [`Lock::open_or_create`](crate::Lock::open_or_create).
    pub fn open_or_create(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open_or_create(segment, name, SPEC, LEN, |_| {})?)
    }

    /// Takes the lock, or one level more, sleeping until it is free.
    ///
    /// # Blocking
    ///
    /// Never for the thread that holds it; otherwise as [`Lock::lock`](crate::Lock::lock).
    ///
    /// # If a process dies
    ///
    /// The holder's death hands the lock over, with [`LockError::OwnerDied`].
    ///
    /// # Errors
    ///
    /// As [`Lock::lock`](crate::Lock::lock); [`LockError::Broken`] at 2^32 levels.
    #[inline]
    pub fn lock(&self) -> Locked<'_> {
        self.lock_until(Deadline::NEVER)
    }

    /// Takes the lock, or one level more, if it is free, its holder dead, or the caller.
    ///
    /// # If a process dies
    ///
    /// As for [`RLock::lock`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] where another holds it; otherwise as [`RLock::lock`].
    #[inline]
    pub fn try_lock(&self) -> Locked<'_> {
        let seat = self.0.seat().map_err(LockError::Broken)?;
        let View { lock, recursion } = self.0.view();
        let entered = recursion.try_lock(&lock.word, &seat, thread::number());
        self.guard(seat.me(), entered, None)
    }

    /// As [`RLock::lock`], but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`RLock::lock`].
    ///
    /// # If a process dies
    ///
    /// As for [`RLock::lock`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] after `limit`, or [`LockError::Deadlock`]; otherwise as [`RLock::lock`].
    pub fn lock_timeout(&self, limit: Duration) -> Locked<'_> {
        self.lock_until(Deadline::after(limit))
    }

    /// As [`RLock::lock`], but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`RLock::lock`].
    ///
    /// # If a process dies
    ///
    /// As for [`RLock::lock`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] at `instant`, or [`LockError::Deadlock`]; otherwise as [`RLock::lock`].
    pub fn lock_deadline(&self, instant: Instant) -> Locked<'_> {
        self.lock_until(Deadline::at(instant))
    }

    /// Takes the lock, or one level more, without a guard. [`RLock::release`] gives the level back,
    /// in the same thread.
    ///
    /// # Blocking
    ///
    /// As [`RLock::lock`]; `None` waits for ever.
    ///
    /// # If a process dies
    ///
    /// As for [`RLock::lock`]; the lock stays marked until somebody repairs through a guard.
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] after `limit`, or [`LockError::Deadlock`]; [`LockError::OwnerDied`],
    /// and the lock is the caller's; [`LockError::Broken`] as for [`RLock::lock`].
    pub fn acquire(&self, limit: Option<Duration>) -> Result<(), LockError<()>> {
        let deadline = limit.map_or(Deadline::NEVER, Deadline::after);
        let keep = |guard: RLockGuard<'_>| guard.keep();
        self.lock_until(deadline).map(keep).map_err(|e| e.map(keep))
    }

    /// Gives one level back.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotOwner`] where this thread does not hold the lock.
    pub fn release(&self) -> Result<()> {
        let seat = self.0.seat()?;
        let View { lock, recursion } = self.0.view();
        let freed = recursion
            .unlock(&lock.word, &seat, thread::number())
            .map_err(|_| self.not_owner())?;
        if freed == Left::OthersWait {
            self.see_to_the_others();
        }
        Ok(())
    }

    /// Frees a lock that this thread holds, at whatever depth, and gives the depth.
    pub(super) fn release_all(&self) -> Result<u32> {
        let seat = self.0.seat()?;
        let View { lock, recursion } = self.0.view();
        let (depth, left) = recursion
            .unlock_all(&lock.word, &seat, thread::number())
            .map_err(|_| self.not_owner())?;
        if left == Left::OthersWait {
            self.see_to_the_others();
        }
        Ok(depth)
    }

    /// Undoes [`RLock::release_all`]. The guard stands for one of the levels.
    pub(super) fn lock_all_until(&self, depth: u32, deadline: Deadline) -> Locked<'_> {
        let seat = self.0.seat().map_err(LockError::Broken)?;
        let View { lock, recursion } = self.0.view();
        let entered = recursion.lock(&lock.word, seat, thread::number(), deadline);
        if let Ok(Entered::First(_)) = entered {
            recursion.deepen(depth);
        }
        self.guard(seat.me(), entered, Some(deadline))
    }

    pub(super) fn not_owner(&self) -> Error {
        Error::new(ErrorKind::NotOwner, format!("release {self:?}"))
            .advise("only the thread that took the lock can give it back")
    }

    /// How often the calling thread holds the lock.
    #[must_use]
    pub fn depth(&self) -> u32 {
        let View { recursion, .. } = self.0.view();
        match self.0.seat() {
            Ok(seat) if recursion.is_held_by(&seat, thread::number()) => recursion.depth(),
            _ => 0,
        }
    }

    /// Process id of the holder; `None` where the lock is free. It may change at once.
    #[must_use]
    pub fn holder(&self) -> Option<u32> {
        Some(
            self.0
                .object()
                .identity(self.0.view().lock.word.owner()?)
                .pid,
        )
    }

    #[inline]
    fn lock_until(&self, deadline: Deadline) -> Locked<'_> {
        let seat = self.0.seat().map_err(LockError::Broken)?;
        let View { lock, recursion } = self.0.view();
        let entered = recursion.lock(&lock.word, seat, thread::number(), deadline);
        self.guard(seat.me(), entered, Some(deadline))
    }

    #[inline]
    fn guard(
        &self,
        taker: Token,
        entered: Result<Entered, Refused>,
        deadline: Option<Deadline>,
    ) -> Locked<'_> {
        let guard = || RLockGuard {
            lock: self,
            taker,
            not_send: PhantomData,
        };
        match entered {
            Ok(Entered::Again | Entered::First(Taken::Clean)) => Ok(guard()),
            Ok(Entered::First(taken)) => Err(LockError::OwnerDied(after_death(
                self.0.object(),
                self.0.view().lock,
                taken,
                guard(),
            ))),
            Err(Refused::StillHeld) => Err(LockError::in_vain(self.0.object(), 0, deadline)),
            Err(Refused::TooDeep) => Err(LockError::Broken(
                Error::new(ErrorKind::Full, format!("take {self:?} once more"))
                    .advise("it is held more often than can be counted"),
            )),
        }
    }

    /// The rest of giving the lock back, where somebody sleeps or a death was met.
    #[cold]
    fn see_to_the_others(&self) {
        if let Ok(seat) = self.0.seat() {
            self.0.view().lock.word.wake_one(&seat);
        }
        self.0.object().reap_if_due();
    }

    fn bind(object: Object) -> Result<Self> {
        let view = |storage: Storage<'static>| {
            let recursion = storage.get(size_of::<RobustLock>())?;
            Some(View {
                lock: storage.get(0)?,
                recursion,
            })
        };
        object.bind(Kind::RLock, view).map(Self)
    }
}

impl<'a> RLockGuard<'a> {
    #[inline]
    pub(super) fn is_ours(&self) -> bool {
        self.lock.0.is_me(self.taker)
    }

    /// The lock that it belongs to.
    pub(super) fn lock(&self) -> &'a RLock {
        self.lock
    }

    /// Leaves the level taken.
    pub(super) fn keep(self) {
        self.lock.0.object().reap_if_due();
        #[expect(
            clippy::mem_forget,
            reason = "the raw forms give the level back by hand"
        )]
        std::mem::forget(self);
    }
}

impl Marked for RLockGuard<'_> {
    fn clear_mark(&mut self) {
        if self.is_ours() {
            self.lock.0.view().lock.word.clear_mark();
        }
    }
}

impl Drop for RLockGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        let Some(seat) = self.lock.0.seat_of(self.taker) else {
            return;
        };
        let View { lock, recursion } = self.lock.0.view();
        // A level that is gone already, through `release` or garbage, is not given back twice.
        if recursion.unlock(&lock.word, &seat, thread::number()) == Ok(Left::OthersWait) {
            self.lock.see_to_the_others();
        }
    }
}

impl fmt::Debug for RLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RLock")
            .field("at", self.0.object())
            .field("holder", &self.holder())
            .field("depth", &self.depth())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for RLockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RLockGuard")
            .field("depth", &self.lock.depth())
            .finish_non_exhaustive()
    }
}

impl Serialize for RLock {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.0.object(), to)
    }
}

impl<'de> Deserialize<'de> for RLock {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(SPEC, from, Self::bind)
    }
}
