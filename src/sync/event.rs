//! [`Event`]: a flag between processes that others wait for.

#[cfg(feature = "async")]
mod future;

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::Result;
use crate::raw::event::EventWord;
use crate::raw::{Kind, Storage};
use crate::segment::object::{deserialize, serialize};
use crate::segment::{Bound, Object, Segment, Spec};
use crate::sys::clock::Deadline;

/// A flag that is set or not, and that processes wait for.
///
/// As Python's `Event`: it begins as not set, [`set`](Event::set) wakes all who wait, and it stays
/// set until somebody [clears](Event::clear) it. Unlike with Python's, who waited when it was set
/// is told so even where it was cleared at once, and neither setting nor asking takes a lock, so
/// nobody can stop or die inside one.
///
/// A handle is cheap to clone and can be sent to other processes as a few bytes (serde). Asking is
/// one load, setting and clearing one read-modify-write each, and setting makes a system call only
/// where somebody may sleep.
///
/// What a process did before it set the event is seen by whoever finds it set, is woken by it, or
/// clears it. So this loop misses no work, if work is left first and the event set then:
///
/// ```no_run
/// # let event = outlive::Event::new()?;
/// # let take_work = || None::<u32>;
/// loop {
///     event.wait()?;
///     event.clear()?;
///     while let Some(_work) = take_work() { /* do it */ }
/// }
/// # #[allow(unreachable_code)]
/// # Ok::<(), outlive::Error>(())
/// ```
///
/// # If a process dies
///
/// Waiting: nobody notices, and setting returns at once whatever its waiters died of. Setting: the
/// event is set or it is not; between that and waking the waiters: they wake at the end of their
/// slice, 20 ms at the most. Nothing is held and nothing is repaired. If whoever would have set it
/// dies, it is not set: the timed forms are for that.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let event = outlive::Event::new()?;
/// assert!(!event.wait_timeout(Duration::from_millis(5))?);
/// event.set()?;
/// event.wait()?;
/// assert!(event.is_set());
/// event.clear()?;
/// assert!(!event.is_set());
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Clone)]
pub struct Event(Bound<&'static EventWord>);

const SPEC: Spec = Spec {
    kind: Kind::Event,
    fingerprint: 0,
};
const LEN: usize = size_of::<EventWord>();

impl Event {
    /// Creates an event in the home segment; it is not set.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`ErrorKind::Full`].
    pub fn new() -> Result<Self> {
        Self::bind(Object::create(&Segment::home()?, None, SPEC, LEN, |_| {})?)
    }

    /// Creates the event called `name`; it is not set.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the segment has an object of that name,
    /// [`ErrorKind::Full`] where it has no room.
    pub fn create(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::create(segment, Some(name), SPEC, LEN, |_| {})?)
    }

    /// Opens the event called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no object of that name, [`ErrorKind::WrongType`]
    /// where it is not an event.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open(segment, name, SPEC)?)
    }

    /// Opens the event called `name`, or creates it.
    ///
    /// # Errors
    ///
    /// As [`Event::open`] and [`Event::create`], but for the two that exclude each other.
    pub fn open_or_create(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open_or_create(segment, name, SPEC, LEN, |_| {})?)
    }

    /// Whether the event is set at this moment: the form of waiting that does not wait.
    #[inline]
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.resident().is_set()
    }

    /// Sets the event and wakes all who wait for it. Does not wait for them, nor for anybody.
    ///
    /// # If a process dies
    ///
    /// Doing this: the event is set or it is not, and who waits goes on accordingly, 20 ms later at
    /// the most.
    ///
    /// # Errors
    ///
    /// Only after a fork, where the child cannot join the segment.
    #[inline]
    pub fn set(&self) -> Result<()> {
        self.resident().set(self.0.seat()?);
        Ok(())
    }

    /// Makes the event not set. Who was woken or waited before that still goes on.
    ///
    /// # Errors
    ///
    /// As [`Event::set`].
    #[inline]
    pub fn clear(&self) -> Result<()> {
        self.0.join()?;
        self.resident().clear();
        Ok(())
    }

    /// Waits until the event is set, or was since the call began.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel. All waiters are woken.
    ///
    /// # If a process dies
    ///
    /// Nobody's death ends the wait: the event belongs to nobody, and anybody may yet set it.
    ///
    /// # Errors
    ///
    /// As [`Event::set`].
    #[inline]
    pub fn wait(&self) -> Result<()> {
        self.wait_until(Deadline::NEVER).map(drop)
    }

    /// Waits until the event is set, or was since the call began, but not longer than `limit`; says
    /// whether it was.
    ///
    /// # Blocking
    ///
    /// As [`Event::wait`].
    ///
    /// # If a process dies
    ///
    /// As for [`Event::wait`].
    ///
    /// # Errors
    ///
    /// As [`Event::set`].
    pub fn wait_timeout(&self, limit: Duration) -> Result<bool> {
        self.wait_until(Deadline::after(limit))
    }

    /// Waits until the event is set, or was since the call began, but not beyond `instant`; says
    /// whether it was.
    ///
    /// # Blocking
    ///
    /// As [`Event::wait`].
    ///
    /// # If a process dies
    ///
    /// As for [`Event::wait`].
    ///
    /// # Errors
    ///
    /// As [`Event::set`].
    pub fn wait_deadline(&self, instant: Instant) -> Result<bool> {
        self.wait_until(Deadline::at(instant))
    }

    #[inline]
    fn wait_until(&self, deadline: Deadline) -> Result<bool> {
        Ok(self.resident().wait(self.0.seat()?, deadline).is_ok())
    }

    fn bind(object: Object) -> Result<Self> {
        let resident = |storage: Storage<'static>| storage.get::<EventWord>(0);
        object.bind(Kind::Event, resident).map(Self)
    }

    #[inline]
    fn resident(&self) -> &EventWord {
        self.0.view()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("at", self.0.object())
            .field("is_set", &self.is_set())
            .finish()
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.0.object(), to)
    }
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(SPEC, from, Self::bind)
    }
}
