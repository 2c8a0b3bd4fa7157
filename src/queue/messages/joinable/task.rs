//! [`Task`]: a message that is unfinished until its consumer says so.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::super::codec::Codec;
use super::super::delivery::Delivery;
use super::super::error::GetError;
use super::JoinableQueue;

/// A message that was taken and is not yet done; made by [`JoinableQueue::get`].
///
/// Dropping it, or [`task_done`](Task::task_done), says that it is done.
///
/// # If a process dies
///
/// Before that, the message is delivered again, to somebody else, unless
/// [`Redelivery::Drop`](super::super::Redelivery::Drop) was asked for: then it is done.
#[must_use = "dropping it says that the task is done"]
pub struct Task<'a, T>(pub(super) Delivery<'a, T>);

impl<T> Task<'_, T> {
    /// Says that the task is done, and gives the item. Who joins is woken where it was the last.
    ///
    /// # If a process dies
    ///
    /// Doing this: the task is done, or comes again.
    #[doc(alias = "ack")]
    pub fn task_done(self) -> T {
        self.0.ack()
    }

    /// Gives the task back, undone: it is delivered again, before the others, to whoever asks next.
    ///
    /// # If a process dies
    ///
    /// Doing this: the task is given back.
    pub fn nack(self) {
        self.0.nack();
    }

    /// How often the task was delivered, this time included; more than 1 after a
    /// [`nack`](Task::nack) or the death of a consumer.
    #[must_use]
    pub fn deliveries(&self) -> u32 {
        self.0.deliveries()
    }
}

impl<T> Deref for Task<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Task<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Task<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("item", &**self)
            .field("deliveries", &self.deliveries())
            .finish()
    }
}

/// The tasks of a queue until it is closed; made by [`JoinableQueue::iter`].
#[derive(Debug)]
pub struct Tasks<'a, T, C>(pub(super) &'a JoinableQueue<T, C>);

impl<'a, T, C: Codec<T>> Iterator for Tasks<'a, T, C> {
    type Item = Result<Task<'a, T>, GetError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0.get() {
            Err(GetError::Closed) => None,
            got => Some(got),
        }
    }
}

impl<'a, T, C: Codec<T>> IntoIterator for &'a JoinableQueue<T, C> {
    type Item = Result<Task<'a, T>, GetError>;
    type IntoIter = Tasks<'a, T, C>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
