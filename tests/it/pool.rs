//! Pools whose workers live, panic, and are killed.

mod refused;
pub mod tasks;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use outlive::process::Exit;
use outlive::process::pool::TaskError;
use outlive::{AtomicArray, Event, Pool, Segment, Value};

use crate::child::PATIENCE;
use crate::deed::{die, kill, square, until};

#[test]
fn maps_of_any_length_come_back_in_order() {
    let pool = Pool::new(3).unwrap();
    for len in [0, 1, 2, 11, 12, 13, 10_000] {
        let expected: Vec<_> = (0..len).map(square).collect();
        assert_eq!(pool.map(square, 0..len).unwrap(), expected);
        assert_eq!(
            pool.starmap(|a: u64, b: u64| a * b, (0..len).map(|x| (x, x)))
                .unwrap(),
            expected
        );
        let by_three = pool.starmap3(
            |a: u64, b: u64, c: u64| a * b * c,
            (0..len).map(|x| (x, x, 1)),
        );
        assert_eq!(by_three.unwrap(), expected);
        let factors = vec![1_u64, 7];
        let by_context = pool.map_with(
            &factors,
            |factors: &Vec<u64>, x: u64| factors[1] * x,
            0..len,
        );
        assert_eq!(
            by_context.unwrap(),
            (0..len).map(|x| 7 * x).collect::<Vec<_>>()
        );
    }
    let pool = pool.with_chunk(1);
    assert_eq!(
        pool.map(square, 0..100).unwrap(),
        (0..100).map(square).collect::<Vec<_>>()
    );
    pool.join();
}

#[test]
fn results_come_one_by_one_and_the_input_is_taken_lazily() {
    let pool = Pool::new(2).unwrap();
    let taken = AtomicUsize::new(0);
    let input = (0..).inspect(|_| {
        taken.fetch_add(1, Ordering::Relaxed);
    });
    let mut results = pool.imap(square, input);
    for x in 0..50 {
        assert_eq!(results.next().unwrap().unwrap(), square(x));
        let ahead = taken.load(Ordering::Relaxed) as u64 - x;
        assert!(ahead <= 10, "{ahead} taken ahead");
    }
    drop(results);
    let mut unordered: Vec<_> = pool
        .imap_unordered(square, 0..100)
        .map(Result::unwrap)
        .collect();
    unordered.sort_unstable();
    assert_eq!(unordered, (0..100).map(square).collect::<Vec<_>>());
    assert!(pool.imap(square, []).next().is_none());
}

