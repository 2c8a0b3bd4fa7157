//! Sleeps of a thread until another one of this process has done something, or a time has come.

use std::sync::mpsc::{Receiver, RecvTimeoutError};

use parking_lot::{Condvar, MutexGuard};

use crate::sys::clock::Deadline;

/// Sleeps until `is_over`, asked again whenever `told` is notified; `false` where it is not when the
/// time has come.
pub(super) fn until<T>(
    told: &Condvar,
    state: &mut MutexGuard<'_, T>,
    deadline: Deadline,
    is_over: impl Fn(&T) -> bool,
) -> bool {
    while !is_over(state) {
        match deadline.left() {
            None => told.wait(state),
            Some(left) if left.is_zero() => return false,
            Some(left) => {
                told.wait_for(state, left);
            }
        }
    }
    true
}

/// Sleeps until something arrives.
pub(super) fn receive<T>(from: &Receiver<T>, deadline: Deadline) -> Result<T, RecvTimeoutError> {
    match deadline.left() {
        None => from.recv().map_err(RecvTimeoutError::from),
        Some(left) => from.recv_timeout(left),
    }
}
