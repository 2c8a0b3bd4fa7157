//! [`Condition`]: waiting, with a lock given up meanwhile, until somebody says that something has
//! changed.

mod create;
mod suspend;

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::raw::condition::{End, Line, TooManyWaiters};
use crate::segment::Bound;
use crate::segment::object::{deserialize, serialize};
use crate::sys::clock::Deadline;

use super::died::LockError;
use create::SPEC;
use suspend::Suspend;

/// A place to wait until something that a lock protects has changed.
///
/// Whoever holds a [`Lock`](crate::Lock) or an [`RLock`](crate::RLock) and finds that it cannot go
/// on waits with its guard: the lock is given up, of an `RLock` all levels, and taken again, as deep
/// as before, once somebody notifies. Whoever makes the change notifies, with the lock or after it
/// has given it back. To notify never waits, whatever state the waiters are in, and is one load
/// where there are none. There is no `try_` form: [`Condition::wait_timeout`] of zero gives the lock
/// up and takes it again.
///
/// A notification wakes the waiter that came first. It is not kept for those who come later: what
/// they are to find must be in what the lock protects. A wait ends without one only where a death or
/// damage has doubled one, and what was true when the notifier spoke may be over when the waiter has
/// its lock again: so look again, or use [`Condition::wait_while`], which does.
///
/// Which lock goes with it is the caller's affair, as with a condition of POSIX: it may lie in another segment, and
/// waiters may come with different ones; each gives up its own and takes it again. Whoever notifies
/// without the lock of a waiter may do so between its look and its wait, and is then not heard.
///
/// Each waiter has a cell of its own in the segment, and there is room for 256 of them at a time
/// unless [`Condition::with_waiters`] says otherwise. A handle is cheap to clone and can be sent to
/// other processes as a few bytes (serde).
///
/// # If a process dies
///
/// Waiting: it is passed over. Notified, but without having its lock again: the notification goes
/// to the next waiter, at once or at the end of its slice, 20 ms at the most; in rare cases to one
/// more. With its lock again: its lock tells the next owner, as always, and what the dead one was
/// notified of is the next owner's affair: whoever repairs should call
/// [`Condition::notify_all`]. In the middle of notifying several: some of them are notified. A
/// stopped process is not dead: a notification that has reached it waits for it.
///
/// # Examples
///
/// ```
/// use outlive::{Condition, Lock, Value};
///
/// let (lock, changed, jobs) = (Lock::new()?, Condition::new()?, Value::new(0_u32)?);
/// std::thread::scope(|scope| -> outlive::Result<()> {
///     scope.spawn(|| -> outlive::Result<u32> {
///         let guard = lock.lock()?;
///         jobs.set(jobs.get()? + 1)?;
///         drop(guard);
///         changed.notify(1)
///     });
///     let guard = lock.lock()?;
///     let guard = changed.wait_while(guard, || jobs.get().unwrap_or(0) == 0)?;
///     jobs.set(jobs.get()? - 1)?;
///     drop(guard);
///     Ok(())
/// })?;
/// assert_eq!(jobs.get()?, 0);
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "Condvar")]
pub struct Condition(Bound<Line<'static>>);

/// How a wait with a limit ended. The lock is held again in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wake {
    /// By a notification; or, where it waited *while* something is so, that is no longer so.
    InTime,
    /// By its limit.
    TimedOut,
}

impl Wake {
    /// Whether the limit ended it.
    #[must_use]
    pub fn is_timed_out(self) -> bool {
        self == Self::TimedOut
    }
}

/// What a wait with a limit gives back: the guard, and how it ended; both also where the lock's last
/// owner has died.
pub type Timed<G> = Result<(G, Wake), LockError<(G, Wake)>>;

/// How long a wait with a limit tries to take its lock again, at the least.
const RETAKE: Duration = Duration::from_secs(5);

