//! Who is told when tasks are done: threads that sleep, futures, and callbacks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use parking_lot::{Condvar, Mutex};

use crate::process::panicked::text_of;
use crate::process::sleep;
use crate::sys::clock::Deadline;

pub(in crate::process) type Callback = Box<dyn FnOnce() + Send>;

/// How many tasks are not done yet, and who waits for that.
pub(super) struct Completion {
    state: Mutex<State>,
    all_done: Condvar,
}

#[derive(Default)]
struct State {
    left: usize,
    wakers: Vec<Waker>,
    /// In the order in which they came, each with a number of its own.
    callbacks: Vec<(u64, Callback)>,
    numbers: u64,
}

impl Completion {
    /// Of `count` tasks.
    pub(super) fn new(count: usize) -> Self {
        Self {
            state: Mutex::new(State {
                left: count,
                ..State::default()
            }),
            all_done: Condvar::new(),
        }
    }

    /// Whether every task has its outcome.
    pub(super) fn is_done(&self) -> bool {
        self.state.lock().left == 0
    }

    /// Waits for all of them; `false` where the time is up before.
    pub(super) fn wait(&self, deadline: Deadline) -> bool {
        let is_done = |state: &State| state.left == 0;
        sleep::until(&self.all_done, &mut self.state.lock(), deadline, is_done)
    }

    /// Wakes `waker` when all are done; `true` where they are.
    pub(super) fn wake_when_done(&self, waker: &Waker) -> bool {
        let mut state = self.state.lock();
        if state.left > 0 && !state.wakers.iter().any(|known| known.will_wake(waker)) {
            state.wakers.push(waker.clone());
        }
        state.left == 0
    }

    /// Calls `callback` when all are done, which may be now. Where it is not, its number.
    pub(super) fn call_when_done(&self, callback: Callback) -> Option<u64> {
        let mut state = self.state.lock();
        if state.left > 0 {
            let number = state.numbers;
            state.numbers += 1;
            state.callbacks.push((number, callback));
            return Some(number);
        }
        drop(state);
        call(callback);
        None
    }

    /// How many callbacks are to be called.
    pub(super) fn callbacks(&self) -> usize {
        self.state.lock().callbacks.len()
    }

    /// Does not call the callback of this number.
    pub(super) fn forget(&self, number: u64) {
        let mut state = self.state.lock();
        let callbacks = &mut state.callbacks;
        let at = callbacks.iter().position(|(known, _)| *known == number);
        let forgotten = at.map(|at| callbacks.remove(at));
        // What it held may ask for the lock as it is dropped.
        drop(state);
        drop(forgotten);
    }

    /// `count` more are done; their outcomes are there.
    pub(super) fn note(&self, count: usize) {
        let mut state = self.state.lock();
        state.left = state.left.saturating_sub(count);
        if state.left > 0 {
            return;
        }
        let wakers = std::mem::take(&mut state.wakers);
        let callbacks = std::mem::take(&mut state.callbacks);
        self.all_done.notify_all();
        drop(state);
        for waker in wakers {
            call(Box::new(|| waker.wake()));
        }
        for (_, callback) in callbacks {
            call(callback);
        }
    }
}

/// Calls what is not ours: its panic is to end neither the thread nor those that are still to be
/// called.
fn call(callback: Callback) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(callback)) {
        let text = text_of(&*payload);
        log::error!("a callback of a task panicked: {text}");
    }
}
