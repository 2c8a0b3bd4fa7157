//! One function over many arguments: [`Map`].

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::process::function::{Callable, OfPair};
use crate::process::pool::{Imap, Pace, Pool, TaskError};
use crate::sys::clock::Deadline;

/// How a map is to be done; made by [`Executor::mapping`](super::Executor::mapping).
#[must_use = "it says how, and does nothing"]
pub struct Mapping<'e, S = ()> {
    pool: &'e Pool<S>,
    chunk: Option<usize>,
    window: Option<usize>,
    limit: Option<Limit>,
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    For(Duration),
    Until(Instant),
}

/// Results in order, each when it is there.
///
/// A task that fails is an error in its place, and those behind it go on: collecting into a `Result`
/// ends with the first of them. Dropping it cancels what no worker has begun with.
#[must_use = "dropping it cancels what no worker has begun with"]
pub struct Map<'a, R> {
    results: Imap<'a, R>,
    deadline: Deadline,
    is_late: bool,
}

impl<'e, S> Mapping<'e, S> {
    pub(super) fn new(pool: &'e Pool<S>) -> Self {
        Self {
            pool,
            chunk: None,
            window: None,
            limit: None,
        }
    }

    /// A worker is given `tasks` tasks at a time, 1 at least. If nobody says: so many that each worker
    /// has four chunks, or 1 where there is a [window](Mapping::window).
    #[doc(alias = "chunksize")]
    pub fn chunk(mut self, tasks: usize) -> Self {
        self.chunk = Some(tasks.max(1));
        self
    }

    /// No more than `tasks` tasks, and a chunk, are submitted whose results were not taken yet. So the
    /// input may be endless; if nobody says, all of it is submitted at once.
    #[doc(alias = "buffersize")]
    pub fn window(mut self, tasks: usize) -> Self {
        self.window = Some(tasks.max(1));
        self
    }

    /// The results are to be there within `limit`, counted from the call of [`Mapping::map`]. The first
    /// that is not is [`TaskError::TimedOut`], what no worker has begun with is cancelled, and nothing
    /// more comes.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.limit = Some(Limit::For(limit));
        self
    }

    /// As [`Mapping::timeout`], but the results are to be there at `instant`.
    pub fn deadline(mut self, instant: Instant) -> Self {
        self.limit = Some(Limit::Until(instant));
        self
    }

    /// As [`Executor::map`](super::Executor::map).
    pub fn map<'a, T, R>(
        self,
        function: fn(T) -> R,
        items: impl IntoIterator<Item = T, IntoIter: 'a>,
    ) -> Map<'a, R>
    where
        T: Serialize + DeserializeOwned + 'a,
        R: Serialize + DeserializeOwned + 'a,
    {
        self.start(function, items.into_iter())
    }

    /// As [`Executor::map2`](super::Executor::map2).
    pub fn map2<'a, A, B, R>(
        self,
        function: fn(A, B) -> R,
        first: impl IntoIterator<Item = A, IntoIter: 'a>,
        second: impl IntoIterator<Item = B, IntoIter: 'a>,
    ) -> Map<'a, R>
    where
        A: Serialize + DeserializeOwned + 'a,
        B: Serialize + DeserializeOwned + 'a,
        R: Serialize + DeserializeOwned + 'a,
    {
        self.start(OfPair(function), first.into_iter().zip(second))
    }

    fn start<'a, F, T, R>(self, function: F, items: impl Iterator<Item = T> + 'a) -> Map<'a, R>
    where
        F: Callable + 'a,
        T: Serialize + 'a,
    {
        let deadline = match self.limit {
            None => Deadline::NEVER,
            Some(Limit::For(limit)) => Deadline::after(limit),
            Some(Limit::Until(instant)) => Deadline::at(instant),
        };
        let pace = |chunk, window| Pace {
            chunk,
            window,
            is_ordered: true,
        };
        let mut results = if let Some(window) = self.window {
            let pace = pace(self.chunk.unwrap_or(1), window);
            self.pool.results_of(function, items, pace)
        } else {
            let items: Vec<T> = items.collect();
            let usual = || self.pool.chunk_of(items.len());
            let pace = pace(self.chunk.unwrap_or_else(usual), usize::MAX);
            self.pool.results_of(function, items.into_iter(), pace)
        };
        results.top_up();
        Map {
            results,
            deadline,
            is_late: false,
        }
    }
}

impl<R: DeserializeOwned> Iterator for Map<'_, R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_late {
            return None;
        }
        let next = self.results.next_until(self.deadline);
        if matches!(next, Some(Err(TaskError::TimedOut))) {
            self.is_late = true;
            self.results.cancel();
        }
        next
    }
}

impl<R> Drop for Map<'_, R> {
    fn drop(&mut self) {
        self.results.cancel();
    }
}

impl<S> fmt::Debug for Mapping<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("chunk", &self.chunk)
            .field("window", &self.window)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl<R> fmt::Debug for Map<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Map").field(&self.results).finish()
    }
}
