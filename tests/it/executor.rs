//! Executors whose workers live, fail and are killed, and their futures.

mod maps;
mod shutdown;
mod waiting;

use std::collections::HashMap;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use outlive::process::Exit;
use outlive::process::executor::{Future, TaskError};
use outlive::{AtomicArray, Event, Executor};

use crate::child::PATIENCE;
use crate::deed::{die, kill, sleep, square, until, wait_for};
use crate::pool::tasks::Even;

const MOMENT: Duration = Duration::from_millis(10);

/// An executor whose only worker is held up until the gate opens.
fn held_up() -> (Executor, Event, Future<bool>) {
    let executor = Executor::new(1).unwrap();
    let gate = Event::new().unwrap();
    let held = executor.submit(wait_for, gate.clone());
    until(|| held.is_running());
    (executor, gate, held)
}

#[test]
fn any_number_of_threads_ask_any_number_of_times() {
    let (executor, gate, held) = held_up();
    let text = executor.submit(|name: String| name.repeat(2), "ab".to_owned());
    let start = Arc::new(Barrier::new(5));
    let askers: Vec<_> = (0..4)
        .map(|_| {
            let (text, start) = (text.clone(), start.clone());
            std::thread::spawn(move || {
                start.wait();
                assert_eq!(text.result().unwrap(), "abab");
                text.result_timeout(PATIENCE).unwrap()
            })
        })
        .collect();
    start.wait();
    assert!(matches!(text.try_result(), Err(TaskError::TimedOut)));
    let late = text.result_timeout(MOMENT);
    assert!(matches!(late, Err(TaskError::TimedOut)));
    let late = text.exception_deadline(Instant::now());
    assert!(matches!(late, Some(TaskError::TimedOut)));
    assert!(!text.is_done() && !text.is_running() && !text.is_cancelled());
    assert!(held.is_running() && !held.is_done());
    gate.set().unwrap();
    for asker in askers {
        assert_eq!(asker.join().unwrap(), "abab");
    }
    assert!(text.is_done() && !text.is_running() && !text.is_cancelled());
    assert!(text.exception().is_none());
    assert!(text.exception_timeout(Duration::ZERO).is_none());
    assert!(held.result_deadline(Instant::now()).unwrap());
}

#[test]
fn what_waits_can_be_cancelled_and_what_runs_cannot() {
    let (executor, gate, held) = held_up();
    // The one behind is where a worker could take it, and can be taken back all the same.
    let futures: Vec<_> = (0..5000).map(|x| executor.submit(square, x)).collect();
    assert!(!held.cancel() && !held.is_cancelled());
    for future in futures.iter().step_by(2) {
        assert!(future.cancel() && future.cancel());
        assert!(future.is_cancelled() && future.is_done() && !future.is_running());
        assert!(matches!(future.result(), Err(TaskError::Cancelled)));
    }
    gate.set().unwrap();
    for (x, future) in (0..).zip(&futures) {
        assert_eq!(future.result().ok(), (x % 2 == 1).then_some(x * x));
    }
    assert!(!futures[1].cancel() && held.result().unwrap());
}

#[test]
fn a_killed_worker_fails_its_future_only() {
    let executor = Executor::new(2).unwrap();
    let futures: Vec<Future<u64>> = (0..100)
        .map(|x| {
            executor.submit(
                |x: u64| {
                    if x == 30 {
                        die(());
                    }
                    x
                },
                x,
            )
        })
        .collect();
    for (x, future) in (0..).zip(&futures) {
        match future.result() {
            Ok(back) => assert_eq!(back, x),
            Err(TaskError::WorkerLost { exit, .. }) => {
                assert_eq!((x, exit), (30, Exit::Signal(9)));
            }
            Err(other) => panic!("{x}: {other}"),
        }
    }
    assert!(futures[30].exception().is_some());
    // Those that die with nothing to do cost nothing.
    for pid in executor.pids() {
        kill(pid);
    }
    until(|| executor.submit(square, 3).result().is_ok_and(|x| x == 9));
    #[expect(clippy::exit, reason = "that is the point")]
    let exit: fn(()) = |()| std::process::exit(3);
    let gone = executor.submit(exit, ()).exception();
    assert!(matches!(
        gone,
        Some(TaskError::WorkerLost {
            exit: Exit::Code(3),
            ..
        })
    ));
}

#[test]
fn a_builder_has_what_a_pool_has() {
    let executor = Executor::builder()
        .workers(1)
        .retries(1)
        .max_tasks_per_worker(2)
        .initializer(|start: u64| vec![start], 40)
        .build_executor()
        .unwrap();
    let tries = AtomicArray::<u64>::new(1).unwrap();
    let die_once = |tries: AtomicArray<u64>| {
        if tries.fetch_add(0, 1).unwrap() == 0 {
            die(());
        }
        17
    };
    assert_eq!(
        executor.submit(die_once, tries.clone()).result().unwrap(),
        17
    );
    assert_eq!(tries.get(0).unwrap(), 2);
    let sum = executor.submit_in(|state: &mut Vec<u64>, x: u64| state[0] + x, 2);
    assert_eq!(sum.result().unwrap(), 42);
    let pids: Vec<_> = (0..4)
        .map(|_| executor.submit(|(): ()| std::process::id(), ()))
        .map(|future| future.result().unwrap())
        .collect();
    assert!(pids[0] != pids[3]);

    let executor = Executor::builder()
        .workers(1)
        .task_timeout(Duration::from_millis(50))
        .build_executor()
        .unwrap();
    let slow = executor.submit(sleep, ()).exception();
    assert!(matches!(slow, Some(TaskError::TookTooLong)));

    let executor = Executor::builder()
        .workers(2)
        .initializer(|(): ()| panic!("no state") as (), ())
        .build_executor()
        .unwrap();
    for _ in 0..2 {
        let error = executor.submit(square, 3).result().unwrap_err();
        assert!(error.to_string().contains("no state"), "{error}");
    }
    assert!(Executor::new(0).is_err());
}

