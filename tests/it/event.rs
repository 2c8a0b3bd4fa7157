//! `Event` between processes that die.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use outlive::{AtomicArray, ErrorKind, Event, Lock, Segment};
use rustix::process::Signal;

use super::child::{Child, PATIENCE, Role, pause, say};
use super::fork::in_fork;

pub const ROLES: &[(&str, Role)] = &[
    ("wait for an event", |segment, name| {
        let event = Event::open(segment, name).unwrap();
        say("waiting");
        let set = event.wait_timeout(PATIENCE).unwrap();
        say(if set { "woken" } else { "not woken" });
        pause();
    }),
    ("set an event", |segment, name| {
        let event = Event::open(segment, name).unwrap();
        pause();
        event.set().unwrap();
        say("set");
        pause();
    }),
    // Work first, then the event; and the next only after the last was taken.
    ("announce work", |segment, word| {
        let (at, count) = word.split_once(' ').unwrap();
        let (at, count): (usize, u64) = (at.parse().unwrap(), count.parse().unwrap());
        let work = Event::open(segment, "work").unwrap();
        let taken = Event::open(segment, &format!("taken {at}")).unwrap();
        let left = AtomicArray::<u64>::open(segment, "left").unwrap();
        for number in 1..=count {
            left.set(at, number).unwrap();
            work.set().unwrap();
            while left.get(at).unwrap() != 0 {
                assert!(taken.wait_timeout(PATIENCE).unwrap(), "nobody takes it");
                taken.clear().unwrap();
            }
        }
    }),
];

/// So long at least does a child that was heard to be about to wait need to be asleep, if anything
/// at all depends on it.
const A_WHILE: Duration = Duration::from_millis(30);

fn waiters(segment: &Segment, count: usize) -> Vec<Child> {
    let start = |_| {
        let child = Child::start(segment, "wait for an event", "event");
        child.expect("waiting");
        child
    };
    (0..count).map(start).collect()
}

#[test]
fn it_is_set_until_it_is_cleared() {
    let segment = Segment::anonymous().unwrap();
    let event = Event::create(&segment, "event").unwrap();
    assert!(!event.is_set());
    event.clear().unwrap();
    assert!(!event.wait_timeout(Duration::ZERO).unwrap());
    for _ in 0..2 {
        event.set().unwrap();
        event.set().unwrap();
        assert!(event.is_set());
        event.wait().unwrap();
        assert!(event.wait_timeout(Duration::ZERO).unwrap());
        assert!(event.wait_deadline(Instant::now()).unwrap());
        event.clear().unwrap();
        event.clear().unwrap();
        assert!(!event.is_set());
        assert!(!event.wait_deadline(Instant::now()).unwrap());
    }
}

#[test]
fn timed_forms_time_out() {
    let event = Event::new().unwrap();
    let limit = Duration::from_millis(50);
    let start = Instant::now();
    assert!(!event.wait_timeout(limit).unwrap());
    assert!(!event.wait_deadline(Instant::now() + limit).unwrap());
    assert!(start.elapsed() >= 2 * limit);
}

#[test]
fn one_set_wakes_all_processes() {
    let segment = Segment::anonymous().unwrap();
    let event = Event::create(&segment, "event").unwrap();
    let waiters = waiters(&segment, 4);
    event.set().unwrap();
    waiters.iter().for_each(|waiter| waiter.expect("woken"));
}

/// Python's gh-95826: there a waiter that was woken finds the event cleared again, and says False.
#[test]
fn a_set_that_is_cleared_at_once_still_wakes_all_who_waited() {
    let segment = Segment::anonymous().unwrap();
    let event = Event::create(&segment, "event").unwrap();
    for _ in 0..5 {
        let entered = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    entered.fetch_add(1, Ordering::SeqCst);
                    assert!(event.wait_timeout(PATIENCE).unwrap());
                });
            }
            while entered.load(Ordering::SeqCst) < 4 {
                std::thread::yield_now();
            }
            std::thread::sleep(A_WHILE);
            event.set().unwrap();
            event.clear().unwrap();
            // For one that had not begun to wait yet, on a machine that is very busy.
            std::thread::sleep(A_WHILE);
            event.set().unwrap();
        });
        event.clear().unwrap();
    }
}

/// With Python's, setting then waits for the dead for ever.
#[test]
fn setting_returns_at_once_whatever_its_waiters_died_of() {
    let segment = Segment::anonymous().unwrap();
    let event = Event::create(&segment, "event").unwrap();
    for _ in 0..5 {
        let mut all = waiters(&segment, 3);
        let stopped = all.pop().unwrap();
        stopped.signal(Signal::STOP);
        all[0].kill();
        let start = Instant::now();
        event.set().unwrap();
        event.clear().unwrap();
        event.set().unwrap();
        assert!(start.elapsed() < Duration::from_secs(1));
        all[1].expect("woken");
        stopped.signal(Signal::CONT);
        stopped.expect("woken");
        event.clear().unwrap();
    }
    drop(waiters(&segment, 1));
    segment.reap().unwrap();
    assert_eq!(segment.participants().len(), 1);
}

