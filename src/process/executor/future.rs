//! A task of an executor, for whoever wants its result: [`Future`].

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::process::pool::{Promise, TaskError};
use crate::sys::clock::Deadline;

/// A task of an [`Executor`](super::Executor), which may not be done yet.
///
/// A clone is the same task, and costs next to nothing. Any number of threads may ask, any number of
/// times: the result is kept as the bytes that the worker sent, and decoded anew for each who asks, so
/// every asker pays for that and has a value of his own. Also a future of Rust's, to be awaited by any
/// number of clones.
///
/// Two are equal that are the same task, so they can be keys of a map (where clippy's
/// `mutable_key_type` warns in vain).
///
/// Dropping it changes nothing: the task is done all the same.
///
/// # If a process dies
///
/// The worker that has begun with it: [`TaskError::WorkerLost`], within a moment, or another does it
/// again where the executor was built with retries.
#[must_use = "a future that nobody asks is done, and its result lost"]
pub struct Future<R> {
    pub(super) promise: Promise,
    of: PhantomData<fn() -> R>,
}

impl<R> Future<R> {
    pub(super) fn new(promise: Promise) -> Self {
        Self {
            promise,
            of: PhantomData,
        }
    }

    /// Whether it has a result, has failed or was cancelled.
    #[doc(alias = "done")]
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.promise.is_done()
    }

    /// Whether a worker has begun with it and it is not done. It may change at once.
    #[doc(alias = "running")]
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.promise.is_begun()
    }

    /// Whether it was cancelled, by [`Future::cancel`] or with its executor.
    #[doc(alias = "cancelled")]
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.promise.is_cancelled()
    }

    /// Takes it back, where no worker has begun with it: it fails with [`TaskError::Cancelled`].
    /// Says whether it is cancelled now; what runs or is done is not.
    ///
    /// Its callbacks are called in this thread.
    #[expect(clippy::must_use_candidate, reason = "asked to do something")]
    pub fn cancel(&self) -> bool {
        self.promise.cancel()
    }
}

impl<R: 'static> Future<R> {
    /// Calls `callback` with this future when it is done, in a thread of the executor or in one that
    /// cancels it; at once, in this one, where it is done. Several are called in the order in which
    /// they came. If one panics, that is logged, and all else goes on.
    ///
    /// A callback can submit more, and ask what is done, but must not wait for tasks of its executor:
    /// the thread that it is called in is the one that hears of their ends.
    ///
    /// # Examples
    ///
    /// ```
    /// let executor = outlive::Executor::new(1)?;
    /// let (told, news) = std::sync::mpsc::channel();
    /// let future = executor.submit(|x: u32| x + 1, 1);
    /// future.add_done_callback(move |future| told.send(future.result()).unwrap());
    /// assert_eq!(news.recv()??, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn add_done_callback(&self, callback: impl FnOnce(&Self) + Send + 'static) {
        let future = self.clone();
        self.promise
            .call_when_done(Box::new(move || callback(&future)));
    }
}

impl<R: DeserializeOwned> Future<R> {
    /// Waits for the result.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// The worker: [`TaskError::WorkerLost`], or another does the task again where the executor was
    /// built with retries.
    ///
    /// # Errors
    ///
    /// What kept it from having a result.
    pub fn result(&self) -> Result<R, TaskError> {
        self.promise.get(Deadline::NEVER)
    }

    /// As [`Future::result`], but waits no longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Future::result`].
    ///
    /// # If a process dies
    ///
    /// As [`Future::result`].
    ///
    /// # Errors
    ///
    /// As [`Future::result`], and [`TaskError::TimedOut`].
    pub fn result_timeout(&self, limit: Duration) -> Result<R, TaskError> {
        self.promise.get(Deadline::after(limit))
    }

    /// As [`Future::result_timeout`], but waits not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Future::result`].
    ///
    /// # If a process dies
    ///
    /// As [`Future::result`].
    ///
    /// # Errors
    ///
    /// As [`Future::result_timeout`].
    pub fn result_deadline(&self, instant: Instant) -> Result<R, TaskError> {
        self.promise.get(Deadline::at(instant))
    }

    /// As [`Future::result`], without waiting.
    ///
    /// # Errors
    ///
    /// As [`Future::result_timeout`].
    pub fn try_result(&self) -> Result<R, TaskError> {
        self.result_timeout(Duration::ZERO)
    }

    /// Waits until it is done, and says what kept it from having a result; nothing where it has one.
    ///
    /// # Blocking
    ///
    /// As [`Future::result`].
    ///
    /// # If a process dies
    ///
    /// As [`Future::result`].
    #[must_use]
    pub fn exception(&self) -> Option<TaskError> {
        self.result().err()
    }

    /// As [`Future::exception`], but waits no longer than `limit`: then it says
    /// [`TaskError::TimedOut`].
    ///
    /// # Blocking
    ///
    /// As [`Future::result`].
    ///
    /// # If a process dies
    ///
    /// As [`Future::result`].
    #[must_use]
    pub fn exception_timeout(&self, limit: Duration) -> Option<TaskError> {
        self.result_timeout(limit).err()
    }

    /// As [`Future::exception_timeout`], but waits not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Future::result`].
    ///
    /// # If a process dies
    ///
    /// As [`Future::result`].
    #[must_use]
    pub fn exception_deadline(&self, instant: Instant) -> Option<TaskError> {
        self.result_deadline(instant).err()
    }
}

impl<R: DeserializeOwned> std::future::Future for Future<R> {
    type Output = Result<R, TaskError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.promise.wake_when_done(context.waker()) {
            Poll::Ready(self.try_result())
        } else {
            Poll::Pending
        }
    }
}

impl<R> Clone for Future<R> {
    fn clone(&self) -> Self {
        Self::new(self.promise.clone())
    }
}

impl<R> PartialEq for Future<R> {
    fn eq(&self, other: &Self) -> bool {
        self.promise.is(&other.promise)
    }
}

impl<R> Eq for Future<R> {}

impl<R> Hash for Future<R> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.promise.number().hash(state);
    }
}

impl<R> fmt::Debug for Future<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Future")
            .field("is_done", &self.is_done())
            .field("is_cancelled", &self.is_cancelled())
            .field("callbacks", &self.promise.callbacks())
            .finish_non_exhaustive()
    }
}
