//! What a pool is asked for, and gives later.

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

/// A task of a pool, which may not be done yet. Also a [`Future`].
///
/// Dropping it changes nothing: the task is done all the same.
#[must_use = "a task that nobody asks for is done, and its result lost"]
pub struct Task<R> {
    set: TaskSet<R>,
}

/// Tasks of one call, which may not all be done yet. Also a [`Future`].
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
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.results.is_done()
    }

    /// Takes back those that no worker has begun with: they fail with [`TaskError::Cancelled`].
    /// Says whether there were any.
    #[expect(clippy::must_use_candidate, reason = "asked to do something")]
    pub fn cancel(&self) -> bool {
        let sink: Arc<dyn Sink> = self.results.clone();
        self.crew
            .with_board(|board| board.cancel(&self.crew.shared, &sink))
    }

    /// Calls `callback` when all are done, in a thread of the pool, or at once.
    pub fn then(&self, callback: impl FnOnce() + Send + 'static) {
        self.results.call_when_done(Box::new(callback));
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
        self.results.wait(Deadline::NEVER);
        self.results.take(self.count)
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
        if self.results.wait(deadline) {
            Ok(self.results.take(self.count))
        } else {
            Err(self)
        }
    }
}

impl<R: DeserializeOwned> Future for TaskSet<R> {
    type Output = Vec<Result<R, TaskError>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.results.wake_when_done(context.waker()) {
            Poll::Ready(self.results.take(self.count))
        } else {
            Poll::Pending
        }
    }
}

impl<R> Task<R> {
    pub(super) fn new(crew: Arc<Crew>, results: Arc<Results>) -> Self {
        Self {
            set: TaskSet::new(crew, results, 1),
        }
    }

    /// Whether it is done, or has failed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.set.is_done()
    }

    /// Takes it back, where no worker has begun with it: it fails with [`TaskError::Cancelled`].
    /// Says whether it was so.
    #[expect(clippy::must_use_candidate, reason = "asked to do something")]
    pub fn cancel(&self) -> bool {
        self.set.cancel()
    }

    /// Calls `callback` when it is done, in a thread of the pool, or at once.
    pub fn then(&self, callback: impl FnOnce() + Send + 'static) {
        self.set.then(callback);
    }
}

impl<R: DeserializeOwned> Task<R> {
    /// Waits for the result.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// The worker: [`TaskError::WorkerLost`], or another does the task again where the pool was
    /// built with retries.
    ///
    /// # Errors
    ///
    /// What kept it from having a result.
    pub fn get(self) -> Result<R, TaskError> {
        only(self.set.get())
    }

    /// As [`Task::get`], but waits no longer than `limit`. After [`TaskError::TimedOut`] it can be
    /// asked again, after a result not.
    ///
    /// # Blocking
    ///
    /// As [`Task::get`].
    ///
    /// # If a process dies
    ///
    /// As [`Task::get`].
    ///
    /// # Errors
    ///
    /// As [`Task::get`], and [`TaskError::TimedOut`].
    pub fn get_timeout(&mut self, limit: Duration) -> Result<R, TaskError> {
        self.get_until(Deadline::after(limit))
    }

    /// As [`Task::get_timeout`], but waits not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Task::get`].
    ///
    /// # If a process dies
    ///
    /// As [`Task::get`].
    ///
    /// # Errors
    ///
    /// As [`Task::get_timeout`].
    pub fn get_deadline(&mut self, instant: Instant) -> Result<R, TaskError> {
        self.get_until(Deadline::at(instant))
    }

    fn get_until(&mut self, deadline: Deadline) -> Result<R, TaskError> {
        if self.set.results.wait(deadline) {
            only(self.set.results.take(1))
        } else {
            Err(TaskError::TimedOut)
        }
    }
}

impl<R: DeserializeOwned> Future for Task<R> {
    type Output = Result<R, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.set).poll(context).map(only)
    }
}

fn only<R>(outcomes: Vec<Result<R, TaskError>>) -> Result<R, TaskError> {
    let missing = || Err(TaskError::Failed("the task has no result".to_owned()));
    outcomes.into_iter().next().unwrap_or_else(missing)
}

impl<R> fmt::Debug for Task<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("is_done", &self.is_done())
            .finish()
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
