//! `Value` between processes that die.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use outlive::{ErrorKind, Segment, Value};

use super::child::{Child, PATIENCE, Role, pause, say};

/// Wider than a word; every test keeps all elements equal.
type Wide = [u64; 8];
/// So wide that a copy takes longer than the gap between two updates.
type Vast = [u64; 512];

fn same<const N: usize>(value: [u64; N]) -> u64 {
    assert!(value.iter().all(|x| *x == value[0]), "torn: {value:?}");
    value[0]
}

pub const ROLES: &[(&str, Role)] = &[
    ("hold a value", |segment, name| {
        let value = Value::<Wide>::open(segment, name).unwrap();
        let mut guard = value.lock().unwrap();
        *guard = [99; 8];
        say("held");
        pause();
    }),
    ("hold a number", |segment, name| {
        let value = Value::<u64>::open(segment, name).unwrap();
        let mut guard = value.lock().unwrap();
        *guard = 99;
        say("held");
        pause();
    }),
    ("update a value for ever", |segment, name| {
        let value = Value::<Vast>::open(segment, name).unwrap();
        let count = Value::<u64>::open(segment, "count").unwrap();
        say("updating");
        loop {
            value
                .update(|all| all.iter_mut().for_each(|x| *x += 1))
                .unwrap();
            count.fetch_add(1).unwrap();
        }
    }),
    ("die in an update", |segment, name| {
        let value = Value::<Wide>::open(segment, name).unwrap();
        value
            .update(|all| {
                all[..4].fill(99);
                say("updating");
                pause();
            })
            .unwrap();
    }),
    ("add a thousand", |segment, name| {
        let value = Value::<u64>::open(segment, name).unwrap();
        let wide = Value::<Wide>::open(segment, "wide").unwrap();
        for _ in 0..1000 {
            value.fetch_add(1).unwrap();
            value.update(|x| *x += 1).unwrap();
            wide.update(|all| all.iter_mut().for_each(|x| *x += 1))
                .unwrap();
        }
    }),
];

#[test]
fn values_of_every_width_come_back_as_they_went_in() {
    fn check<T: bytemuck::Pod + PartialEq + std::fmt::Debug>(first: T, second: T) {
        let value = Value::new(first).unwrap();
        assert_eq!(value.get().unwrap(), first);
        value.set(second).unwrap();
        assert_eq!(value.get().unwrap(), second);
        assert_eq!(
            value.update(|x| std::mem::replace(x, first)).unwrap(),
            second
        );
        assert_eq!(value.get().unwrap(), first);
        *value.lock().unwrap() = second;
        assert_eq!(value.get().unwrap(), second);
    }
    check((), ());
    check(1_u8, 2);
    check(-1_i16, 2);
    check([1_u8; 3], [2; 3]);
    check(1.5_f32, -2.5);
    check([1_u8; 5], [2; 5]);
    check(u64::MAX, 3);
    check([1_u8; 8], [2; 8]);
    check([1_u8; 9], [2; 9]);
    check([1_u64; 8], [2; 8]);
    check([1_u8; 4099], [2; 4099]);
}

#[test]
fn integers_have_the_operations_of_the_machine() {
    let value = Value::new(5_u32).unwrap();
    assert_eq!(value.fetch_add(3).unwrap(), 5);
    assert_eq!(value.fetch_sub(1).unwrap(), 8);
    assert_eq!(value.fetch_or(8).unwrap(), 7);
    assert_eq!(value.fetch_and(12).unwrap(), 15);
    assert_eq!(value.fetch_xor(4).unwrap(), 12);
    assert_eq!(value.swap(1).unwrap(), 8);
    assert_eq!(value.compare_exchange(1, 2).unwrap(), Ok(1));
    assert_eq!(value.compare_exchange(1, 3).unwrap(), Err(2));
    assert_eq!(value.fetch_max(7).unwrap(), 2);
    assert_eq!(value.fetch_min(4).unwrap(), 7);
    assert_eq!(value.get().unwrap(), 4);
    let signed = Value::new(-3_i16).unwrap();
    assert_eq!(signed.fetch_max(-5).unwrap(), -3);
    assert_eq!(signed.fetch_min(2).unwrap(), -3);
    assert_eq!(signed.fetch_max(2).unwrap(), -3);
    assert_eq!(signed.fetch_sub(4).unwrap(), 2);
    assert_eq!(signed.get().unwrap(), -2);
}

