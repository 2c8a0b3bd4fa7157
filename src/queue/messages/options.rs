//! How a queue of messages is to be created.

use std::marker::PhantomData;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::messages::Messages;
use crate::raw::{Kind, Storage};
use crate::segment::{Object, Segment, Spec};

use super::{Queue, Redelivery};

/// How a queue is to be created; made by [`Queue::options`].
///
/// # Examples
///
/// ```
/// use outlive::Queue;
///
/// let queue = Queue::<String>::options(100).bytes(1 << 20).anonymous()?;
/// assert!(queue.max_message() > 1_000_000);
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "options create nothing by themselves"]
pub struct QueueOptions<T, C> {
    items: usize,
    bytes: Option<usize>,
    redelivery: Redelivery,
    of: PhantomData<fn(T) -> (T, C)>,
}

impl<T, C> Clone for QueueOptions<T, C> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

/// Bytes for each message, where nobody says how many there are to be.
const USUAL: usize = 256;
const LEAST: usize = 64 << 10;
const MOST: usize = 1 << 20;

impl<T, C> QueueOptions<T, C> {
    pub(super) fn new(items: usize) -> Self {
        Self {
            items,
            bytes: None,
            redelivery: Redelivery::default(),
            of: PhantomData,
        }
    }

    /// How many bytes the messages may take together. Each takes 24 bytes more than it is long,
    /// rounded up to a multiple of 64. If not said: 256 for each message, but between 64 KiB
    /// and 1 MiB in all.
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// What becomes of a message whose consumer dies; [`Redelivery::Again`] if not said.
    pub fn redelivery(mut self, redelivery: Redelivery) -> Self {
        self.redelivery = redelivery;
        self
    }

    /// How messages are written; [`Postcard`](super::Postcard) if not said.
    pub fn codec<D>(self) -> QueueOptions<T, D> {
        QueueOptions {
            items: self.items,
            bytes: self.bytes,
            redelivery: self.redelivery,
            of: PhantomData,
        }
    }

    /// Creates the queue in the home segment.
    ///
    /// # Errors
    ///
    /// As [`Queue::new`].
    pub fn anonymous(&self) -> Result<Queue<T, C>> {
        self.make(&Segment::home()?, None, Queue::<T, C>::spec())
    }

    /// Creates the queue called `name`.
    ///
    /// # Errors
    ///
    /// As [`Queue::create`].
    pub fn create(&self, segment: &Segment, name: &str) -> Result<Queue<T, C>> {
        self.make(segment, Some(name), Queue::<T, C>::spec())
    }

    /// Opens the queue called `name`, which was created with this type and codec. It stays as it was
    /// created.
    ///
    /// # Errors
    ///
    /// As [`Queue::open`].
    pub fn open(&self, segment: &Segment, name: &str) -> Result<Queue<T, C>> {
        Queue::bind(Object::open(segment, name, Queue::<T, C>::spec())?)
    }

    /// Opens the queue called `name`, or creates it. One that exists stays as it was created.
    ///
    /// # Errors
    ///
    /// As [`Queue::open_or_create`].
    pub fn open_or_create(&self, segment: &Segment, name: &str) -> Result<Queue<T, C>> {
        self.open_or_make(segment, name, Queue::<T, C>::spec())
    }

    pub(super) fn make(
        &self,
        segment: &Segment,
        name: Option<&str>,
        spec: Spec,
    ) -> Result<Queue<T, C>> {
        Queue::bind(Object::create(
            segment,
            name,
            spec,
            self.len()?,
            self.init(),
        )?)
    }

    pub(super) fn open_or_make(
        &self,
        segment: &Segment,
        name: &str,
        spec: Spec,
    ) -> Result<Queue<T, C>> {
        let (len, init) = (self.len()?, self.init());
        Queue::bind(Object::open_or_create(segment, name, spec, len, init)?)
    }

    fn area(&self) -> usize {
        self.bytes
            .unwrap_or_else(|| self.items.saturating_mul(USUAL).clamp(LEAST, MOST))
    }

    fn len(&self) -> Result<usize> {
        Messages::size(self.items, self.area()).ok_or_else(|| {
            let (items, bytes) = (self.items, self.area());
            Error::new(
                ErrorKind::Full,
                format!("create Queue of {items} messages in {bytes} bytes"),
            )
            .advise("there is no memory so large")
        })
    }

    fn init(&self) -> impl Fn(Storage<'_>) {
        let (items, bytes, redelivery) = (self.items, self.area(), self.redelivery);
        move |storage| {
            // The storage has the size that `len` asked for.
            let _ = Messages::init(storage, items, bytes, redelivery);
        }
    }
}

impl<T, C> Queue<T, C> {
    pub(super) fn spec() -> Spec {
        Spec::encoded::<T, C>(Kind::Queue)
    }

    pub(super) fn bind(object: Object) -> Result<Self> {
        Ok(Self {
            bound: object.bind(Kind::Queue, Messages::attach)?,
            of: PhantomData,
        })
    }
}
