//! `JoinableQueue` between processes that die.

use std::time::{Duration, Instant};

use outlive::queue::messages::{GetError, Redelivery};
use outlive::{AtomicArray, ErrorKind, JoinableQueue, Queue, Segment};
use rustix::process::Signal;

use super::child::{Child, PATIENCE, Role, pause, say};

const BRIEFLY: Duration = Duration::from_millis(30);
/// Longer than anybody may wait for the dead.
const HANG: Duration = Duration::from_secs(1);

fn tasks(segment: &Segment) -> JoinableQueue<usize> {
    JoinableQueue::open(segment, "tasks").unwrap()
}

fn counts(segment: &Segment) -> AtomicArray<u64> {
    AtomicArray::open(segment, "counts").unwrap()
}

pub const ROLES: &[(&str, Role)] = &[
    ("do tasks until the end", |segment, _| {
        let counts = counts(segment);
        for task in &tasks(segment) {
            let task = task.unwrap();
            counts.fetch_add(*task, 1).unwrap();
            task.task_done();
        }
    }),
    ("hold a task", |segment, how| {
        let tasks = tasks(segment);
        let task = tasks.get().unwrap();
        say(&format!("{} {}", *task, task.deliveries()));
        pause();
        match how {
            "done" => assert_eq!(task.task_done(), 7),
            "nack" => task.nack(),
            _ => drop(task),
        }
        say("over");
        pause();
    }),
    ("join", |segment, _| {
        let tasks = tasks(segment);
        say("joining");
        tasks.join().unwrap();
        say("joined");
    }),
    ("put tasks for ever", |segment, _| {
        let tasks = tasks(segment);
        say("putting");
        loop {
            tasks.put(&0).unwrap();
        }
    }),
];

#[test]
fn join_of_an_empty_queue_returns_at_once() {
    let tasks = JoinableQueue::<u8>::new(2).unwrap();
    tasks.join().unwrap();
    assert!(tasks.try_join().unwrap());
    // A limit that has passed already asks all the same.
    assert!(tasks.join_timeout(Duration::ZERO).unwrap());
    assert!(tasks.join_deadline(Instant::now()).unwrap());
    assert_eq!(tasks.unfinished(), 0);
}

#[test]
fn a_task_is_unfinished_from_put_to_done() {
    let tasks = JoinableQueue::new(4).unwrap();
    let open = |count: usize| {
        assert_eq!(tasks.unfinished(), count);
        assert_eq!(tasks.try_join().unwrap(), count == 0);
        assert_eq!(tasks.join_timeout(Duration::ZERO).unwrap(), count == 0);
    };
    (1..=4_u32).for_each(|item| tasks.put(&item).unwrap());
    open(4);
    let first = tasks.get().unwrap();
    assert_eq!((*first, first.deliveries(), tasks.len()), (1, 1, 3));
    open(4);
    first.nack();
    open(4);
    let again = tasks.try_get().unwrap();
    assert_eq!((*again, again.deliveries()), (1, 2));
    assert_eq!(again.task_done(), 1);
    open(3);
    // Dropped, it is done too; and so is what is taken by the queue's own ways.
    drop(tasks.get_timeout(BRIEFLY).unwrap());
    open(2);
    drop(tasks.receive().unwrap());
    open(1);
    let last = tasks.get_deadline(Instant::now() + BRIEFLY).unwrap();
    assert!(matches!(tasks.try_get(), Err(GetError::Empty)));
    tasks.close().unwrap();
    open(1);
    last.task_done();
    open(0);
    assert!(tasks.iter().next().is_none());
}

#[test]
fn a_loan_is_no_task_and_what_cannot_be_decoded_is_none_any_more() {
    let tasks = JoinableQueue::<String>::new(4).unwrap();
    let mut loan = tasks.loan(3).unwrap();
    assert!(tasks.try_join().unwrap());
    loan.write_at(0, &[2, 0xFF, 0xFF]);
    loan.send().unwrap();
    assert_eq!(tasks.unfinished(), 1);
    assert!(matches!(tasks.get(), Err(GetError::Undecodable(_))));
    tasks.join().unwrap();
}