#[test]
fn callbacks_come_in_order_and_their_panics_hurt_nobody() {
    let (executor, gate, held) = held_up();
    let (told, news) = channel();
    for number in 0..4 {
        let told = told.clone();
        held.add_done_callback(move |future| {
            told.send((number, future.try_result().unwrap())).unwrap();
            assert!(number != 1, "a callback");
        });
    }
    gate.set().unwrap();
    for number in 0..4 {
        let said = news.recv_timeout(PATIENCE).unwrap();
        assert_eq!(said, (number, true));
    }
    // Done already: at once, here.
    let told_here = told.clone();
    held.add_done_callback(move |_| told_here.send((9, true)).unwrap());
    assert_eq!(news.try_recv().unwrap(), (9, true));
    held.add_done_callback(|_| panic!("another"));
    // Of the cancelled too, and they may submit more.
    let (executor, gate, _held) = {
        drop(executor);
        held_up()
    };
    let executor = Arc::new(executor);
    let waiting = executor.submit(square, 3);
    let within = executor.clone();
    waiting.add_done_callback(move |future| {
        assert!(future.is_cancelled());
        let told = told.clone();
        let more = within.submit(square, 4);
        more.add_done_callback(move |more| {
            told.send((more.result().unwrap(), false)).unwrap();
        });
    });
    assert!(waiting.cancel());
    gate.set().unwrap();
    assert_eq!(news.recv_timeout(PATIENCE).unwrap(), (16, false));
}

#[test]
#[expect(clippy::mutable_key_type, reason = "equal is who is the same")]
fn futures_are_keys() {
    let executor = Executor::new(2).unwrap();
    let inputs: HashMap<_, _> = (0..10).map(|x| (executor.submit(square, x), x)).collect();
    for (future, x) in &inputs {
        assert_eq!(future.result().unwrap(), square(*x));
        assert_eq!(inputs[&future.clone()], *x);
    }
    assert_ne!(executor.submit(square, 1), executor.submit(square, 1));
}

#[test]
fn clones_can_be_awaited_in_several_places() {
    let (executor, gate, _held) = held_up();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let future = executor.submit(square, 9);
    let waiters: Vec<_> = (0..3).map(|_| runtime.spawn(future.clone())).collect();
    gate.set().unwrap();
    for waiter in waiters {
        let result = runtime.block_on(waiter).unwrap();
        assert_eq!(result.unwrap(), 81);
    }
    assert_eq!(runtime.block_on(future).unwrap(), 81);
}

#[test]
fn big_data_travels_and_what_is_too_big_fails_alone() {
    let executor = Executor::builder()
        .workers(2)
        .bytes(2 << 20)
        .build_executor()
        .unwrap();
    let echo = |bytes: Vec<u8>| bytes;
    let big = vec![7; 300_000];
    let futures: Vec<_> = (0..40)
        .map(|_| executor.submit(echo, big.clone()))
        .collect();
    let too_big = executor.submit(echo, vec![7; 3 << 20]);
    let too_big_back = executor.submit(|len: usize| vec![7_u8; len], 3 << 20);
    for future in futures {
        assert!(future.result().unwrap() == big);
    }
    for error in [too_big.exception(), too_big_back.exception()] {
        assert!(error.unwrap().to_string().contains("bytes"));
    }
}

#[test]
fn what_cannot_be_encoded_or_decoded_fails_alone() {
    let executor = Executor::new(1).unwrap();
    let pid = |(): ()| std::process::id();
    let worker = executor.submit(pid, ()).result().unwrap();
    let tell = |even: Even| even.0;
    let there = [101, 40].map(|x| executor.submit(tell, Even(x)));
    let back = [201, 40].map(|x| executor.submit(Even, x));
    let good = executor.submit(Even, 200);
    let texts = [
        ("encode an argument", there[0].exception()),
        ("decode an argument", there[1].exception()),
        ("encode a result", back[0].exception()),
        ("decode a result", back[1].exception()),
    ];
    for (text, error) in texts {
        let error = error.unwrap().to_string();
        assert!(error.contains(text), "{error}");
    }
    assert_eq!(good.result().unwrap().0, 200);
    assert_eq!(executor.submit(pid, ()).result().unwrap(), worker);
}

#[test]
fn a_hundred_thousand_futures_are_cheap_and_come_all() {
    let executor = Executor::new(2).unwrap();
    let futures: Vec<_> = (0..100_000).map(|x| executor.submit(square, x)).collect();
    for (x, future) in (0..).zip(futures) {
        assert_eq!(future.result().unwrap(), square(x));
    }
}

#[test]
fn executors_work_inside_tasks() {
    let executor = Executor::new(2).unwrap();
    let inner = |n: u64| {
        let executor = Executor::new(1).unwrap();
        let squares = executor.map(square, 0..n);
        squares.map(Result::unwrap).sum::<u64>()
    };
    let sums: Vec<_> = executor.map(inner, 1..4).map(Result::unwrap).collect();
    assert_eq!(sums, [0, 1, 5]);
}