#[test]
fn what_a_dead_process_set_stays_set() {
    let segment = Segment::anonymous().unwrap();
    let event = Event::create(&segment, "event").unwrap();
    let waiters = waiters(&segment, 2);
    let mut child = Child::start(&segment, "set an event", "event");
    child.go_on();
    child.expect("set");
    child.kill();
    waiters.iter().for_each(|waiter| waiter.expect("woken"));
    segment.reap().unwrap();
    assert!(event.is_set());
}

/// The kill lands before, in and after the set. Whoever waits goes on if it was set; and if it was
/// not, the next set reaches him.
#[test]
fn a_setter_killed_at_any_moment_strands_nobody() {
    let segment = Segment::anonymous().unwrap();
    let event = Event::create(&segment, "event").unwrap();
    for round in 0..20 {
        let waiters = waiters(&segment, 1);
        let mut child = Child::start(&segment, "set an event", "event");
        child.go_on();
        std::thread::sleep(Duration::from_micros(20 * round));
        child.kill();
        if !event.is_set() {
            event.set().unwrap();
        }
        waiters.iter().for_each(|waiter| waiter.expect("woken"));
        event.clear().unwrap();
    }
}

#[test]
fn no_work_is_missed_by_whoever_clears_looks_and_waits() {
    const COUNT: u64 = 2000;
    let segment = Segment::anonymous().unwrap();
    let work = Event::create(&segment, "work").unwrap();
    let taken = [0, 1].map(|at| Event::create(&segment, &format!("taken {at}")).unwrap());
    let left = AtomicArray::<u64>::create(&segment, "left", 2).unwrap();
    let producers =
        [0, 1].map(|at| Child::start(&segment, "announce work", &format!("{at} {COUNT}")));
    let mut last = [0, 0];
    while last != [COUNT, COUNT] {
        assert!(work.wait_timeout(PATIENCE).unwrap(), "work was missed");
        work.clear().unwrap();
        for (at, last) in last.iter_mut().enumerate() {
            let number = left.swap(at, 0).unwrap();
            if number != 0 {
                assert_eq!(number, *last + 1);
                *last = number;
                taken[at].set().unwrap();
            }
        }
    }
    producers.into_iter().for_each(Child::finish);
}

#[test]
fn a_forked_child_sets_it_for_its_parent() {
    let segment = Segment::anonymous().unwrap();
    let event = Event::create(&segment, "event").unwrap();
    let code = in_fork(|| {
        if event.is_set() || event.wait_timeout(Duration::from_millis(1)).unwrap() {
            return 1;
        }
        event.set().unwrap();
        u8::from(!event.is_set())
    });
    assert_eq!(code, 0);
    assert!(event.wait_timeout(PATIENCE).unwrap());
}

#[test]
fn it_is_found_by_its_name_and_is_nothing_else() {
    let segment = Segment::anonymous().unwrap();
    let kind = |made: outlive::Result<Event>| made.map(drop).map_err(|e| e.kind());
    assert_eq!(
        kind(Event::open(&segment, "event")),
        Err(ErrorKind::NotFound)
    );
    let event = Event::open_or_create(&segment, "event").unwrap();
    event.set().unwrap();
    assert!(Event::open_or_create(&segment, "event").unwrap().is_set());
    assert_eq!(
        kind(Event::create(&segment, "event")),
        Err(ErrorKind::AlreadyExists)
    );
    let _lock = Lock::create(&segment, "lock").unwrap();
    assert_eq!(
        kind(Event::open(&segment, "lock")),
        Err(ErrorKind::WrongType)
    );
    let lock = Lock::open(&segment, "event").map(drop);
    assert_eq!(lock.unwrap_err().kind(), ErrorKind::WrongType);
    assert!(format!("{event:?}").contains("is_set: true"));
}

#[test]
fn a_handle_travels_as_a_few_bytes() {
    let event = Event::new().unwrap();
    let bytes = postcard::to_allocvec(&event).unwrap();
    assert!(bytes.len() <= 40, "{}", bytes.len());
    let other: Event = postcard::from_bytes(&bytes).unwrap();
    event.set().unwrap();
    assert!(other.is_set());
    drop(other);
    assert!(postcard::from_bytes::<Lock>(&bytes).is_err());
    let stale = postcard::to_allocvec(&Event::new().unwrap()).unwrap();
    assert!(postcard::from_bytes::<Event>(&stale).is_err());
}
