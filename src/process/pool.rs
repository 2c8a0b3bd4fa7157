//! Workers that do tasks: [`Pool`].
//!
//! Arguments and results travel through two [queues](crate::Queue) in a segment of the pool's own.
//! A task costs no descriptor, a panic costs no worker, and a worker that is killed costs the task
//! that it held and nothing else.
//!
//! # Examples
//!
//! ```
//! use outlive::Pool;
//!
//! let pool = Pool::new(2)?;
//! let squares = pool.map(|x: u64| x * x, 0..1000)?;
//! assert_eq!(squares[999], 998_001);
//!
//! // One task, now or later.
//! assert_eq!(pool.apply(|name: String| name.len(), "twelve bytes".into())?, 12);
//! let task = pool.submit(|(a, b): (u32, u32)| a + b, (1, 2));
//! assert_eq!(task.get()?, 3);
//!
//! // What a task panics with is an error of that task.
//! let halves = pool.try_map(|x: u32| if x % 2 == 0 { x / 2 } else { panic!("{x} is odd") }, [4, 5]);
//! assert_eq!(*halves[0].as_ref().unwrap(), 2);
//! assert!(halves[1].as_ref().unwrap_err().to_string().contains("5 is odd"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod board;
mod builder;
mod collector;
mod completion;
mod crew;
mod error;
mod imap;
mod keeper;
mod loss;
mod map;
mod outbox;
mod packing;
mod promise;
mod results;
mod shared;
mod task;
mod task_set;
mod wire;
mod worker;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use builder::PoolBuilder;
pub use error::{MapError, TaskError};
pub use imap::Imap;
pub use task::Task;
pub use task_set::TaskSet;

use crate::error::{Error, Result};
use crate::sys::clock::Deadline;

pub(super) use imap::Pace;
pub(super) use promise::Promise;

use super::function::{Callable, WithState};
use board::Sink;
use crew::Crew;
use promise::Outcome;
use results::Results;

/// A pool of worker processes.
///
/// Functions are plain `fn`s, or closures that capture nothing; what they need to know is their
/// argument, or a context that travels once to each worker ([`Pool::map_with`]), or a state that each
/// worker makes when it begins ([`PoolBuilder::initializer`]). Handles of this crate's objects travel
/// in arguments where the objects lie in the segments that the workers have: the home segment, and
/// those of handles in the initializer's argument. The pool keeps such an object until the task is
/// done; for one whose handle is in a result, the function has to see to it that it is kept.
///
/// Dropping the pool terminates it. In a forked child of the process that started it, it takes no
/// tasks.
///
/// # If a process dies
///
/// A worker: the task that it held fails with [`TaskError::WorkerLost`], or is done again as
/// [`PoolBuilder::retries`] says; what it had done before stays done, what it had not begun is done
/// by others, and another worker takes its place. A worker that has no task costs nothing. Each loss is a
/// warning to [`log`], with what becomes of the task. The pool's own process: its workers are killed.
pub struct Pool<S = ()> {
    crew: Arc<Crew>,
    /// They end by themselves when the pool has ended, or is closed and has done everything.
    threads: Vec<JoinHandle<()>>,
    farewell: Farewell,
    chunk: Option<usize>,
    of: PhantomData<fn() -> S>,
}

/// What dropping a pool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Farewell {
    Terminate,
    /// Waits until everything is done, but in a thread that panics.
    Finish,
    /// Nothing: closed, it goes on until everything is done.
    Leave,
}

impl Pool {
    /// Starts a pool of `workers` workers.
    ///
    /// # Errors
    ///
    /// As [`PoolBuilder::build`].
    pub fn new(workers: usize) -> Result<Self> {
        Self::builder().workers(workers).build()
    }

    /// How a pool is to be started.
    #[must_use]
    pub fn builder() -> PoolBuilder {
        PoolBuilder::new()
    }
}

impl<S: 'static> Pool<S> {
    /// Has a worker call `function` with each state that it has made, and `argument`.
    pub fn submit_in<A, R>(&self, function: fn(&mut S, A) -> R, argument: A) -> Task<R>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.submit_one(&WithState(function), &argument)
    }
}

impl<S> Pool<S> {
    fn start(crew: Arc<Crew>) -> Result<Self> {
        let mut pool = Self {
            crew,
            threads: Vec::new(),
            farewell: Farewell::Terminate,
            chunk: None,
            of: PhantomData,
        };
        let os = |e| Error::os(e, "start the threads of a pool");
        // The one that tells the other to end comes first: where there is no other, it ends alone.
        for (name, life) in [
            ("outlive-pool-keeps", keeper::keep as fn(&Crew)),
            ("outlive-pool-hears", collector::collect),
        ] {
            let crew = pool.crew.clone();
            let thread = std::thread::Builder::new().name(name.to_owned());
            pool.threads
                .push(thread.spawn(move || life(&crew)).map_err(os)?);
        }
        Ok(pool)
    }

