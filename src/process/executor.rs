//! Tasks as futures: [`Executor`].
//!
//! A [`Pool`] in the shape of Python's `concurrent.futures`: what is submitted is a [`Future`] that
//! any number of threads and of asynchronous tasks can ask, wait for together with others ([`wait`],
//! [`as_completed`]), and have tell them.
//!
//! # Examples
//!
//! ```
//! use outlive::Executor;
//! use outlive::process::executor::as_completed;
//!
//! let executor = Executor::new(2)?;
//! let future = executor.submit(|(base, power): (u64, u32)| base.pow(power), (323, 3));
//! assert_eq!(future.result()?, 33_698_267);
//!
//! // Over two inputs, in order.
//! let products = executor.map2(|a: u32, b: u32| a * b, [1, 2, 3], [4, 5, 6]);
//! assert_eq!(products.collect::<Result<Vec<_>, _>>()?, [4, 10, 18]);
//!
//! // As they are done.
//! let futures: Vec<_> = (1..5).map(|x| executor.submit(|x: u32| x * x, x)).collect();
//! let total: u32 = as_completed(&futures).map(|future| future.result().unwrap_or(0)).sum();
//! assert_eq!(total, 30);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod future;
mod mapping;
mod waiting;

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use future::Future;
pub use mapping::{Map, Mapping};
pub use waiting::{
    AsCompleted, AsCompletedUntil, ReturnWhen, Unfinished, Waited, as_completed,
    as_completed_deadline, as_completed_timeout, wait, wait_deadline, wait_timeout,
};

pub use super::pool::TaskError;

use crate::error::Result;
use crate::sys::clock::Deadline;

use super::function::WithState;
use super::pool::{Farewell, Pool, PoolBuilder};

/// Worker processes that do what is submitted, each as a [`Future`].
///
/// Functions are plain `fn`s, or closures that capture nothing, as for a [`Pool`]: an executor is a
/// pool that is asked differently.
///
/// Dropping it waits until everything that was submitted is done, as the end of Python's `with` does;
/// in a thread that panics it kills the workers instead. [`Executor::detach`] does not wait.
///
/// # If a process dies
///
/// A worker: the future of the task that it held fails with [`TaskError::WorkerLost`], or another
/// does it again as [`PoolBuilder::retries`] says. All others go on, and another worker takes its
/// place; the executor is never broken by it. A worker that has no task costs nothing. The
/// executor's own process: its workers are killed.
#[doc(alias = "ProcessPoolExecutor")]
pub struct Executor<S = ()> {
    pool: Pool<S>,
}

/// What becomes of tasks when an [`Executor`] is shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// All that were submitted are done.
    Finish,
    /// Those that a worker has begun with are done, the others fail with [`TaskError::Cancelled`].
    #[doc(alias = "cancel_futures")]
    CancelPending,
    /// The workers are killed; what is not done fails with [`TaskError::Cancelled`].
    #[doc(alias = "kill_workers")]
    #[doc(alias = "terminate_workers")]
    Kill,
}

impl Executor {
    /// Starts an executor with `workers` workers.
    ///
    /// # Errors
    ///
    /// As [`PoolBuilder::build`].
    pub fn new(workers: usize) -> Result<Self> {
        Self::builder().workers(workers).build_executor()
    }

    /// How an executor is to be started: as a pool is, but ended with
    /// [`PoolBuilder::build_executor`].
    ///
    /// # Examples
    ///
    /// ```
    /// use outlive::Executor;
    ///
    /// let executor = Executor::builder().workers(2).retries(1).build_executor()?;
    /// assert_eq!(executor.workers(), 2);
    /// # Ok::<(), outlive::Error>(())
    /// ```
    #[must_use]
    pub fn builder() -> PoolBuilder {
        Pool::builder()
    }
}

impl<S> PoolBuilder<S> {
    /// As [`PoolBuilder::build`], for an [`Executor`].
    ///
    /// # Errors
    ///
    /// As [`PoolBuilder::build`].
    pub fn build_executor(self) -> Result<Executor<S>> {
        let mut pool = self.build()?;
        pool.part_by(Farewell::Finish);
        Ok(Executor { pool })
    }
}

impl<S: 'static> Executor<S> {
    /// As [`Executor::submit`], with the worker's state as the first argument: what the
    /// [initializer](PoolBuilder::initializer) made.
    pub fn submit_in<A, R>(&self, function: fn(&mut S, A) -> R, argument: A) -> Future<R>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        Future::new(self.pool.promise(&WithState(function), &argument))
    }
}