#[expect(private_bounds, reason = "implemented by the guards of this crate")]
impl Condition {
    /// Gives up the lock of `guard`, sleeps until notified, and takes the lock again.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel; then as the lock's own `lock`.
    ///
    /// # If a process dies
    ///
    /// The death of another waiter, or of whoever was to notify, is none to this one; the death of the
    /// lock's holder hands the lock over.
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] with the guard inside, after the wait, where the lock's last owner
    /// has died or an earlier death has not been repaired. With [`LockError::Broken`] the guard is
    /// gone, as if dropped: [`ErrorKind::Full`] where there are as many waiters as there is room
    /// for, before any wait; [`ErrorKind::NotOwner`] where the caller's process does not hold the
    /// lock, as a forked child with its parent's guard; and as for the lock's own `lock`.
    pub fn wait<G: Suspend>(&self, guard: G) -> Result<G, LockError<G>> {
        match self.wait_until(guard, Deadline::NEVER) {
            Ok((guard, _)) => Ok(guard),
            Err(error) => Err(error.map(|(guard, _)| guard)),
        }
    }

    /// Gives up the lock of `guard`, sleeps until notified, but not longer than `limit`, and takes
    /// the lock again.
    ///
    /// The limit is that of the sleep. Beyond it the call goes on until the lock is held again, as
    /// with std and Python, but not for ever: if a living process, perhaps a stopped one, keeps the
    /// lock for 5 seconds after the sleep, and until the limit, the guard is lost.
    ///
    /// # Blocking
    ///
    /// As [`Condition::wait`].
    ///
    /// # If a process dies
    ///
    /// As for [`Condition::wait`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] where the lock could not be taken again, as above: the caller does not
    /// hold it, at no level, and a notification that it had has gone to the next waiter. Otherwise as
    /// [`Condition::wait`].
    pub fn wait_timeout<G: Suspend>(&self, guard: G, limit: Duration) -> Timed<G> {
        self.wait_until(guard, Deadline::after(limit))
    }

    /// As [`Condition::wait_timeout`], but sleeps not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Condition::wait`].
    ///
    /// # If a process dies
    ///
    /// As for [`Condition::wait`].
    ///
    /// # Errors
    ///
    /// As [`Condition::wait_timeout`].
    pub fn wait_deadline<G: Suspend>(&self, guard: G, instant: Instant) -> Timed<G> {
        self.wait_until(guard, Deadline::at(instant))
    }

    /// Waits, as [`Condition::wait`], as often as `condition` is found true. It is called with the
    /// lock held, and first before any wait.
    ///
    /// # Blocking
    ///
    /// As [`Condition::wait`].
    ///
    /// # If a process dies
    ///
    /// As for [`Condition::wait`]. After a death with the lock `condition` is not called: the data
    /// may need repair first.
    ///
    /// # Errors
    ///
    /// As [`Condition::wait`].
    #[doc(alias = "wait_for")]
    pub fn wait_while<G: Suspend>(
        &self,
        mut guard: G,
        mut condition: impl FnMut() -> bool,
    ) -> Result<G, LockError<G>> {
        while condition() {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`Condition::wait_while`], but not longer than `limit`. [`Wake::TimedOut`] says that
    /// `condition` was true to the last.
    ///
    /// # Blocking
    ///
    /// As [`Condition::wait`].
    ///
    /// # If a process dies
    ///
    /// As for [`Condition::wait_while`].
    ///
    /// # Errors
    ///
    /// As [`Condition::wait_timeout`].
    pub fn wait_while_timeout<G: Suspend>(
        &self,
        guard: G,
        limit: Duration,
        condition: impl FnMut() -> bool,
    ) -> Timed<G> {
        self.wait_while_until(guard, Deadline::after(limit), condition)
    }

    /// As [`Condition::wait_while_timeout`], but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Condition::wait`].
    ///
    /// # If a process dies
    ///
    /// As for [`Condition::wait_while`].
    ///
    /// # Errors
    ///
    /// As [`Condition::wait_timeout`].
    pub fn wait_while_deadline<G: Suspend>(
        &self,
        guard: G,
        instant: Instant,
        condition: impl FnMut() -> bool,
    ) -> Timed<G> {
        self.wait_while_until(guard, Deadline::at(instant), condition)
    }

    fn wait_while_until<G: Suspend>(
        &self,
        mut guard: G,
        deadline: Deadline,
        mut condition: impl FnMut() -> bool,
    ) -> Timed<G> {
        let mut wake = Wake::InTime;
        loop {
            if !condition() {
                return Ok((guard, Wake::InTime));
            }
            if wake.is_timed_out() {
                return Ok((guard, wake));
            }
            (guard, wake) = self.wait_until(guard, deadline)?;
        }
    }

    fn wait_until<G: Suspend>(&self, guard: G, deadline: Deadline) -> Timed<G> {
        let (line, object) = (self.0.view(), self.0.object());
        let seat = self.0.seat().map_err(LockError::Broken)?;
        let place = line
            .enter(&seat)
            .map_err(|TooManyWaiters| LockError::Broken(self.no_room()))?;
        let suspended = guard.suspend().map_err(|error| {
            line.hand_on(&seat, place);
            LockError::Broken(error)
        })?;
        let mut met = false;
        let end = line.sleep(&seat, place, deadline, &mut met);
        if met {
            object.owe_reap();
        }
        object.reap_if_due();
        let guard = G::resume(suspended, Deadline::after(RETAKE).max(deadline));
        let wake = match (end, &guard) {
            (End::TimedOut, _) => Wake::TimedOut,
            (End::Notified, Ok(_) | Err(LockError::OwnerDied(_))) => {
                line.leave(place);
                Wake::InTime
            }
            (End::Notified, Err(_)) => {
                line.hand_on(&seat, place);
                Wake::InTime
            }
        };
        guard
            .map(|guard| (guard, wake))
            .map_err(|error| error.map(|guard| (guard, wake)))
    }

    #[cold]
    fn no_room(&self) -> Error {
        Error::new(ErrorKind::Full, format!("wait on {self:?}"))
            .advise("create it with room for more waiters")
    }

    /// Notifies up to `count` waiters, those first that came first, and says how many: Python's
    /// `notify(n)`. To notify one, that is 1.
    ///
    /// Never waits: for no lock, and for no waiter to wake up.
    ///
    /// # If a process dies
    ///
    /// A dead waiter does not count, and is passed over, if it was dead when the kernel was asked to
    /// wake it; what it was notified of at the last moment goes to the next waiter.
    ///
    /// # Errors
    ///
    /// After a fork, where the child cannot join the segment.
    #[inline]
    pub fn notify(&self, count: u32) -> Result<u32> {
        if self.0.view().is_anybody_there() {
            self.notify_some(count)
        } else {
            Ok(0)
        }
    }

    /// Notifies everybody who waits, and says how many that are.
    ///
    /// Never waits, as [`Condition::notify`]. Without the lock of the waiters it may also reach
    /// those who begin to wait meanwhile.
    ///
    /// # If a process dies
    ///
    /// As for [`Condition::notify`].
    ///
    /// # Errors
    ///
    /// As [`Condition::notify`].
    #[inline]
    pub fn notify_all(&self) -> Result<u32> {
        self.notify(u32::MAX)
    }

    #[cold]
    fn notify_some(&self, count: u32) -> Result<u32> {
        let seat = self.0.seat()?;
        let mut met = false;
        let told = self.0.view().notify(&seat, count, &mut met);
        if met {
            // The caller may hold a lock: this process's next wait sees to the rest.
            self.0.object().owe_reap();
        }
        Ok(told)
    }

    /// How many wait and have not been notified; it may change at once. Whom it counts, a notification
    /// after it finds. The dead count until somebody meets the death.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.0.view().waiting()
    }

    /// Most waiters at a time; it never changes.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.0.view().capacity()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition")
            .field("at", self.0.object())
            .field("waiting", &self.waiting())
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.0.object(), to)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(SPEC, from, Self::bind)
    }
}
