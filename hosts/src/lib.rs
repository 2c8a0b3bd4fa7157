//! What every program of the matrix does: start processes and a pool, and see that all is right.
//!
//! ```
//! outlive_hosts::check();
//! ```
//!
//! A program of its own, where others are merged into one:
//!
//! ```standalone_crate
//! outlive_hosts::check();
//! ```

use std::time::Duration;

use outlive::process::pool::TaskError;
use outlive::process::{Exit, JoinError, Method};
use outlive::{Pool, Process};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn twice(number: u64) -> u64 {
    2 * number
}

/// Starts processes of both kinds and a pool, and has each of them do something.
///
/// # Panics
///
/// Where something is not as it should be.
pub fn check() {
    for method in [Method::Server, Method::Execute] {
        let mut process = Process::builder().method(method).spawn(twice, 21).unwrap();
        assert_eq!(process.join_timeout(PATIENCE).unwrap(), 42, "{method:?}");
        assert_eq!(process.exit(), Some(Exit::Code(0)), "{method:?}");
    }
    let pool = Pool::new(2).unwrap();
    let tasks = pool.map_async(twice, 0..100);
    let mut task = pool.submit(twice, 4);
    assert_eq!(task.get_timeout(PATIENCE).unwrap(), 8);
    assert!(
        tasks
            .get()
            .into_iter()
            .map(Result::unwrap)
            .eq((0..100).map(twice))
    );
    assert!(pool.join_timeout(PATIENCE));
}

fn panics(number: u64) {
    assert_ne!(number, 7, "told");
}

/// A panic is told; where it aborts, the worker is lost by that signal and nothing else.
///
/// # Panics
///
/// Where something is not as it should be.
pub fn check_panics() {
    let is_right = |panicked: Option<&str>, exit: Option<Exit>| {
        if cfg!(panic = "abort") {
            assert_eq!(exit, Some(Exit::Signal(6)));
        } else {
            assert!(panicked.is_some_and(|message| message.contains("told")));
        }
    };
    match Process::spawn(panics, 7).unwrap().join().unwrap_err() {
        JoinError::Panicked(panicked) => is_right(Some(panicked.message()), None),
        JoinError::Ended { exit, .. } => is_right(None, Some(exit)),
        other => panic!("{other}"),
    }
    let pool = Pool::new(2).unwrap();
    for (number, outcome) in (0..).zip(pool.try_map(panics, 0..20)) {
        match outcome {
            Ok(()) => assert_ne!(number, 7),
            Err(TaskError::Panicked(panicked)) => is_right(Some(panicked.message()), None),
            Err(TaskError::WorkerLost { exit, .. }) => is_right(None, Some(exit)),
            Err(other) => panic!("{other}"),
        }
    }
}

/// What [`check`] does, in a process, in a process of that, and in a task of a pool.
///
/// # Panics
///
/// Where something is not as it should be.
pub fn check_nested() {
    fn deeper(levels: u32) {
        check();
        if levels > 0 {
            Process::spawn(deeper, levels - 1).unwrap().join().unwrap();
        }
    }
    deeper(2);
    Pool::new(2).unwrap().map(deeper, [0, 1]).unwrap();
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_unit_test_hosts_processes() {
        super::check();
    }
}
