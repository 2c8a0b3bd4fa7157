//! Waiting for a lock in a future.

use crate::error::{Error, Result};
use crate::raw::robust_lock::RobustLock;
use crate::segment::{Berth, Look, Object, Seat, Waiting, Wish};
use crate::sys::atomic::AtomicU32;

use super::super::died::LockError;
use super::{Lock, LockGuard};

impl Lock {
    /// Takes the lock, as [`Lock::lock`], in a future.
    ///
    /// The guard is the process's and not the thread's, so it may be held over an `.await`, also
    /// where tasks move between threads. As with any lock, a task that keeps it while it waits for
    /// something else keeps all others out, tasks of its own process among them.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, nothing was taken.
    ///
    /// # If a process dies
    ///
    /// As for [`Lock::lock`].
    ///
    /// # Errors
    ///
    /// As [`Lock::lock`], and [`LockError::Broken`] where the thread that sleeps for futures cannot
    /// be started.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let lock = outlive::Lock::new()?;
    /// let guard = lock.lock_async().await.or_else(|e| e.repair(|_| { /* ... */ }))?;
    /// tokio::task::yield_now().await;
    /// drop(guard);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lock_async(
        &self,
    ) -> impl Future<Output = Result<LockGuard<'_>, LockError<LockGuard<'_>>>> {
        Waiting::new(Take(self))
    }
}

struct Take<'a>(&'a Lock);

impl<'a> Wish for Take<'a> {
    type End = Result<LockGuard<'a>, LockError<LockGuard<'a>>>;

    fn attempt(&mut self, watched: bool) -> Option<Self::End> {
        let taken = if watched {
            self.0.try_lock_watched()
        } else {
            self.0.try_lock()
        };
        match taken {
            Err(LockError::TimedOut) => None,
            end => Some(end),
        }
    }

    fn berth(&mut self) -> Result<Box<dyn Berth>> {
        Ok(Box::new(LockBerth {
            object: self.0.0.object().clone(),
            lock: self.0.0.view(),
        }))
    }

    fn broken(error: Error) -> Self::End {
        Err(LockError::Broken(error))
    }
}

impl Lock {
    fn try_lock_watched(&self) -> Result<LockGuard<'_>, LockError<LockGuard<'_>>> {
        let seat = self.0.seat().map_err(LockError::Broken)?;
        let taken = self.resident().word.try_lock_watched(&seat);
        self.guard(crate::raw::Peers::me(&seat), taken, None)
    }
}

/// Where those sleep who wait for a lock.
struct LockBerth {
    object: Object,
    /// Mapped as long as the object is held.
    lock: &'static RobustLock,
}

impl Berth for LockBerth {
    fn object(&self) -> &Object {
        &self.object
    }

    fn word(&self) -> &AtomicU32 {
        self.lock.word.word()
    }

    fn lie_down(&self) -> u32 {
        self.lock.word.lie_down()
    }

    fn look(&self, seat: Seat<'_>, ask: bool) -> Look {
        let holder = self.lock.word.holder(&seat, ask);
        Look::new(holder.is_none(), holder.as_slice())
    }

    fn hand_on(&self, seat: Seat<'_>) {
        self.lock.word.hand_on(&seat);
    }

    /// A free lock that is handed on stays free and flagged.
    fn is_woken_in_place(&self) -> bool {
        true
    }
}
