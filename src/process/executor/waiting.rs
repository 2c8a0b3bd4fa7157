//! Waiting for several futures: [`wait`] and [`as_completed`].

use std::borrow::Borrow;
use std::collections::HashSet;
use std::fmt;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

use crate::process::pool::TaskError;
use crate::process::sleep;
use crate::sys::clock::Deadline;

use super::Future;

/// What a [`wait`] waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnWhen {
    /// One of them is done.
    #[doc(alias = "FIRST_COMPLETED")]
    First,
    /// One of them has failed, or all are done. To be cancelled is not to fail. Looks at each result,
    /// which has it decoded.
    #[doc(alias = "FIRST_EXCEPTION")]
    FirstError,
    /// All of them are done.
    #[doc(alias = "ALL_COMPLETED")]
    All,
}

/// What a [`wait`] has found, each future once and in the order in which they were given.
#[derive(Debug)]
pub struct Waited<R> {
    /// Those that are done, have failed or were cancelled.
    pub done: Vec<Future<R>>,
    /// The others.
    pub not_done: Vec<Future<R>>,
}

/// Waits for several futures. Those that are given twice count once, and none are waited for not at
/// all.
///
/// # Blocking
///
/// Sleeps in the kernel.
///
/// # If a process dies
///
/// A worker: its future fails, and so is done, or another does the task again where the executor was
/// built with retries.
///
/// # Examples
///
/// ```
/// use outlive::Executor;
/// use outlive::process::executor::{ReturnWhen, wait};
///
/// let executor = Executor::new(2)?;
/// let futures = [1, 2, 3].map(|x| executor.submit(|x: u32| 10 / (x - 2), x));
/// let waited = wait(&futures, ReturnWhen::FirstError);
/// assert!(waited.done.iter().any(|future| future.exception().is_some()));
/// # Ok::<(), outlive::Error>(())
/// ```
pub fn wait<R: DeserializeOwned>(
    futures: impl IntoIterator<Item: Borrow<Future<R>>>,
    until: ReturnWhen,
) -> Waited<R> {
    wait_until(futures, until, Deadline::NEVER)
}

/// As [`wait`], but waits no longer than `limit`.
///
/// # Blocking
///
/// As [`wait`].
///
/// # If a process dies
///
/// As [`wait`].
pub fn wait_timeout<R: DeserializeOwned>(
    futures: impl IntoIterator<Item: Borrow<Future<R>>>,
    until: ReturnWhen,
    limit: Duration,
) -> Waited<R> {
    wait_until(futures, until, Deadline::after(limit))
}

/// As [`wait_timeout`], but waits not beyond `instant`.
///
/// # Blocking
///
/// As [`wait`].
///
/// # If a process dies
///
/// As [`wait`].
pub fn wait_deadline<R: DeserializeOwned>(
    futures: impl IntoIterator<Item: Borrow<Future<R>>>,
    until: ReturnWhen,
    instant: Instant,
) -> Waited<R> {
    wait_until(futures, until, Deadline::at(instant))
}

fn wait_until<R: DeserializeOwned>(
    futures: impl IntoIterator<Item: Borrow<Future<R>>>,
    until: ReturnWhen,
    deadline: Deadline,
) -> Waited<R> {
    let mut completed = as_completed(futures);
    while let Ok(Some(future)) = completed.next_until(deadline) {
        let is_enough = match until {
            ReturnWhen::First => true,
            ReturnWhen::FirstError => has_failed(&future),
            ReturnWhen::All => false,
        };
        if is_enough {
            break;
        }
    }
    let futures = completed.futures.iter().cloned();
    let (done, not_done) = futures.partition(Future::is_done);
    Waited { done, not_done }
}

fn has_failed<R: DeserializeOwned>(future: &Future<R>) -> bool {
    !matches!(
        future.exception(),
        None | Some(TaskError::Cancelled | TaskError::TimedOut)
    )
}

/// Futures, each once and as it is done; made by [`as_completed`].
pub struct AsCompleted<R> {
    futures: Vec<Future<R>>,
    /// What each would call when it is done.
    callbacks: Vec<Option<u64>>,
    arrivals: Receiver<usize>,
    left: usize,
}

