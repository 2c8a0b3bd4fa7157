//! `Condition` between processes that die.

use std::cell::Cell;
use std::time::{Duration, Instant};

use outlive::sync::{LockError, Wake};
use outlive::{AtomicArray, Condition, ErrorKind, Lock, RLock, Segment, Value};
use rustix::process::Signal;

use super::child::{Child, PATIENCE, Role, pause, say};
use super::deed::until;
use super::fork::{forked, in_fork};
use super::stopped::stop;

pub const ROLES: &[(&str, Role)] = &[
    ("sleep on a condition", |segment, _| {
        sleep(segment);
        say("woken");
        pause();
    }),
    ("sleep on a condition with an rlock", |segment, _| {
        sleep_deep(segment);
        say("woken");
        pause();
    }),
    ("hold the lock of a condition", |segment, _| {
        let lock = Lock::open(segment, "lock").unwrap();
        say("waiting");
        let _guard = lock.lock().unwrap();
        say("held");
        pause();
    }),
    ("hold the rlock of a condition", |segment, _| {
        let lock = RLock::open(segment, "rlock").unwrap();
        say("waiting");
        let _guard = lock.lock().unwrap();
        say("held");
        pause();
    }),
    ("count a state up to four", |segment, _| {
        let (lock, changed) = open(segment);
        let state = Value::<u32>::open(segment, "state").unwrap();
        let is_early = || state.get().unwrap() == 0;
        let guard = lock.lock().unwrap();
        drop(changed.wait_while(guard, is_early).unwrap());
        for _ in 1..4 {
            let guard = lock.lock().unwrap();
            state.fetch_add(1).unwrap();
            changed.notify(1).unwrap();
            drop(guard);
        }
    }),
    ("consume", |segment, _| consume(segment)),
];

/// Short, for what is to time out.
const SHORT: Duration = Duration::from_millis(30);
const ITEMS: u64 = 3000;

fn open(segment: &Segment) -> (Lock, Condition) {
    let lock = Lock::open(segment, "lock").unwrap();
    (lock, Condition::open(segment, "changed").unwrap())
}

/// A segment with a condition, one lock of each kind, and the number of those that were woken.
fn world() -> (Segment, Lock, Condition, AtomicArray<u64>) {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    drop(RLock::create(&segment, "rlock").unwrap());
    let changed = Condition::create(&segment, "changed").unwrap();
    let woken = AtomicArray::create(&segment, "woken", 1).unwrap();
    (segment, lock, changed, woken)
}

/// Waits once, and counts itself when woken.
fn sleep(segment: &Segment) {
    let (lock, changed) = open(segment);
    let woken = AtomicArray::<u64>::open(segment, "woken").unwrap();
    let guard = lock.lock().or_else(|e| e.repair(|_| {})).unwrap();
    let guard = changed.wait(guard).or_else(|e| e.repair(|_| {})).unwrap();
    woken.fetch_add(0, 1).unwrap();
    drop(guard);
}

/// The same, two levels deep in the recursive lock.
fn sleep_deep(segment: &Segment) {
    let lock = RLock::open(segment, "rlock").unwrap();
    let changed = Condition::open(segment, "changed").unwrap();
    let woken = AtomicArray::<u64>::open(segment, "woken").unwrap();
    let outer = lock.lock().unwrap();
    let inner = changed.wait(lock.lock().unwrap()).unwrap();
    assert_eq!(lock.depth(), 2);
    drop(inner);
    woken.fetch_add(0, 1).unwrap();
    assert_eq!(lock.depth(), 1);
    drop(outer);
}

/// Children that wait, in the order in which they came.
fn sleepers<const N: usize>(segment: &Segment, changed: &Condition) -> [Child; N] {
    let mut count = changed.waiting();
    [(); N].map(|()| {
        let child = Child::start(segment, "sleep on a condition", "");
        count += 1;
        until(|| changed.waiting() == count);
        child
    })
}