    /// How many workers there are to be.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.crew.plan.workers as usize
    }

    /// The numbers of the workers that live. It may change at once.
    #[must_use]
    pub fn pids(&self) -> Vec<u32> {
        self.crew.pids()
    }

    /// The same pool with chunks of `tasks`, 1 at least, in its maps: so many are given to a worker at
    /// a time. If nobody says, a [`Pool::map`] has four chunks for each worker, and an [`Imap`] chunks
    /// of 1. Chunks that are too long to travel are split.
    #[doc(alias = "chunksize")]
    #[must_use]
    pub fn with_chunk(mut self, tasks: usize) -> Self {
        self.chunk = Some(tasks.max(1));
        self
    }

    /// Has a worker call `function` with `argument`, and waits for the result.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// As [`Task::get`].
    ///
    /// # Errors
    ///
    /// As [`Task::get`].
    pub fn apply<A, R>(&self, function: fn(A) -> R, argument: A) -> Result<R, TaskError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.submit(function, argument).get()
    }

    /// Has a worker call `function` with `argument`.
    #[doc(alias = "apply_async")]
    pub fn submit<A, R>(&self, function: fn(A) -> R, argument: A) -> Task<R>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.submit_one(&function, &argument)
    }

    /// Takes no more tasks. Those that it has are done, and then the workers end.
    pub fn close(&self) {
        if self.is_ours() {
            self.crew.close();
        }
    }

    /// Closes the pool, and waits until everything is done and the workers have ended.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// A worker: as ever; what it leaves undone is done by another.
    pub fn join(self) {
        self.join_until(Deadline::NEVER);
    }

    /// As [`Pool::join`], but waits no longer than `limit`; says whether all is done.
    ///
    /// # Blocking
    ///
    /// As [`Pool::join`].
    ///
    /// # If a process dies
    ///
    /// As [`Pool::join`].
    #[must_use]
    pub fn join_timeout(&self, limit: Duration) -> bool {
        self.join_until(Deadline::after(limit))
    }

    /// As [`Pool::join_timeout`], but waits not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Pool::join`].
    ///
    /// # If a process dies
    ///
    /// As [`Pool::join`].
    #[must_use]
    pub fn join_deadline(&self, instant: Instant) -> bool {
        self.join_until(Deadline::at(instant))
    }

    /// Calls `act` with the pool, then closes it and waits until everything is done and the workers
    /// have ended. If `act` panics the pool is terminated, and the panic goes on.
    ///
    /// # Blocking
    ///
    /// As [`Pool::join`].
    ///
    /// # If a process dies
    ///
    /// As [`Pool::join`].
    ///
    /// # Examples
    ///
    /// ```
    /// use outlive::{Pool, Value};
    ///
    /// let total = Value::new(0_u32)?;
    /// let tasks = Pool::new(2)?.scope(|pool| {
    ///     let add = |(total, x): (Value<u32>, u32)| total.fetch_add(x).unwrap();
    ///     pool.map_async(add, [(total.clone(), 1), (total.clone(), 2)])
    /// });
    /// assert!(tasks.is_done());
    /// assert_eq!(total.get()?, 3);
    /// # Ok::<(), outlive::Error>(())
    /// ```
    #[doc(alias = "with")]
    pub fn scope<T>(self, act: impl FnOnce(&Self) -> T) -> T {
        // A panic drops the pool, which terminates it.
        let done = act(&self);
        self.join();
        done
    }

    /// Kills the workers. Whatever is not done fails with [`TaskError::Cancelled`].
    pub fn terminate(&self) {
        if self.is_ours() {
            self.crew.end(&TaskError::Cancelled);
        }
    }

    fn join_until(&self, deadline: Deadline) -> bool {
        self.close();
        !self.is_ours() || self.crew.wait_until_over(deadline)
    }

    /// Whether this is the process that started it, and no forked child, for which it does nothing.
    fn is_ours(&self) -> bool {
        self.crew.is_ours()
    }

    fn submit_one<F: Callable, A: Serialize, R>(&self, function: &F, argument: &A) -> Task<R> {
        let results = Results::new(1);
        self.submit_to(function, argument, results.clone());
        Task::new(self.crew.clone(), results)
    }

    /// A task that anybody may ask for.
    pub(super) fn promise<F: Callable, A: Serialize>(&self, function: &F, argument: &A) -> Promise {
        let outcome = Outcome::new();
        self.submit_to(function, argument, outcome.clone());
        Promise::new(self.crew.clone(), outcome)
    }

    fn submit_to<F: Callable, A: Serialize>(
        &self,
        function: &F,
        argument: &A,
        sink: Arc<dyn Sink>,
    ) {
        let arguments = std::slice::from_ref(argument);
        self.crew.submit(function, arguments, None, &sink, 0);
    }

    /// Takes back whatever no worker has begun with.
    pub(super) fn cancel_all(&self) {
        self.crew.cancel_all();
    }

    /// Waits until a pool that was closed or terminated has no workers any more; `false` where the
    /// time is up before.
    pub(super) fn wait_until_over(&self, deadline: Deadline) -> bool {
        self.crew.wait_until_over(deadline)
    }

    /// Has it dropped in this way.
    pub(super) fn part_by(&mut self, farewell: Farewell) {
        self.farewell = farewell;
    }

    /// Whether this is a thread that the pool cannot be waited for in: one of its own, which has
    /// called a callback.
    fn is_within(&self) -> bool {
        let own = std::thread::current().id();
        self.threads
            .iter()
            .any(|thread| thread.thread().id() == own)
    }
}

impl<S> Drop for Pool<S> {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        match self.farewell {
            Farewell::Finish if !std::thread::panicking() => {
                self.close();
                if !self.is_within() {
                    self.wait_until_over(Deadline::NEVER);
                }
            }
            Farewell::Finish | Farewell::Terminate => self.terminate(),
            Farewell::Leave => self.close(),
        }
        if self.farewell == Farewell::Leave || self.is_within() {
            return;
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl<S> fmt::Debug for Pool<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("workers", &self.workers())
            .field("pending", &self.crew.pending())
            .finish_non_exhaustive()
    }
}
