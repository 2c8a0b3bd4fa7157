//! [`BoundedSemaphore`]: a semaphore that never rises above where it began.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Result;
use crate::raw::Kind;
use crate::segment::object::{deserialize, serialize};
use crate::segment::{Object, Segment, Spec};

use super::semaphore::Semaphore;

/// A [`Semaphore`] whose capacity is the value that it begins with, so that a
/// [`release`](Semaphore::release) too many is an error and changes nothing.
///
/// As in Python it is a semaphore in all else, and derefs to one. Unlike in Python the check and
/// the release are one step: two processes that release at once cannot pass the bound together.
///
/// # If a process dies
///
/// As for [`Semaphore`].
///
/// # Examples
///
/// ```
/// use outlive::{BoundedSemaphore, ErrorKind};
///
/// let semaphore = BoundedSemaphore::new(1)?;
/// semaphore.acquire()?.keep();
/// semaphore.release(1)?;
/// assert_eq!(semaphore.release(1).unwrap_err().kind(), ErrorKind::Full);
/// assert_eq!(semaphore.available(), 1);
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Clone)]
pub struct BoundedSemaphore(Semaphore);

const SPEC: Spec = Spec {
    kind: Kind::Semaphore,
    fingerprint: BOUNDED,
};
/// Tells one from a [`Semaphore`] when it is opened.
const BOUNDED: u64 = 1;

impl BoundedSemaphore {
    /// Creates a semaphore of `value` permits in the home segment.
    ///
    /// # Errors
    ///
    /// As [`Semaphore::new`].
    pub fn new(value: u32) -> Result<Self> {
        Semaphore::make(&Segment::home()?, None, SPEC, value, value).map(Self)
    }

    /// Creates the semaphore called `name`.
    ///
    /// # Errors
    ///
    /// As [`Semaphore::create`].
    pub fn create(segment: &Segment, name: &str, value: u32) -> Result<Self> {
        Semaphore::make(segment, Some(name), SPEC, value, value).map(Self)
    }

    /// Opens the semaphore called `name`.
    ///
    /// # Errors
    ///
    /// As [`Semaphore::open`]; one that is not bounded is of another type.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Semaphore::bind(Object::open(segment, name, SPEC)?).map(Self)
    }

    /// Opens the semaphore called `name`, or creates it with `value` permits.
    ///
    /// # Errors
    ///
    /// As [`Semaphore::open_or_create`].
    pub fn open_or_create(segment: &Segment, name: &str, value: u32) -> Result<Self> {
        Semaphore::open_or_make(segment, name, SPEC, value, value).map(Self)
    }
}

impl Deref for BoundedSemaphore {
    type Target = Semaphore;

    #[inline]
    fn deref(&self) -> &Semaphore {
        &self.0
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundedSemaphore")
            .field("at", self.0.object())
            .field("available", &self.available())
            .field("bound", &self.capacity())
            .finish_non_exhaustive()
    }
}

impl Serialize for BoundedSemaphore {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.0.object(), to)
    }
}

impl<'de> Deserialize<'de> for BoundedSemaphore {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(SPEC, from, |object| Semaphore::bind(object).map(Self))
    }
}
