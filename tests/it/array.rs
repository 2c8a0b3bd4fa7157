//! `Array` and `AtomicArray` between processes that die.

use std::time::Duration;

use outlive::sync::LockError;
use outlive::{Array, AtomicArray, ErrorKind, Segment};

use super::child::{Child, PATIENCE, Role, pause, say};

/// Wider than a word.
type Wide = [u64; 2];

pub const ROLES: &[(&str, Role)] = &[
    ("hold an array", |segment, name| {
        let array = Array::<u64>::open(segment, name).unwrap();
        let mut guard = array.lock().unwrap();
        guard[..2].fill(99);
        say("held");
        pause();
    }),
    ("die in an update of an array", |segment, name| {
        let array = Array::<u64>::open(segment, name).unwrap();
        array
            .update(.., |all| {
                all[..2].fill(99);
                say("updating");
                pause();
            })
            .unwrap();
    }),
    ("update an array for ever", |segment, name| {
        let array = Array::<Wide>::open(segment, name).unwrap();
        say("updating");
        loop {
            array
                .update(.., |all| all.iter_mut().flatten().for_each(|x| *x += 1))
                .unwrap();
            array.set(0, array.get(1).unwrap()).unwrap();
        }
    }),
    ("count a thousand", |segment, name| {
        let array = Array::<u64>::open(segment, name).unwrap();
        let counts = AtomicArray::<u32>::open(segment, "counts").unwrap();
        for i in 0..1000 {
            array.lock().unwrap()[i % 3] += 1;
            counts.fetch_add(i % 5, 1).unwrap();
        }
    }),
];

fn kind<T>(result: outlive::Result<T>) -> Option<ErrorKind> {
    result.err().map(|e| e.kind())
}

#[test]
fn elements_of_every_size_come_back_as_they_went_in() {
    fn check<T: bytemuck::Pod + PartialEq + std::fmt::Debug>(values: [T; 5]) {
        let array = Array::from_slice(&values).unwrap();
        assert_eq!(array.len(), 5);
        assert_eq!(array.to_vec().unwrap(), values);
        array.set(1, values[4]).unwrap();
        assert_eq!(array.get(1).unwrap(), values[4]);
        assert_eq!(array.get(0).unwrap(), values[0]);
        assert_eq!(array.get(2).unwrap(), values[2]);
        assert_eq!(
            array
                .update(3..5, |two| std::mem::replace(&mut two[1], values[0]))
                .unwrap(),
            values[4]
        );
        assert_eq!(array.get(4).unwrap(), values[0]);
        assert_eq!(array.get(3).unwrap(), values[3]);
    }
    check([1_u8, 2, 3, 4, 5]);
    check([-1_i16, 2, 3, 4, 5]);
    check([[1_u8; 3], [2; 3], [3; 3], [4; 3], [5; 3]]);
    check([1.0_f32, 2.0, 3.0, 4.0, 5.0]);
    check([1_u64, 2, 3, 4, 5]);
    check([[1_u8; 8], [2; 8], [3; 8], [4; 8], [5; 8]]);
    check([1_u128, 2, 3, 4, 5]);
    check([[1_u16; 50], [2; 50], [3; 50], [4; 50], [5; 50]]);
}