/// CPython's `test_notify_n`, with both locks: of six sleepers in three processes and three threads
/// as many wake up as are notified.
#[test]
fn six_sleepers_are_woken_as_they_are_counted() {
    type Form = (&'static str, fn(&Segment));
    let forms: [Form; 2] = [
        ("sleep on a condition", sleep),
        ("sleep on a condition with an rlock", sleep_deep),
    ];
    for (role, life) in forms {
        let (segment, _lock, changed, woken) = world();
        let children = [(); 3].map(|()| Child::start(&segment, role, ""));
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| life(&segment));
            }
            until(|| changed.waiting() == 6);
            let mut sum = 0;
            for (count, told) in [(0, 0), (1, 1), (2, 2), (u32::MAX, 3), (1, 0)] {
                assert_eq!(changed.notify(count).unwrap(), told);
                sum += told;
                until(|| woken.get(0).unwrap() == sum.into());
                assert_eq!(changed.waiting(), 6 - sum);
            }
        });
        assert_eq!(woken.get(0).unwrap(), 6);
        children.iter().for_each(|child| child.expect("woken"));
    }
}

#[test]
fn nobody_is_notified_who_comes_later() {
    let (_segment, lock, changed, _) = world();
    assert_eq!(changed.notify_all().unwrap(), 0);
    let start = Instant::now();
    let guard = lock.lock().unwrap();
    let (guard, wake) = changed.wait_timeout(guard, SHORT).unwrap();
    assert!(wake.is_timed_out());
    let (guard, wake) = changed
        .wait_deadline(guard, Instant::now() + SHORT)
        .unwrap();
    assert_eq!(wake, Wake::TimedOut);
    assert!(start.elapsed() >= 2 * SHORT);
    let (_guard, wake) = changed.wait_timeout(guard, Duration::ZERO).unwrap();
    assert_eq!(wake, Wake::TimedOut);
    assert_eq!(lock.holder(), Some(std::process::id()), "held again");
    assert_eq!((changed.notify_all().unwrap(), changed.waiting()), (0, 0));
}

/// gh-75158: Python's `notify_all` waits for ever for the dead to say that they are awake.
#[test]
fn a_sleeper_that_is_killed_holds_no_notifier_up() {
    let (segment, _lock, changed, woken) = world();
    for notify in [Condition::notify_all, |changed: &Condition| {
        changed.notify(9)
    }] {
        let mut children = sleepers::<3>(&segment, &changed);
        children[1].kill();
        assert_eq!(notify(&changed).unwrap(), 2, "the dead do not count");
        children[0].expect("woken");
        children[2].expect("woken");
    }
    assert_eq!((woken.get(0).unwrap(), changed.waiting()), (4, 0));
}

#[test]
fn a_notification_passes_over_the_dead() {
    let (segment, _lock, changed, _) = world();
    let mut children = sleepers::<3>(&segment, &changed);
    children[0].kill();
    assert_eq!(changed.notify(1).unwrap(), 1);
    children[1].expect("woken");
    assert_eq!(changed.waiting(), 1);
    children[2].kill();
    assert_eq!(changed.notify(1).unwrap(), 0);
    assert_eq!(segment.reap().unwrap(), 2);
    assert_eq!(changed.waiting(), 0);
}

/// The sleeper is notified and cannot yet have its lock again; then it is killed. Nobody notifies a
/// second time.
#[test]
fn what_a_killed_waiter_was_notified_of_reaches_the_next() {
    let (segment, lock, changed, woken) = world();
    for _ in 0..5 {
        let mut children = sleepers::<3>(&segment, &changed);
        let before = woken.get(0).unwrap();
        let guard = lock.lock().unwrap();
        assert_eq!(changed.notify(1).unwrap(), 1);
        children[0].kill();
        drop(guard);
        children[1].expect("woken");
        assert_eq!(woken.get(0).unwrap(), before + 1);
        assert_eq!(changed.notify(1).unwrap(), 1);
        children[2].expect("woken");
    }
}

#[test]
fn reaping_frees_the_places_of_the_dead_and_makes_room() {
    let (segment, lock, _, _) = world();
    let small = Condition::create_with_waiters(&segment, "small", 1).unwrap();
    assert_eq!(small.capacity(), 1);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let guard = lock.lock().unwrap();
            let (_guard, wake) = small.wait_timeout(guard, PATIENCE).unwrap();
            assert_eq!(wake, Wake::InTime);
        });
        until(|| small.waiting() == 1);
        let full = small.wait_timeout(lock.lock().unwrap(), SHORT);
        assert_eq!(
            outlive::Error::from(full.unwrap_err()).kind(),
            ErrorKind::Full
        );
        assert_eq!(lock.holder(), None, "the guard is gone");
        assert_eq!(small.notify(1).unwrap(), 1);
    });
    assert!(small.wait_timeout(lock.lock().unwrap(), SHORT).is_ok());
    // The same with a place of the dead: there is room at once.
    let again = Condition::create_with_waiters(&segment, "again", 1).unwrap();
    let code = in_fork(|| {
        let again = again.clone();
        let lock = Lock::open(&segment, "lock").unwrap();
        let held = lock.clone();
        std::thread::spawn(move || drop(again.wait(held.lock().unwrap())));
        let again = Condition::open(&segment, "again").unwrap();
        // Whoever waits takes its place first, and gives the lock back then.
        until(|| again.waiting() == 1 && lock.holder().is_none());
        0
    });
    assert_eq!((code, again.waiting()), (0, 1));
    let end = again.wait_timeout(lock.lock().unwrap(), SHORT);
    assert_eq!(end.unwrap().1, Wake::TimedOut);
}

