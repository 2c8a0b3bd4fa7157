//! `RwLock` between processes that die.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::time::{Duration, Instant};

use outlive::sync::{LockError, WriteGuard};
use outlive::{ErrorKind, Lock, RwLock, Segment};
use rustix::process::Signal;

use super::child::{Child, PATIENCE, Role, pause, say};
use super::deed::until;
use super::fork::{forked, in_fork};

pub const ROLES: &[(&str, Role)] = &[
    ("read and hold", |segment, name| {
        let lock = RwLock::open(segment, name).unwrap();
        let _two = (lock.read().unwrap(), lock.read().unwrap());
        say("held");
        pause();
    }),
    ("write and hold", |segment, name| {
        let lock = RwLock::open(segment, name).unwrap();
        let _guard = lock.write().unwrap();
        say("held");
        pause();
    }),
    ("wait to write", |segment, name| {
        let lock = RwLock::open(segment, name).unwrap();
        say("waiting");
        let end = lock.write_timeout(PATIENCE);
        drop(end.or_else(|e| e.repair(|_| {})).unwrap());
        say("written");
        pause();
    }),
    ("wait to read", |segment, name| {
        let lock = RwLock::open(segment, name).unwrap();
        say("waiting");
        let end = lock.read_timeout(PATIENCE);
        drop(end.or_else(LockError::into_guard).unwrap());
        say("read");
        pause();
    }),
    ("read and write", |segment, name| {
        let lock = RwLock::open(segment, name).unwrap();
        say("started to");
        loop {
            drop(lock.read().or_else(LockError::into_guard).unwrap());
            drop(lock.write().or_else(|e| e.repair(|_| {})).unwrap());
        }
    }),
];

fn lock_in(segment: &Segment) -> RwLock {
    RwLock::create(segment, "lock").unwrap()
}

fn held(segment: &Segment, role: &str) -> Child {
    let child = Child::start(segment, role, "lock");
    child.expect("held");
    child
}

#[test]
fn readers_share_and_a_writer_does_not() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let mut child = held(&segment, "read and hold");
    let mine = lock.read().unwrap();
    assert_eq!((lock.readers(), lock.writer()), (3, None));
    assert!(matches!(lock.try_write(), Err(LockError::TimedOut)));
    drop(mine);
    assert!(matches!(lock.try_write(), Err(LockError::TimedOut)));
    child.go_on();
    let guard = lock.write_timeout(PATIENCE).unwrap();
    assert_eq!(lock.readers(), 0);
    assert_eq!(lock.writer(), Some(std::process::id()));
    assert!(matches!(lock.try_read(), Err(LockError::TimedOut)));
    assert!(matches!(lock.try_write(), Err(LockError::TimedOut)));
    drop(guard);
    assert!(!lock.is_write_locked());
    drop(lock.try_read().unwrap());
    let debug = format!("{lock:?}");
    assert!(
        debug.contains("writer: None") && debug.contains("readers: 0"),
        "{debug}"
    );
}

#[test]
fn the_death_of_a_reader_lets_the_writer_in_and_marks_nothing() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let mut asked = held(&segment, "read and hold");
    asked.kill();
    drop(lock.try_write().unwrap());
    let mut children = [(); 3].map(|()| held(&segment, "read and hold"));
    assert_eq!(lock.readers(), 6);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| drop(lock.write_timeout(PATIENCE).unwrap()));
        until(|| lock.is_write_locked());
        for child in &mut children {
            assert!(!writer.is_finished());
            child.kill();
        }
        let start = Instant::now();
        writer.join().unwrap();
        assert!(start.elapsed() < Duration::from_secs(1));
    });
    assert_eq!(lock.readers(), 0);
    drop(lock.read().unwrap());
}

#[test]
fn reaping_takes_the_guards_of_the_dead_back() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let mut reader = held(&segment, "read and hold");
    reader.kill();
    assert_eq!(lock.readers(), 2);
    assert_eq!(segment.reap().unwrap(), 1);
    assert_eq!(lock.readers(), 0);
    let mut writer = held(&segment, "write and hold");
    writer.kill();
    assert_eq!(segment.reap().unwrap(), 1);
    assert!(!lock.is_write_locked());
    let Err(LockError::OwnerDied(died)) = lock.try_read() else {
        panic!("not marked")
    };
    assert_eq!((died.pid(), died.label()), (writer.pid(), "child"));
}

