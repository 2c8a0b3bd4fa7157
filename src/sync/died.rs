//! What a lock says when it is not simply taken.

use std::fmt;
use std::time::SystemTime;

use crate::error::{Error, ErrorKind};
use crate::raw::robust_lock::Obituary;
use crate::segment::{Deadlock, Object, instant, label_text};
use crate::sys::clock::Deadline;

/// The lock was taken, but the process that held it last died doing so: the data that it protects
/// may be half changed.
///
/// The guard is inside. [`OwnerDied::repaired`] takes it out and says that the data are whole
/// again; until somebody does, every later owner is told. Dropping it unrepaired frees the lock
/// and leaves the mark: nobody is ever locked out.
#[must_use = "dropping it frees the lock and leaves it marked"]
pub struct OwnerDied<G> {
    guard: G,
    /// Apart, so that the result of a lock that is simply taken stays small.
    dead: Box<Dead>,
}

struct Dead {
    /// The object whose lock it was, as messages name it.
    object: String,
    pid: u32,
    label: String,
    at: SystemTime,
}

/// A guard that can clear the mark of the lock it holds.
pub(crate) trait Marked {
    fn clear_mark(&mut self);
}

impl<G> OwnerDied<G> {
    pub(crate) fn new(guard: G, object: &Object, obituary: &Obituary) -> Self {
        let dead = Dead {
            object: format!("{object:?}"),
            pid: obituary.pid,
            label: label_text(obituary.label),
            at: instant(obituary.when),
        };
        Self {
            guard,
            dead: Box::new(dead),
        }
    }

    /// Process id of the dead owner, in its own process-id namespace; 0 where nobody knows any
    /// more.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.dead.pid
    }

    /// What the dead owner called itself.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.dead.label
    }

    /// When its death was noticed.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.dead.at
    }

    /// The guard, to look at the data before they are repaired.
    pub fn get_mut(&mut self) -> &mut G {
        &mut self.guard
    }

    /// The guard, with the mark left in place: the next owner is told too.
    #[must_use]
    pub fn into_guard(self) -> G {
        self.guard
    }

    pub(crate) fn map<H>(self, wrap: impl FnOnce(G) -> H) -> OwnerDied<H> {
        OwnerDied {
            guard: wrap(self.guard),
            dead: self.dead,
        }
    }
}

#[expect(private_bounds, reason = "implemented by the guards of this crate")]
impl<G: Marked> OwnerDied<G> {
    /// Says that the data are whole again, and goes on with the lock.
    #[must_use]
    pub fn repaired(mut self) -> G {
        self.guard.clear_mark();
        self.guard
    }
}

impl<G> fmt::Debug for OwnerDied<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerDied")
            .field("pid", &self.dead.pid)
            .field("label", &self.dead.label)
            .field("at", &self.dead.at)
            .finish_non_exhaustive()
    }
}

impl<G> fmt::Display for OwnerDied<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "process {} `{}` died holding the lock of {}",
            self.dead.pid, self.dead.label, self.dead.object
        )
    }
}

impl<G> std::error::Error for OwnerDied<G> {}

/// Why a lock was not simply taken.
#[non_exhaustive]
pub enum LockError<G> {
    /// It was taken, from a process that died holding it.
    OwnerDied(OwnerDied<G>),
    /// Somebody holds it, and the caller would not wait, or not longer.
    TimedOut,
    /// As [`LockError::TimedOut`], and the caller was in a circle of processes that wait for each
    /// other. Only in a segment made with
    /// [`SegmentOptions::detect_deadlocks`](crate::SegmentOptions::detect_deadlocks).
    Deadlock(Box<Deadlock>),
    /// The segment cannot be used.
    Broken(Error),
}

impl<G> LockError<G> {
    /// Of a lock that was waited for until `deadline`, if at all, on the word at `at` of `object`.
    pub(crate) fn in_vain(object: &Object, at: usize, deadline: Option<Deadline>) -> Self {
        match deadline.and_then(|deadline| object.deadlock(at, deadline)) {
            Some(circle) => Self::Deadlock(Box::new(circle)),
            None => Self::TimedOut,
        }
    }

    /// The guard, where the lock was taken all the same, with the mark left in place.
    ///
    /// # Errors
    ///
    /// Everything but [`LockError::OwnerDied`].
    pub fn into_guard(self) -> Result<G, Error> {
        match self {
            Self::OwnerDied(died) => Ok(died.into_guard()),
            other => Err(other.into()),
        }
    }

    pub(crate) fn map<H>(self, wrap: impl FnOnce(G) -> H) -> LockError<H> {
        match self {
            Self::OwnerDied(died) => LockError::OwnerDied(died.map(wrap)),
            Self::TimedOut => LockError::TimedOut,
            Self::Deadlock(circle) => LockError::Deadlock(circle),
            Self::Broken(error) => LockError::Broken(error),
        }
    }
}

#[expect(private_bounds, reason = "implemented by the guards of this crate")]
impl<G: Marked> LockError<G> {
    /// Has the data repaired by `repair` where the last owner died, and goes on with the lock.
    ///
    /// # Errors
    ///
    /// Everything but [`LockError::OwnerDied`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let lock = outlive::Lock::new()?;
    /// let guard = lock.lock().or_else(|e| e.repair(|_guard| { /* make the data whole */ }))?;
    /// # Ok::<(), outlive::Error>(())
    /// ```
    pub fn repair(self, repair: impl FnOnce(&mut G)) -> Result<G, Error> {
        match self {
            Self::OwnerDied(mut died) => {
                repair(died.get_mut());
                Ok(died.repaired())
            }
            other => other.into_guard(),
        }
    }
}

impl<G> fmt::Debug for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnerDied(died) => fmt::Debug::fmt(died, f),
            Self::TimedOut => f.write_str("TimedOut"),
            Self::Deadlock(circle) => fmt::Debug::fmt(circle, f),
            Self::Broken(error) => f.debug_tuple("Broken").field(error).finish(),
        }
    }
}

impl<G> fmt::Display for LockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OwnerDied(died) => fmt::Display::fmt(died, f),
            Self::TimedOut => f.write_str("the lock is held by a living process"),
            Self::Deadlock(circle) => write!(f, "a deadlock: {circle}"),
            Self::Broken(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl<G> std::error::Error for LockError<G> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Broken(error) => error.source(),
            Self::OwnerDied(_) | Self::TimedOut | Self::Deadlock(_) => None,
        }
    }
}

impl<G> From<LockError<G>> for Error {
    /// A death is [`ErrorKind::PeerDied`]; the lock is free again, and still marked.
    fn from(error: LockError<G>) -> Self {
        match error {
            LockError::OwnerDied(died) => {
                Self::new(ErrorKind::PeerDied, format!("take a lock ({died})"))
                    .advise("handle LockError::OwnerDied: repair the data, then call repaired()")
            }
            LockError::TimedOut => Self::new(ErrorKind::TimedOut, "take a lock")
                .advise("a living process holds it, perhaps a stopped one: try again, or end that"),
            LockError::Deadlock(circle) => deadlock("take a lock", &circle),
            LockError::Broken(error) => error,
        }
    }
}

/// The error of who has timed out in a `circle` while `doing` something.
pub(crate) fn deadlock(doing: &str, circle: &Deadlock) -> Error {
    Error::new(ErrorKind::Deadlock, format!("{doing} ({circle})"))
        .advise("take the locks in one order everywhere")
}
