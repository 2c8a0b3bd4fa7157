//! How a queue is to be created.

use std::marker::PhantomData;

use bytemuck::Pod;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::Storage;
use crate::raw::mpmc::Slots;
use crate::segment::{Object, Segment};

use super::{Mpmc, Redelivery};

/// How a queue is to be created; made by [`Mpmc::options`].
///
/// # Examples
///
/// ```
/// use outlive::queue::mpmc::{Mpmc, Redelivery};
///
/// let queue = Mpmc::<u64>::options(100).redelivery(Redelivery::Drop).anonymous()?;
/// assert_eq!(queue.capacity(), 100);
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "options create nothing by themselves"]
pub struct MpmcOptions<T> {
    capacity: usize,
    redelivery: Redelivery,
    of: PhantomData<fn(T) -> T>,
}

impl<T: Pod> MpmcOptions<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            redelivery: Redelivery::default(),
            of: PhantomData,
        }
    }

    /// What becomes of an item whose consumer dies; [`Redelivery::Again`] if not said.
    pub fn redelivery(mut self, redelivery: Redelivery) -> Self {
        self.redelivery = redelivery;
        self
    }

    /// Creates the queue in the home segment.
    ///
    /// # Errors
    ///
    /// As [`Mpmc::new`].
    pub fn anonymous(&self) -> Result<Mpmc<T>> {
        let len = self.len()?;
        let object = Object::create(&Segment::home()?, None, Mpmc::<T>::spec(), len, self.init())?;
        Mpmc::bind(object)
    }

    /// Creates the queue called `name`.
    ///
    /// # Errors
    ///
    /// As [`Mpmc::create`].
    pub fn create(&self, segment: &Segment, name: &str) -> Result<Mpmc<T>> {
        let len = self.len()?;
        let object = Object::create(segment, Some(name), Mpmc::<T>::spec(), len, self.init())?;
        Mpmc::bind(object)
    }

    /// Opens the queue called `name`, or creates it. One that exists stays as it was created.
    ///
    /// # Errors
    ///
    /// As [`Mpmc::open_or_create`].
    pub fn open_or_create(&self, segment: &Segment, name: &str) -> Result<Mpmc<T>> {
        let len = self.len()?;
        let object = Object::open_or_create(segment, name, Mpmc::<T>::spec(), len, self.init())?;
        Mpmc::bind(object)
    }

    fn len(&self) -> Result<usize> {
        Slots::size(self.capacity, size_of::<T>()).ok_or_else(|| {
            Error::new(
                ErrorKind::Full,
                format!("create mpmc of {} items", self.capacity),
            )
            .advise("there is no memory so large")
        })
    }

    fn init(&self) -> impl Fn(Storage<'_>) {
        let (capacity, redelivery) = (self.capacity, self.redelivery);
        move |storage| {
            // The storage has the size that `len` asked for.
            let _ = Slots::init(storage, capacity, size_of::<T>(), redelivery);
        }
    }
}
