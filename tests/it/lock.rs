//! `Lock` between processes that die.

use std::cell::Cell;
use std::time::{Duration, Instant};

use outlive::sync::LockError;
use outlive::{ErrorKind, Lock, Segment, SegmentOptions, Value};
use rustix::process::Signal;

use super::child::{Child, PATIENCE, Role, pause, say};
use super::fork::forked;

pub const ROLES: &[(&str, Role)] = &[
    ("hold", |segment, name| {
        let lock = Lock::open(segment, name).unwrap();
        let _guard = lock.lock().unwrap();
        say("held");
        pause();
    }),
    ("wait", |segment, name| {
        let lock = Lock::open(segment, name).unwrap();
        say("waiting");
        let end = lock.lock_timeout(PATIENCE);
        // One that was woken and then killed may have died holding it.
        let taken = matches!(end, Ok(_) | Err(LockError::OwnerDied(_)));
        let said = if taken { "taken" } else { "not taken" };
        drop(end);
        say(said);
        pause();
    }),
    ("hold and exec", |segment, name| {
        use std::os::unix::process::CommandExt;
        let lock = Lock::open(segment, name).unwrap();
        let _guard = lock.lock().unwrap();
        say("held");
        let error = std::process::Command::new("sleep").arg("60").exec();
        panic!("{error}");
    }),
];

fn lock_in(segment: &Segment) -> Lock {
    Lock::create(segment, "lock").unwrap()
}

#[test]
fn the_death_of_the_owner_hands_the_lock_over_with_its_name() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let mut child = Child::start(&segment, "hold", "lock");
    child.expect("held");
    assert_eq!(lock.holder(), Some(child.pid()));
    assert!(matches!(lock.try_lock(), Err(LockError::TimedOut)));
    child.kill();
    let died = match lock.lock_timeout(PATIENCE) {
        Err(LockError::OwnerDied(died)) => died,
        other => panic!("{other:?}"),
    };
    assert_eq!((died.pid(), died.label()), (child.pid(), "child"));
    drop(died.repaired());
    assert!(lock.try_lock().is_ok(), "repaired");
}

#[test]
fn a_mark_that_is_not_repaired_stays_and_locks_nobody_out() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let mut child = Child::start(&segment, "hold", "lock");
    child.expect("held");
    child.kill();
    for _ in 0..3 {
        let Err(LockError::OwnerDied(died)) = lock.lock() else {
            panic!("the mark is gone")
        };
        assert_eq!(died.pid(), child.pid());
    }
    segment.reap().unwrap();
    let Err(LockError::OwnerDied(died)) = lock.lock() else {
        panic!("the mark is gone")
    };
    drop(died.repaired());
    assert!(lock.lock().is_ok());
}

#[test]
fn reaping_marks_the_lock_of_the_dead_before_anybody_asks() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let mut child = Child::start(&segment, "hold", "lock");
    child.expect("held");
    child.kill();
    assert_eq!(segment.reap().unwrap(), 1);
    assert!(!lock.is_locked());
    let Err(LockError::OwnerDied(died)) = lock.try_lock() else {
        panic!("not marked")
    };
    assert_eq!((died.pid(), died.label()), (child.pid(), "child"));
}

#[test]
fn a_stopped_holder_is_not_dead() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let mut child = Child::start(&segment, "hold", "lock");
    child.expect("held");
    child.signal(Signal::STOP);
    let end = lock.lock_timeout(Duration::from_millis(300));
    assert!(matches!(end, Err(LockError::TimedOut)), "{end:?}");
    assert_eq!(segment.reap().unwrap(), 0);
    child.signal(Signal::CONT);
    child.go_on();
    assert!(lock.lock_timeout(PATIENCE).is_ok());
}

#[test]
fn running_another_program_gives_the_lock_up_as_a_death_does() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let child = Child::start(&segment, "hold and exec", "lock");
    child.expect("held");
    let end = lock.lock_timeout(PATIENCE);
    assert!(matches!(end, Err(LockError::OwnerDied(_))), "{end:?}");
}

#[test]
fn a_waiter_that_is_killed_strands_nobody() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    for _ in 0..10 {
        let guard = lock.lock().unwrap();
        let mut waiters: Vec<_> = (0..3)
            .map(|_| {
                let child = Child::start(&segment, "wait", "lock");
                child.expect("waiting");
                child
            })
            .collect();
        // The kill and the wake race: sometimes the dead one had been woken.
        drop(guard);
        waiters[0].kill();
        for waiter in &mut waiters[1..] {
            waiter.expect("taken");
            waiter.kill();
        }
        drop(
            lock.lock_timeout(PATIENCE)
                .or_else(|e| e.repair(|_| {}))
                .unwrap(),
        );
    }
}