#[test]
fn a_joiner_is_woken_by_the_last_task_and_by_no_other() {
    let tasks = JoinableQueue::new(8).unwrap();
    (0..8_u32).for_each(|item| tasks.put(&item).unwrap());
    std::thread::scope(|scope| {
        let joiners: Vec<_> = (0..2).map(|_| scope.spawn(|| tasks.join())).collect();
        let all: Vec<_> = (0..8).map(|_| tasks.get().unwrap()).collect();
        for task in all {
            assert!(joiners.iter().all(|joiner| !joiner.is_finished()));
            std::thread::sleep(Duration::from_millis(1));
            task.task_done();
        }
        for joiner in joiners {
            joiner.join().unwrap().unwrap();
        }
    });
}

#[test]
fn it_is_no_plain_queue() {
    let segment = Segment::anonymous().unwrap();
    let tasks = JoinableQueue::<u8>::options(3)
        .bytes(1000)
        .redelivery(Redelivery::Drop)
        .create(&segment, "tasks")
        .unwrap();
    let plain = Queue::<u8>::create(&segment, "plain", 3).unwrap();
    let is_wrong = |kind: Option<ErrorKind>| assert_eq!(kind, Some(ErrorKind::WrongType));
    is_wrong(
        Queue::<u8>::open(&segment, "tasks")
            .map_err(|e| e.kind())
            .err(),
    );
    for name in ["plain", "tasks"] {
        let other = JoinableQueue::<u16>::open(&segment, name);
        is_wrong(other.map_err(|e| e.kind()).err());
    }
    let bytes = postcard_of(&plain);
    assert!(postcard::from_bytes::<JoinableQueue<u8>>(&bytes).is_err());
    let bytes = postcard_of(&tasks);
    assert!(postcard::from_bytes::<Queue<u8>>(&bytes).is_err());
    let sent: JoinableQueue<u8> = postcard::from_bytes(&bytes).unwrap();
    sent.put(&7).unwrap();
    let same = JoinableQueue::<u8>::open_or_create(&segment, "tasks", 9).unwrap();
    assert_eq!((same.capacity(), same.redelivery()), (3, Redelivery::Drop));
    assert_eq!(tasks.clone().get().unwrap().task_done(), 7);
    assert!(format!("{same:?}").contains("JoinableQueue"));
}

fn postcard_of<T: serde::Serialize>(handle: &T) -> Vec<u8> {
    postcard::to_stdvec(handle).unwrap()
}

/// As Python's `test_task_done`, but all of the workers die, except for one.
#[test]
fn all_tasks_are_done_when_join_returns_whoever_was_killed() {
    const TASKS: usize = 400;
    let segment = Segment::anonymous().unwrap();
    let tasks = JoinableQueue::create(&segment, "tasks", 16).unwrap();
    let counts = AtomicArray::<u64>::create(&segment, "counts", TASKS).unwrap();
    let start = || Child::start(&segment, "do tasks until the end", "");
    let mut workers: Vec<_> = (0..5).map(|_| start()).collect();
    for task in 0..TASKS {
        tasks.put(&task).unwrap();
        if task % 100 == 50 {
            workers[task / 100].kill();
        }
    }
    assert!(tasks.join_timeout(PATIENCE).unwrap());
    // A worker that died may have counted one that another counted again.
    let counts = counts.to_vec().unwrap();
    assert!(counts.iter().all(|times| *times >= 1), "joined too early");
    let again = counts.iter().map(|times| times - 1).sum::<u64>();
    assert!(again <= 4, "{again}");
    tasks.close().unwrap();
}

#[test]
fn a_consumer_killed_with_a_task_does_not_hang_join() {
    let segment = Segment::anonymous().unwrap();
    let tasks = JoinableQueue::create(&segment, "tasks", 4).unwrap();
    tasks.put(&7_usize).unwrap();
    let mut dies = Child::start(&segment, "hold a task", "");
    dies.expect("7 1");
    let joiner = Child::start(&segment, "join", "");
    joiner.expect("joining");
    assert!(!tasks.join_timeout(BRIEFLY).unwrap());
    dies.kill();
    // It comes again, unfinished, until another does it.
    let start = Instant::now();
    let task = tasks.get_timeout(PATIENCE).unwrap();
    assert!(start.elapsed() < HANG, "{:?}", start.elapsed());
    assert_eq!((*task, task.deliveries()), (7, 2));
    assert!(!tasks.join_timeout(BRIEFLY).unwrap());
    assert_eq!(tasks.unfinished(), 1);
    task.task_done();
    joiner.expect("joined");
    joiner.finish();
    tasks.join().unwrap();
}

