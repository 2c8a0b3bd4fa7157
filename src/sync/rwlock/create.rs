//! How reader-writer locks come to be.

use crate::error::Result;
use crate::raw::{Kind, Storage, rwlock};
use crate::segment::{Object, Segment};

use super::{RwLock, SPEC};

impl RwLock {
    /// Creates a lock in the home segment.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`Full`](crate::ErrorKind::Full).
    pub fn new() -> Result<Self> {
        Self::make(&Segment::home()?, None)
    }

    /// Creates the lock called `name`.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) where the segment has an object of that
    /// name, [`Full`](crate::ErrorKind::Full) where it has no room.
    pub fn create(segment: &Segment, name: &str) -> Result<Self> {
        Self::make(segment, Some(name))
    }

    /// Opens the lock called `name`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) where there is no object of that name,
    /// [`WrongType`](crate::ErrorKind::WrongType) where it is not such a lock.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open(segment, name, SPEC)?)
    }

    /// Opens the lock called `name`, or creates it.
    ///
    /// # Errors
    ///
    /// As [`RwLock::open`] and [`RwLock::create`], but for the two that exclude each other.
    pub fn open_or_create(segment: &Segment, name: &str) -> Result<Self> {
        let (len, init) = plan(segment);
        Self::bind(Object::open_or_create(segment, name, SPEC, len, init)?)
    }

    fn make(segment: &Segment, name: Option<&str>) -> Result<Self> {
        let (len, init) = plan(segment);
        Self::bind(Object::create(segment, name, SPEC, len, init)?)
    }

    pub(super) fn bind(object: Object) -> Result<Self> {
        object.bind(Kind::RwLock, rwlock::RwLock::attach).map(Self)
    }
}

/// How long a lock in `segment` is, and how it is made.
fn plan(segment: &Segment) -> (usize, impl Fn(Storage<'_>)) {
    let participants = segment.inner().geometry.participants;
    let init = move |storage: Storage<'_>| {
        // The storage is as long as planned; if not, opening it says so.
        let _ = rwlock::RwLock::init(storage, participants);
    };
    (rwlock::RwLock::size(participants), init)
}
