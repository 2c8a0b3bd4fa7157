//! Maps over one and two inputs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use outlive::process::executor::TaskError;
use outlive::{AtomicArray, Event, Executor};

use super::{MOMENT, held_up};
use crate::deed::{die, square, wait_for};

#[test]
fn results_come_in_order_whatever_the_chunks() {
    let executor = Executor::new(3).unwrap();
    for len in [0, 1, 2, 13, 1000] {
        let expected: Vec<_> = (0..len).map(square).collect();
        let all = executor.map(square, 0..len).collect::<Result<Vec<_>, _>>();
        assert_eq!(all.unwrap(), expected);
        for chunk in [0, 1, 6, 50, 2000] {
            let mapping = || executor.mapping().chunk(chunk);
            let all: Vec<_> = mapping().map(square, 0..len).flatten().collect();
            assert_eq!(all, expected, "chunks of {chunk}");
            let all: Vec<_> = mapping().window(5).map(square, 0..len).flatten().collect();
            assert_eq!(all, expected, "chunks of {chunk} in a window");
        }
    }
}

#[test]
fn two_inputs_end_with_the_shorter() {
    let executor = Executor::new(2).unwrap();
    let powers = |a: u64, b: u32| a.pow(b);
    let all: Vec<_> = executor.map2(powers, [2, 3, 4], 1..).flatten().collect();
    assert_eq!(all, [2, 9, 64]);
    let few: Vec<_> = executor.map2(powers, 1.., [2, 2]).flatten().collect();
    assert_eq!(few, [1, 4]);
    assert_eq!(executor.map2(powers, [], [1]).count(), 0);
}

#[test]
fn inputs_are_taken_at_once_or_in_a_window() {
    let (executor, gate, _held) = held_up();
    let taken = AtomicUsize::new(0);
    let input = || {
        (0..).inspect(|_| {
            taken.fetch_add(1, Ordering::Relaxed);
        })
    };
    let all = executor.map(square, input().take(5000));
    assert_eq!(taken.swap(0, Ordering::Relaxed), 5000);
    let mut some = executor.mapping().window(20).map(square, input());
    assert_eq!(taken.load(Ordering::Relaxed), 20);
    gate.set().unwrap();
    assert_eq!(some.next().unwrap().unwrap(), 0);
    assert_eq!(some.next().unwrap().unwrap(), 1);
    assert_eq!(taken.load(Ordering::Relaxed), 21);
    assert_eq!(all.flatten().count(), 5000);
}

#[test]
fn errors_stand_in_their_places() {
    let executor = Executor::new(2).unwrap();
    let fragile = |x: u64| {
        if x == 13 {
            die(());
        }
        assert!(x != 40, "no {x}");
        x
    };
    for (x, outcome) in (0..).zip(executor.map(fragile, 0..60)) {
        match outcome {
            Ok(back) => assert_eq!(back, x),
            Err(TaskError::WorkerLost { .. }) => assert_eq!(x, 13),
            Err(TaskError::Panicked(_)) => assert_eq!(x, 40),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn the_time_counts_from_the_call_of_map() {
    let executor = Executor::new(1).unwrap();
    let (open, gate) = (Event::new().unwrap(), Event::new().unwrap());
    open.set().unwrap();
    // A machine that stops for a moment may have done nothing in time.
    let was_in_time = (0..8).any(|attempt| {
        let limit = Duration::from_millis(50 << attempt);
        let start = Instant::now();
        let mapping = executor.mapping().chunk(1).timeout(limit);
        let gates = [&open, &gate, &gate, &gate].map(Clone::clone);
        let mut results = mapping.map(wait_for, gates);
        // While nobody asks, too.
        std::thread::sleep(limit);
        // What is there is given, however late it is asked for.
        let first = results.next();
        let is_there = matches!(first, Some(Ok(true)));
        let late = if is_there { results.next() } else { first };
        assert!(matches!(late, Some(Err(TaskError::TimedOut))), "{late:?}");
        assert!(start.elapsed() >= limit);
        assert!(results.next().is_none());
        // Ends the one that has begun; the others were cancelled.
        gate.set().unwrap();
        assert!(executor.submit(wait_for, open.clone()).result().unwrap());
        gate.clear().unwrap();
        is_there
    });
    assert!(was_in_time);

    let past = executor.mapping().deadline(Instant::now());
    let mut results = past.map(wait_for, [Event::new().unwrap()]);
    assert!(matches!(results.next(), Some(Err(TaskError::TimedOut))));
    drop(results);
    gate.set().unwrap();
}

#[test]
fn dropping_a_map_cancels_what_has_not_begun() {
    let (executor, gate, _held) = held_up();
    let count = AtomicArray::<u64>::new(1).unwrap();
    let add = |count: AtomicArray<u64>| {
        count.fetch_add(0, 1).unwrap();
    };
    drop(executor.map(add, (0..5000).map(|_| count.clone())));
    gate.set().unwrap();
    assert_eq!(executor.submit(square, 2).result().unwrap(), 4);
    assert_eq!(count.get(0).unwrap(), 0);
    // Also where a late one ends it.
    let (executor, gate, _held) = held_up();
    let mapping = executor.mapping().timeout(MOMENT);
    let mut results = mapping.map(add, (0..5000).map(|_| count.clone()));
    assert!(matches!(results.next(), Some(Err(TaskError::TimedOut))));
    gate.set().unwrap();
    assert_eq!(executor.submit(square, 2).result().unwrap(), 4);
    assert_eq!(count.get(0).unwrap(), 0);
}

#[test]
fn results_outlive_the_executor() {
    let executor = Executor::new(2).unwrap();
    let results = executor.map(square, 0..100);
    let future = executor.submit(square, 5);
    drop(executor);
    assert_eq!(results.flatten().count(), 100);
    assert_eq!(future.result().unwrap(), 25);
}