#[test]
fn a_task_that_is_dropped_with_its_consumer_is_done() {
    let segment = Segment::anonymous().unwrap();
    let options = JoinableQueue::options(4).redelivery(Redelivery::Drop);
    let tasks = options.create(&segment, "tasks").unwrap();
    tasks.put(&7_usize).unwrap();
    let mut dies = Child::start(&segment, "hold a task", "");
    dies.expect("7 1");
    let joiner = Child::start(&segment, "join", "");
    joiner.expect("joining");
    dies.kill();
    let start = Instant::now();
    // Nobody but the joiner is there to notice.
    joiner.expect("joined");
    assert!(start.elapsed() < HANG, "{:?}", start.elapsed());
    joiner.finish();
    assert_eq!(tasks.unfinished(), 0);
}

#[test]
fn a_killed_joiner_is_in_nobody_s_way() {
    let segment = Segment::anonymous().unwrap();
    let tasks = JoinableQueue::create(&segment, "tasks", 4).unwrap();
    tasks.put(&7_usize).unwrap();
    let mut dies = Child::start(&segment, "join", "");
    let lives = Child::start(&segment, "join", "");
    dies.expect("joining");
    lives.expect("joining");
    dies.kill();
    tasks.get().unwrap().task_done();
    lives.expect("joined");
    lives.finish();
    tasks.join().unwrap();
    segment.reap().unwrap();
    assert_eq!(segment.participants().len(), 1);
}

#[test]
fn a_stopped_consumer_is_waited_for_and_a_limit_ends_that() {
    let segment = Segment::anonymous().unwrap();
    let tasks = JoinableQueue::create(&segment, "tasks", 4).unwrap();
    for how in ["done", "drop"] {
        tasks.put(&7_usize).unwrap();
        let mut child = Child::start(&segment, "hold a task", how);
        child.expect("7 1");
        child.signal(Signal::STOP);
        assert!(!tasks.join_timeout(BRIEFLY).unwrap());
        assert!(!tasks.join_deadline(Instant::now() + BRIEFLY).unwrap());
        assert!(!tasks.try_join().unwrap());
        assert_eq!(tasks.unfinished(), 1);
        child.signal(Signal::CONT);
        child.go_on();
        assert!(tasks.join_timeout(PATIENCE).unwrap());
        child.expect("over");
        child.go_on();
        child.finish();
    }
}

#[test]
fn a_task_that_is_given_back_is_joined_by_who_does_it() {
    let segment = Segment::anonymous().unwrap();
    let tasks = JoinableQueue::create(&segment, "tasks", 4).unwrap();
    tasks.put(&7_usize).unwrap();
    let mut child = Child::start(&segment, "hold a task", "nack");
    child.expect("7 1");
    child.go_on();
    child.expect("over");
    assert!(!tasks.try_join().unwrap());
    assert_eq!(tasks.get().unwrap().task_done(), 7);
    tasks.join().unwrap();
}

#[test]
fn a_producer_killed_in_put_leaves_nothing_unfinished() {
    let segment = Segment::anonymous().unwrap();
    let tasks = JoinableQueue::<usize>::create(&segment, "tasks", 4).unwrap();
    for round in 0..20 {
        let mut child = Child::start(&segment, "put tasks for ever", "");
        child.expect("putting");
        for _ in 0..round {
            tasks.get_timeout(PATIENCE).unwrap().task_done();
        }
        child.kill();
        // What it had put is there; what it was putting is not.
        let start = Instant::now();
        while !tasks.join_timeout(BRIEFLY).unwrap() {
            assert!(start.elapsed() < HANG, "{tasks:?}");
            while let Ok(task) = tasks.try_get() {
                task.task_done();
            }
        }
        assert_eq!((tasks.unfinished(), tasks.len()), (0, 0));
    }
}

#[test]
fn a_forked_child_ends_no_task_of_its_parent() {
    let tasks = JoinableQueue::new(2).unwrap();
    tasks.put(&7_u8).unwrap();
    let theirs = std::cell::Cell::new(Some(tasks.get().unwrap()));
    let code = super::fork::in_fork(|| {
        drop(theirs.take());
        u8::from(tasks.unfinished() != 1 || tasks.try_join().unwrap())
    });
    assert_eq!(code, 0);
    assert!(!tasks.try_join().unwrap());
    drop(theirs.take());
    assert!(tasks.try_join().unwrap());
}
