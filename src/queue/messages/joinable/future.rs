//! Waiting for a task in a future.

use super::super::codec::Codec;
use super::super::error::GetError;
use super::{JoinableQueue, Task};

impl<T, C: Codec<T>> JoinableQueue<T, C> {
    /// Takes a task, as [`JoinableQueue::get`], in a future.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, nothing was taken.
    ///
    /// # If a process dies
    ///
    /// As for [`JoinableQueue::get`].
    ///
    /// # Errors
    ///
    /// As [`JoinableQueue::get`], and [`GetError::Broken`] where the thread that sleeps for futures
    /// cannot be started.
    pub fn get_async(&self) -> impl Future<Output = Result<Task<'_, T>, GetError>> {
        let delivery = self.0.receive_async();
        async { delivery.await.map(Task) }
    }
}