#[test]
fn the_death_of_a_writer_is_told_to_readers_and_writers_until_one_repairs() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let mut child = held(&segment, "write and hold");
    assert_eq!(lock.writer(), Some(child.pid()));
    assert!(matches!(lock.try_read(), Err(LockError::TimedOut)));
    child.kill();
    for _ in 0..2 {
        let Err(LockError::OwnerDied(died)) = lock.read() else {
            panic!("a reader is not told")
        };
        assert_eq!((died.pid(), died.label()), (child.pid(), "child"));
        assert_eq!(lock.readers(), 1);
        // Another beside it.
        assert!(matches!(lock.try_read(), Err(LockError::OwnerDied(_))));
        drop(died.into_guard());
        let Err(LockError::OwnerDied(died)) = lock.write() else {
            panic!("a writer is not told")
        };
        assert_eq!(died.pid(), child.pid());
    }
    let Err(LockError::OwnerDied(died)) = lock.try_write() else {
        panic!("the mark is gone")
    };
    drop(died.repaired());
    drop(lock.try_read().unwrap());
    drop(lock.try_write().unwrap());
    // The reader that met the death has repaired the rest of it too.
    assert_eq!(segment.participants().len(), 1);
}

#[test]
fn the_death_of_a_writer_that_waits_for_readers_lets_new_readers_in() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let mine = lock.read().unwrap();
    let mut writer = Child::start(&segment, "wait to write", "lock");
    writer.expect("waiting");
    until(|| lock.is_write_locked());
    // A waiting writer keeps new readers out.
    assert!(matches!(lock.try_read(), Err(LockError::TimedOut)));
    writer.kill();
    let end = lock.read_timeout(PATIENCE);
    assert!(matches!(end, Err(LockError::OwnerDied(_))), "{end:?}");
    drop(end);
    drop(mine);
    drop(lock.write().or_else(|e| e.repair(|_| {})).unwrap());
    drop(lock.read().unwrap());
}

#[test]
fn a_waiting_writer_gets_in_however_many_readers_come() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let lock = RwLock::open(&segment, "lock").unwrap();
                // Always one of them reads, or would.
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    let guard = lock.read().unwrap();
                    std::thread::yield_now();
                    drop(guard);
                }
            });
        }
        for _ in 0..50 {
            drop(lock.write_timeout(PATIENCE).unwrap());
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(lock.readers(), 0);
}

#[test]
fn waiters_that_are_killed_strand_nobody() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    for role in ["wait to read", "wait to write"] {
        let guard = lock.write().or_else(|e| e.repair(|_| {})).unwrap();
        let mut waiters: Vec<_> = ["wait to read", role, "wait to write", "wait to read"]
            .map(|role| {
                let child = Child::start(&segment, role, "lock");
                child.expect("waiting");
                (child, role)
            })
            .into();
        // The kill and the wake race: sometimes the dead one had been woken.
        drop(guard);
        waiters[1].0.kill();
        waiters.remove(1);
        for (waiter, role) in &mut waiters {
            let reads = *role == "wait to read";
            waiter.expect(if reads { "read" } else { "written" });
            waiter.kill();
        }
        drop(
            lock.write_timeout(PATIENCE)
                .or_else(|e| e.repair(|_| {}))
                .unwrap(),
        );
    }
}

#[test]
fn whoever_is_killed_at_any_time_the_others_go_on() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    for round in 0..6 {
        let mut children = [(); 2].map(|()| {
            let child = Child::start(&segment, "read and write", "lock");
            child.expect("started to");
            child
        });
        std::thread::sleep(Duration::from_micros(round * 700));
        for child in &mut children {
            child.kill();
            drop(
                lock.read_timeout(PATIENCE)
                    .or_else(LockError::into_guard)
                    .unwrap(),
            );
            drop(
                lock.write_timeout(PATIENCE)
                    .or_else(|e| e.repair(|_| {}))
                    .unwrap(),
            );
        }
    }
    drop(lock.try_write().unwrap());
    assert_eq!(lock.readers(), 0);
}

