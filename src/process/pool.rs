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
mod results;
mod shared;
mod task;
mod wire;
mod worker;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use builder::PoolBuilder;
pub use error::{MapError, TaskError};
pub use imap::Imap;
pub use task::{Task, TaskSet};

use crate::error::{Error, Result};
use crate::shared::Array;
use crate::sys::clock::Deadline;

use super::function::{Callable, Function, OfPair, OfTriple, WithContext, WithState, encode};
use board::{Chunk, Context, Phase, Sink};
use crew::Crew;
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

/// Chunks for each worker, where nobody says how long they are: enough that the last ones end at
/// about the same time.
const CHUNKS: usize = 4;

/// Tasks that are under way for each worker of an [`Imap`].
const WINDOW: usize = 4;

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

    /// As [`Pool::map`], with the worker's state as the first argument.
    ///
    /// # Errors
    ///
    /// As [`Pool::map`].
    pub fn map_in<T, R>(
        &self,
        function: fn(&mut S, T) -> R,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<R>, MapError<R>>
    where
        T: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        all(self.submit_all(&WithState(function), items, None).get())
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

    /// Has workers call `function` with each of `items`, and waits for the results, in order.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// As [`TaskSet::get`].
    ///
    /// # Errors
    ///
    /// Where some of the tasks failed: what became of each.
    pub fn map<T, R>(
        &self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<R>, MapError<R>>
    where
        T: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        all(self.try_map(function, items))
    }

    /// As [`Pool::map`], but says of each task what became of it.
    ///
    /// # Blocking
    ///
    /// As [`Pool::map`].
    ///
    /// # If a process dies
    ///
    /// As [`TaskSet::get`].
    pub fn try_map<T, R>(
        &self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T>,
    ) -> Vec<Result<R, TaskError>>
    where
        T: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.map_async(function, items).get()
    }

    /// As [`Pool::try_map`], but does not wait.
    pub fn map_async<T, R>(
        &self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T>,
    ) -> TaskSet<R>
    where
        T: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        self.submit_all(&function, items, None)
    }

    /// As [`Pool::map`], for a function of two arguments.
    ///
    /// # Errors
    ///
    /// As [`Pool::map`].
    pub fn starmap<A, B, R>(
        &self,
        function: fn(A, B) -> R,
        items: impl IntoIterator<Item = (A, B)>,
    ) -> Result<Vec<R>, MapError<R>>
    where
        A: Serialize + DeserializeOwned,
        B: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        all(self.submit_all(&OfPair(function), items, None).get())
    }

    /// As [`Pool::map`], for a function of three arguments.
    ///
    /// # Errors
    ///
    /// As [`Pool::map`].
    pub fn starmap3<A, B, C, R>(
        &self,
        function: fn(A, B, C) -> R,
        items: impl IntoIterator<Item = (A, B, C)>,
    ) -> Result<Vec<R>, MapError<R>>
    where
        A: Serialize + DeserializeOwned,
        B: Serialize + DeserializeOwned,
        C: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        all(self.submit_all(&OfTriple(function), items, None).get())
    }

    /// As [`Pool::map`], with a first argument that is the same for all, and travels once to each
    /// worker: what a closure would have captured.
    ///
    /// # Errors
    ///
    /// As [`Pool::map`].
    pub fn map_with<C, T, R>(
        &self,
        context: &C,
        function: fn(&C, T) -> R,
        items: impl IntoIterator<Item = T>,
    ) -> Result<Vec<R>, MapError<R>>
    where
        C: Serialize + DeserializeOwned + 'static,
        T: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
    {
        let items: Vec<T> = items.into_iter().collect();
        match self.context(context) {
            Ok(context) => {
                let tasks = self.submit_all(&WithContext(function), items, Some(Arc::new(context)));
                all(tasks.get())
            }
            Err(error) => Err(MapError {
                outcomes: items.iter().map(|_| Err(TaskError::of(&error))).collect(),
            }),
        }
    }

    /// The results one by one in order, each when it is there, while others are worked on. Lazy: see
    /// [`Imap`].
    pub fn imap<'a, T, R>(
        &'a self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T, IntoIter: 'a>,
    ) -> Imap<'a, T, R>
    where
        T: Serialize + DeserializeOwned + 'a,
        R: Serialize + DeserializeOwned + 'a,
    {
        self.imap_as(function, items.into_iter(), true)
    }

    /// As [`Pool::imap`], in the order in which they are done.
    pub fn imap_unordered<'a, T, R>(
        &'a self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T, IntoIter: 'a>,
    ) -> Imap<'a, T, R>
    where
        T: Serialize + DeserializeOwned + 'a,
        R: Serialize + DeserializeOwned + 'a,
    {
        self.imap_as(function, items.into_iter(), false)
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

    fn submit_all<F: Callable, T: Serialize, R>(
        &self,
        function: &F,
        items: impl IntoIterator<Item = T>,
        context: Option<Arc<Context>>,
    ) -> TaskSet<R> {
        let items: Vec<T> = items.into_iter().collect();
        let results = Results::new(items.len());
        let sink: Arc<dyn Sink> = results.clone();
        let usual = items.len().div_ceil(self.workers() * CHUNKS);
        let length = self.chunk.unwrap_or(usual).max(1);
        let mut first = 0;
        for items in items.chunks(length) {
            let chunk = chunk(function, items, context.clone(), &sink, first);
            match chunk {
                Ok(chunk) => self.put(chunk),
                Err(error) => {
                    for task in (first..).take(items.len()) {
                        sink.failed(task, TaskError::of(&error));
                    }
                }
            }
            first += u32::try_from(items.len()).unwrap_or(u32::MAX);
        }
        TaskSet::new(self.crew.clone(), results, items.len())
    }

    fn imap_as<'a, T, R>(
        &'a self,
        function: fn(T) -> R,
        items: impl Iterator<Item = T> + 'a,
        is_ordered: bool,
    ) -> Imap<'a, T, R>
    where
        T: Serialize + DeserializeOwned + 'a,
        R: Serialize + DeserializeOwned + 'a,
    {
        let window = self.workers() * WINDOW;
        Imap::new(items, window, is_ordered, move |item, sink, number| {
            self.submit_to(&function, &item, sink, number);
        })
    }

    fn put(&self, chunk: Chunk) {
        let crew = &self.crew;
        crew.with_board(|board| board.submit(&crew.shared, chunk));
        if crew.plan.task_timeout.is_some() {
            crew.ring();
        }
    }

    fn context<C: Serialize>(&self, context: &C) -> Result<Context> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed: only that no two have the same.
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let bytes = encode(context, "a context")?;
        let name = format!("context {id}");
        let array = Array::create_from_slice(&self.crew.segment, &name, &bytes)?;
        // The handle keeps it; a name would keep it for ever.
        self.crew.segment.remove(&name)?;
        Ok(Context {
            id,
            handle: encode(&array, "the handle of a context")?,
            _array: array,
        })
    }
}

fn chunk<F: Callable, T: Serialize>(
    function: &F,
    items: &[T],
    context: Option<Arc<Context>>,
    sink: &Arc<dyn Sink>,
    first: u32,
) -> Result<Chunk> {
    let mut arguments = Vec::new();
    let mut starts = Vec::with_capacity(items.len());
    for item in items {
        starts.push(u32::try_from(arguments.len()).unwrap_or(u32::MAX));
        wire::frame_argument(&mut arguments, item)?;
    }
    Ok(Chunk {
        function: Function::new(function)?,
        context,
        arguments,
        starts,
        sink: sink.clone(),
        first,
        done: 0,
        killed: 0,
    })
}

fn all<R>(outcomes: Vec<Result<R, TaskError>>) -> Result<Vec<R>, MapError<R>> {
    if outcomes.iter().any(Result::is_err) {
        return Err(MapError { outcomes });
    }
    Ok(outcomes.into_iter().filter_map(Result::ok).collect())
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
