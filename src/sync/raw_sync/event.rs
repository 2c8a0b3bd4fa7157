//! `raw_sync`'s traits on [`Event`].

#![expect(unsafe_code, reason = "`EventInit` takes an address")]

use raw_sync::Timeout;
use raw_sync::events::{EventImpl, EventInit, EventState};

use super::{LoneEvent, limit};
use crate::error::{Error, ErrorKind};
use crate::sync::Event;

pub(super) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// An event that stays set until it is cleared. Errors are [`Error`](crate::Error)s in a box:
/// [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) where the time passed, and those of the
/// methods of the same name.
///
/// # If a process dies
///
/// As for [`Event`].
///
/// # Examples
///
/// ```
/// use outlive::sync::raw_sync::timeout;
/// use outlive::{ErrorKind, Event};
/// use raw_sync::events::{EventImpl, EventState};
/// use std::time::Duration;
///
/// fn is_done(done: &dyn EventImpl) -> bool {
///     done.wait(timeout(Duration::ZERO)).is_ok()
/// }
///
/// let event = Event::new()?;
/// assert!(!is_done(&event));
/// EventImpl::set(&event, EventState::Signaled)?;
/// assert!(is_done(&event));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl EventImpl for Event {
    fn wait(&self, timeout: Timeout) -> Result<()> {
        let is_set = match limit(timeout) {
            Some(limit) => self.wait_timeout(limit)?,
            None => {
                Self::wait(self)?;
                true
            }
        };
        is_set.then_some(()).ok_or_else(timed_out)
    }

    fn set(&self, state: EventState) -> Result<()> {
        match state {
            EventState::Clear => self.clear()?,
            EventState::Signaled => Self::set(self)?,
        }
        Ok(())
    }
}

/// For code that is generic over its events: all that this makes and opens are [`LoneEvent`]s.
impl EventInit for Event {
    fn size_of(addr: Option<*mut u8>) -> usize {
        LoneEvent::size_of(addr)
    }

    unsafe fn new(mem: *mut u8, auto_reset: bool) -> Result<(Box<dyn EventImpl>, usize)> {
        // SAFETY: the caller's promise is the same.
        unsafe { LoneEvent::new(mem, auto_reset) }
    }

    unsafe fn from_existing(mem: *mut u8) -> Result<(Box<dyn EventImpl>, usize)> {
        // SAFETY: the caller's promise is the same.
        unsafe { LoneEvent::from_existing(mem) }
    }
}

pub(super) fn timed_out() -> Box<dyn std::error::Error> {
    Error::new(ErrorKind::TimedOut, "wait for an event").into()
}
