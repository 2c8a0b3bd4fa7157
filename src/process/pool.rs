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
mod crew;
mod error;
mod imap;
mod keeper;
mod map;
mod results;
mod shared;
mod task;
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
pub use task::{Task, TaskSet};

use crate::error::{Error, Result};
use crate::sys::clock::Deadline;

use super::function::{Callable, WithState};
use board::{Chunk, Phase, Sink};
use crew::Crew;
use map::chunk;
use results::Results;
use wire::News;

/// A pool of worker processes.
///
/// Functions are plain `fn`s, or closures that capture nothing; what they need to know is their
/// argument, or a context that travels once to each worker ([`Pool::map_with`]), or a state that each
/// worker makes when it begins ([`PoolBuilder::initializer`]). Handles of this crate's objects travel
/// in arguments where the objects lie in the segments that the workers have: the home segment, and
/// those of handles in the initializer's argument.
///
/// Dropping the pool terminates it.
///
/// # If a process dies
///
/// A worker: the task that it held fails with [`TaskError::WorkerLost`], or is done again as
/// [`PoolBuilder::retries`] says; what it had done before stays done, what it had not begun is done
/// by others, and another worker takes its place. A worker that has no task costs nothing. The pool's own
/// process: its workers are killed.
pub struct Pool<S = ()> {
    crew: Arc<Crew>,
    threads: Vec<JoinHandle<()>>,
    /// The process that has the threads: a forked child has not.
    owner: u32,
    chunk: Option<usize>,
    of: PhantomData<fn() -> S>,
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
            owner: std::process::id(),
            chunk: None,
            of: PhantomData,
        };
        let os = |e| Error::os(e, "start the threads of a pool");
        for (name, life) in [
            ("outlive-pool-hears", collector::collect as fn(&Crew)),
            ("outlive-pool-keeps", keeper::keep),
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

    /// The same pool with chunks of `tasks` for the maps of this call.
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
        self.crew.with_board(|board| {
            if matches!(board.phase, Phase::Open) {
                board.phase = Phase::Closed;
                board.put_out(&self.crew.shared);
            }
        });
        self.crew.ring();
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
        self.close();
        self.crew.wait_until_over(Deadline::NEVER);
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
        self.close();
        self.crew.wait_until_over(Deadline::after(limit))
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
        self.close();
        self.crew.wait_until_over(Deadline::at(instant))
    }

    /// Kills the workers. Whatever is not done fails with [`TaskError::Cancelled`].
    pub fn terminate(&self) {
        self.crew.end(&TaskError::Cancelled);
    }

    fn submit_one<F: Callable, A: Serialize, R>(&self, function: &F, argument: &A) -> Task<R> {
        let results = Results::new(1);
        self.submit_to(function, argument, results.clone(), 0);
        Task::new(self.crew.clone(), results)
    }

    /// One task, whose outcome goes to a sink under a number.
    fn submit_to<F: Callable, A: Serialize>(
        &self,
        function: &F,
        argument: &A,
        sink: Arc<dyn Sink>,
        number: u32,
    ) {
        match chunk(
            function,
            std::slice::from_ref(argument),
            None,
            &sink,
            number,
        ) {
            Ok(chunk) => self.put(chunk),
            Err(error) => sink.failed(number, TaskError::of(&error)),
        }
    }

    fn put(&self, chunk: Chunk) {
        let crew = &self.crew;
        crew.with_board(|board| board.submit(&crew.shared, chunk));
        if crew.plan.task_timeout.is_some() {
            crew.ring();
        }
    }
}

impl<S> Drop for Pool<S> {
    fn drop(&mut self) {
        if self.owner != std::process::id() {
            return;
        }
        self.terminate();
        // The keeper ends by itself, when the workers have; the collector when it is told to.
        if let Some(keeper) = self.threads.pop() {
            let _ = keeper.join();
        }
        self.crew.say(&News::Quit);
        for collector in self.threads.drain(..) {
            let _ = collector.join();
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