#[test]
fn names_and_types_are_kept_apart() {
    let segment = Segment::anonymous().unwrap();
    let value = Value::create(&segment, "v", 7_u64).unwrap();
    let kind = |e: outlive::Error| e.kind();
    assert_eq!(
        Value::create(&segment, "v", 0_u64).map_err(kind).err(),
        Some(ErrorKind::AlreadyExists)
    );
    assert_eq!(
        Value::<i64>::open(&segment, "v").map_err(kind).err(),
        Some(ErrorKind::WrongType)
    );
    assert_eq!(
        Value::<u64>::open(&segment, "w").map_err(kind).err(),
        Some(ErrorKind::NotFound)
    );
    let same = Value::open_or_create(&segment, "v", 0_u64).unwrap();
    same.set(8).unwrap();
    assert_eq!(value.get().unwrap(), 8);
    assert_eq!(
        Value::open_or_create(&segment, "w", 1_u64)
            .unwrap()
            .get()
            .unwrap(),
        1
    );
}

#[test]
fn the_death_of_a_holder_rolls_its_copy_back_and_frees_the_lock() {
    let segment = Segment::anonymous().unwrap();
    let wide = Value::create(&segment, "wide", [1_u64; 8]).unwrap();
    let number = Value::create(&segment, "number", 1_u64).unwrap();
    let mut holds_wide = Child::start(&segment, "hold a value", "wide");
    let mut holds_number = Child::start(&segment, "hold a number", "number");
    holds_wide.expect("held");
    holds_number.expect("held");
    assert_eq!(wide.try_lock().unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(
        number
            .lock_timeout(Duration::from_millis(20))
            .unwrap_err()
            .kind(),
        ErrorKind::TimedOut
    );
    // Readers do not wait for a holder, dead or alive.
    assert_eq!(same(wide.get().unwrap()), 1);
    assert_eq!(number.fetch_add(1).unwrap(), 1);
    holds_wide.kill();
    holds_number.kill();
    assert_eq!(same(wide.get().unwrap()), 1);
    *wide.lock_timeout(PATIENCE).unwrap() = [2; 8];
    assert_eq!(same(wide.get().unwrap()), 2);
    assert_eq!(*number.lock_timeout(PATIENCE).unwrap(), 2);
    assert_eq!(segment.participants().len(), 1, "the dead were repaired");
}

#[test]
fn reaping_frees_the_lock_of_the_dead_before_anybody_asks() {
    let segment = Segment::anonymous().unwrap();
    let wide = Value::create(&segment, "wide", [1_u64; 8]).unwrap();
    let mut child = Child::start(&segment, "die in an update", "wide");
    child.expect("updating");
    child.kill();
    assert_eq!(segment.reap().unwrap(), 1);
    assert_eq!(same(wide.get().unwrap()), 1);
    assert_eq!(same(*wide.try_lock().unwrap()), 1);
}

#[test]
fn readers_of_a_writer_without_rest_see_whole_values_and_its_death_stops_nobody() {
    let segment = Segment::anonymous().unwrap();
    let value = Value::create(&segment, "vast", [0_u64; 512]).unwrap();
    let count = Value::create(&segment, "count", 0_u64).unwrap();
    for _ in 0..20 {
        let mut child = Child::start(&segment, "update a value for ever", "vast");
        child.expect("updating");
        let mut last = 0;
        for _ in 0..300 {
            let start = Instant::now();
            let seen = same(value.get().unwrap());
            assert!(
                start.elapsed() < Duration::from_secs(1),
                "{:?}",
                start.elapsed()
            );
            assert!(seen >= last);
            last = seen;
        }
        child.kill();
        let (seen, finished) = (same(value.get().unwrap()), count.get().unwrap());
        assert!(
            seen == finished || seen == finished + 1,
            "{seen} {finished}"
        );
        value.set([finished; 512]).unwrap();
    }
}

#[test]
fn no_update_of_many_processes_is_lost() {
    let segment = Segment::anonymous().unwrap();
    let number = Value::create(&segment, "number", 0_u64).unwrap();
    let wide = Value::create(&segment, "wide", [0_u64; 8]).unwrap();
    let children: Vec<_> = (0..3)
        .map(|_| Child::start(&segment, "add a thousand", "number"))
        .collect();
    children.into_iter().for_each(Child::finish);
    assert_eq!(number.get().unwrap(), 6000);
    assert_eq!(same(wide.get().unwrap()), 3000);
}

#[test]
fn a_panic_changes_nothing_and_frees_the_lock() {
    let wide = Value::new([1_u64; 8]).unwrap();
    let number = Value::new(1_u64).unwrap();
    let panics = |life: &dyn Fn()| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(life)).unwrap_err();
    };
    panics(&|| {
        let _ = wide.update(|all| {
            all[0] = 9;
            panic!("on purpose")
        });
    });
    panics(&|| {
        let mut guard = wide.lock().unwrap();
        guard[0] = 9;
        panic!("on purpose")
    });
    panics(&|| {
        let mut guard = number.lock().unwrap();
        *guard = 9;
        panic!("on purpose")
    });
    assert_eq!(same(*wide.try_lock().unwrap()), 1);
    assert_eq!(*number.try_lock().unwrap(), 1);
}