#[test]
fn timed_forms_time_out_on_a_lock_held_by_oneself() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let _guard = lock.lock().unwrap();
    let limit = Duration::from_millis(50);
    let start = Instant::now();
    assert!(matches!(lock.lock_timeout(limit), Err(LockError::TimedOut)));
    assert!(matches!(
        lock.lock_deadline(Instant::now() + limit),
        Err(LockError::TimedOut)
    ));
    assert!(matches!(
        lock.lock_timeout(Duration::ZERO),
        Err(LockError::TimedOut)
    ));
    assert!(start.elapsed() >= 2 * limit);
}

#[test]
fn raw_forms_need_no_nesting_and_refuse_a_stranger() {
    let segment = Segment::anonymous().unwrap();
    let (a, b) = (lock_in(&segment), Lock::create(&segment, "b").unwrap());
    a.acquire(None).unwrap();
    b.acquire(Some(PATIENCE)).unwrap();
    a.release().unwrap();
    b.release().unwrap();
    assert_eq!(a.release().unwrap_err().kind(), ErrorKind::NotOwner);
    let mut child = Child::start(&segment, "hold", "lock");
    child.expect("held");
    assert_eq!(a.release().unwrap_err().kind(), ErrorKind::NotOwner);
    child.kill();
    assert!(matches!(a.acquire(None), Err(LockError::OwnerDied(_))));
    a.release().unwrap();
    assert!(matches!(a.acquire(None), Err(LockError::OwnerDied(_))));
    a.release_repaired().unwrap();
    a.acquire(None).unwrap();
    a.release().unwrap();
}

#[test]
fn threads_of_many_handles_count_exactly() {
    let segment = Segment::anonymous().unwrap();
    let _made = lock_in(&segment);
    let mut sum = 0_u32;
    let shared = std::sync::Mutex::new(&mut sum);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let lock = Lock::open(&segment, "lock").unwrap();
                for _ in 0..2000 {
                    let _guard = lock.lock().unwrap();
                    // Held, so the inner lock is always free.
                    **shared.try_lock().unwrap() += 1;
                }
            });
        }
    });
    assert_eq!(sum, 8000);
}

#[test]
fn a_handle_travels_as_a_few_bytes() {
    let lock = Lock::new().unwrap();
    let bytes = postcard::to_allocvec(&lock).unwrap();
    assert!(bytes.len() <= 40, "{}", bytes.len());
    let other: Lock = postcard::from_bytes(&bytes).unwrap();
    let _guard = lock.lock().unwrap();
    assert!(matches!(other.try_lock(), Err(LockError::TimedOut)));
    drop(other);
    let stale = postcard::to_allocvec(&Lock::new().unwrap()).unwrap();
    assert!(postcard::from_bytes::<Lock>(&stale).is_err());
    assert!(postcard::from_bytes::<outlive::RLock>(&bytes).is_err());
}

#[test]
fn the_dead_are_named_although_another_takes_their_place() {
    let segment = SegmentOptions::new().participants(2).anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let count = Value::create(&segment, "count", 0_u64).unwrap();
    for _ in 0..30 {
        let victim = forked(|| {
            lock.acquire(None).unwrap();
            std::thread::sleep(PATIENCE);
            1
        });
        let pid = victim.pid();
        while lock.holder() != Some(pid) {
            std::thread::yield_now();
        }
        // Joins as soon as there is room, and that is where the victim was.
        let newcomer = forked(|| {
            while count.fetch_add(1).is_err() {}
            std::thread::sleep(PATIENCE);
            1
        });
        victim.kill();
        match lock.lock_timeout(PATIENCE) {
            Err(LockError::OwnerDied(died)) => {
                assert_eq!(died.pid(), pid);
                drop(died.repaired());
            }
            other => panic!("{other:?}"),
        }
        newcomer.kill();
        segment.reap().unwrap();
    }
}

#[test]
fn whoever_leaves_with_a_lock_held_is_named_as_its_dead_owner() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let all = Cell::new(Some((segment, lock)));
    let child = forked(|| {
        let (segment, lock) = all.take().unwrap();
        lock.acquire(None).unwrap();
        drop((lock, segment));
        std::thread::sleep(PATIENCE);
        1
    });
    let (_segment, lock) = all.take().unwrap();
    let pid = child.pid();
    let died = loop {
        // Not before the child has taken it.
        match lock.try_lock() {
            Err(LockError::OwnerDied(died)) => break died.pid(),
            Err(LockError::Broken(e)) => panic!("{e}"),
            _ => std::thread::yield_now(),
        }
    };
    assert_eq!(died, pid);
    child.kill();
}
