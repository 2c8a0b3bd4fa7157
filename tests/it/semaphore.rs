//! `Semaphore` and `BoundedSemaphore` between processes that die.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use outlive::sync::AcquireError;
use outlive::{BoundedSemaphore, ErrorKind, Segment, SegmentOptions, Semaphore};
use rustix::process::Signal;

use super::child::{Child, PATIENCE, Role, pause, say};
use super::fork::in_fork;

pub const ROLES: &[(&str, Role)] = &[
    ("hold permits", |segment, word| {
        let (name, count) = word.split_once(' ').unwrap();
        let semaphore = Semaphore::open(segment, name).unwrap();
        let _permits = semaphore.acquire_many(count.parse().unwrap()).unwrap();
        say("held");
        pause();
    }),
    ("keep one, forget one", |segment, name| {
        let semaphore = Semaphore::open(segment, name).unwrap();
        semaphore.acquire().unwrap().keep();
        semaphore.acquire().unwrap().forget();
        say("done");
        pause();
    }),
    ("wait for a permit", |segment, name| {
        let semaphore = Semaphore::open(segment, name).unwrap();
        say("waiting");
        let end = semaphore.acquire_timeout(PATIENCE);
        say(if end.is_ok() { "taken" } else { "not taken" });
        pause();
    }),
    ("release bounded", |segment, name| {
        let semaphore = BoundedSemaphore::open(segment, name).unwrap();
        pause();
        let released = (0..20_000).filter(|_| {
            if let Ok(permit) = semaphore.try_acquire() {
                permit.keep();
            }
            let _ = semaphore.release(1);
            semaphore.available() > 1
        });
        say(&released.count().to_string());
    }),
];

/// Large enough for a ledger.
const MANY: u32 = 5000;

/// A segment, and a semaphore of `value` permits in cells or in a ledger.
fn both(value: u32) -> [(Segment, Semaphore); 2] {
    [256, MANY].map(|capacity| {
        let segment = Segment::anonymous().unwrap();
        let semaphore =
            Semaphore::create_with_capacity(&segment, "semaphore", value, capacity).unwrap();
        (segment, semaphore)
    })
}

#[test]
fn the_permits_of_the_dead_come_back_to_whoever_waits() {
    for (segment, semaphore) in both(3) {
        let mut child = Child::start(&segment, "hold permits", "semaphore 3");
        child.expect("held");
        assert!(matches!(
            semaphore.try_acquire(),
            Err(AcquireError::TimedOut)
        ));
        let waiter = std::thread::spawn({
            let semaphore = semaphore.clone();
            move || {
                let all = semaphore.acquire_many_timeout(3, PATIENCE).unwrap();
                all.count()
            }
        });
        child.kill();
        assert_eq!(waiter.join().unwrap(), 3);
        assert_eq!(semaphore.available(), 3);
        assert_eq!(
            segment.reap().unwrap(),
            0,
            "whoever met the death has repaired after it"
        );
    }
}

#[test]
fn the_permits_of_the_dead_come_back_to_whoever_only_tries_or_reaps() {
    for (segment, semaphore) in both(2) {
        let mut child = Child::start(&segment, "hold permits", "semaphore 2");
        child.expect("held");
        child.kill();
        assert!(semaphore.try_acquire_many(2).is_ok());
        let mut child = Child::start(&segment, "hold permits", "semaphore 2");
        child.expect("held");
        child.kill();
        assert_eq!((semaphore.available(), segment.reap().unwrap()), (0, 1));
        assert_eq!(semaphore.available(), 2);
    }
}

#[test]
fn a_kept_permit_comes_back_after_a_death_and_a_forgotten_one_does_not() {
    for (segment, semaphore) in both(2) {
        let mut child = Child::start(&segment, "keep one, forget one", "semaphore");
        child.expect("done");
        child.kill();
        segment.reap().unwrap();
        assert_eq!(semaphore.available(), 1);
        semaphore.release(1).unwrap();
        assert_eq!(semaphore.available(), 2);
    }
}

#[test]
fn a_stopped_holder_is_not_dead() {
    for (segment, semaphore) in both(1) {
        let mut child = Child::start(&segment, "hold permits", "semaphore 1");
        child.expect("held");
        child.signal(Signal::STOP);
        let end = semaphore.acquire_timeout(Duration::from_millis(200));
        assert!(matches!(end, Err(AcquireError::TimedOut)), "{end:?}");
        child.signal(Signal::CONT);
        child.go_on();
        assert!(semaphore.acquire_timeout(PATIENCE).is_ok());
    }
}