#[test]
fn a_lock_that_the_living_keep_is_not_waited_for_without_end() {
    let (segment, lock, changed, _) = world();
    let mut guard = lock.lock().unwrap();
    let mut child = Child::start(&segment, "hold the lock of a condition", "");
    child.expect("waiting");
    let end = loop {
        match changed.wait_timeout(guard, SHORT) {
            // The child was not yet there.
            Ok((again, _)) => guard = again,
            Err(error) => break error,
        }
    };
    assert!(matches!(end, LockError::TimedOut), "{end:?}");
    child.expect("held");
    assert_eq!((lock.holder(), changed.waiting()), (Some(child.pid()), 0));
    child.go_on();
    assert!(lock.lock_timeout(PATIENCE).is_ok());
}

#[test]
fn a_lock_that_is_taken_again_from_the_dead_says_so() {
    let (segment, lock, changed, _) = world();
    let guard = lock.lock().unwrap();
    let mut child = Child::start(&segment, "hold the lock of a condition", "");
    child.expect("waiting");
    let pid = child.pid();
    let end = std::thread::scope(|scope| {
        scope.spawn(|| {
            // It has the lock only after this thread waits.
            child.expect("held");
            child.kill();
            changed.notify(1).unwrap();
        });
        changed.wait_timeout(guard, PATIENCE)
    });
    let Err(LockError::OwnerDied(died)) = end else {
        panic!("{end:?}")
    };
    assert_eq!(died.pid(), pid);
    let (guard, wake) = died.into_guard();
    assert_eq!(wake, Wake::InTime);
    // Unrepaired it stays so.
    let end = changed.wait_timeout(guard, SHORT);
    let Err(LockError::OwnerDied(mut died)) = end else {
        panic!("{end:?}")
    };
    assert_eq!((died.get_mut().1, died.pid()), (Wake::TimedOut, pid));
    drop(died.repaired());
    assert!(lock.try_lock().is_ok(), "repaired");
}