#[test]
fn bulk_copies_go_where_they_are_told() {
    let array = Array::<u32>::new(6).unwrap();
    array.copy_range_from(2, &[1, 2, 3]).unwrap();
    assert_eq!(array.to_vec().unwrap(), [0, 0, 1, 2, 3, 0]);
    let mut back = [9; 4];
    array.copy_range_to(1, &mut back).unwrap();
    assert_eq!(back, [0, 1, 2, 3]);
    array.copy_from_slice(&[6, 5, 4, 3, 2, 1]).unwrap();
    array.lock().unwrap().sort_unstable();
    assert_eq!(array.to_vec().unwrap(), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn out_of_range_is_an_error_and_changes_nothing() {
    let array = Array::from_slice(&[[1_u64; 2]; 3]).unwrap();
    let out = Some(ErrorKind::InvalidInput);
    assert_eq!(kind(array.get(3)), out);
    assert_eq!(kind(array.set(3, [9; 2])), out);
    assert_eq!(kind(array.set(usize::MAX, [9; 2])), out);
    assert_eq!(kind(array.update(2..4, |_| ())), out);
    #[expect(clippy::reversed_empty_ranges, reason = "the test is about that")]
    let reversed = array.update(2..1, |_| ());
    assert_eq!(kind(reversed), out);
    assert_eq!(kind(array.update(..=usize::MAX, |_| ())), out);
    assert_eq!(kind(array.copy_range_from(2, &[[9; 2]; 2])), out);
    assert_eq!(kind(array.copy_range_from(usize::MAX, &[[9; 2]; 2])), out);
    assert_eq!(kind(array.copy_range_to(2, &mut [[9; 2]; 2])), out);
    assert_eq!(kind(array.copy_from_slice(&[[9; 2]; 2])), out);
    assert_eq!(array.to_vec().unwrap(), [[1; 2]; 3]);
    assert_eq!(array.update(3.., |none| none.len()).unwrap(), 0);
    let counts = AtomicArray::<u8>::new(2).unwrap();
    assert_eq!(kind(counts.get(2)), out);
    assert_eq!(kind(counts.fetch_add(2, 1)), out);
    assert_eq!(kind(Array::<u64>::new(usize::MAX)), Some(ErrorKind::Full));
    assert_eq!(
        kind(AtomicArray::<u64>::new(usize::MAX)),
        Some(ErrorKind::Full)
    );
}

#[test]
fn no_elements_are_an_array_too() {
    let array = Array::<u64>::new(0).unwrap();
    assert!(array.is_empty());
    assert!(array.to_vec().unwrap().is_empty());
    assert!(array.lock().unwrap().is_empty());
    array.copy_from_slice(&[]).unwrap();
    assert!(AtomicArray::<u64>::new(0).unwrap().is_empty());
}

#[test]
fn names_and_types_are_kept_apart() {
    let segment = Segment::anonymous().unwrap();
    let array = Array::create_from_slice(&segment, "a", &[1_u32, 2]).unwrap();
    assert_eq!(
        kind(Array::<u32>::create(&segment, "a", 2)),
        Some(ErrorKind::AlreadyExists)
    );
    assert_eq!(
        kind(Array::<i32>::open(&segment, "a")),
        Some(ErrorKind::WrongType)
    );
    assert_eq!(
        kind(AtomicArray::<u32>::open(&segment, "a")),
        Some(ErrorKind::WrongType)
    );
    let same = Array::<u32>::open_or_create(&segment, "a", 7).unwrap();
    assert_eq!(same.len(), 2);
    same.set(0, 9).unwrap();
    assert_eq!(array.to_vec().unwrap(), [9, 2]);
}

#[test]
fn a_death_with_the_guard_is_told_until_it_is_repaired() {
    let segment = Segment::anonymous().unwrap();
    let array = Array::create(&segment, "a", 4).unwrap();
    let mut child = Child::start(&segment, "hold an array", "a");
    child.expect("held");
    assert!(matches!(array.try_lock(), Err(LockError::TimedOut)));
    let limit = Duration::from_millis(20);
    assert!(matches!(
        array.lock_timeout(limit),
        Err(LockError::TimedOut)
    ));
    child.kill();
    for _ in 0..2 {
        // Safe by default: nothing but a guard gets at torn elements.
        assert_eq!(kind(array.get(0)), Some(ErrorKind::PeerDied));
        assert_eq!(kind(array.set(0, 1)), Some(ErrorKind::PeerDied));
        assert_eq!(kind(array.update(.., |_| ())), Some(ErrorKind::PeerDied));
        assert_eq!(kind(array.to_vec()), Some(ErrorKind::PeerDied));
        assert_eq!(
            kind(array.copy_from_slice(&[1_u64; 4])),
            Some(ErrorKind::PeerDied)
        );
        let Err(LockError::OwnerDied(mut died)) = array.lock() else {
            panic!("not told")
        };
        assert_eq!((died.pid(), died.label()), (child.pid(), "child"));
        assert_eq!(died.get_mut()[..], [99, 99, 0, 0]);
    }
    let mut guard = array
        .lock_timeout(PATIENCE)
        .or_else(|e| e.repair(|all| all.fill(1)))
        .unwrap();
    guard[0] = 2;
    drop(guard);
    assert_eq!(array.to_vec().unwrap(), [2, 1, 1, 1]);
    assert!(array.lock().is_ok());
}

#[test]
fn reaping_marks_the_array_before_anybody_asks() {
    let segment = Segment::anonymous().unwrap();
    let array = Array::<u64>::create(&segment, "a", 4).unwrap();
    let mut child = Child::start(&segment, "hold an array", "a");
    child.expect("held");
    child.kill();
    assert_eq!(segment.reap().unwrap(), 1);
    let Err(LockError::OwnerDied(died)) = array.try_lock() else {
        panic!("not told")
    };
    assert_eq!((died.pid(), died.label()), (child.pid(), "child"));
}

#[test]
fn a_death_in_an_update_changes_nothing_and_is_not_told() {
    let segment = Segment::anonymous().unwrap();
    let array = Array::create_from_slice(&segment, "a", &[1_u64; 4]).unwrap();
    for reap in [false, true] {
        let mut child = Child::start(&segment, "die in an update of an array", "a");
        child.expect("updating");
        child.kill();
        if reap {
            assert_eq!(segment.reap().unwrap(), 1);
        }
        assert_eq!(array.to_vec().unwrap(), [1; 4]);
        assert!(array.lock().is_ok());
        assert_eq!(segment.participants().len(), 1, "the dead was repaired");
    }
}

#[test]
fn a_death_among_updates_leaves_the_array_whole() {
    let segment = Segment::anonymous().unwrap();
    let array = Array::<Wide>::create(&segment, "a", 300).unwrap();
    for round in 0..20 {
        let mut child = Child::start(&segment, "update an array for ever", "a");
        child.expect("updating");
        std::thread::sleep(Duration::from_micros(300 * round));
        child.kill();
        let all = array.to_vec().unwrap();
        assert!(
            all.iter().flatten().all(|x| *x == all[0][0]),
            "torn: {all:?}"
        );
    }
}

#[test]
fn nothing_that_many_processes_count_is_lost() {
    let segment = Segment::anonymous().unwrap();
    let array = Array::<u64>::create(&segment, "a", 3).unwrap();
    let counts = AtomicArray::<u32>::create(&segment, "counts", 5).unwrap();
    let children: Vec<_> = (0..3)
        .map(|_| Child::start(&segment, "count a thousand", "a"))
        .collect();
    children.into_iter().for_each(Child::finish);
    assert_eq!(array.to_vec().unwrap(), [1002, 999, 999]);
    assert_eq!(counts.to_vec().unwrap(), [600; 5]);
}

#[test]
fn a_panic_in_an_update_changes_nothing_and_frees_the_lock() {
    let array = Array::from_slice(&[1_u64; 4]).unwrap();
    let panics = |life: &dyn Fn()| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(life)).unwrap_err();
    };
    panics(&|| {
        let _ = array.update(1.., |rest| {
            rest[0] = 9;
            panic!("on purpose")
        });
    });
    assert_eq!(array.to_vec().unwrap(), [1; 4]);
    panics(&|| {
        let mut guard = array.lock().unwrap();
        guard[0] = 9;
        panic!("on purpose")
    });
    assert_eq!(array.to_vec().unwrap(), [9, 1, 1, 1]);
}