#[test]
fn stopped_readers_and_writers_are_not_dead() {
    const WHILE: Duration = Duration::from_millis(100);
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    for role in ["read and hold", "write and hold"] {
        let mut child = held(&segment, role);
        child.signal(Signal::STOP);
        let start = Instant::now();
        let end = lock.write_timeout(WHILE);
        assert!(matches!(end, Err(LockError::TimedOut)), "{end:?}");
        let end = lock.write_deadline(Instant::now() + WHILE);
        assert!(matches!(end, Err(LockError::TimedOut)), "{end:?}");
        assert!(start.elapsed() >= 2 * WHILE);
        if role == "write and hold" {
            let start = Instant::now();
            let end = lock.read_timeout(WHILE);
            assert!(matches!(end, Err(LockError::TimedOut)), "{end:?}");
            let end = lock.read_deadline(Instant::now() + WHILE);
            assert!(matches!(end, Err(LockError::TimedOut)), "{end:?}");
            assert!(start.elapsed() >= 2 * WHILE);
        } else {
            // A writer that has given up keeps nobody out.
            drop(lock.try_read().unwrap());
        }
        assert_eq!(segment.reap().unwrap(), 0);
        child.signal(Signal::CONT);
        child.go_on();
        drop(lock.write_timeout(PATIENCE).unwrap());
        // Not killed while it leaves: the next reap is to find nobody.
        child.finish();
    }
}

#[test]
fn a_stopped_writer_that_waits_for_readers_holds_up_no_more_than_a_timeout() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let mine = lock.read().unwrap();
    let writer = Child::start(&segment, "wait to write", "lock");
    writer.expect("waiting");
    until(|| lock.is_write_locked());
    writer.signal(Signal::STOP);
    let end = lock.read_timeout(Duration::from_millis(50));
    assert!(matches!(end, Err(LockError::TimedOut)), "{end:?}");
    // Going is never held up.
    drop(mine);
    writer.signal(Signal::CONT);
    writer.expect("written");
    drop(lock.read_timeout(PATIENCE).unwrap());
}

#[test]
fn a_writer_that_turns_reader_lets_readers_in_and_no_writer() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let guard = lock.write().unwrap();
    let reader = Child::start(&segment, "wait to read", "lock");
    reader.expect("waiting");
    let guard = guard.downgrade();
    reader.expect("read");
    assert_eq!(lock.readers(), 1);
    assert!(matches!(lock.try_write(), Err(LockError::TimedOut)));
    drop(guard);
    drop(lock.try_write().unwrap());
}

#[test]
fn timed_forms_time_out_on_a_lock_held_by_oneself() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let limit = Duration::from_millis(20);
    let guard = lock.read().unwrap();
    assert!(matches!(
        lock.write_timeout(limit),
        Err(LockError::TimedOut)
    ));
    assert!(matches!(
        lock.write_timeout(Duration::ZERO),
        Err(LockError::TimedOut)
    ));
    drop(lock.read_timeout(Duration::ZERO).unwrap());
    drop(guard);
    let _guard = lock.write().unwrap();
    assert!(matches!(
        lock.write_timeout(limit),
        Err(LockError::TimedOut)
    ));
    assert!(matches!(
        lock.read_timeout(Duration::ZERO),
        Err(LockError::TimedOut)
    ));
}

#[test]
fn threads_of_many_handles_count_exactly() {
    let segment = Segment::anonymous().unwrap();
    let _made = lock_in(&segment);
    let sum = std::sync::RwLock::new(0_u32);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let lock = RwLock::open(&segment, "lock").unwrap();
                for _ in 0..500 {
                    let guard = lock.write().unwrap();
                    // Held, so the inner lock is always free.
                    *sum.try_write().unwrap() += 1;
                    drop(guard);
                    let guard = lock.read().unwrap();
                    let _seen = *sum.try_read().unwrap();
                    drop(guard);
                }
            });
        }
    });
    assert_eq!(sum.into_inner().unwrap(), 2000);
}

