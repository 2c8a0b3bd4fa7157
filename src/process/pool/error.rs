//! Why a task has no result.

use std::fmt;

use crate::error::Error;
use crate::process::exit::Exit;
use crate::process::panicked::Panicked;

/// Why a task has no result.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TaskError {
    /// The function panicked; the worker goes on.
    Panicked(Panicked),
    /// The worker ended in the middle of it.
    #[doc(alias = "BrokenProcessPool")]
    WorkerLost {
        /// The number of the worker's process.
        pid: u32,
        /// How it ended.
        exit: Exit,
    },
    /// It took longer than the pool permits, and its worker was killed.
    TookTooLong,
    /// It was cancelled, or the pool was terminated, before it was begun or done.
    Cancelled,
    /// It is not done yet: ask again.
    TimedOut,
    /// The pool was closed, or the executor shut down, before.
    Closed,
    /// It could not be sent, called or sent back, or the pool has ended.
    Failed(String),
}

impl TaskError {
    pub(super) fn of(error: &Error) -> Self {
        Self::Failed(error.to_string())
    }

    pub(super) fn no_result() -> Self {
        Self::Failed("the task has no result".to_owned())
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(panicked) => panicked.fmt(f),
            Self::WorkerLost { pid, exit } => {
                write!(
                    f,
                    "the worker ({pid}) ended in the middle of the task: {exit}"
                )
            }
            Self::TookTooLong => f.write_str("the task took longer than the pool permits"),
            Self::Cancelled => f.write_str("the task was cancelled"),
            Self::TimedOut => f.write_str("the task is not done yet"),
            Self::Closed => f.write_str("the pool is closed and takes no more tasks"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for TaskError {}

/// Some of the tasks of a [`Pool::map`](super::Pool::map) failed.
#[derive(Debug)]
pub struct MapError<R> {
    /// What became of each task, in order.
    pub outcomes: Vec<Result<R, TaskError>>,
}

impl<R> fmt::Display for MapError<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self
            .outcomes
            .iter()
            .filter_map(|outcome| outcome.as_ref().err());
        let count = failed.clone().count();
        let all = self.outcomes.len();
        write!(f, "{count} of {all} tasks failed")?;
        match failed.clone().next() {
            Some(first) => write!(f, ", the first: {first}"),
            None => Ok(()),
        }
    }
}

impl<R: fmt::Debug> std::error::Error for MapError<R> {}