#[test]
fn an_atomic_array_has_the_operations_of_the_machine() {
    let counts = AtomicArray::<i64>::new(3).unwrap();
    counts.set(1, 5).unwrap();
    assert_eq!(counts.fetch_add(1, -7).unwrap(), 5);
    assert_eq!(counts.fetch_max(1, -1).unwrap(), -2);
    assert_eq!(counts.fetch_min(1, 0).unwrap(), -1);
    assert_eq!(counts.swap(1, 3).unwrap(), -1);
    assert_eq!(counts.compare_exchange(1, 3, 4).unwrap(), Ok(3));
    assert_eq!(counts.compare_exchange(1, 3, 5).unwrap(), Err(4));
    assert_eq!(counts.to_vec().unwrap(), [0, 4, 0]);
}

#[test]
fn a_handle_travels_as_a_few_bytes() {
    let array = Array::from_slice(&[1_u8, 2]).unwrap();
    let bytes = postcard::to_allocvec(&array).unwrap();
    let other: Array<u8> = postcard::from_bytes(&bytes).unwrap();
    other.set(0, 7).unwrap();
    assert_eq!(array.to_vec().unwrap(), [7, 2]);
    let counts = AtomicArray::<u8>::new(1).unwrap();
    let bytes = postcard::to_allocvec(&counts).unwrap();
    postcard::from_bytes::<AtomicArray<u8>>(&bytes)
        .unwrap()
        .set(0, 3)
        .unwrap();
    assert_eq!(counts.get(0).unwrap(), 3);
    assert!(postcard::from_bytes::<AtomicArray<i8>>(&bytes).is_err());
}

#[test]
fn a_forked_child_cannot_give_its_parents_guard_back() {
    let array = Array::from_slice(&[1_u64; 4]).unwrap();
    let mut guard = Some(array.lock().unwrap());
    let code = super::fork::in_fork(|| {
        drop(guard.take());
        u8::from(array.try_lock().is_ok())
    });
    assert_eq!(code, 0);
    drop(guard);
    assert_eq!(array.to_vec().unwrap(), [1; 4]);
}
