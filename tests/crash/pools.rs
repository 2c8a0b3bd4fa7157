//! Pools whose workers are killed and stopped at any moment, and that have more to do than anything
//! bounded could hold.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use outlive::process::Exit;
use outlive::process::pool::TaskError;
use outlive::{AtomicArray, Event, Pool, Process};
use rustix::process::Signal;

use crate::family::{descriptors, signal, soon, stop};
use crate::pressure::Span;
use crate::random::Random;
use crate::size;

pub const LAWS: &[crate::Law] = &[
    ("pools::a_killed_worker_costs_the_task_that_it_held", || {
        let pool = Pool::new(WORKERS).unwrap();
        let kills = under_fire(&pool, size::of(100_000, 15_000));
        assert!(
            kills.lost.len() <= kills.count,
            "{} lost, {} kills",
            kills.lost.len(),
            kills.count
        );
        let mut waits = kills.lost;
        waits.sort_unstable();
        let median = waits.get(waits.len() / 2).copied().unwrap_or_default();
        println!(
            "{} of {} kills lost a task, told in {median:?}",
            waits.len(),
            kills.count
        );
        assert!(!waits.is_empty(), "nobody held a task");
        assert!(median < Duration::from_millis(100), "{median:?}");
    }),
    ("pools::with_retries_it_costs_none", || {
        let pool = Pool::builder()
            .workers(WORKERS)
            .retries(20)
            .build()
            .unwrap();
        let kills = under_fire(&pool, size::of(100_000, 15_000));
        assert!(kills.count > 0);
        assert_eq!(kills.lost, [], "lost");
    }),
    ("pools::a_chunk_loses_no_other_task", || {
        let pool = Pool::new(WORKERS).unwrap().with_chunk(50);
        let count = size::of(100_000, 15_000);
        let tasks = pool.map_async(nap, 0..count);
        let mut random = Random::new(37);
        let mut kills = 0;
        while !tasks.is_done() {
            std::thread::sleep(BETWEEN);
            let pids = pool.pids();
            if !pids.is_empty() {
                signal(pids[random.index(pids.len())], Signal::KILL);
                kills += 1;
            }
        }
        let mut lost = 0;
        for (number, outcome) in (0..).zip(tasks.get()) {
            match outcome {
                Ok(back) => assert_eq!(back, number * number),
                Err(TaskError::WorkerLost {
                    exit: Exit::Signal(9),
                    ..
                }) => lost += 1,
                Err(other) => panic!("{number}: {other}"),
            }
        }
        assert!(kills > 0 && lost <= kills, "{lost} lost, {kills} kills");
    }),
    ("pools::queued_tasks_cost_no_descriptor", || {
        let pool = Pool::new(2).unwrap();
        let gate = Event::new().unwrap();
        let held = [0, 1].map(|_| pool.submit(|gate: Event| gate.wait().unwrap(), gate.clone()));
        soon("two workers", || pool.pids().len() == 2);
        let before = descriptors(std::process::id());
        let count = size::of(1_000_000, 50_000);
        let tasks: Vec<_> = (0..count)
            .map(|number| pool.submit(square, number))
            .collect();
        assert_eq!(descriptors(std::process::id()), before);
        gate.set().unwrap();
        held.into_iter().for_each(|task| task.get().unwrap());
        for (number, task) in (0..).zip(tasks) {
            assert_eq!(task.get().unwrap(), number * number);
        }
        assert_eq!(descriptors(std::process::id()), before);
    }),
    ("pools::panics_cost_no_worker", || {
        let pool = Pool::builder()
            .workers(2)
            .initializer(be_silent, ())
            .build()
            .unwrap();
        let mut pids = Vec::new();
        soon("two workers", || {
            pids = pool.pids();
            pids.len() == 2
        });
        let count = size::of(10_000, 2_000);
        let panics = |number: u64| -> u64 { panic!("{number}") };
        let outcomes = pool.try_map(panics, 0..count / 2);
        let single: Vec<_> = (count / 2..count)
            .map(|number| pool.submit(panics, number))
            .collect();
        let single = single.into_iter().map(|task| task.get());
        for (number, outcome) in (0_u64..).zip(outcomes.into_iter().chain(single)) {
            match outcome {
                Err(TaskError::Panicked(told)) => assert_eq!(told.message(), number.to_string()),
                other => panic!("{number}: {other:?}"),
            }
        }
        assert_eq!(pool.pids(), pids, "a worker is lost");
    }),
    ("pools::a_stopped_worker_is_waited_for", || {
        let pool = Pool::new(2).unwrap();
        let gates = AtomicArray::<u64>::new(1).unwrap();
        for _ in 0..size::of(20, 4) {
            gates.set(0, 0).unwrap();
            let at = |gates: AtomicArray<u64>| {
                gates.set(0, u64::from(std::process::id())).unwrap();
                while gates.get(0).unwrap() != 0 {
                    std::thread::yield_now();
                }
                7
            };
            let mut held = pool.submit(at, gates.clone());
            soon("begun", || gates.get(0).unwrap() != 0);
            let pid = u32::try_from(gates.get(0).unwrap()).unwrap();
            stop(pid);
            gates.set(0, 0).unwrap();
            // The other goes on alone, and nobody takes the stopped one for dead.
            let squares = pool.map(square, 0..200).unwrap();
            assert_eq!(squares[199], 199 * 199);
            assert!(!held.is_done() && pool.pids().contains(&pid));
            signal(pid, Signal::CONT);
            assert_eq!(held.get_timeout(PATIENCE).unwrap(), 7);
        }
    }),
    ("pools::a_stopped_owner_goes_on_where_it_was", || {
        let steps = AtomicArray::<u64>::new(1).unwrap();
        let owner = |steps: AtomicArray<u64>| {
            let pool = Pool::new(2).unwrap();
            for round in 0..u64::MAX {
                let squares = pool.map(square, round..round + 200).unwrap();
                assert!(squares.into_iter().eq((round..round + 200).map(square)));
                if steps.fetch_add(0, 1).unwrap() == u64::MAX / 2 {
                    return round;
                }
            }
            0
        };
        let process = Process::spawn(owner, steps.clone()).unwrap();
        let mut random = Random::new(41);
        for _ in 0..size::of(20, 4) {
            let before = steps.get(0).unwrap();
            soon("on its way", || steps.get(0).unwrap() > before + 2);
            std::thread::sleep(Duration::from_micros(random.below(3000)));
            stop(process.pid());
            std::thread::sleep(Duration::from_millis(150));
            signal(process.pid(), Signal::CONT);
        }
        steps.set(0, u64::MAX / 2).unwrap();
        process.join().unwrap();
    }),
];