#[test]
fn a_guard_dropped_in_a_forked_child_gives_nothing_back() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let mut reader = Some(lock.read().unwrap());
    let code = in_fork(|| {
        // One of the child's own, which the drop of the parent's must not take.
        let own = lock.read().unwrap();
        drop(reader.take());
        if lock.readers() != 2 {
            return 1;
        }
        drop(own);
        u8::from(lock.readers() != 1 || lock.try_write().is_ok())
    });
    assert_eq!((code, lock.readers()), (0, 1));
    drop(reader);
    let mut writer = Some(lock.write().unwrap());
    let code = in_fork(|| {
        drop(writer.take().map(WriteGuard::downgrade));
        u8::from(lock.try_read().is_ok() || lock.readers() != 0)
    });
    assert_eq!((code, lock.readers()), (0, 0));
    assert_eq!(lock.writer(), Some(std::process::id()));
    drop(writer);
    drop(lock.try_write().unwrap());
}

#[test]
fn a_child_keeps_what_is_its_own_when_it_drops_its_parents() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    for downgrades in [false, true] {
        let theirs = Cell::new(Some(lock.write().unwrap()));
        let child = forked(|| {
            let mine = lock.write_timeout(PATIENCE).unwrap();
            let theirs = theirs.take();
            if downgrades {
                drop(theirs.map(WriteGuard::downgrade));
            } else {
                drop(theirs);
            }
            if lock.writer() != Some(std::process::id()) || lock.readers() != 0 {
                return 1;
            }
            drop(mine);
            u8::from(lock.is_write_locked())
        });
        drop(theirs.take());
        assert_eq!(child.code(), 0);
        drop(lock.try_write().unwrap());
    }
}

#[test]
fn a_forked_childs_death_takes_its_own_guards_alone() {
    let segment = Segment::anonymous().unwrap();
    let lock = lock_in(&segment);
    let reader = lock.read().unwrap();
    let code = in_fork(|| {
        _ = ManuallyDrop::new(lock.read().unwrap());
        0
    });
    assert_eq!((code, lock.readers()), (0, 2));
    assert!(matches!(lock.try_write(), Err(LockError::TimedOut)));
    assert_eq!(lock.readers(), 1);
    drop(reader);
    drop(lock.try_write().unwrap());
}

#[test]
fn a_slot_that_is_used_again_reads_anew() {
    let segment = outlive::SegmentOptions::new()
        .participants(2)
        .anonymous()
        .unwrap();
    let lock = lock_in(&segment);
    // There is one slot for all of them, one after the other.
    for _ in 0..3 {
        let mut child = held(&segment, "read and hold");
        assert_eq!(lock.readers(), 2);
        child.kill();
    }
    drop(lock.try_write().unwrap());
    assert_eq!(lock.readers(), 0);
}

#[test]
fn names_and_types_are_checked() {
    let segment = Segment::anonymous().unwrap();
    let kind = |e: outlive::Error| e.kind();
    assert_eq!(
        RwLock::open(&segment, "lock").map_err(kind).err(),
        Some(ErrorKind::NotFound)
    );
    let made = RwLock::open_or_create(&segment, "lock").unwrap();
    let again = RwLock::open_or_create(&segment, "lock").unwrap();
    let _guard = made.write().unwrap();
    assert!(matches!(again.try_read(), Err(LockError::TimedOut)));
    assert_eq!(
        RwLock::create(&segment, "lock").map_err(kind).err(),
        Some(ErrorKind::AlreadyExists)
    );
    assert_eq!(
        Lock::open(&segment, "lock").map_err(kind).err(),
        Some(ErrorKind::WrongType)
    );
}

#[test]
fn a_handle_travels_as_a_few_bytes() {
    let lock = RwLock::new().unwrap();
    let bytes = postcard::to_allocvec(&lock).unwrap();
    assert!(bytes.len() <= 40, "{}", bytes.len());
    let other: RwLock = postcard::from_bytes(&bytes).unwrap();
    let _guard = lock.write().unwrap();
    assert!(matches!(other.try_read(), Err(LockError::TimedOut)));
    drop(other);
    let stale = postcard::to_allocvec(&RwLock::new().unwrap()).unwrap();
    assert!(postcard::from_bytes::<RwLock>(&stale).is_err());
    assert!(postcard::from_bytes::<Lock>(&bytes).is_err());
}