/// The futures in the order in which they are done, each once; those that are done already come first.
///
/// # Blocking
///
/// `next` sleeps in the kernel.
///
/// # If a process dies
///
/// As [`wait`].
pub fn as_completed<R>(futures: impl IntoIterator<Item: Borrow<Future<R>>>) -> AsCompleted<R> {
    let mut known = HashSet::new();
    let futures: Vec<Future<R>> = futures
        .into_iter()
        .map(|future| future.borrow().clone())
        .filter(|future| known.insert(future.promise.number()))
        .collect();
    let (sender, arrivals) = channel();
    let tell = |(at, future): (usize, &Future<R>)| {
        let sender = sender.clone();
        future.promise.call_when_done(Box::new(move || {
            // Who does not listen any more does not want to know.
            let _ = sender.send(at);
        }))
    };
    AsCompleted {
        callbacks: futures.iter().enumerate().map(tell).collect(),
        left: futures.len(),
        futures,
        arrivals,
    }
}

/// As [`as_completed`], but the whole takes no longer than `limit`, counted from now: then there is one
/// [`Unfinished`], and nothing more.
///
/// # Blocking
///
/// As [`as_completed`].
///
/// # If a process dies
///
/// As [`wait`].
pub fn as_completed_timeout<R>(
    futures: impl IntoIterator<Item: Borrow<Future<R>>>,
    limit: Duration,
) -> AsCompletedUntil<R> {
    AsCompletedUntil::new(futures, Deadline::after(limit))
}

/// As [`as_completed_timeout`], but it ends at `instant`.
///
/// # Blocking
///
/// As [`as_completed`].
///
/// # If a process dies
///
/// As [`wait`].
pub fn as_completed_deadline<R>(
    futures: impl IntoIterator<Item: Borrow<Future<R>>>,
    instant: Instant,
) -> AsCompletedUntil<R> {
    AsCompletedUntil::new(futures, Deadline::at(instant))
}

/// As [`AsCompleted`], with an end; made by [`as_completed_timeout`].
#[derive(Debug)]
pub struct AsCompletedUntil<R> {
    completed: AsCompleted<R>,
    deadline: Deadline,
    is_late: bool,
}

/// The time was up before all futures were done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfinished {
    /// How many were not done.
    pub unfinished: usize,
    /// Of how many.
    pub all: usize,
}

impl<R> AsCompleted<R> {
    fn next_until(&mut self, deadline: Deadline) -> Result<Option<Future<R>>, Unfinished> {
        if self.left == 0 {
            return Ok(None);
        }
        let arrival = sleep::receive(&self.arrivals, deadline).ok();
        let future = arrival.and_then(|at| self.futures.get(at));
        let future = future.ok_or(Unfinished {
            unfinished: self.left,
            all: self.futures.len(),
        })?;
        self.left -= 1;
        Ok(Some(future.clone()))
    }
}

impl<R> Iterator for AsCompleted<R> {
    type Item = Future<R>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_until(Deadline::NEVER).ok().flatten()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<R> ExactSizeIterator for AsCompleted<R> {}

impl<R> Drop for AsCompleted<R> {
    fn drop(&mut self) {
        // Or a future that is asked for again and again would have ever more to call.
        for (future, callback) in self.futures.iter().zip(&self.callbacks) {
            if let Some(callback) = callback {
                future.promise.forget(*callback);
            }
        }
    }
}

impl<R> AsCompletedUntil<R> {
    fn new(futures: impl IntoIterator<Item: Borrow<Future<R>>>, deadline: Deadline) -> Self {
        Self {
            completed: as_completed(futures),
            deadline,
            is_late: false,
        }
    }
}

impl<R> Iterator for AsCompletedUntil<R> {
    type Item = Result<Future<R>, Unfinished>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_late {
            return None;
        }
        let next = self.completed.next_until(self.deadline);
        self.is_late = next.is_err();
        next.transpose()
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} (of {}) futures unfinished",
            self.unfinished, self.all
        )
    }
}

impl std::error::Error for Unfinished {}

impl<R> fmt::Debug for AsCompleted<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("left", &self.left)
            .field("of", &self.futures.len())
            .finish_non_exhaustive()
    }
}
