//! Waiting for several futures.

use std::time::{Duration, Instant};

use outlive::process::executor::{
    Future, ReturnWhen, TaskError, Unfinished, as_completed, as_completed_deadline,
    as_completed_timeout, wait, wait_deadline, wait_timeout,
};
use outlive::{Event, Executor};

use super::MOMENT;
use crate::child::PATIENCE;
use crate::deed::{die, square, until, wait_for};

/// Two workers, each held up at a gate of its own, and a third task behind them.
struct Three {
    gates: Vec<Event>,
    futures: Vec<Future<bool>>,
    _executor: Executor,
}

fn three() -> Three {
    let executor = Executor::new(2).unwrap();
    let gates: Vec<_> = (0..3).map(|_| Event::new().unwrap()).collect();
    let tasks = gates.iter().cloned();
    let futures: Vec<_> = tasks.map(|gate| executor.submit(wait_for, gate)).collect();
    until(|| futures[..2].iter().all(Future::is_running));
    Three {
        gates,
        futures,
        _executor: executor,
    }
}

impl Three {
    fn open(&self) {
        self.gates.iter().for_each(|gate| gate.set().unwrap());
    }
}

#[test]
fn one_is_enough_for_the_first() {
    let three = three();
    three.gates[1].set().unwrap();
    let waited = wait(&three.futures, ReturnWhen::First);
    assert_eq!(waited.done, [three.futures[1].clone()]);
    let others = [three.futures[0].clone(), three.futures[2].clone()];
    assert_eq!(waited.not_done, others);
    // It is done already.
    let waited = wait(&three.futures, ReturnWhen::First);
    assert_eq!((waited.done.len(), waited.not_done.len()), (1, 2));
    let waited = wait_timeout(&others, ReturnWhen::First, MOMENT);
    assert_eq!((waited.done.len(), waited.not_done.len()), (0, 2));
    three.open();
}

#[test]
fn an_error_is_enough_for_the_first_error() {
    let executor = Executor::new(1).unwrap();
    let half = |x: u32| {
        if x.is_multiple_of(2) {
            x / 2
        } else {
            panic!("{x} is odd")
        }
    };
    let gate = Event::new().unwrap();
    let [good, bad] = [2, 3].map(|x| executor.submit(half, x));
    let held = executor.submit(
        |gate: Event| u32::from(gate.wait_timeout(PATIENCE).unwrap()),
        gate.clone(),
    );
    let cancelled = executor.submit(half, 5);
    assert!(cancelled.cancel());
    let futures = [&held, &good, &bad, &cancelled];
    let waited = wait(futures, ReturnWhen::FirstError);
    assert_eq!(waited.not_done, std::slice::from_ref(&held));
    // To be cancelled is not to fail, and to have a result neither.
    let waited = wait_timeout([&held, &good, &cancelled], ReturnWhen::FirstError, MOMENT);
    assert_eq!(waited.done, [good.clone(), cancelled]);
    gate.set().unwrap();
    let waited = wait([&held, &good], ReturnWhen::FirstError);
    assert_eq!(waited.done.len(), 2);
}

#[test]
fn all_are_waited_for_and_each_counts_once() {
    let three = three();
    let twice = || three.futures.iter().chain(&three.futures);
    let waited = wait_deadline(twice(), ReturnWhen::All, Instant::now() + MOMENT);
    assert_eq!((waited.done.len(), waited.not_done.len()), (0, 3));
    three.gates[2].set().unwrap();
    three.gates[0].set().unwrap();
    let some = wait(&three.futures[..1], ReturnWhen::All);
    assert_eq!(some.done, three.futures[..1]);
    three.open();
    let waited = wait(twice(), ReturnWhen::All);
    assert_eq!(waited.done, three.futures);
    assert!(waited.not_done.is_empty());
    let nothing = wait(Vec::<Future<u32>>::new(), ReturnWhen::First);
    assert!(nothing.done.is_empty() && nothing.not_done.is_empty());
}

#[test]
fn futures_come_as_they_are_done() {
    let three = three();
    let twice = three.futures.iter().chain(&three.futures);
    let mut completed = as_completed(twice);
    assert_eq!(completed.len(), 3);
    for at in [1, 2, 0] {
        three.gates[at].set().unwrap();
        assert_eq!(completed.next().unwrap(), three.futures[at]);
    }
    assert!(completed.next().is_none());
    // Those that are done already.
    assert_eq!(as_completed(&three.futures).count(), 3);
    assert!(as_completed(Vec::<Future<u32>>::new()).next().is_none());
}

#[test]
fn the_time_of_the_whole_is_limited() {
    let three = three();
    three.gates[0].set().unwrap();
    until(|| three.futures[0].is_done());
    let mut completed = as_completed_timeout(&three.futures, MOMENT);
    std::thread::sleep(MOMENT);
    assert_eq!(completed.next(), Some(Ok(three.futures[0].clone())));
    let unfinished = completed.next().unwrap().unwrap_err();
    let expected = Unfinished {
        unfinished: 2,
        all: 3,
    };
    assert_eq!(unfinished, expected);
    assert_eq!(unfinished.to_string(), "2 (of 3) futures unfinished");
    assert!(completed.next().is_none());
    let mut past = as_completed_deadline(&three.futures[1..], Instant::now());
    assert!(past.next().unwrap().is_err());
    three.open();
    let patient = as_completed_timeout(&three.futures, PATIENCE);
    assert_eq!(patient.map(Result::unwrap).count(), 3);
}

#[test]
fn waiting_in_vain_leaves_nothing_behind() {
    let three = three();
    three.futures[2].add_done_callback(|_| {});
    for _ in 0..3 {
        let waited = wait_timeout(&three.futures, ReturnWhen::First, Duration::ZERO);
        assert!(waited.done.is_empty());
        drop(as_completed(&three.futures));
    }
    let callbacks = |at: usize| format!("{:?}", three.futures[at]);
    assert!(callbacks(0).contains("callbacks: 0"), "{}", callbacks(0));
    assert!(callbacks(2).contains("callbacks: 1"), "{}", callbacks(2));
    three.open();
}

#[test]
fn the_lost_and_the_cancelled_are_done() {
    let executor = Executor::new(1).unwrap();
    let gate = Event::new().unwrap();
    let wait = |gate: Event| assert!(wait_for(gate));
    let held = executor.submit(wait, gate.clone());
    let lost = executor.submit(die, ());
    let cancelled = executor.submit(die, ());
    let mut completed = as_completed([&held, &lost, &cancelled]);
    cancelled.cancel();
    assert_eq!(completed.next().unwrap(), cancelled);
    gate.set().unwrap();
    assert_eq!(completed.next().unwrap(), held);
    let last = completed.next().unwrap();
    assert_eq!(last, lost);
    assert!(matches!(last.result(), Err(TaskError::WorkerLost { .. })));
}

#[test]
fn a_pipeline_feeds_itself() {
    let executor = Executor::new(2).unwrap();
    let mut pending: Vec<_> = (0..10).map(|x| executor.submit(square, x)).collect();
    let (mut fed, mut total) = (10, 0);
    while !pending.is_empty() {
        let waited = wait_timeout(&pending, ReturnWhen::First, Duration::from_secs(20));
        assert!(!waited.done.is_empty());
        pending = waited.not_done;
        for future in waited.done {
            total += future.result().unwrap();
            if fed < 200 {
                pending.push(executor.submit(square, fed));
                fed += 1;
            }
        }
    }
    assert_eq!(total, (0..200).map(square).sum::<u64>());
}
