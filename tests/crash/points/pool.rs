//! `Pool`: its worker killed at every shared write between the first task and the last: keeping and
//! sending outcomes, receiving, taking and giving up chunks, naming the task at hand.

use std::time::Duration;

use outlive::process::Exit;
use outlive::process::pool::TaskError;
use outlive::{AtomicArray, Pool, crash_points};

use crate::Law;
use crate::pressure::Span;

/// Longest that the others may take.
const HANG: Duration = Duration::from_secs(1);
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

const TASKS: u64 = 6;

pub const LAWS: &[Law] = &[
    ("pool::a_death_costs_the_task_at_hand", || sweep(1, 0)),
    ("pool::a_death_in_a_chunk_costs_the_task_at_hand", || {
        sweep(4, 0);
    }),
    ("pool::with_retries_a_death_costs_none", || sweep(1, 1)),
    ("pool::with_retries_a_death_in_a_chunk_costs_none", || {
        sweep(4, 1);
    }),
];

/// A task: the first lights the fuse, once, and the last puts it out.
fn task((begun, number, k): (AtomicArray<u64>, u64, u64)) -> u32 {
    let at = usize::try_from(number).unwrap();
    let times = begun.fetch_add(at, 1).unwrap();
    if number == 0 && times == 0 {
        crash_points::arm(k);
    }
    if number == TASKS - 1 {
        crash_points::disarm();
    }
    std::process::id()
}

/// Lets the one worker of a pool die before its k-th shared write after it was in the first task,
/// for k = 1, 2, ... until it lives to the last.
fn sweep(chunk: usize, retries: u32) {
    let mut lost = 0;
    for k in 1.. {
        let begun = AtomicArray::<u64>::new(usize::try_from(TASKS).unwrap()).unwrap();
        let pool = Pool::builder().workers(1).retries(retries).build().unwrap();
        let pool = pool.with_chunk(chunk);
        let items = (0..TASKS).map(|number| (begun.clone(), number, k));
        let tasks = pool.map_async(task, items);
        let span = Span::start();
        let outcomes = tasks.get_timeout(PATIENCE).expect("nothing hangs");
        assert!(span.elapsed() < HANG, "{:?} at point {k}", span.elapsed());
        let begun = begun.to_vec().unwrap();
        let mut pids = Vec::new();
        let mut victims = Vec::new();
        for (outcome, begun) in outcomes.into_iter().zip(&begun) {
            match outcome {
                Ok(pid) => {
                    assert!((1..=1 + u64::from(retries)).contains(begun), "at point {k}");
                    pids.push(pid);
                }
                Err(TaskError::WorkerLost { pid, exit }) => {
                    assert_eq!(exit, Exit::Signal(9), "at point {k}");
                    assert!(*begun <= 1, "at point {k}");
                    victims.push(pid);
                }
                Err(other) => panic!("{other} at point {k}"),
            }
        }
        assert!(victims.len() <= usize::from(retries == 0), "at point {k}");
        let again: u64 = begun.iter().map(|times| times.saturating_sub(1)).sum();
        assert!(again <= u64::from(retries), "{begun:?} at point {k}");
        lost += victims.len();
        // The first worker, and the one that took its place.
        pids.extend(victims);
        pids.dedup();
        if pids.len() == 1 && again == 0 {
            assert!(k > 10 * TASKS, "{k} points");
            assert!(retries > 0 || lost > 0, "no task was at hand");
            println!("{k} points, {lost} tasks lost");
            return;
        }
    }
}
