//! `JoinableQueue`: killed at every shared write of ending a task, alone and before the eyes of
//! who joins, of putting one, and of joining.

use std::cell::RefCell;
use std::time::Duration;

use outlive::queue::messages::Redelivery;
use outlive::{JoinableQueue, Segment};

use super::sweep::sweep;
use crate::Law;
use crate::crowd::{End, Forked};

/// Longer than survivors may need.
const LIMIT: Duration = Duration::from_millis(900);
const BRIEFLY: Duration = Duration::from_millis(5);

pub const LAWS: &[Law] = &[
    (
        "joinable::a_death_in_task_done_ends_the_task_or_not",
        || {
            let deaths = sweep(
                |segment| with(segment, Redelivery::Again, &[1]),
                |_, tasks| drop(tasks.get().unwrap().task_done()),
                |_, tasks, end| {
                    let ended = tasks.join_timeout(BRIEFLY * 20).unwrap();
                    assert!(ended || end == End::Killed, "finished and not done");
                    finish(tasks);
                },
            );
            assert!(deaths > 5, "{deaths} deaths");
        },
    ),
    (
        "joinable::a_death_in_task_done_wakes_who_joins_in_time",
        || {
            let deaths = sweep(
                |segment| {
                    let tasks = with(segment, Redelivery::Again, &[1]);
                    let joiner = RefCell::new(joiner(&tasks));
                    is_heard(&tasks);
                    (tasks, joiner)
                },
                |_, (tasks, _)| drop(tasks.get().unwrap().task_done()),
                |_, (tasks, joiner), _| {
                    finish(tasks);
                    assert_eq!(joiner.borrow_mut().wait(), End::Exited(0));
                },
            );
            assert!(deaths > 9, "{deaths} deaths");
        },
    ),
    (
        "joinable::a_dead_consumer_s_task_is_done_where_that_is_wanted",
        || {
            let deaths = sweep(
                |segment| {
                    let tasks = with(segment, Redelivery::Drop, &[1]);
                    is_heard(&tasks);
                    tasks
                },
                |_, tasks| drop(tasks.get().unwrap().task_done()),
                |_, tasks, _| {
                    // Whether it was taken at all: the join itself finds out.
                    if !tasks.join_timeout(BRIEFLY * 20).unwrap() {
                        finish(tasks);
                    }
                    assert!(tasks.try_join().unwrap());
                },
            );
            assert!(deaths > 9, "{deaths} deaths");
        },
    ),
    ("joinable::a_death_in_put_leaves_nothing_unfinished", || {
        let deaths = sweep(
            |segment| with(segment, Redelivery::Again, &[]),
            |_, tasks| tasks.put(&text(7)).unwrap(),
            |segment, tasks, end| {
                let joined = tasks.join_timeout(BRIEFLY).unwrap();
                let there = tasks.len();
                assert_eq!((joined, tasks.unfinished()), (there == 0, there));
                assert!(end == End::Killed || there == 1, "finished and lost");
                finish(tasks);
                segment.reap().unwrap();
                drop(tasks.try_loan(tasks.max_message()).unwrap());
            },
        );
        assert!(deaths > 10, "{deaths} deaths");
    }),
    ("joinable::a_death_in_a_join_strands_nobody", || {
        let deaths = sweep(
            |segment| with(segment, Redelivery::Again, &[1]),
            |_, tasks| assert!(!tasks.join_timeout(BRIEFLY).unwrap()),
            |_, tasks, _| {
                let mut joiner = joiner(tasks);
                finish(tasks);
                assert_eq!(joiner.wait(), End::Exited(0));
            },
        );
        assert!(deaths >= 1, "{deaths} deaths");
    }),
];

/// Two units: as long as is encoded in two passes.
fn text(number: u32) -> String {
    number.to_string() + &"x".repeat(300)
}

fn with(segment: &Segment, redelivery: Redelivery, numbers: &[u32]) -> JoinableQueue<String> {
    let options = JoinableQueue::options(4).bytes(4096);
    let tasks = options
        .redelivery(redelivery)
        .create(segment, "tasks")
        .unwrap();
    numbers
        .iter()
        .for_each(|number| tasks.put(&text(*number)).unwrap());
    tasks
}

/// Leaves the announcement of one who joined.
fn is_heard(tasks: &JoinableQueue<String>) {
    assert!(!tasks.join_timeout(BRIEFLY / 5).unwrap());
}

/// A process that must see the end in time.
fn joiner(tasks: &JoinableQueue<String>) -> Forked {
    Forked::start(|| u8::from(!tasks.join_timeout(LIMIT).unwrap()))
}

/// Does all that is left, also what comes again.
fn finish(tasks: &JoinableQueue<String>) {
    while !tasks.join_timeout(BRIEFLY).unwrap() {
        if let Ok(task) = tasks.get_timeout(BRIEFLY) {
            task.task_done();
        }
    }
    assert_eq!((tasks.unfinished(), tasks.len()), (0, 0));
}
