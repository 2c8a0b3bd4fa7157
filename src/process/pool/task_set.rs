//! Many tasks that a pool is asked for at once, and gives later.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::sys::clock::Deadline;

use super::board::Sink;
use super::crew::Crew;
use super::error::TaskError;
use super::results::Results;

/// Tasks of one call, which may not all be done yet. Also a [`Future`].
#[doc(alias = "AsyncResult")]
#[must_use = "tasks that nobody asks for are done, and their results lost"]
pub struct TaskSet<R> {
    crew: Arc<Crew>,
    results: Arc<Results>,
    count: usize,
    of: PhantomData<fn() -> R>,
}

impl<R> TaskSet<R> {
    pub(super) fn new(crew: Arc<Crew>, results: Arc<Results>, count: usize) -> Self {
        Self {
            crew,
            results,
            count,
            of: PhantomData,
        }
    }

    /// How many tasks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether all of them are done, or have failed.
    #[doc(alias = "ready")]
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.results.completion.is_done()
    }

    /// Whether none of them failed; nothing before all are done, and after their results were
    /// taken it is as if none had. A result that cannot be decoded is found out only as it is
    /// taken.
    #[doc(alias = "successful")]
    #[must_use]
    pub fn succeeded(&self) -> Option<bool> {
        self.is_done().then(|| self.results.are_good())
    }

    /// Waits until all of them are done.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// As [`TaskSet::get`].
    pub fn wait(&self) {
        self.wait_until(Deadline::NEVER);
    }

    /// As [`TaskSet::wait`], but waits no longer than `limit`; says whether all are done.
    ///
    /// # Blocking
    ///
    /// As [`TaskSet::wait`].
    ///
    /// # If a process dies
    ///
    /// As [`TaskSet::get`].
    #[must_use]
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.wait_until(Deadline::after(limit))
    }

    /// As [`TaskSet::wait_timeout`], but waits not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`TaskSet::wait`].
    ///
    /// # If a process dies
    ///
    /// As [`TaskSet::get`].
    #[must_use]
    pub fn wait_deadline(&self, instant: Instant) -> bool {
        self.wait_until(Deadline::at(instant))
    }

    pub(super) fn wait_until(&self, deadline: Deadline) -> bool {
        self.results.completion.wait(deadline)
    }

    /// Takes back those that no worker has begun with: they fail with [`TaskError::Cancelled`].
    /// Says whether there were any.
    #[expect(clippy::must_use_candidate, reason = "asked to do something")]
    pub fn cancel(&self) -> bool {
        let sink: Arc<dyn Sink> = self.results.clone();
        self.crew.cancel(&sink)
    }

    /// Calls `callback` when all are done, in a thread of the pool, or at once; several in the order
    /// in which they came. If it panics, that is logged, and the pool and the others go on.
    ///
    /// It must not wait for tasks of the pool: the thread that it is called in is the one that hears
    /// of their ends.
    pub fn then(&self, callback: impl FnOnce() + Send + 'static) {
        let callback = Box::new(callback);
        self.results.completion.call_when_done(callback);
    }
}

impl<R: DeserializeOwned> TaskSet<R> {
    /// Waits for all of them; says what became of each, in order.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// A worker: its task fails with [`TaskError::WorkerLost`], or is done again by another where
    /// the pool was built with retries.
    #[must_use]
    pub fn get(self) -> Vec<Result<R, TaskError>> {
        self.wait();
        self.take()
    }

    /// As [`TaskSet::get`], but waits no longer than `limit`, and then gives the tasks back.
    ///
    /// # Blocking
    ///
    /// As [`TaskSet::get`].
    ///
    /// # If a process dies
    ///
    /// As [`TaskSet::get`].
    ///
    /// # Errors
    ///
    /// The tasks themselves, where not all are done.
    pub fn get_timeout(self, limit: Duration) -> Result<Vec<Result<R, TaskError>>, Self> {
        self.get_until(Deadline::after(limit))
    }

    /// As [`TaskSet::get_timeout`], but waits not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`TaskSet::get`].
    ///
    /// # If a process dies
    ///
    /// As [`TaskSet::get`].
    ///
    /// # Errors
    ///
    /// As [`TaskSet::get_timeout`].
    pub fn get_deadline(self, instant: Instant) -> Result<Vec<Result<R, TaskError>>, Self> {
        self.get_until(Deadline::at(instant))
    }

    fn get_until(self, deadline: Deadline) -> Result<Vec<Result<R, TaskError>>, Self> {
        if self.wait_until(deadline) {
            Ok(self.take())
        } else {
            Err(self)
        }
    }

    /// Gives `callback` what became of each, in order, when all are done: as [`TaskSet::then`].
    #[doc(alias = "callback")]
    #[doc(alias = "error_callback")]
    pub fn hand_to(self, callback: impl FnOnce(Vec<Result<R, TaskError>>) + Send + 'static) {
        let (results, count) = (self.results.clone(), self.count);
        self.then(move || callback(results.take(count)));
    }

    pub(super) fn take(&self) -> Vec<Result<R, TaskError>> {
        self.results.take(self.count)
    }
}

impl<R: DeserializeOwned> Future for TaskSet<R> {
    type Output = Vec<Result<R, TaskError>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.results.completion.wake_when_done(context.waker()) {
            Poll::Ready(self.take())
        } else {
            Poll::Pending
        }
    }
}

impl<R> fmt::Debug for TaskSet<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskSet")
            .field("len", &self.len())
            .field("is_done", &self.is_done())
            .finish()
    }
}
