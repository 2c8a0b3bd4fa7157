//! Waiting for an event in a future.

use crate::error::{Error, Result};
use crate::raw::event::EventWord;
use crate::segment::{Berth, Look, Object, Seat, Waiting, Wish};
use crate::sys::atomic::AtomicU32;

use super::Event;

impl Event {
    /// Waits until the event is set, or was since this was called, as [`Event::wait`], in a future.
    ///
    /// # Cancellation
    ///
    /// Dropped at any time, nothing has happened.
    ///
    /// # If a process dies
    ///
    /// As for [`Event::wait`].
    ///
    /// # Errors
    ///
    /// As [`Event::wait`], and where the thread that sleeps for futures cannot be started.
    pub fn wait_async(&self) -> impl Future<Output = Result<()>> {
        let first = self.resident().mark();
        Waiting::new(Set { event: self, first })
    }
}

struct Set<'a> {
    event: &'a Event,
    /// How the event was at the call.
    first: u32,
}

impl Wish for Set<'_> {
    type End = Result<()>;

    fn attempt(&mut self, _: bool) -> Option<Self::End> {
        match self.event.0.join() {
            Ok(()) if !self.event.resident().was_set_since(self.first) => None,
            end => Some(end),
        }
    }

    fn berth(&mut self) -> Result<Box<dyn Berth>> {
        Ok(Box::new(EventBerth {
            object: self.event.0.object().clone(),
            event: self.event.0.view(),
            first: self.first,
        }))
    }

    fn broken(error: Error) -> Self::End {
        Err(error)
    }
}

/// Where those sleep who have waited for an event since it was as in `first`.
struct EventBerth {
    object: Object,
    /// Mapped as long as the object is held.
    event: &'static EventWord,
    first: u32,
}

impl Berth for EventBerth {
    fn object(&self) -> &Object {
        &self.object
    }

    fn word(&self) -> &AtomicU32 {
        self.event.word()
    }

    fn lie_down(&self) -> u32 {
        self.event.lie_down()
    }

    fn look(&self, _: Seat<'_>, _: bool) -> Look {
        Look::new(self.event.was_set_since(self.first), &[])
    }

    /// A set wakes everybody.
    fn hand_on(&self, _: Seat<'_>) {}

    fn need(&self) -> u64 {
        self.first.into()
    }

    fn is_for_all(&self) -> bool {
        true
    }
}