#[test]
fn a_panic_costs_no_worker() {
    let pool = Pool::new(1).unwrap();
    let pid = pool.apply(|(): ()| std::process::id(), ()).unwrap();
    let outcomes = pool.try_map(|x: u32| assert!(x.is_multiple_of(2), "{x} is odd"), 0..200);
    for (x, outcome) in (0..).zip(outcomes) {
        match outcome {
            Ok(()) => assert_eq!(x % 2, 0),
            Err(TaskError::Panicked(panicked)) => {
                assert_eq!(panicked.message(), format!("{x} is odd"));
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(pool.apply(|(): ()| std::process::id(), ()).unwrap(), pid);
    let error = pool.map(|x: u32| assert!(x < 3), 0..5).unwrap_err();
    assert!(
        error.to_string().starts_with("2 of 5 tasks failed"),
        "{error}"
    );
}

#[test]
fn a_killed_worker_costs_the_task_that_it_held() {
    let pool = Pool::new(2).unwrap();
    match pool.apply(die, ()).unwrap_err() {
        TaskError::WorkerLost { exit, pid } => {
            assert_eq!(exit, Exit::Signal(9));
            assert!(pid > 0);
        }
        other => panic!("{other}"),
    }
    // In the middle of a chunk: those before it stay done, those behind it are done by another.
    let outcomes = pool.try_map(
        |x: u32| {
            if x % 100 == 37 {
                die(());
            }
            x
        },
        0..400,
    );
    for (x, outcome) in (0..).zip(outcomes) {
        match outcome {
            Ok(back) => assert_eq!(back, x),
            Err(TaskError::WorkerLost { .. }) => assert_eq!(x % 100, 37),
            Err(other) => panic!("{x}: {other}"),
        }
    }
}

#[test]
fn a_task_that_lost_its_worker_is_done_again_where_that_was_asked_for() {
    let pool = Pool::builder().workers(2).retries(2).build().unwrap();
    let tries = AtomicArray::<u64>::new(1).unwrap();
    let die_twice = |tries: AtomicArray<u64>| {
        if tries.fetch_add(0, 1).unwrap() < 2 {
            die(());
        }
        17
    };
    assert_eq!(pool.apply(die_twice, tries.clone()).unwrap(), 17);
    assert_eq!(tries.get(0).unwrap(), 3);
    // It kills whoever touches it.
    assert!(matches!(
        pool.apply(die, ()),
        Err(TaskError::WorkerLost { .. })
    ));
}

#[test]
fn idle_deaths_cost_nothing() {
    let pool = Pool::new(2).unwrap();
    for _ in 0..5 {
        let _ = pool.map(square, 0..2);
        pool.pids().into_iter().for_each(kill);
        let squares = pool.map(square, 0..50);
        // One that is killed as it begins with a task loses that.
        let whole = squares.is_ok_and(|squares| squares.len() == 50);
        assert!(whole || pool.map(square, 0..50).is_ok());
    }
}

#[test]
fn what_takes_too_long_is_ended() {
    let limit = Duration::from_millis(100);
    let pool = Pool::builder()
        .workers(2)
        .task_timeout(limit)
        .build()
        .unwrap();
    let outcomes = pool.try_map(
        |x: u32| {
            if x == 3 {
                std::thread::sleep(Duration::from_secs(600));
            }
            x
        },
        0..8,
    );
    for (x, outcome) in (0..).zip(outcomes) {
        match outcome {
            Ok(back) => assert_eq!(back, x),
            Err(TaskError::TookTooLong) => assert_eq!(x, 3),
            Err(other) => panic!("{x}: {other}"),
        }
    }
}

#[test]
fn an_initializer_makes_the_state_or_ends_the_pool() {
    let pool = Pool::builder()
        .workers(2)
        .initializer(|start: Vec<u64>| start, vec![40, 2])
        .build()
        .unwrap();
    let sums = pool.map_in(
        |state: &mut Vec<u64>, x: u64| {
            state.push(x);
            state[0] + state[1] + x
        },
        0..20,
    );
    assert_eq!(sums.unwrap(), (42..62).collect::<Vec<_>>());
    assert_eq!(
        pool.submit_in(|state: &mut Vec<u64>, ()| state[1], ())
            .get()
            .unwrap(),
        2
    );

    for initializer in [|(): ()| panic!("no state"), die as fn(())] {
        let pool = Pool::builder()
            .workers(2)
            .initializer(initializer, ())
            .build()
            .unwrap();
        let error = pool.apply(square, 3).unwrap_err();
        assert!(error.to_string().contains("the pool has ended"), "{error}");
        let error = pool.apply(square, 3).unwrap_err();
        assert!(error.to_string().contains("the pool has ended"), "{error}");
    }
}

#[test]
fn tasks_can_be_taken_back_waited_for_and_told_of() {
    let pool = Pool::new(1).unwrap();
    let gate = Event::new().unwrap();
    let wait = |gate: Event| gate.wait_timeout(PATIENCE).unwrap();
    let mut held = pool.submit(wait, gate.clone());
    let (first, second) = (pool.submit(square, 5), pool.submit(square, 6));
    let told = Arc::new(AtomicUsize::new(0));
    let counter = told.clone();
    second.then(move || {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    assert!(!held.is_done());
    let timed = held.get_timeout(Duration::from_millis(10));
    assert!(matches!(timed, Err(TaskError::TimedOut)));
    assert!(first.cancel());
    assert!(matches!(first.get(), Err(TaskError::Cancelled)));
    gate.set().unwrap();
    assert!(held.get_timeout(PATIENCE).unwrap());
    assert!(!held.cancel());
    until(|| told.load(Ordering::SeqCst) > 0);
    assert_eq!(second.get().unwrap(), 36);
}

#[test]
fn a_closed_pool_does_what_it_has_and_no_more() {
    let pool = Pool::new(2).unwrap();
    let tasks = pool.map_async(square, 0..1000);
    pool.close();
    assert!(pool.apply(square, 1).is_err());
    assert!(pool.join_timeout(PATIENCE));
    assert!(tasks.is_done());
    assert!(tasks.get().into_iter().all(|outcome| outcome.is_ok()));
    drop(pool);

    let pool = Pool::new(2).unwrap();
    let slow = pool.submit(|(): ()| std::thread::sleep(Duration::from_secs(600)), ());
    let behind = pool.map_async(square, 0..10);
    pool.terminate();
    assert!(matches!(slow.get(), Err(TaskError::Cancelled)));
    let _ = behind.get();
    assert!(matches!(pool.apply(square, 1), Err(TaskError::Cancelled)));
}

#[test]
fn workers_are_replaced_after_as_many_tasks_as_they_are_to_do() {
    let pool = Pool::builder()
        .workers(1)
        .max_tasks_per_worker(3)
        .build()
        .unwrap();
    let pool = pool.with_chunk(1);
    let pids = pool.map(|_: u32| std::process::id(), 0..9).unwrap();
    for three in pids.chunks(3) {
        assert!(three.iter().all(|pid| *pid == three[0]));
    }
    assert_ne!(pids[0], pids[3]);
    assert_ne!(pids[3], pids[6]);
}

#[test]
fn handles_travel_in_tasks() {
    let pool = Pool::new(2).unwrap();
    let total = Value::new(0_u64).unwrap();
    let add = |(total, amount): (Value<u64>, u64)| {
        total.fetch_add(amount).unwrap();
    };
    pool.map(add, (1..=100).map(|amount| (total.clone(), amount)))
        .unwrap();
    assert_eq!(total.get().unwrap(), 5050);
}

#[test]
fn handles_in_any_segment_travel_to_initializers() {
    let segment = Segment::anonymous().unwrap();
    let total = Value::create(&segment, "total", 0_u64).unwrap();
    let pool = Pool::builder()
        .workers(2)
        .retries(1)
        .initializer(|total: Value<u64>| total, total.clone())
        .build()
        .unwrap();
    // The pool has it still.
    segment.remove("total").unwrap();
    drop(total);
    let add = |total: &mut Value<u64>, amount: u64| total.fetch_add(amount).unwrap();
    pool.map_in(add, 1..=100).unwrap();
    pool.pids().into_iter().for_each(kill);
    // Who comes later gets it too, and what else lies in that segment travels in tasks.
    let other = Value::create(&segment, "other", 0_u64).unwrap();
    let sum = |total: &mut Value<u64>, other: Value<u64>| {
        other.fetch_add(1).unwrap();
        total.get().unwrap()
    };
    let sums = pool.map_in(sum, (0..50).map(|_| other.clone()));
    assert_eq!(sums.unwrap(), [5050; 50]);
}

#[test]
fn long_arguments_and_results_travel_and_longer_ones_are_errors() {
    let pool = Pool::builder().workers(2).bytes(4 << 20).build().unwrap();
    let echo = |bytes: Vec<u8>| bytes;
    let long = vec![7; 1 << 20];
    let echoed = pool.try_map(echo, (0..8).map(|_| long.clone()));
    for back in echoed {
        assert!(
            back.as_ref().is_ok_and(|back| *back == long),
            "{:?}",
            back.err()
        );
    }
    let error = pool.apply(echo, vec![7; 5 << 20]).unwrap_err();
    assert!(error.to_string().contains("bytes"), "{error}");
    let error = pool
        .apply(|len: usize| vec![7_u8; len], 5 << 20)
        .unwrap_err();
    assert!(error.to_string().contains("bytes"), "{error}");
    assert_eq!(pool.apply(square, 3).unwrap(), 9);
}

#[test]
fn while_workers_are_killed_only_their_tasks_fail() {
    let pool = Pool::new(3).unwrap().with_chunk(20);
    let tasks = pool.map_async(
        |x: u64| {
            std::hint::black_box((0..2000).sum::<u64>());
            (x, std::process::id())
        },
        0..20_000,
    );
    let mut kills = 0;
    while !tasks.is_done() && kills < 20 {
        std::thread::sleep(Duration::from_millis(10));
        if let Some(pid) = pool.pids().get(kills % 3) {
            kill(*pid);
            kills += 1;
        }
    }
    let outcomes = tasks.get();
    let lost = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    for (x, outcome) in (0..).zip(outcomes) {
        match outcome {
            Ok((back, _)) => assert_eq!(back, x),
            Err(TaskError::WorkerLost { exit, .. }) => assert_eq!(exit, Exit::Signal(9)),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(lost <= kills, "{lost} tasks lost, {kills} kills");
}

#[test]
fn a_task_is_a_future() {
    use std::future::Future;
    use std::task::{Context, Poll, Wake, Waker};

    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let pool = Pool::new(1).unwrap();
    let mut task = std::pin::pin!(pool.submit(square, 9));
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let result = loop {
        match task.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(result) => break result,
            Poll::Pending => std::thread::park_timeout(PATIENCE),
        }
    };
    assert_eq!(result.unwrap(), 81);
}
