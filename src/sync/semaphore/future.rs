//! Waiting for permits in a future.

use crate::error::{Error, Result};
use crate::raw::Peers;
use crate::raw::permits::{Others, Permits};
use crate::segment::{Berth, Look, Object, Seat, Waiting, Wish};
use crate::sys::atomic::AtomicU32;
use crate::sys::clock::Deadline;

use super::super::permit::{AcquireError, Acquired};
use super::{PATIENCE, Semaphore};

impl Semaphore {
    /// Acquires a permit, as [`Semaphore::acquire`], in a future.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, nothing was taken.
    ///
    /// # If a process dies
    ///
    /// As for [`Semaphore::acquire`].
    ///
    /// # Errors
    ///
    /// As [`Semaphore::acquire`], and [`AcquireError::Broken`] where the thread that sleeps for
    /// futures cannot be started.
    pub fn acquire_async(&self) -> impl Future<Output = Acquired<'_>> {
        self.acquire_many_async(1)
    }

    /// Acquires `count` permits at once, as [`Semaphore::acquire_many`], in a future.
    ///
    /// # Cancellation
    ///
    /// As for [`Semaphore::acquire_async`].
    ///
    /// # If a process dies
    ///
    /// As for [`Semaphore::acquire_many`].
    ///
    /// # Errors
    ///
    /// As [`Semaphore::acquire_many`], and as [`Semaphore::acquire_async`].
    pub fn acquire_many_async(&self, count: u32) -> impl Future<Output = Acquired<'_>> {
        let semaphore = self;
        Waiting::new(Acquire { semaphore, count })
    }

    fn try_acquire_watched(&self, count: u32) -> Acquired<'_> {
        let seat = self.permits.seat().map_err(AcquireError::Broken)?;
        let mut met = false;
        let patience = || Deadline::after(PATIENCE);
        let start = self.start(seat.me());
        let taken = self
            .permits
            .view()
            .try_acquire_watched(&seat, start, count, patience, &mut met);
        self.permit(seat.me(), taken, count, met)
    }
}

struct Acquire<'a> {
    semaphore: &'a Semaphore,
    count: u32,
}

impl<'a> Wish for Acquire<'a> {
    type End = Acquired<'a>;

    fn attempt(&mut self, watched: bool) -> Option<Self::End> {
        let acquired = match (watched, self.count) {
            (true, count) => self.semaphore.try_acquire_watched(count),
            (false, 1) => self.semaphore.try_acquire(),
            (false, count) => self.semaphore.try_acquire_many(count),
        };
        match acquired {
            Err(AcquireError::TimedOut) => None,
            end => Some(end),
        }
    }

    fn berth(&mut self) -> Result<Box<dyn Berth>> {
        Ok(Box::new(PermitsBerth {
            object: self.semaphore.object().clone(),
            permits: *self.semaphore.permits(),
            count: self.count,
        }))
    }

    fn broken(error: Error) -> Self::End {
        Err(AcquireError::Broken(error))
    }
}

/// Where those sleep who wait for so many permits.
struct PermitsBerth {
    object: Object,
    /// Mapped as long as the object is held.
    permits: Permits<'static>,
    count: u32,
}

impl Berth for PermitsBerth {
    fn object(&self) -> &Object {
        &self.object
    }

    fn word(&self) -> &AtomicU32 {
        self.permits.word(self.count)
    }

    fn lie_down(&self) -> u32 {
        self.permits.lie_down(self.count)
    }

    fn look(&self, seat: Seat<'_>, ask: bool) -> Look {
        if ask && self.permits.bury(&seat) {
            self.object.reap();
        }
        let mut others = Others::but(seat.me());
        let patience = Deadline::after(PATIENCE);
        let is_ready = self
            .permits
            .are_free(&seat, self.count, &mut others, patience);
        Look::new(is_ready, others.list())
    }

    fn hand_on(&self, seat: Seat<'_>) {
        let patience = Deadline::after(PATIENCE);
        self.permits.hand_on(&seat, self.count, patience);
    }

    fn need(&self) -> u64 {
        self.count.into()
    }

    /// What is too little for one may do for the next.
    fn is_for_all(&self) -> bool {
        self.count > 1
    }
}