#[test]
fn a_guard_commits_once_and_only_what_was_written() {
    let number = Value::new(1_u64).unwrap();
    let guard = number.lock().unwrap();
    number.fetch_add(1).unwrap();
    assert_eq!(*guard, 1, "a private copy");
    drop(guard);
    assert_eq!(
        number.get().unwrap(),
        2,
        "a guard that only looked overwrites nothing"
    );
    let mut guard = number.lock().unwrap();
    *guard = 9;
    guard.rollback();
    assert_eq!(number.get().unwrap(), 2);
}

#[test]
fn threads_never_see_half_an_update() {
    let wide = Value::new([0_u64; 8]).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut last = 0;
                    while !done.load(Ordering::Relaxed) {
                        let seen = same(wide.get().unwrap());
                        assert!(seen >= last);
                        last = seen;
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..50_000 {
                        wide.update(|all| all.iter_mut().for_each(|x| *x += 1))
                            .unwrap();
                    }
                })
            })
            .collect();
        writers
            .into_iter()
            .for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        readers
            .into_iter()
            .for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(same(wide.get().unwrap()), 100_000);
}

#[test]
fn a_handle_travels_as_a_few_bytes() {
    let value = Value::new([1_u64; 8]).unwrap();
    let bytes = postcard::to_allocvec(&value).unwrap();
    let other: Value<[u64; 8]> = postcard::from_bytes(&bytes).unwrap();
    other.set([2; 8]).unwrap();
    assert_eq!(same(value.get().unwrap()), 2);
    assert!(postcard::from_bytes::<Value<[i64; 8]>>(&bytes).is_err());
}

#[test]
fn a_forked_child_cannot_give_its_parents_guard_back() {
    let value = Value::new([1_u64; 8]).unwrap();
    let mut guard = Some(value.lock().unwrap());
    **guard.as_mut().unwrap() = [2; 8];
    let code = super::fork::in_fork(|| {
        drop(guard.take());
        u8::from(value.try_lock().is_ok()) + 2 * u8::from(value.get().unwrap() != [1; 8])
    });
    assert_eq!(code, 0);
    assert_eq!(same(value.get().unwrap()), 1, "not committed by the child");
    drop(guard);
    assert_eq!(same(value.get().unwrap()), 2);
}
