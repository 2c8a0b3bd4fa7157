//! How executors end.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use outlive::process::executor::{Future, Shutdown, TaskError};
use outlive::{AtomicArray, Event, Executor};

use super::{MOMENT, held_up};
use crate::child::PATIENCE;
use crate::deed::{die, is_gone, sleep, square, until, wait_for};

/// Futures of tasks that say so when they are done.
fn count_up(executor: &Executor, counts: &AtomicArray<u64>, tasks: usize) -> Vec<Future<()>> {
    let add = |counts: AtomicArray<u64>| {
        counts.fetch_add(0, 1).unwrap();
    };
    (0..tasks)
        .map(|_| executor.submit(add, counts.clone()))
        .collect()
}

#[test]
fn what_was_submitted_is_done_and_nothing_more() {
    let counts = AtomicArray::<u64>::new(1).unwrap();
    let executor = Executor::new(2).unwrap();
    let pids = executor.pids();
    let futures = count_up(&executor, &counts, 3000);
    executor.shutdown(Shutdown::Finish);
    assert_eq!(counts.get(0).unwrap(), 3000);
    assert!(futures.iter().all(|future| future.result().is_ok()));
    assert!(pids.into_iter().all(is_gone));
    let late = executor.submit(square, 1);
    assert!(late.is_done() && !late.is_cancelled());
    assert!(matches!(late.result(), Err(TaskError::Closed)));
    let mut late = executor.map(square, [1]);
    assert!(matches!(late.next(), Some(Err(TaskError::Closed))));
    // As often as anybody likes.
    executor.shutdown(Shutdown::Finish);
    executor.shutdown(Shutdown::CancelPending);
    executor.shutdown(Shutdown::Kill);
    assert!(executor.try_shutdown(Shutdown::Finish));
}

#[test]
fn dropping_waits() {
    let counts = AtomicArray::<u64>::new(1).unwrap();
    let executor = Executor::new(2).unwrap();
    let _futures = count_up(&executor, &counts, 3000);
    drop(executor);
    assert_eq!(counts.get(0).unwrap(), 3000);
    // Nothing submitted, nothing waited for.
    drop(Executor::new(3).unwrap());
}

#[test]
fn a_shutdown_that_does_not_wait_lets_the_tasks_be_done() {
    let (executor, gate, held) = held_up();
    let counts = AtomicArray::<u64>::new(1).unwrap();
    let futures = count_up(&executor, &counts, 100);
    assert!(!executor.try_shutdown(Shutdown::Finish));
    assert!(!executor.shutdown_timeout(Shutdown::Finish, MOMENT));
    assert!(!executor.shutdown_deadline(Shutdown::Finish, Instant::now()));
    assert!(!held.is_done());
    gate.set().unwrap();
    assert!(futures.iter().all(|future| future.result().is_ok()));
    assert!(executor.shutdown_timeout(Shutdown::Finish, PATIENCE));
}

#[test]
fn what_has_not_begun_can_be_cancelled_as_a_whole() {
    let (executor, gate, held) = held_up();
    let counts = AtomicArray::<u64>::new(1).unwrap();
    // More than are put out at a time.
    let futures = count_up(&executor, &counts, 3000);
    assert!(!executor.try_shutdown(Shutdown::CancelPending));
    assert!(futures.iter().all(Future::is_cancelled));
    assert!(held.is_running());
    gate.set().unwrap();
    executor.shutdown(Shutdown::CancelPending);
    assert!(held.result().unwrap());
    assert_eq!(counts.get(0).unwrap(), 0);
}

#[test]
fn workers_can_be_killed() {
    let executor = Executor::new(2).unwrap();
    let pids = executor.pids();
    let slow: Vec<_> = (0..10).map(|_| executor.submit(sleep, ())).collect();
    until(|| slow.iter().any(Future::is_running));
    assert!(!executor.try_shutdown(Shutdown::Finish));
    executor.shutdown(Shutdown::Kill);
    assert!(slow.iter().all(Future::is_cancelled));
    // They are dead; that their server reaps them is not waited for.
    until(|| pids.iter().all(|pid| is_gone(*pid)));
}

#[test]
fn a_panic_does_not_wait() {
    let mut left = None;
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let executor = Executor::new(1).unwrap();
        left = Some(executor.submit(sleep, ()));
        panic!("with tasks");
    }));
    assert!(panic.is_err());
    assert!(left.unwrap().is_cancelled());
}

#[test]
fn what_is_detached_goes_on_and_ends() {
    let (executor, gate, held) = held_up();
    let counts = AtomicArray::<u64>::new(1).unwrap();
    let futures = count_up(&executor, &counts, 100);
    let lost = executor.submit(die, ());
    let behind = executor.submit(square, 3);
    let pids = executor.pids();
    executor.detach();
    assert!(!held.is_done());
    gate.set().unwrap();
    assert_eq!(behind.result_timeout(PATIENCE).unwrap(), 9);
    assert!(futures.iter().all(|future| future.result().is_ok()));
    assert!(matches!(lost.result(), Err(TaskError::WorkerLost { .. })));
    until(|| pids.iter().all(|pid| is_gone(*pid)));
}

#[test]
fn the_last_owner_may_be_a_callback() {
    let (executor, gate, held) = held_up();
    let executor = Arc::new(executor);
    let after = executor.submit(square, 4);
    let owner = executor.clone();
    let (told, news) = channel();
    held.add_done_callback(move |_| {
        told.send(Arc::into_inner(owner).is_some()).unwrap();
    });
    drop(executor);
    gate.set().unwrap();
    assert!(news.recv_timeout(PATIENCE).unwrap());
    assert_eq!(after.result_timeout(PATIENCE).unwrap(), 16);
}

#[test]
fn tasks_that_end_while_it_is_shut_down_are_all_told() {
    for _ in 0..20 {
        let executor = Executor::new(2).unwrap();
        let gate = Event::new().unwrap();
        let held = executor.submit(wait_for, gate.clone());
        let futures: Vec<_> = (0..50).map(|x| executor.submit(square, x)).collect();
        std::thread::scope(|scope| {
            scope.spawn(|| gate.set().unwrap());
            scope.spawn(|| executor.shutdown(Shutdown::CancelPending));
            executor.shutdown(Shutdown::Finish);
        });
        for (x, future) in (0..).zip(&futures) {
            match future.result_timeout(Duration::ZERO) {
                Ok(back) => assert_eq!(back, square(x)),
                Err(error) => assert!(matches!(error, TaskError::Cancelled), "{error}"),
            }
        }
        assert!(held.is_done());
    }
}
