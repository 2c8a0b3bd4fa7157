//! How semaphores come to be.

use crate::error::{Error, ErrorKind, Result};
use crate::raw::permits::Permits;
use crate::raw::{Kind, Storage};
use crate::segment::{Object, Segment, Spec};
use crate::sys::atomic::AtomicU32;

use super::{NOWHERE, SPEC, Semaphore};

/// Least capacity of a semaphore that was not told one.
const ROOM: u32 = 256;
/// Most permits; Python's bound too.
const MOST: u32 = i32::MAX.unsigned_abs();

impl Semaphore {
    /// Creates a semaphore of `value` permits in the home segment, with room for twice as many, at
    /// least 256.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`ErrorKind::Full`]; [`ErrorKind::InvalidInput`] above 2^31 - 1.
    pub fn new(value: u32) -> Result<Self> {
        Self::with_capacity(value, room_for(value))
    }

    /// Creates a semaphore of `value` permits in the home segment that can rise to `capacity`.
    ///
    /// # Errors
    ///
    /// As [`Semaphore::new`], and [`ErrorKind::InvalidInput`] where `value` is above `capacity`.
    pub fn with_capacity(value: u32, capacity: u32) -> Result<Self> {
        Self::make(&Segment::home()?, None, SPEC, value, capacity)
    }

    /// Creates the semaphore called `name`, with room as [`Semaphore::new`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the segment has an object of that name,
    /// [`ErrorKind::Full`] where it has no room; [`ErrorKind::InvalidInput`] above 2^31 - 1.
    pub fn create(segment: &Segment, name: &str, value: u32) -> Result<Self> {
        Self::make(segment, Some(name), SPEC, value, room_for(value))
    }

    /// Creates the semaphore called `name` that can rise to `capacity`.
    ///
    /// # Errors
    ///
    /// As [`Semaphore::create`] and [`Semaphore::with_capacity`].
    pub fn create_with_capacity(
        segment: &Segment,
        name: &str,
        value: u32,
        capacity: u32,
    ) -> Result<Self> {
        Self::make(segment, Some(name), SPEC, value, capacity)
    }

    /// Opens the semaphore called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no object of that name, [`ErrorKind::WrongType`]
    /// where it is not a semaphore.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open(segment, name, SPEC)?)
    }

    /// Opens the semaphore called `name`, or creates it with `value` permits.
    ///
    /// # Errors
    ///
    /// As [`Semaphore::open`] and [`Semaphore::create`], but for the two that exclude each other.
    pub fn open_or_create(segment: &Segment, name: &str, value: u32) -> Result<Self> {
        Self::open_or_make(segment, name, SPEC, value, room_for(value))
    }

    pub(in crate::sync) fn make(
        segment: &Segment,
        name: Option<&str>,
        spec: Spec,
        value: u32,
        capacity: u32,
    ) -> Result<Self> {
        let plan = Plan::new(segment, value, capacity)?;
        Self::bind(Object::create(
            segment,
            name,
            spec,
            plan.len(),
            |storage| plan.carry_out(storage),
        )?)
    }

    pub(in crate::sync) fn open_or_make(
        segment: &Segment,
        name: &str,
        spec: Spec,
        value: u32,
        capacity: u32,
    ) -> Result<Self> {
        let plan = Plan::new(segment, value, capacity)?;
        let init = |storage: Storage<'_>| plan.carry_out(storage);
        Self::bind(Object::open_or_create(
            segment,
            name,
            spec,
            plan.len(),
            init,
        )?)
    }

    pub(in crate::sync) fn bind(object: Object) -> Result<Self> {
        let permits = object.bind(Kind::Semaphore, Permits::attach)?;
        Ok(Self {
            permits,
            hint: AtomicU32::new(NOWHERE),
        })
    }
}

/// Room for permits that are to come, where nobody says how many.
fn room_for(value: u32) -> u32 {
    value.saturating_mul(2).clamp(ROOM, MOST.max(value))
}

/// A semaphore to be made.
struct Plan {
    value: u32,
    capacity: u32,
    participants: u32,
}

impl Plan {
    fn new(segment: &Segment, value: u32, capacity: u32) -> Result<Self> {
        let advice = if capacity > MOST {
            "a semaphore has at most 2147483647 permits"
        } else if value > capacity {
            "the value must not be above the capacity"
        } else {
            let participants = segment.inner().geometry.participants;
            return Ok(Self {
                value,
                capacity,
                participants,
            });
        };
        let doing = format!("create a semaphore of {value} permits, at most {capacity}");
        Err(Error::new(ErrorKind::InvalidInput, doing).advise(advice))
    }

    fn len(&self) -> usize {
        Permits::size(self.capacity, self.participants)
    }

    fn carry_out(&self, storage: Storage<'_>) {
        // The storage is as long as `len` says; if not, opening it says so.
        let _ = Permits::init(storage, self.capacity, self.value, self.participants);
    }
}
