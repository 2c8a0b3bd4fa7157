//! Where the outcomes of tasks are collected for whoever asked for them.

use std::sync::Arc;
use std::task::Waker;

use parking_lot::{Condvar, Mutex};
use serde::de::DeserializeOwned;

use crate::process::function::decode;
use crate::sys::clock::Deadline;

use super::board::Sink;
use super::error::TaskError;
use super::wire::{self, Failure};

/// The outcomes of some tasks.
pub(super) struct Results {
    state: Mutex<State>,
    all_there: Condvar,
}

#[derive(Default)]
struct State {
    /// Encoded outcomes of consecutive tasks, by the number of the first.
    runs: Vec<(u32, Vec<u8>)>,
    failures: Vec<(u32, TaskError)>,
    left: usize,
    wakers: Vec<Waker>,
    callbacks: Vec<Box<dyn FnOnce() + Send>>,
}

impl Results {
    /// Of `count` tasks.
    pub(super) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                left: count,
                ..State::default()
            }),
            all_there: Condvar::new(),
        })
    }

    /// Whether every task has its outcome.
    pub(super) fn is_done(&self) -> bool {
        self.state.lock().left == 0
    }

    /// Waits for all of them; `false` where the time is up before.
    pub(super) fn wait(&self, deadline: Deadline) -> bool {
        let mut state = self.state.lock();
        while state.left > 0 {
            match deadline.left() {
                None => self.all_there.wait(&mut state),
                Some(left) if left.is_zero() => return false,
                Some(left) => {
                    self.all_there.wait_for(&mut state, left);
                }
            }
        }
        true
    }

    /// Wakes `waker` when all are there; `true` where they are.
    pub(super) fn wake_when_done(&self, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        if state.left > 0 && !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        state.left == 0
    }

    /// Calls `callback` when all are there, which may be now.
    pub(super) fn call_when_done(&self, callback: Box<dyn FnOnce() + Send>) {
        let mut state = self.state.lock();
        if state.left > 0 {
            state.callbacks.push(callback);
            return;
        }
        drop(state);
        callback();
    }

    /// Takes the outcomes of all `count` tasks.
    pub(super) fn take<R: DeserializeOwned>(&self, count: usize) -> Vec<Result<R, TaskError>> {
        let (runs, failures) = {
            let mut state = self.state.lock();
            (
                std::mem::take(&mut state.runs),
                std::mem::take(&mut state.failures),
            )
        };
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

    fn note(&self, count: usize, note: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        note(&mut state);
        state.left = state.left.saturating_sub(count);
        if state.left > 0 {
            return;
        }
        let wakers = std::mem::take(&mut state.wakers);
        let callbacks = std::mem::take(&mut state.callbacks);
        self.all_there.notify_all();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        callbacks.into_iter().for_each(|callback| callback());
    }
}

impl Sink for Results {
    fn done(&self, first: u32, outcomes: Vec<u8>) {
        let count = wire::outcomes(&outcomes).count();
        self.note(count, |state| state.runs.push((first, outcomes)));
    }

    fn failed(&self, task: u32, why: TaskError) {
        self.note(1, |state| state.failures.push((task, why)));
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