const WORKERS: usize = 4;
const BETWEEN: Duration = Duration::from_millis(50);
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn square(number: u64) -> u64 {
    number * number
}

/// Long enough that most of the kills meet a task.
fn nap(number: u64) -> u64 {
    std::thread::sleep(Duration::from_micros(150));
    number * number
}

/// What thousands of panics say is of no interest.
fn be_silent((): ()) {
    let null = std::fs::File::create("/dev/null").unwrap();
    rustix::stdio::dup2_stderr(null).unwrap();
}

/// What came of some kills.
struct Kills {
    count: usize,
    /// Of each task that was lost: how long after the kill that was told.
    lost: Vec<Duration>,
}

/// Has a pool do `count` tasks while one of its workers is killed every 50 ms; every outcome is
/// right, or names a worker that was killed.
fn under_fire(pool: &Pool, count: u64) -> Kills {
    let is_over = AtomicBool::new(false);
    let killed = Mutex::new(HashMap::new());
    let mut lost = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut random = Random::new(31);
            while !is_over.load(Ordering::Relaxed) {
                std::thread::sleep(BETWEEN);
                let pids = pool.pids();
                if !pids.is_empty() {
                    let pid = pids[random.index(pids.len())];
                    killed.lock().unwrap().insert(pid, Span::start());
                    signal(pid, Signal::KILL);
                }
            }
        });
        let mut sum = 0;
        let mut done = 0;
        for outcome in pool.imap_unordered(|number| (number, nap(number)), 0..count) {
            match outcome {
                Ok((number, back)) => {
                    assert_eq!(back, number * number);
                    sum += number;
                }
                Err(TaskError::WorkerLost { pid, exit }) => {
                    assert_eq!(exit, Exit::Signal(9));
                    let killed = killed.lock().unwrap();
                    let span: &Span = killed.get(&pid).expect("of one that was killed");
                    lost.push(span.elapsed());
                }
                Err(other) => panic!("{other}"),
            }
            done += 1;
        }
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(done, count);
        assert!(!lost.is_empty() || sum == (0..count).sum());
    });
    let count = killed.lock().unwrap().len();
    Kills { count, lost }
}
