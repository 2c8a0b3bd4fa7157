//! One task whose outcome anybody may ask for, any number of times.

use std::sync::{Arc, OnceLock};
use std::task::Waker;

use serde::de::DeserializeOwned;

use crate::sys::clock::Deadline;

use super::board::Sink;
use super::completion::{Callback, Completion};
use super::crew::Crew;
use super::error::TaskError;
use super::results::read_only;

/// A task, and the pool that does it.
#[derive(Clone)]
pub(in crate::process) struct Promise {
    crew: Arc<Crew>,
    outcome: Arc<Outcome>,
}

/// What became of a task, when that is known.
pub(super) struct Outcome {
    completion: Completion,
    /// As the worker encoded it: whoever asks decodes it for himself.
    once: OnceLock<Result<Vec<u8>, TaskError>>,
}

impl Outcome {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            completion: Completion::new(1),
            once: OnceLock::new(),
        })
    }

    fn settle(&self, outcome: Result<Vec<u8>, TaskError>) {
        if self.once.set(outcome).is_ok() {
            self.completion.note(1);
        }
    }
}

impl Sink for Outcome {
    fn done(&self, _first: u32, outcomes: Vec<u8>) {
        self.settle(Ok(outcomes));
    }

    fn failed(&self, _task: u32, why: TaskError) {
        self.settle(Err(why));
    }
}

impl Promise {
    pub(super) fn new(crew: Arc<Crew>, outcome: Arc<Outcome>) -> Self {
        Self { crew, outcome }
    }

    /// Whether both are the same task.
    pub(in crate::process) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.outcome, &other.outcome)
    }

    /// A number that no other task has which is not dropped.
    pub(in crate::process) fn number(&self) -> usize {
        Arc::as_ptr(&self.outcome).addr()
    }

    pub(in crate::process) fn is_done(&self) -> bool {
        self.outcome.completion.is_done()
    }

    pub(in crate::process) fn is_cancelled(&self) -> bool {
        self.is_done() && matches!(self.outcome.once.get(), Some(Err(TaskError::Cancelled)))
    }

    /// Whether a worker has begun with it, and it is not done.
    pub(in crate::process) fn is_begun(&self) -> bool {
        !self.is_done() && self.crew.has_begun(&self.sink())
    }

    pub(in crate::process) fn cancel(&self) -> bool {
        self.crew.cancel_only(&self.sink()) || self.is_cancelled()
    }

    /// The outcome, decoded anew, as soon as it is there.
    pub(in crate::process) fn get<R: DeserializeOwned>(
        &self,
        deadline: Deadline,
    ) -> Result<R, TaskError> {
        self.outcome.completion.wait(deadline);
        match self.outcome.once.get() {
            Some(Ok(bytes)) => read_only(bytes),
            Some(Err(why)) => Err(why.clone()),
            None => Err(TaskError::TimedOut),
        }
    }

    /// See [`Completion::wake_when_done`].
    pub(in crate::process) fn wake_when_done(&self, waker: &Waker) -> bool {
        self.outcome.completion.wake_when_done(waker)
    }

    /// See [`Completion::call_when_done`].
    pub(in crate::process) fn call_when_done(&self, callback: Callback) -> Option<u64> {
        self.outcome.completion.call_when_done(callback)
    }

    /// See [`Completion::callbacks`].
    pub(in crate::process) fn callbacks(&self) -> usize {
        self.outcome.completion.callbacks()
    }

    /// See [`Completion::forget`].
    pub(in crate::process) fn forget(&self, callback: u64) {
        self.outcome.completion.forget(callback);
    }

    fn sink(&self) -> Arc<dyn Sink> {
        self.outcome.clone()
    }
}
