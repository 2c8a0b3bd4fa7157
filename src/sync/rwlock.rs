//! [`RwLock`]: many readers or one writer between processes, none of which can hold the others up
//! by dying.

mod create;
mod guard;

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::raw::lock::StillHeld;
use crate::raw::robust_lock::Obituary;
use crate::raw::rwlock::{self, Found, Refused};
use crate::raw::{Kind, Peers, Token};
use crate::segment::object::{deserialize, serialize};
use crate::segment::{Bound, Spec, label_words};
use crate::sys::clock::{self, Deadline};

use super::died::{LockError, OwnerDied};

pub use guard::{ReadGuard, WriteGuard};

/// A lock that many readers hold at once, or one writer alone.
///
/// It protects whatever its users agree on. Readers are counted for each process, and each process
/// has a cache line for its count: to read costs one locked instruction on that line to come in and
/// one to go, and readers of different processes do not disturb each other. To write costs one look
/// at each process that has ever read.
///
/// A writer that waits keeps new readers out, so readers cannot starve it; writers that follow one
/// another without a gap can starve readers. Hence a thread that holds a read guard and reads again
/// waits for a writer that waits for itself, and so for ever, as with most such locks; the timed
/// forms time out. So does a thread that reads and would write.
///
/// A handle is cheap to clone and can be sent to other processes as a few bytes (serde). The lock
/// takes 128 bytes of its segment and 64 for each of its participants.
///
/// # If a process dies
///
/// Reading: its read guards are gone, and a writer that waits for them goes on. Writing, or waiting
/// for readers to leave so as to write: whoever comes next gets the lock, wrapped in
/// [`OwnerDied`], which says who died, and so does everybody later, readers too, until a *writer*
/// calls [`OwnerDied::repaired`]. A reader is told because the data may be half written, and
/// cannot repair them because it is not alone. Waiting to read, or for another writer: nobody
/// notices. Between going and waking a waiter: the waiter wakes at the end of its slice, 20 ms at
/// the most. A stopped process is not dead: what it holds stays held, and the timed forms time out.
///
/// # Examples
///
/// ```
/// use outlive::RwLock;
///
/// let lock = RwLock::new()?;
/// let one = lock.read()?;
/// let two = lock.read()?;
/// assert_eq!(lock.readers(), 2);
/// assert!(lock.try_write().is_err());
/// drop((one, two));
///
/// let writer = lock.write().or_else(|e| e.repair(|_guard| { /* make the data whole */ }))?;
/// assert!(lock.try_read().is_err());
/// let reader = writer.downgrade();
/// assert!(lock.try_read().is_ok());
/// # drop(reader);
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "ReaderWriterLock")]
#[doc(alias = "SharedMutex")]
pub struct RwLock(Bound<rwlock::RwLock<'static>>);

/// What it is to read.
type Reading<'a> = Result<ReadGuard<'a>, LockError<ReadGuard<'a>>>;
/// What it is to write.
type Writing<'a> = Result<WriteGuard<'a>, LockError<WriteGuard<'a>>>;

const SPEC: Spec = Spec {
    kind: Kind::RwLock,
    fingerprint: 0,
};

impl RwLock {
    /// Lets the caller in as a reader, sleeping until no writer is there or waits for readers.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// A writer's death lets the caller in, with [`LockError::OwnerDied`].
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] with the guard inside; [`LockError::Broken`] after a fork, where
    /// the child cannot join the segment, and with [`ErrorKind::Full`] where this process has 2^31
    /// read guards, which it can only have leaked.
    #[inline]
    pub fn read(&self) -> Result<ReadGuard<'_>, LockError<ReadGuard<'_>>> {
        let seat = self.0.seat().map_err(LockError::Broken)?;
        if self.0.view().enter(seat) {
            return Ok(ReadGuard::new(self, seat.me()));
        }
        self.read_contended(Some(Deadline::NEVER))
    }

    /// Lets the caller in as a reader if no writer is there or waits for readers, or if it is dead.
    ///
    /// # If a process dies
    ///
    /// As for [`RwLock::read`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] where a writer is there; otherwise as [`RwLock::read`].
    #[inline]
    pub fn try_read(&self) -> Result<ReadGuard<'_>, LockError<ReadGuard<'_>>> {
        let seat = self.0.seat().map_err(LockError::Broken)?;
        if self.0.view().enter(seat) {
            return Ok(ReadGuard::new(self, seat.me()));
        }
        self.read_contended(None)
    }

    /// As [`RwLock::read`], but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`RwLock::read`].
    ///
    /// # If a process dies
    ///
    /// As for [`RwLock::read`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] after `limit`, or [`LockError::Deadlock`]; otherwise as [`RwLock::read`].
    pub fn read_timeout(&self, limit: Duration) -> Result<ReadGuard<'_>, LockError<ReadGuard<'_>>> {
        self.read_contended(Some(Deadline::after(limit)))
    }

    /// As [`RwLock::read`], but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`RwLock::read`].
    ///
    /// # If a process dies
    ///
    /// As for [`RwLock::read`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] at `instant`, or [`LockError::Deadlock`]; otherwise as [`RwLock::read`].
    pub fn read_deadline(
        &self,
        instant: Instant,
    ) -> Result<ReadGuard<'_>, LockError<ReadGuard<'_>>> {
        self.read_contended(Some(Deadline::at(instant)))
    }

    /// Lets the caller in as the writer, sleeping until everybody else is gone. From the moment at
    /// which it waits for readers alone, no new ones come in.
    ///
    /// # Blocking
    ///
    /// As [`RwLock::read`]. Not fair among writers.
    ///
    /// # If a process dies
    ///
    /// The death of a reader, or of all of them, lets the caller in. So does that of a writer, with
    /// [`LockError::OwnerDied`].
    ///
    /// # Errors
    ///
    /// [`LockError::OwnerDied`] with the guard inside; [`LockError::Broken`] after a fork, where
    /// the child cannot join the segment.
    #[inline]
    pub fn write(&self) -> Result<WriteGuard<'_>, LockError<WriteGuard<'_>>> {
        self.write_until(Deadline::NEVER)
    }

    /// Lets the caller in as the writer if nobody else who lives is there.
    ///
    /// # If a process dies
    ///
    /// As for [`RwLock::write`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] where somebody is; otherwise as [`RwLock::write`].
    pub fn try_write(&self) -> Result<WriteGuard<'_>, LockError<WriteGuard<'_>>> {
        let seat = self.0.seat().map_err(LockError::Broken)?;
        let mut met = false;
        let found = self.0.view().try_write(&seat, self.teller(), &mut met);
        self.written(seat.me(), found, met, None)
    }

    /// As [`RwLock::write`], but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`RwLock::write`].
    ///
    /// # If a process dies
    ///
    /// As for [`RwLock::write`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] after `limit`, or [`LockError::Deadlock`]; otherwise as [`RwLock::write`].
    pub fn write_timeout(
        &self,
        limit: Duration,
    ) -> Result<WriteGuard<'_>, LockError<WriteGuard<'_>>> {
        self.write_until(Deadline::after(limit))
    }

    /// As [`RwLock::write`], but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`RwLock::write`].
    ///
    /// # If a process dies
    ///
    /// As for [`RwLock::write`].
    ///
    /// # Errors
    ///
    /// [`LockError::TimedOut`] at `instant`, or [`LockError::Deadlock`]; otherwise as [`RwLock::write`].
    pub fn write_deadline(
        &self,
        instant: Instant,
    ) -> Result<WriteGuard<'_>, LockError<WriteGuard<'_>>> {
        self.write_until(Deadline::at(instant))
    }

    /// Read guards of all processes; it may change at once. Those of the dead count until somebody
    /// has met the death: whoever would write, or [`Segment::reap`](crate::Segment::reap).
    #[must_use]
    pub fn readers(&self) -> u64 {
        self.0.view().readers()
    }

    /// Process id of the writer, or of whoever waits for readers so as to write; `None` where there
    /// is neither. It may change at once.
    #[must_use]
    pub fn writer(&self) -> Option<u32> {
        let writer = self.0.view().head.lock.word.owner()?;
        Some(self.0.object().identity(writer).pid)
    }

    /// Whether a writer is there, or waits for readers. It may change at once, unless it is the
    /// caller.
    #[must_use]
    pub fn is_write_locked(&self) -> bool {
        self.0.view().head.lock.word.owner().is_some()
    }

    /// All reading but the simple case; `None` does not wait.
    #[cold]
    #[inline(never)]
    fn read_contended(&self, deadline: Option<Deadline>) -> Reading<'_> {
        let seat = self.0.seat().map_err(LockError::Broken)?;
        let (lock, mut met) = (self.0.view(), false);
        let found = match deadline {
            Some(deadline) => lock.read(&seat, deadline, self.teller(), &mut met),
            None => lock.try_read(&seat, self.teller(), &mut met),
        };
        let guard = || ReadGuard::new(self, seat.me());
        if met {
            self.0.object().owe_reap();
        }
        match found {
            Ok(Found::Clean) => Ok(guard()),
            Ok(Found::Marked) => Err(self.died(guard())),
            Err(Refused::StillHeld) => Err(self.in_vain(0, deadline)),
            Err(Refused::NoRoom) => Err(LockError::Broken(self.no_room())),
        }
    }

    fn write_until(&self, deadline: Deadline) -> Writing<'_> {
        let seat = self.0.seat().map_err(LockError::Broken)?;
        let mut met = false;
        let found = self
            .0
            .view()
            .write(&seat, deadline, self.teller(), &mut met);
        self.written(seat.me(), found, met, Some(deadline))
    }

    fn written(
        &self,
        me: Token,
        found: Result<Found, StillHeld>,
        met: bool,
        deadline: Option<Deadline>,
    ) -> Writing<'_> {
        let guard = || WriteGuard::new(self, me);
        if met {
            self.0.object().owe_reap();
        }
        match found {
            Ok(Found::Clean) => Ok(guard()),
            Ok(Found::Marked) => Err(self.died(guard())),
            Err(StillHeld) => Err(self.in_vain(self.0.view().slept_at(), deadline)),
        }
    }

    /// What is to be remembered of a dead writer.
    fn teller(&self) -> impl Fn(Token) -> Obituary {
        |dead| {
            let who = self.0.object().identity(dead);
            Obituary {
                pid: who.pid,
                when: clock::unix_nanos(),
                label: label_words(&who.label),
                heir: std::process::id(),
            }
        }
    }

    #[cold]
    fn died<G>(&self, guard: G) -> LockError<G> {
        let obituary = self.0.view().head.lock.obituary();
        LockError::OwnerDied(OwnerDied::new(guard, self.0.object(), &obituary))
    }

    #[cold]
    fn in_vain<G>(&self, at: usize, deadline: Option<Deadline>) -> LockError<G> {
        self.0.object().reap_if_due();
        LockError::in_vain(self.0.object(), at, deadline)
    }

    #[cold]
    fn no_room(&self) -> Error {
        Error::new(ErrorKind::Full, format!("read {self:?}"))
            .advise("this process has read guards without number: it leaks them")
    }
}

impl fmt::Debug for RwLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock")
            .field("at", self.0.object())
            .field("writer", &self.writer())
            .field("readers", &self.readers())
            .finish_non_exhaustive()
    }
}

impl Serialize for RwLock {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.0.object(), to)
    }
}

impl<'de> Deserialize<'de> for RwLock {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(SPEC, from, Self::bind)
    }
}
