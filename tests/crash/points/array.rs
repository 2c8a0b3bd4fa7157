//! `Array`: killed at every shared write, and in the middle of every copy.

use std::cell::Cell;
use std::time::Duration;

use outlive::sync::LockError;
use outlive::{Array, AtomicArray, ErrorKind, Segment, crash_points};

use super::sweep::sweep;
use crate::Law;
use crate::crowd::{End, Forked};

/// Wider than a word; every operation here keeps all elements equal.
type Wide = [u64; 3];
const LEN: usize = 5;

pub const LAWS: &[Law] = &[
    ("array::a_death_in_update_leaves_the_old_or_the_new", || {
        let deaths = old_or_new(|array| array.update(.., |all| all.fill([2; 3])).unwrap());
        // Lock, note, commit, the pieces of the copy, the end of it, unlock.
        assert!(deaths >= 10, "{deaths} deaths");
    }),
    ("array::a_death_in_set_leaves_the_old_or_the_new", || {
        let made = Cell::new(false);
        sweep(
            array,
            |_, array| array.set(2, [2; 3]).unwrap(),
            |_, array, end| {
                let all = array.to_vec().unwrap();
                assert_eq!([all[0], all[1], all[3], all[4]], [[1; 3]; 4]);
                match same(&all[2..3]) {
                    1 => assert!(end == End::Killed && !made.get()),
                    2 => made.set(true),
                    other => panic!("{other}"),
                }
                goes_on(array);
            },
        );
        assert!(made.get());
    }),
    (
        "array::a_death_in_set_of_a_word_leaves_the_old_or_the_new",
        || {
            sweep(
                |segment| Array::create_from_slice(segment, "array", &[1_u16; LEN]).unwrap(),
                |_, array| array.set(2, 2).unwrap(),
                |_, array, end| {
                    let all = array.to_vec().unwrap();
                    assert!(all == [1, 1, 2, 1, 1] || (all == [1; LEN] && end == End::Killed));
                },
            );
        },
    ),
    ("array::a_death_while_only_reading_leaves_nothing", || {
        sweep(
            array,
            |_, array| {
                array.get(1).unwrap();
                array.to_vec().unwrap();
                array.copy_range_to(1, &mut [[0; 3]; 2]).unwrap();
            },
            |_, array, _| assert_eq!(goes_on(array), 1),
        );
    }),
    ("array::a_death_with_a_guard_is_told_or_finished", || {
        told_or_whole(|array| {
            array.lock().unwrap().fill([2; 3]);
        });
    }),
    ("array::a_death_in_a_bulk_copy_is_told_or_finished", || {
        let deaths = told_or_whole(|array| array.copy_from_slice(&[[2; 3]; LEN]).unwrap());
        assert!(deaths >= 10, "{deaths} deaths");
    }),
    (
        "array::a_death_of_an_heir_leaves_the_update_to_the_next",
        || {
            // The first dies at each point of an update, its heir at each point of looking at it.
            for first in 1..=24 {
                let deaths = sweep(
                    |segment| {
                        let array = array(segment);
                        Forked::start(|| {
                            segment.free().unwrap();
                            crash_points::arm(first);
                            array.update(.., |all| all.fill([2; 3])).unwrap();
                            0
                        })
                        .wait();
                        array
                    },
                    |_, array| {
                        let seen = same(&array.to_vec().unwrap());
                        assert!(seen == 1 || seen == 2);
                    },
                    |_, array, _| {
                        let seen = goes_on(array);
                        assert!(seen == 1 || seen == 2);
                    },
                );
                assert!(deaths >= 2, "{deaths} deaths");
            }
        },
    ),
    (
        "array::a_death_of_a_repairer_leaves_the_mark_or_its_repair",
        || {
            sweep(
                |segment| {
                    let array = array(segment);
                    Forked::start(|| {
                        segment.free().unwrap();
                        // Dies in the middle of a copy.
                        crash_points::arm(6);
                        array.copy_from_slice(&[[2; 3]; LEN]).unwrap();
                        0
                    })
                    .wait();
                    array
                },
                |_, array| {
                    let guard = array
                        .lock()
                        .or_else(|e| e.repair(|all| all.fill([4; 3])))
                        .unwrap();
                    drop(guard);
                },
                |_, array, end| match array.lock_timeout(PATIENCE) {
                    Ok(guard) => assert_eq!(same(&guard), 4),
                    Err(LockError::OwnerDied(mut died)) => {
                        assert_eq!(end, End::Killed);
                        assert_ne!(died.pid(), 0);
                        died.get_mut().fill([5; 3]);
                        drop(died.repaired());
                        assert_eq!(goes_on(array), 5);
                    }
                    Err(e) => panic!("{e}"),
                },
            );
        },
    ),
    ("atomic_array::a_death_leaves_the_old_or_the_new", || {
        sweep(
            |segment| AtomicArray::<u8>::create(segment, "array", 3).unwrap(),
            |_, array| {
                array.fetch_add(1, 1).unwrap();
                array.set(2, 1).unwrap();
            },
            |_, array, end| {
                let all = array.to_vec().unwrap();
                let finished = all == [0, 1, 1];
                assert!(finished || (end == End::Killed && (all == [0; 3] || all == [0, 1, 0])));
            },
        );
    }),
];

const PATIENCE: Duration = Duration::from_millis(900);

fn array(segment: &Segment) -> Array<Wide> {
    Array::create_from_slice(segment, "array", &[[1; 3]; LEN]).unwrap()
}

fn same(all: &[Wide]) -> u64 {
    assert!(
        all.iter().flatten().all(|x| *x == all[0][0]),
        "torn: {all:?}"
    );
    all[0][0]
}

/// What a survivor reads, which no death may have torn; and that it can write.
fn goes_on(array: &Array<Wide>) -> u64 {
    let seen = array.to_vec().unwrap();
    array.lock_timeout(PATIENCE).unwrap().fill([7; 3]);
    assert_eq!(same(&array.to_vec().unwrap()), 7);
    seen[0][0]
}

/// Once a later death finds the change made, every later one does.
fn old_or_new(change: fn(&Array<Wide>)) -> u64 {
    let made = Cell::new(false);
    let deaths = sweep(
        array,
        |_, array| change(array),
        |_, array, end| {
            let seen = same(&array.to_vec().unwrap());
            assert_eq!(goes_on(array), seen);
            match seen {
                1 => assert!(end == End::Killed && !made.get()),
                2 => made.set(true),
                other => panic!("{other}"),
            }
        },
    );
    assert!(made.get());
    deaths
}

/// Torn elements are never called whole.
fn told_or_whole(change: fn(&Array<Wide>)) -> u64 {
    let told = Cell::new(0);
    let deaths = sweep(
        array,
        |_, array| change(array),
        |_, array, end| {
            match array.to_vec() {
                Ok(all) => assert!(matches!(same(&all), 1 | 2)),
                Err(e) => {
                    assert_eq!((e.kind(), end), (ErrorKind::PeerDied, End::Killed));
                    let Err(LockError::OwnerDied(mut died)) = array.lock_timeout(PATIENCE) else {
                        panic!("told once, and not again")
                    };
                    assert_ne!(died.pid(), 0);
                    died.get_mut().fill([1; 3]);
                    drop(died.repaired());
                    told.set(told.get() + 1);
                }
            }
            goes_on(array);
        },
    );
    assert!(told.get() > 0);
    deaths
}
