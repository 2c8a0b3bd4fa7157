//! How conditions come to be.

use crate::error::{Error, ErrorKind, Result};
use crate::raw::condition::Line;
use crate::raw::{Kind, Storage};
use crate::segment::{Object, Segment, Spec};

use super::Condition;

pub(super) const SPEC: Spec = Spec {
    kind: Kind::Condition,
    fingerprint: 0,
};
/// Waiters that a condition has room for if it was not told otherwise.
const WAITERS: u32 = 256;
/// Most waiters: each looks at all cells after every slice.
const MOST: u32 = 1 << 12;

impl Condition {
    /// Creates a condition in the home segment, with room for 256 waiters at a time.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`ErrorKind::Full`].
    pub fn new() -> Result<Self> {
        Self::with_waiters(WAITERS)
    }

    /// Creates a condition in the home segment with room for `waiters` at a time, 1 to 4096. Each
    /// takes 16 bytes, and [`Condition::notify`] looks at as many as there ever were at a time.
    ///
    /// # Errors
    ///
    /// As [`Condition::new`], and [`ErrorKind::InvalidInput`] where `waiters` is out of range.
    pub fn with_waiters(waiters: u32) -> Result<Self> {
        Self::make(&Segment::home()?, None, waiters)
    }

    /// Creates the condition called `name`, with room for 256 waiters at a time.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the segment has an object of that name,
    /// [`ErrorKind::Full`] where it has no room.
    pub fn create(segment: &Segment, name: &str) -> Result<Self> {
        Self::create_with_waiters(segment, name, WAITERS)
    }

    /// Creates the condition called `name`, with room for `waiters` at a time.
    ///
    /// # Errors
    ///
    /// As [`Condition::create`] and [`Condition::with_waiters`].
    pub fn create_with_waiters(segment: &Segment, name: &str, waiters: u32) -> Result<Self> {
        Self::make(segment, Some(name), waiters)
    }

    /// Opens the condition called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no object of that name, [`ErrorKind::WrongType`]
    /// where it is not a condition.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open(segment, name, SPEC)?)
    }

    /// Opens the condition called `name`, or creates it, with room for 256 waiters at a time.
    ///
    /// # Errors
    ///
    /// As [`Condition::open`] and [`Condition::create`], but for the two that exclude each other.
    pub fn open_or_create(segment: &Segment, name: &str) -> Result<Self> {
        let init = |storage: Storage<'_>| init(storage, WAITERS);
        let len = Line::size(WAITERS);
        Self::bind(Object::open_or_create(segment, name, SPEC, len, init)?)
    }

    fn make(segment: &Segment, name: Option<&str>, waiters: u32) -> Result<Self> {
        if !(1..=MOST).contains(&waiters) {
            let doing = format!("create a condition for {waiters} waiters");
            return Err(Error::new(ErrorKind::InvalidInput, doing)
                .advise("a condition has room for 1 to 4096 waiters"));
        }
        let init = |storage: Storage<'_>| init(storage, waiters);
        let len = Line::size(waiters);
        Self::bind(Object::create(segment, name, SPEC, len, init)?)
    }

    pub(super) fn bind(object: Object) -> Result<Self> {
        object.bind(Kind::Condition, Line::attach).map(Self)
    }
}

fn init(storage: Storage<'_>, waiters: u32) {
    // The storage is as long as `Line::size` says; if not, opening it says so.
    let _ = Line::init(storage, waiters);
}
