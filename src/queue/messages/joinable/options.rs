//! How a joinable queue is to be created.

use crate::error::Result;
use crate::segment::{Object, Segment};

use super::super::{Queue, QueueOptions, Redelivery};
use super::JoinableQueue;

/// How a joinable queue is to be created; made by [`JoinableQueue::options`].
///
/// # Examples
///
/// ```
/// use outlive::JoinableQueue;
///
/// let queue = JoinableQueue::<String>::options(100).bytes(1 << 20).anonymous()?;
/// assert!(queue.max_message() > 1_000_000);
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "options create nothing by themselves"]
pub struct JoinableOptions<T, C>(pub(super) QueueOptions<T, C>);

impl<T, C> Clone for JoinableOptions<T, C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T, C> JoinableOptions<T, C> {
    /// How many bytes the messages may take together, as [`QueueOptions::bytes`].
    pub fn bytes(self, bytes: usize) -> Self {
        Self(self.0.bytes(bytes))
    }

    /// What becomes of a task whose consumer dies; it is delivered again if not said.
    pub fn redelivery(self, redelivery: Redelivery) -> Self {
        Self(self.0.redelivery(redelivery))
    }

    /// How messages are written; [`Postcard`](super::super::Postcard) if not said.
    pub fn codec<D>(self) -> JoinableOptions<T, D> {
        JoinableOptions(self.0.codec())
    }

    /// Creates the queue in the home segment.
    ///
    /// # Errors
    ///
    /// As [`Queue::new`].
    pub fn anonymous(&self) -> Result<JoinableQueue<T, C>> {
        let spec = JoinableQueue::<T, C>::spec();
        self.0
            .make(&Segment::home()?, None, spec)
            .map(JoinableQueue)
    }

    /// Creates the queue called `name`.
    ///
    /// # Errors
    ///
    /// As [`Queue::create`].
    pub fn create(&self, segment: &Segment, name: &str) -> Result<JoinableQueue<T, C>> {
        let spec = JoinableQueue::<T, C>::spec();
        self.0.make(segment, Some(name), spec).map(JoinableQueue)
    }

    /// Opens the queue called `name`, which was created with this type and codec. It stays as it was
    /// created.
    ///
    /// # Errors
    ///
    /// As [`JoinableQueue::open`].
    pub fn open(&self, segment: &Segment, name: &str) -> Result<JoinableQueue<T, C>> {
        let spec = JoinableQueue::<T, C>::spec();
        Queue::bind(Object::open(segment, name, spec)?).map(JoinableQueue)
    }

    /// Opens the queue called `name`, or creates it. One that exists stays as it was created.
    ///
    /// # Errors
    ///
    /// As [`JoinableQueue::open_or_create`].
    pub fn open_or_create(&self, segment: &Segment, name: &str) -> Result<JoinableQueue<T, C>> {
        let spec = JoinableQueue::<T, C>::spec();
        self.0.open_or_make(segment, name, spec).map(JoinableQueue)
    }
}