/// `sem_t` does not pass this: its sleeper sleeps for ever beside a free permit.
#[test]
fn a_waiter_that_is_killed_after_the_wake_strands_nobody() {
    for (segment, semaphore) in both(0) {
        for _ in 0..10 {
            let mut waiters: Vec<_> = (0..3)
                .map(|_| {
                    let child = Child::start(&segment, "wait for a permit", "semaphore");
                    child.expect("waiting");
                    child
                })
                .collect();
            // One for each. The kill and the wake race: sometimes the dead one had been woken.
            semaphore.release(1).unwrap();
            waiters[0].kill();
            semaphore.release(2).unwrap();
            for waiter in &mut waiters[1..] {
                waiter.expect("taken");
                waiter.kill();
            }
            // What the dead had taken, or never took, is all there.
            segment.reap().unwrap();
            let all = semaphore.try_acquire_many(3).unwrap();
            assert!(semaphore.try_acquire().is_err());
            all.forget();
        }
    }
}

#[test]
fn several_permits_are_taken_at_once_or_not_at_all() {
    for (_segment, semaphore) in both(4) {
        let three = semaphore.acquire_many(3).unwrap();
        let limit = Duration::from_millis(20);
        let start = Instant::now();
        assert!(matches!(
            semaphore.try_acquire_many(2),
            Err(AcquireError::TimedOut)
        ));
        assert!(matches!(
            semaphore.acquire_many_timeout(2, limit),
            Err(AcquireError::TimedOut)
        ));
        let end = semaphore.acquire_many_deadline(2, Instant::now() + limit);
        assert!(matches!(end, Err(AcquireError::TimedOut)));
        assert!(start.elapsed() >= 2 * limit);
        assert_eq!(semaphore.available(), 1);
        let one = semaphore.acquire_deadline(Instant::now() + limit).unwrap();
        drop(three);
        assert_eq!(semaphore.available(), 3);
        drop(one);
        assert_eq!(semaphore.acquire_many(0).unwrap().count(), 0);
        assert_eq!(semaphore.available(), 4);
        let never = semaphore
            .acquire_many(semaphore.capacity() + 1)
            .unwrap_err();
        assert_eq!(outlive::Error::from(never).kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn those_who_take_all_and_those_who_take_one_all_come_through() {
    for (segment, semaphore) in both(3) {
        let inside = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for count in [3, 3, 1, 1, 2] {
                let (segment, inside) = (&segment, &inside);
                scope.spawn(move || {
                    let semaphore = Semaphore::open(segment, "semaphore").unwrap();
                    for _ in 0..500 {
                        let permits = semaphore.acquire_many_timeout(count, PATIENCE).unwrap();
                        assert!(inside.fetch_add(count, Ordering::SeqCst) + count <= 3);
                        inside.fetch_sub(count, Ordering::SeqCst);
                        drop(permits);
                    }
                });
            }
        });
        assert_eq!(semaphore.available(), 3);
    }
}

#[test]
fn anybody_may_release_as_in_python() {
    for (segment, semaphore) in both(2) {
        // Above the value that it began with.
        semaphore.release(2).unwrap();
        assert_eq!(semaphore.available(), 4);
        // What another process keeps, before new ones.
        let mut child = Child::start(&segment, "keep one, forget one", "semaphore");
        child.expect("done");
        assert_eq!(semaphore.available(), 2);
        semaphore.release(1).unwrap();
        child.kill();
        segment.reap().unwrap();
        assert_eq!(semaphore.available(), 3, "released once, not twice");
        // All or nothing at the capacity.
        let room = semaphore.capacity() - 3;
        assert_eq!(
            semaphore.release(room + 1).unwrap_err().kind(),
            ErrorKind::Full
        );
        assert_eq!(semaphore.available(), 3);
        semaphore.release(room).unwrap();
        assert_eq!(semaphore.available(), semaphore.capacity());
    }
}

#[test]
fn a_signal_is_acquired_and_forgotten() {
    for (_segment, semaphore) in both(0) {
        for _ in 0..2 * MANY {
            semaphore.release(1).unwrap();
            semaphore.acquire().unwrap().forget();
            semaphore.release(1).unwrap();
            semaphore.acquire().unwrap().keep();
        }
        assert_eq!(semaphore.available(), 0);
    }
}

#[test]
fn a_bounded_semaphore_never_rises_above_its_bound() {
    let segment = Segment::anonymous().unwrap();
    for bound in [1, 2, MANY] {
        let name = format!("bounded {bound}");
        let semaphore = BoundedSemaphore::create(&segment, &name, bound).unwrap();
        assert_eq!(semaphore.release(1).unwrap_err().kind(), ErrorKind::Full);
        let permit = semaphore.acquire().unwrap();
        assert_eq!(
            semaphore.release(1).unwrap_err().kind(),
            ErrorKind::Full,
            "the guard will"
        );
        drop(permit);
        semaphore.acquire().unwrap().keep();
        assert_eq!(semaphore.release(2).unwrap_err().kind(), ErrorKind::Full);
        assert_eq!(semaphore.available(), bound - 1);
        semaphore.release(1).unwrap();
        assert_eq!(
            (semaphore.available(), semaphore.capacity()),
            (bound, bound)
        );
        assert_eq!(
            Semaphore::open(&segment, &name).unwrap_err().kind(),
            ErrorKind::WrongType,
            "a bounded one is another type"
        );
    }
}

#[test]
fn two_processes_that_release_at_once_do_not_pass_the_bound_together() {
    let segment = Segment::anonymous().unwrap();
    let semaphore = BoundedSemaphore::create(&segment, "bounded", 1).unwrap();
    let mut children: Vec<_> = (0..2)
        .map(|_| Child::start(&segment, "release bounded", "bounded"))
        .collect();
    children.iter_mut().for_each(Child::go_on);
    children.iter().for_each(|child| child.expect("0"));
    children.into_iter().for_each(Child::finish);
    let _ = semaphore.release(1);
    assert_eq!(semaphore.available(), 1);
}

#[test]
fn a_forked_child_drops_nothing_of_its_parents() {
    for (_segment, semaphore) in both(2) {
        let permit = semaphore.acquire().unwrap();
        let mut copy = Some(permit);
        let code = in_fork(|| {
            let own = semaphore.acquire().unwrap();
            drop(copy.take());
            if semaphore.try_acquire().is_ok() {
                return 1;
            }
            drop(own);
            u8::from(semaphore.available() != 1)
        });
        assert_eq!(code, 0);
        assert_eq!(semaphore.available(), 1);
        drop(copy);
        assert_eq!(semaphore.available(), 2);
    }
}

#[test]
fn a_permit_may_be_dropped_by_another_thread() {
    for (_segment, semaphore) in both(1) {
        let permit = semaphore.acquire().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || drop(permit));
        });
        assert_eq!(semaphore.available(), 1);
    }
}

