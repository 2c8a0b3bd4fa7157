//! [`LoneEvent`]: an event in memory that is no segment.

#![expect(unsafe_code, reason = "`EventInit` takes an address")]

use std::fmt;
use std::ptr::NonNull;

use raw_sync::Timeout;
use raw_sync::events::{EventImpl, EventInit, EventState};

use super::event::{Result, timed_out};
use super::limit;
use super::stranger::Stranger;
use crate::error::{Error, ErrorKind};
use crate::raw::Storage;
use crate::raw::lone_event::LoneEvent as Resident;
use crate::sys::clock::Deadline;

/// An event in memory of the caller's, for code written for `raw_sync`.
///
/// It stands in for `raw_sync::events::Event`: `use outlive::sync::raw_sync::LoneEvent as Event`,
/// and the rest stays. Its memory may be any that the processes share, also a mapping of the
/// `shared_memory` crate. It takes 8 bytes at a multiple of 4, and up to 3 before them. It is not
/// the layout of `raw_sync`'s event: all processes must use this one.
///
/// With `auto_reset` each set lets one waiter go on, which clears it: a set of an event that is
/// set already is none. Without it a set lets all go on until it is cleared, as [`Event`] does,
/// which is also the one to use where a segment is at hand: it has a name, and cannot be opened as
/// anything else.
///
/// Waits fail with [`ErrorKind::TimedOut`]; the box holds an [`Error`](crate::Error).
///
/// # If a process dies
///
/// There is no segment, so there is nobody to say who has died; and nobody needs to know:
///
/// - in `set`: the event is set or it is not; between that and the waking: who waits goes on 20 ms
///   later at the most;
/// - in `wait`, by hand: nobody notices;
/// - in `wait`, with `auto_reset`: before it took a set, that is there for the others; after it,
///   the set is spent, and nobody is told that whoever took it did nothing with it. If that
///   matters, take a [`Semaphore`](crate::Semaphore), whose permits come back, or a
///   [`Queue`](crate::Queue), whose deliveries do;
/// - in `new`: there is no event, `from_existing` says so, and `new` can be called again.
///
/// # Examples
///
/// ```
/// use outlive::sync::raw_sync::{LoneEvent, timeout};
/// use raw_sync::events::{EventImpl, EventInit, EventState};
/// use std::time::Duration;
///
/// // Shared memory, if it were for more than an example.
/// let mut memory = [0_u32; 4];
/// let address = memory.as_mut_ptr().cast();
/// // SAFETY: the memory is there until the end, and nobody else touches it.
/// let (event, used) = unsafe { LoneEvent::new(address, true)? };
/// assert_eq!(used, 8);
///
/// event.set(EventState::Signaled)?;
/// event.wait(timeout(None))?;
/// assert!(event.wait(timeout(Duration::from_millis(5))).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Event`]: crate::Event
pub struct LoneEvent {
    resident: &'static Resident,
    is_auto: bool,
}

const LEN: usize = size_of::<Resident>();
const ALIGN: usize = align_of::<Resident>();

/// Bytes between `mem` and the event.
fn padding(mem: *mut u8) -> usize {
    mem.addr().wrapping_neg() % ALIGN
}

impl LoneEvent {
    /// The place of an event in `mem`, and how many bytes of it that uses.
    ///
    /// # Safety
    ///
    /// As for [`EventInit::new`].
    unsafe fn place(mem: *mut u8, doing: &'static str) -> Result<(&'static Resident, usize)> {
        let len = padding(mem) + LEN;
        let place = NonNull::new(mem)
            .and_then(|base| {
                // SAFETY: the caller promises that so many bytes from there are mapped for as long
                // as the event is used, and used as an event only.
                let storage = unsafe { Storage::new(base, len) };
                storage.get::<Resident>(padding(mem))
            })
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, doing).advise("not at address 0"))?;
        Ok((place, len))
    }
}

impl EventInit for LoneEvent {
    /// Bytes that an event takes at `addr`, or at most, wherever it lies.
    fn size_of(addr: Option<*mut u8>) -> usize {
        LEN + addr.map_or(ALIGN - 1, padding)
    }

    /// Makes an event, which is not set, of whatever stands in `mem`.
    ///
    /// # Safety
    ///
    /// [`EventInit::size_of`] bytes from `mem` are mapped, readable and writable, for as long as
    /// the result lives, and used as this event only.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] where `mem` is null.
    unsafe fn new(mem: *mut u8, auto_reset: bool) -> Result<(Box<dyn EventImpl>, usize)> {
        // SAFETY: the caller's promise is the same.
        let (resident, used) = unsafe { Self::place(mem, "make an event in raw memory") }?;
        resident.init(auto_reset);
        let is_auto = auto_reset;
        Ok((Box::new(Self { resident, is_auto }), used))
    }

    /// Opens the event in `mem`.
    ///
    /// # Safety
    ///
    /// As [`EventInit::new`], and `mem` is where that was given the same memory, at an address that
    /// is the same but for a multiple of 4.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no event there, or not yet.
    unsafe fn from_existing(mem: *mut u8) -> Result<(Box<dyn EventImpl>, usize)> {
        const DOING: &str = "open the event in raw memory";
        // SAFETY: the caller's promise is the same.
        let (resident, used) = unsafe { Self::place(mem, DOING) }?;
        let is_auto = resident.is_auto().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, DOING).advise("make it with `new`, once")
        })?;
        Ok((Box::new(Self { resident, is_auto }), used))
    }
}

impl EventImpl for LoneEvent {
    fn wait(&self, timeout: Timeout) -> Result<()> {
        let deadline = limit(timeout).map_or(Deadline::NEVER, Deadline::after);
        self.resident
            .wait(Stranger, self.is_auto, deadline)
            .map_err(|_| timed_out())
    }

    fn set(&self, state: EventState) -> Result<()> {
        match state {
            EventState::Clear => self.resident.clear(),
            EventState::Signaled => self.resident.set(Stranger),
        }
        Ok(())
    }
}

impl fmt::Debug for LoneEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoneEvent")
            .field("is_auto", &self.is_auto)
            .field("is_set", &self.resident.is_set())
            .finish()
    }
}