#[test]
fn a_recursive_lock_is_given_up_and_taken_again_at_all_levels() {
    let (segment, _lock, changed, _) = world();
    let lock = RLock::open(&segment, "rlock").unwrap();
    let guards = [(); 3].map(|()| lock.lock().unwrap());
    let mut child = Child::start(&segment, "hold the rlock of a condition", "");
    child.expect("waiting");
    let [one, two, three] = guards;
    let mut inner = three;
    // The child can have it only where all levels are given up, and it keeps it.
    let end = loop {
        match changed.wait_timeout(inner, SHORT) {
            Ok((again, _)) => {
                assert_eq!(lock.depth(), 3);
                inner = again;
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(end, LockError::TimedOut), "{end:?}");
    child.expect("held");
    assert_eq!((lock.depth(), lock.holder()), (0, Some(child.pid())));
    // Levels that are gone are not given back.
    drop((one, two));
    assert_eq!(lock.holder(), Some(child.pid()));
    child.kill();
    let guard = lock.lock_timeout(PATIENCE).or_else(|e| e.repair(|_| {}));
    drop(guard.unwrap());
    assert_eq!(lock.holder(), None);
}

#[test]
fn a_recursive_lock_of_the_dead_comes_back_as_deep_as_it_was() {
    let (segment, _lock, changed, _) = world();
    let lock = RLock::open(&segment, "rlock").unwrap();
    let mut child = Child::start(&segment, "hold the rlock of a condition", "");
    child.expect("waiting");
    child.expect("held");
    child.kill();
    let outer = lock.lock().or_else(|e| e.into_guard()).unwrap();
    let inner = lock.lock().unwrap();
    let end = changed.wait_timeout(inner, SHORT);
    let Err(LockError::OwnerDied(died)) = end else {
        panic!("{end:?}")
    };
    assert_eq!((died.pid(), lock.depth()), (child.pid(), 2));
    drop(died.repaired());
    drop(outer);
    assert!(lock.try_lock().is_ok(), "free and repaired");
}

/// As with every condition: what was said to somebody who cannot hear it waits for him.
#[test]
fn a_stopped_waiter_holds_no_notifier_up_and_is_woken_when_it_goes_on() {
    let (segment, _lock, changed, woken) = world();
    let children = sleepers::<3>(&segment, &changed);
    stop(&children[0]);
    assert_eq!(changed.notify(1).unwrap(), 1);
    assert_eq!(changed.notify(1).unwrap(), 1);
    children[1].expect("woken");
    assert_eq!(changed.notify_all().unwrap(), 1);
    children[2].expect("woken");
    assert_eq!(woken.get(0).unwrap(), 2);
    children[0].signal(Signal::CONT);
    children[0].expect("woken");
    assert_eq!(segment.reap().unwrap(), 0);
}

/// CPython's `test_waitfor` and `test_waitfor_timeout`.
#[test]
fn to_wait_while_something_is_so_looks_again_each_time() {
    let (segment, lock, changed, _) = world();
    let state = Value::create(&segment, "state", 0_u32).unwrap();
    let child = Child::start(&segment, "count a state up to four", "");
    let guard = lock.lock().unwrap();
    let (guard, wake) = changed
        .wait_while_timeout(guard, SHORT, || state.get().unwrap() < 4)
        .unwrap();
    assert_eq!(wake, Wake::TimedOut);
    state.set(1).unwrap();
    changed.notify(1).unwrap();
    let (guard, wake) = changed
        .wait_while_deadline(guard, Instant::now() + PATIENCE, || {
            state.get().unwrap() < 4
        })
        .unwrap();
    assert_eq!((wake, state.get().unwrap()), (Wake::InTime, 4));
    let (guard, wake) = changed
        .wait_while_timeout(guard, Duration::ZERO, || false)
        .unwrap();
    assert_eq!(wake, Wake::InTime, "no wait at all");
    drop(changed.wait_while(guard, || false).unwrap());
    child.finish();
}

/// Takes items, one for each that was counted, until they are all gone.
fn consume(segment: &Segment) {
    let (lock, changed) = open(segment);
    let books = AtomicArray::<u64>::open(segment, "books").unwrap();
    let [made, taken] = [0, 1].map(|at| move |books: &AtomicArray<u64>| books.get(at).unwrap());
    loop {
        let guard = lock.lock().unwrap();
        let is_empty = || made(&books) == taken(&books) && made(&books) < ITEMS;
        // Now and then in vain: to give up must not take a notification along.
        let limit = Duration::from_micros(100 + taken(&books) % 7 * 300);
        let guard = match changed.wait_while_timeout(guard, limit, is_empty).unwrap() {
            (guard, Wake::InTime) => guard,
            (guard, Wake::TimedOut) => changed.wait_while(guard, is_empty).unwrap(),
        };
        if taken(&books) == ITEMS {
            break;
        }
        books.fetch_add(1, 1).unwrap();
        drop(guard);
    }
    changed.notify_all().unwrap();
}

#[test]
fn each_item_is_waited_for_by_one_and_no_notification_is_lost() {
    let (segment, lock, changed, _) = world();
    let books = AtomicArray::<u64>::create(&segment, "books", 2).unwrap();
    let children = [(); 2].map(|()| Child::start(&segment, "consume", ""));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| consume(&segment));
        }
        for item in 0..ITEMS {
            let guard = lock.lock().unwrap();
            books.fetch_add(0, 1).unwrap();
            // With the lock, and without it.
            if item % 2 == 0 {
                changed.notify(1).unwrap();
            }
            drop(guard);
            if item % 2 == 1 {
                changed.notify(1).unwrap();
            }
        }
    });
    children.into_iter().for_each(Child::finish);
    assert_eq!(books.to_vec().unwrap(), [ITEMS; 2]);
    assert_eq!(changed.waiting(), 0);
}

