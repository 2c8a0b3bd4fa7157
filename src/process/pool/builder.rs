//! How a pool is to be started.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::process::function::{Function, Initializer, encode};
use crate::segment::SegmentOptions;
use crate::segment::baggage::Baggage;

use super::Pool;
use super::board::Board;
use super::crew::{Crew, Plan};
use super::shared::Shared;

/// What a pool is to be; made by [`Pool::builder`].
///
/// `S` is the state that its workers have, made by the [initializer](PoolBuilder::initializer).
pub struct PoolBuilder<S = ()> {
    workers: usize,
    initializer: Option<Result<(Function, Vec<u8>)>>,
    /// What handles in the initializer's argument need.
    baggage: Baggage,
    most_tasks: Option<u64>,
    retries: u32,
    task_timeout: Option<Duration>,
    out: usize,
    bytes: usize,
    of: PhantomData<fn() -> S>,
}

/// Chunks that are out at a time.
const OUT: usize = 1024;

/// Bytes of arguments, and of results, that are under way at a time.
const BYTES: usize = 16 << 20;

/// Several times what a worker collects before it sends it.
const LEAST_BYTES: usize = 1 << 20;

impl PoolBuilder<()> {
    pub(super) fn new() -> Self {
        Self {
            workers: crate::process::parallelism(),
            initializer: None,
            baggage: Baggage::default(),
            most_tasks: None,
            retries: 0,
            task_timeout: None,
            out: OUT,
            bytes: BYTES,
            of: PhantomData,
        }
    }

    /// A function that every worker calls first; what it returns is the worker's state, which
    /// [`Pool::map_in`] and [`Pool::submit_in`] pass on. If it panics or the worker ends in it, the
    /// pool has ended: there is no use in calling it again and again.
    #[must_use]
    pub fn initializer<I, S>(self, function: fn(I) -> S, argument: I) -> PoolBuilder<S>
    where
        I: Serialize + DeserializeOwned,
        S: 'static,
    {
        let write = || encode(&argument, "an initializer's argument");
        let (written, baggage) = Baggage::pack(write);
        let function = Function::new(&Initializer(function));
        let call = function.and_then(|function| Ok((function, written?)));
        PoolBuilder {
            workers: self.workers,
            initializer: Some(call),
            baggage,
            most_tasks: self.most_tasks,
            retries: self.retries,
            task_timeout: self.task_timeout,
            out: self.out,
            bytes: self.bytes,
            of: PhantomData,
        }
    }
}

impl<S> PoolBuilder<S> {
    /// How many workers there are, 1 at least; as many as this process may use processors, if
    /// nobody says.
    #[must_use]
    #[doc(alias = "processes")]
    #[doc(alias = "max_workers")]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// After how many tasks a worker ends and another takes its place; never, if nobody says.
    #[must_use]
    #[doc(alias = "maxtasksperchild")]
    pub fn max_tasks_per_worker(mut self, tasks: u64) -> Self {
        self.most_tasks = Some(tasks.max(1));
        self
    }

    /// How often a task is done again whose worker was lost in the middle of it; never, if nobody
    /// says, since it may have done half of it.
    #[must_use]
    pub fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// How long a task may take. Then its worker is killed, and it fails with
    /// [`TaskError::TookTooLong`](super::TaskError::TookTooLong).
    #[must_use]
    pub fn task_timeout(mut self, limit: Duration) -> Self {
        self.task_timeout = Some(limit);
        self
    }

    /// How many tasks, or chunks of them, are put where the workers can take them; 1024 if nobody
    /// says. Others wait in this process, without a bound.
    #[must_use]
    pub fn queue_bound(mut self, tasks: usize) -> Self {
        self.out = tasks.clamp(1, 1 << 20);
        self
    }

    /// Bytes of arguments that can be on their way to workers, and of results on their way back;
    /// 16 MiB if nobody says, 1 MiB at least. No single one can be longer. Memory is used as it is needed.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes.max(LEAST_BYTES);
        self
    }

    /// Starts the pool.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for no workers or more than 1000, [`ErrorKind::Encode`] where the
    /// initializer's argument cannot be sent, [`ErrorKind::Os`] where the system has no memory or no
    /// descriptor left.
    pub fn build(self) -> Result<Pool<S>> {
        let workers = u32::try_from(self.workers).unwrap_or(u32::MAX);
        if !(1..=1000).contains(&workers) {
            let doing = format!("start a pool of {} workers", self.workers);
            return Err(Error::new(ErrorKind::InvalidInput, doing).advise("1 to 1000 are possible"));
        }
        let initializer = self.initializer.transpose()?;
        let seats = workers as usize;
        // Address space: what is not written takes no memory.
        let room = 4 * self.bytes as u64 + (seats as u64) * (1 << 17) + (64 << 20);
        let segment = SegmentOptions::new()
            .size(room)
            .participants(workers + 16)
            .label("pool")
            .anonymous()?;
        let shared = Shared::new(&segment, self.out, seats, self.bytes)?;
        let slots = u32::try_from(self.out).unwrap_or(u32::MAX);
        let plan = Plan {
            workers,
            initializer,
            segments: self.baggage.segments().collect(),
            _baggage: Mutex::new(self.baggage),
            most_tasks: self.most_tasks,
            task_timeout: self.task_timeout,
        };
        let board = Board::new(slots, self.retries);
        Pool::start(Crew::new(shared, segment, plan, board)?)
    }
}

impl<S> fmt::Debug for PoolBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolBuilder")
            .field("workers", &self.workers)
            .field("max_tasks_per_worker", &self.most_tasks)
            .field("retries", &self.retries)
            .field("task_timeout", &self.task_timeout)
            .field("queue_bound", &self.out)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}
