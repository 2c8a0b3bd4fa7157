//! What a pool is asked for, and gives later.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::sys::clock::Deadline;

use super::crew::Crew;
use super::error::TaskError;
use super::results::Results;
use super::task_set::TaskSet;

/// A task of a pool, which may not be done yet. Also a [`Future`].
///
/// Dropping it changes nothing: the task is done all the same.
#[doc(alias = "AsyncResult")]
#[must_use = "a task that nobody asks for is done, and its result lost"]
pub struct Task<R> {
    set: TaskSet<R>,
}

impl<R> Task<R> {
    pub(super) fn new(crew: Arc<Crew>, results: Arc<Results>) -> Self {
        Self {
            set: TaskSet::new(crew, results, 1),
        }
    }

    /// Whether it is done, or has failed.
    #[doc(alias = "ready")]
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.set.is_done()
    }

    /// Whether it did not fail; nothing before it is done. As [`TaskSet::succeeded`].
    #[doc(alias = "successful")]
    #[must_use]
    pub fn succeeded(&self) -> Option<bool> {
        self.set.succeeded()
    }

    /// Waits until it is done.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// As [`Task::get`].
    pub fn wait(&self) {
        self.set.wait();
    }

    /// As [`Task::wait`], but waits no longer than `limit`; says whether it is done.
    ///
    /// # Blocking
    ///
    /// As [`Task::wait`].
    ///
    /// # If a process dies
    ///
    /// As [`Task::get`].
    #[must_use]
    pub fn wait_timeout(&self, limit: Duration) -> bool {
        self.set.wait_timeout(limit)
    }

    /// As [`Task::wait_timeout`], but waits not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Task::wait`].
    ///
    /// # If a process dies
    ///
    /// As [`Task::get`].
    #[must_use]
    pub fn wait_deadline(&self, instant: Instant) -> bool {
        self.set.wait_deadline(instant)
    }

    /// Takes it back, where no worker has begun with it: it fails with [`TaskError::Cancelled`].
    /// Says whether it was so.
    #[expect(clippy::must_use_candidate, reason = "asked to do something")]
    pub fn cancel(&self) -> bool {
        self.set.cancel()
    }

    /// Calls `callback` when it is done, in a thread of the pool, or at once: as [`TaskSet::then`].
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
        if self.set.wait_until(deadline) {
            only(self.set.take())
        } else {
            Err(TaskError::TimedOut)
        }
    }

    /// Gives `callback` the result, or what kept the task from having one, when it is done: as
    /// [`TaskSet::then`].
    ///
    /// # Examples
    ///
    /// ```
    /// let pool = outlive::Pool::new(1)?;
    /// let (told, news) = std::sync::mpsc::channel();
    /// let task = pool.submit(|x: i32| x + 1, 1);
    /// task.hand_to(move |result| told.send(result).unwrap());
    /// assert_eq!(news.recv()??, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "callback")]
    #[doc(alias = "error_callback")]
    pub fn hand_to(self, callback: impl FnOnce(Result<R, TaskError>) + Send + 'static) {
        self.set.hand_to(move |outcomes| callback(only(outcomes)));
    }
}

impl<R: DeserializeOwned> Future for Task<R> {
    type Output = Result<R, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.set).poll(context).map(only)
    }
}

fn only<R>(outcomes: Vec<Result<R, TaskError>>) -> Result<R, TaskError> {
    let missing = || Err(TaskError::no_result());
    outcomes.into_iter().next().unwrap_or_else(missing)
}

impl<R> fmt::Debug for Task<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("is_done", &self.is_done())
            .finish()
    }
}
