//! Where the outcomes of tasks are collected for whoever asked for them.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::de::DeserializeOwned;

use crate::process::function::decode;

use super::board::Sink;
use super::completion::Completion;
use super::error::TaskError;
use super::wire::{self, Failure};

/// The outcomes of some tasks.
pub(super) struct Results {
    pub(super) completion: Completion,
    outcomes: Mutex<Outcomes>,
}

#[derive(Default)]
struct Outcomes {
    /// Encoded outcomes of consecutive tasks, by the number of the first.
    runs: Vec<(u32, Vec<u8>)>,
    failures: Vec<(u32, TaskError)>,
}

impl Results {
    /// Of `count` tasks.
    pub(super) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self {
            completion: Completion::new(count),
            outcomes: Mutex::default(),
        })
    }

    /// Whether none of those that are there is a failure.
    pub(super) fn are_good(&self) -> bool {
        let outcomes = self.outcomes.lock();
        let mut runs = outcomes.runs.iter();
        outcomes.failures.is_empty()
            && runs.all(|(_, run)| wire::outcomes(run).all(|outcome| outcome.is_ok()))
    }

    /// Takes the outcomes of all `count` tasks.
    pub(super) fn take<R: DeserializeOwned>(&self, count: usize) -> Vec<Result<R, TaskError>> {
        let Outcomes { runs, failures } = std::mem::take(&mut *self.outcomes.lock());
        let mut all: Vec<Option<Result<R, TaskError>>> = Vec::new();
        all.resize_with(count, || None);
        for (first, run) in runs {
            let places = all.iter_mut().skip(first as usize);
            for (place, outcome) in places.zip(wire::outcomes(&run)) {
                *place = Some(read(outcome));
            }
        }
        for (task, why) in failures {
            if let Some(place) = all.get_mut(task as usize) {
                *place = Some(Err(why));
            }
        }
        let missing = || Err(TaskError::Failed("the result was taken before".to_owned()));
        all.into_iter()
            .map(|outcome| outcome.unwrap_or_else(missing))
            .collect()
    }
}

impl Sink for Results {
    fn done(&self, first: u32, outcomes: Vec<u8>) {
        let count = wire::outcomes(&outcomes).count();
        self.outcomes.lock().runs.push((first, outcomes));
        self.completion.note(count);
    }

    fn failed(&self, task: u32, why: TaskError) {
        self.outcomes.lock().failures.push((task, why));
        self.completion.note(1);
    }
}

/// What a worker has sent of a task.
pub(super) fn read<R: DeserializeOwned>(outcome: Result<&[u8], &[u8]>) -> Result<R, TaskError> {
    match outcome {
        Ok(bytes) => decode(bytes, "a result").map_err(|e| TaskError::of(&e)),
        Err(bytes) => Err(match postcard::from_bytes(bytes) {
            Ok(Failure::Panicked(panicked)) => TaskError::Panicked(panicked),
            Ok(Failure::Failed(why)) => TaskError::Failed(why),
            Err(_) => TaskError::Failed("the worker failed".to_owned()),
        }),
    }
}

/// What a worker has sent of a single task.
pub(super) fn read_only<R: DeserializeOwned>(run: &[u8]) -> Result<R, TaskError> {
    let missing = || Err(TaskError::no_result());
    wire::outcomes(run).next().map_or_else(missing, read)
}