#[test]
fn values_out_of_range_are_refused() {
    let segment = SegmentOptions::new().size(1 << 18).anonymous().unwrap();
    let kind = |made: outlive::Result<Semaphore>| made.map(drop).map_err(|e| e.kind());
    assert_eq!(
        kind(Semaphore::create_with_capacity(&segment, "a", 2, 1)),
        Err(ErrorKind::InvalidInput)
    );
    assert_eq!(
        kind(Semaphore::create(&segment, "a", u32::MAX)),
        Err(ErrorKind::InvalidInput)
    );
    let most = i32::MAX.unsigned_abs();
    let semaphore = Semaphore::create(&segment, "a", most).unwrap();
    assert_eq!((semaphore.available(), semaphore.capacity()), (most, most));
    assert_eq!(semaphore.release(1).unwrap_err().kind(), ErrorKind::Full);
    let all = semaphore.acquire_many(most).unwrap();
    assert!(semaphore.try_acquire().is_err());
    drop(all);
    let none = Semaphore::create(&segment, "b", 0).unwrap();
    assert!(none.try_acquire().is_err());
    assert!(none.capacity() >= 256);
}

#[test]
fn a_handle_travels_as_a_few_bytes() {
    let semaphore = Semaphore::new(1).unwrap();
    let bytes = postcard::to_allocvec(&semaphore).unwrap();
    assert!(bytes.len() <= 40, "{}", bytes.len());
    let other: Semaphore = postcard::from_bytes(&bytes).unwrap();
    let permit = semaphore.acquire().unwrap();
    assert!(other.try_acquire().is_err());
    drop(permit);
    assert!(postcard::from_bytes::<BoundedSemaphore>(&bytes).is_err());
    let bounded = BoundedSemaphore::new(1).unwrap();
    let bytes = postcard::to_allocvec(&bounded).unwrap();
    let other: BoundedSemaphore = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(other.release(1).unwrap_err().kind(), ErrorKind::Full);
}