impl<S> Executor<S> {
    /// Has a worker call `function` with `argument`. After a shutdown the future has failed with
    /// [`TaskError::Closed`].
    pub fn submit<A, R>(&self, function: fn(A) -> R, argument: A) -> Future<R>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        Future::new(self.pool.promise(&function, &argument))
    }

    /// Has workers call `function` with each of `items`, all of them at once; the results come in
    /// order, each when it is there. See [`Map`], and [`Executor::mapping`] for chunks, a window and a
    /// time limit.
    pub fn map<'a, T, R>(
        &self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T, IntoIter: 'a>,
    ) -> Map<'a, R>
    where
        T: Serialize + DeserializeOwned + 'a,
        R: Serialize + DeserializeOwned + 'a,
    {
        self.mapping().map(function, items)
    }

    /// As [`Executor::map`], for a function of two arguments and two inputs: the shorter one decides
    /// how many tasks there are.
    pub fn map2<'a, A, B, R>(
        &self,
        function: fn(A, B) -> R,
        first: impl IntoIterator<Item = A, IntoIter: 'a>,
        second: impl IntoIterator<Item = B, IntoIter: 'a>,
    ) -> Map<'a, R>
    where
        A: Serialize + DeserializeOwned + 'a,
        B: Serialize + DeserializeOwned + 'a,
        R: Serialize + DeserializeOwned + 'a,
    {
        self.mapping().map2(function, first, second)
    }

    /// How a map is to be done.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let executor = outlive::Executor::new(2)?;
    /// let mapping = executor.mapping().chunk(100).timeout(Duration::from_secs(60));
    /// assert_eq!(mapping.map(|x: u64| x * x, 0..1000).flatten().sum::<u64>(), 332_833_500);
    /// # Ok::<(), outlive::Error>(())
    /// ```
    pub fn mapping(&self) -> Mapping<'_, S> {
        Mapping::new(&self.pool)
    }

    /// How many workers there are to be.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.pool.workers()
    }

    /// The numbers of the workers that live. It may change at once.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.pool.pids()
    }

    /// Takes no more tasks, and waits until nothing is to be done any more and the workers have ended.
    /// It can be called again, also with another `how`.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel. Not to be called in a callback of a future: the thread that it is called
    /// in is the one that hears of the tasks' ends.
    ///
    /// # If a process dies
    ///
    /// A worker: as ever; what it leaves undone is done by another.
    ///
    /// # Examples
    ///
    /// ```
    /// use outlive::Executor;
    /// use outlive::process::executor::{Shutdown, TaskError};
    ///
    /// let executor = Executor::new(1)?;
    /// let future = executor.submit(|x: i32| -x, 1);
    /// executor.shutdown(Shutdown::Finish);
    /// assert_eq!(future.result()?, -1);
    /// let late = executor.submit(|x: i32| -x, 2);
    /// assert!(matches!(late.result(), Err(TaskError::Closed)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) {
        self.shutdown_until(how, Deadline::NEVER);
    }

    /// As [`Executor::shutdown`], but does not wait; says whether the workers have ended already.
    #[expect(clippy::must_use_candidate, reason = "asked to do something")]
    pub fn try_shutdown(&self, how: Shutdown) -> bool {
        self.shutdown_timeout(how, Duration::ZERO)
    }

    /// As [`Executor::shutdown`], but waits no longer than `limit`; says whether the workers have
    /// ended. If not, they go on to their end.
    ///
    /// # Blocking
    ///
    /// As [`Executor::shutdown`].
    ///
    /// # If a process dies
    ///
    /// As [`Executor::shutdown`].
    #[must_use]
    pub fn shutdown_timeout(&self, how: Shutdown, limit: Duration) -> bool {
        self.shutdown_until(how, Deadline::after(limit))
    }

    /// As [`Executor::shutdown_timeout`], but waits not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Executor::shutdown`].
    ///
    /// # If a process dies
    ///
    /// As [`Executor::shutdown`].
    #[must_use]
    pub fn shutdown_deadline(&self, how: Shutdown, instant: Instant) -> bool {
        self.shutdown_until(how, Deadline::at(instant))
    }

    fn shutdown_until(&self, how: Shutdown, deadline: Deadline) -> bool {
        self.pool.close();
        match how {
            Shutdown::Finish => {}
            Shutdown::CancelPending => self.pool.cancel_all(),
            Shutdown::Kill => self.pool.terminate(),
        }
        self.pool.wait_until_over(deadline)
    }

    /// Shuts it down and leaves it alone: what was submitted is done, and then the workers end. When
    /// `main` returns before that, they are ended.
    pub fn detach(mut self) {
        self.pool.part_by(Farewell::Leave);
    }
}

impl<S> fmt::Debug for Executor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Executor").field(&self.pool).finish()
    }
}