#[test]
fn any_lock_may_go_with_any_condition() {
    let (segment, lock, changed, _) = world();
    let elsewhere = Segment::anonymous().unwrap();
    let far = Lock::create(&elsewhere, "lock").unwrap();
    std::thread::scope(|scope| {
        let waiters = [&lock, &far].map(|lock| {
            let changed = &changed;
            let life = move || drop(changed.wait(lock.lock().unwrap()).unwrap());
            let waiter = scope.spawn(life);
            until(|| changed.waiting() > 0 && lock.holder().is_none());
            waiter
        });
        until(|| changed.waiting() == 2);
        let both = (lock.lock().unwrap(), far.lock().unwrap());
        assert_eq!(changed.notify(1).unwrap(), 1);
        assert_eq!(changed.notify(1).unwrap(), 1);
        drop(both);
        waiters.into_iter().for_each(|one| one.join().unwrap());
    });
    let again = Condition::open(&segment, "changed").unwrap();
    assert_eq!(again.waiting(), 0);
}

#[test]
fn a_forked_child_cannot_wait_with_its_parents_guard() {
    let (_segment, lock, changed, _) = world();
    let mut guard = Some(lock.lock().unwrap());
    let code = in_fork(|| {
        let Err(LockError::Broken(error)) = changed.wait(guard.take().unwrap()) else {
            return 1;
        };
        u8::from(error.kind() != ErrorKind::NotOwner || changed.waiting() != 0)
    });
    assert_eq!(code, 0);
    assert_eq!(lock.holder(), Some(std::process::id()));
    let (guard, wake) = changed.wait_timeout(guard.take().unwrap(), SHORT).unwrap();
    assert_eq!(wake, Wake::TimedOut);
    drop(guard);
    assert_eq!(lock.holder(), None);
}

#[test]
fn a_child_keeps_its_own_lock_when_it_waits_with_its_parents_guard() {
    let (segment, lock, changed, _) = world();
    let rlock = RLock::open(&segment, "rlock").unwrap();
    let guards = Cell::new(Some((lock.lock().unwrap(), rlock.lock().unwrap())));
    let child = forked(|| {
        let mine = (
            lock.lock_timeout(PATIENCE).unwrap(),
            rlock.lock_timeout(PATIENCE).unwrap(),
        );
        let (theirs, theirs_deep) = guards.take().unwrap();
        let ends = [
            changed.wait(theirs).map(drop).map_err(outlive::Error::from),
            changed
                .wait(theirs_deep)
                .map(drop)
                .map_err(outlive::Error::from),
        ];
        let refused =
            |end: &outlive::Result<()>| matches!(end, Err(e) if e.kind() == ErrorKind::NotOwner);
        let kept = lock.holder() == Some(std::process::id()) && rlock.depth() == 1;
        drop(mine);
        u8::from(!ends.iter().all(refused) || !kept || changed.waiting() != 0)
    });
    drop(guards.take());
    assert_eq!(child.code(), 0);
    assert!(lock.try_lock().is_ok() && rlock.try_lock().is_ok());
}

#[test]
fn conditions_are_made_and_opened_as_all_objects() {
    let (segment, ..) = world();
    let kind = |made: outlive::Result<Condition>| made.map(drop).map_err(|e| e.kind());
    assert_eq!(
        kind(Condition::open(&segment, "lock")),
        Err(ErrorKind::WrongType)
    );
    assert_eq!(
        kind(Condition::open(&segment, "none")),
        Err(ErrorKind::NotFound)
    );
    let exists = Condition::create(&segment, "changed");
    assert_eq!(kind(exists), Err(ErrorKind::AlreadyExists));
    for waiters in [0, 4097] {
        assert_eq!(
            kind(Condition::with_waiters(waiters)),
            Err(ErrorKind::InvalidInput)
        );
    }
    let large = Condition::create_with_waiters(&segment, "large", 4096);
    assert_eq!(large.unwrap().capacity(), 4096);
    let new = Condition::open_or_create(&segment, "new").unwrap();
    assert_eq!((new.capacity(), new.waiting()), (256, 0));
    assert_eq!(kind(Condition::open_or_create(&segment, "new")), Ok(()));
}

#[test]
fn a_handle_travels_as_a_few_bytes() {
    let (lock, changed) = (Lock::new().unwrap(), Condition::new().unwrap());
    let bytes = postcard::to_allocvec(&changed).unwrap();
    assert!(bytes.len() <= 40, "{}", bytes.len());
    let other: Condition = postcard::from_bytes(&bytes).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| drop(changed.wait(lock.lock().unwrap()).unwrap()));
        until(|| other.waiting() == 1);
        assert_eq!(other.notify(1).unwrap(), 1);
    });
    assert!(postcard::from_bytes::<Lock>(&bytes).is_err());
}
