//! `Value`: killed at every shared write of setting, updating, and committing a guard.

use std::cell::Cell;
use std::time::Duration;

use outlive::{Segment, Value, crash_points};

use super::sweep::sweep;
use crate::Law;
use crate::crowd::{End, Forked};

/// Wider than a word; every operation here makes all elements equal.
type Wide = [u64; 8];
type Change = fn(&Value<Wide>);

pub const LAWS: &[Law] = &[
    ("value::a_death_in_set_leaves_the_old_or_the_new", || {
        old_or_new(10, |wide| wide.set([2; 8]).unwrap());
    }),
    ("value::a_death_in_update_leaves_the_old_or_the_new", || {
        old_or_new(10, |wide| {
            wide.update(|all| all.iter_mut().for_each(|x| *x += 1))
                .unwrap()
        });
    }),
    (
        "value::a_death_with_a_guard_leaves_the_old_or_the_new",
        || {
            old_or_new(10, |wide| *wide.lock().unwrap() = [2; 8]);
        },
    ),
    ("value::a_death_in_a_rollback_leaves_the_old", || {
        sweep(
            wide,
            |_, wide| {
                let mut guard = wide.lock().unwrap();
                *guard = [9; 8];
                guard.rollback();
            },
            |_, wide, _| assert_eq!(goes_on(wide), 1),
        );
    }),
    (
        "value::a_death_on_a_number_leaves_the_old_or_the_new",
        || {
            let changes: [fn(&Value<u64>); 6] = [
                |number| number.set(2).unwrap(),
                |number| number.update(|x| *x += 1).unwrap(),
                |number| {
                    number.fetch_add(1).unwrap();
                },
                |number| {
                    assert_eq!(number.compare_exchange(1, 2).unwrap(), Ok(1));
                },
                |number| {
                    number.swap(2).unwrap();
                },
                |number| *number.lock().unwrap() = 2,
            ];
            for change in changes {
                let deaths = sweep(
                    |segment| Value::create(segment, "number", 1_u64).unwrap(),
                    |_, number| change(number),
                    |_, number, end| {
                        let seen = number.get().unwrap();
                        assert!(
                            seen == 2 || (seen == 1 && end == End::Killed),
                            "{seen} {end:?}"
                        );
                        number.fetch_add(5).unwrap();
                        assert_eq!(*number.lock_timeout(PATIENCE).unwrap(), seen + 5);
                    },
                );
                assert!(deaths >= 1);
            }
        },
    ),
    ("value::a_death_of_an_heir_changes_nothing_more", || {
        // The first dies at each point of an update, its heir at each point of the next.
        for first in 1..=12 {
            sweep(
                |segment| {
                    let wide = wide(segment);
                    Forked::start(|| {
                        segment.free().unwrap();
                        crash_points::arm(first);
                        wide.set([2; 8]).unwrap();
                        0
                    })
                    .wait();
                    let seen = same(wide.get().unwrap());
                    (wide, seen)
                },
                |_, (wide, _)| wide.set([3; 8]).unwrap(),
                |_, (wide, before), end| {
                    let seen = goes_on(wide);
                    assert!(
                        seen == 3 || (seen == *before && end == End::Killed),
                        "{seen}"
                    );
                },
            );
        }
    }),
];

const PATIENCE: Duration = Duration::from_millis(900);

fn wide(segment: &Segment) -> Value<Wide> {
    Value::create(segment, "wide", [1; 8]).unwrap()
}

fn same(all: Wide) -> u64 {
    assert!(all.iter().all(|x| *x == all[0]), "torn: {all:?}");
    all[0]
}

/// What a survivor reads; and that it can write.
fn goes_on(wide: &Value<Wide>) -> u64 {
    let seen = same(wide.get().unwrap());
    let mut guard = wide.lock_timeout(PATIENCE).unwrap();
    assert_eq!(same(*guard), seen);
    *guard = [7; 8];
    drop(guard);
    assert_eq!(same(wide.get().unwrap()), 7);
    seen
}

/// Once a later death finds the change made, every later one does.
fn old_or_new(least_deaths: u64, change: Change) {
    let made = Cell::new(false);
    let deaths = sweep(
        wide,
        |_, wide| change(wide),
        |_, wide, end| match goes_on(wide) {
            1 => assert!(end == End::Killed && !made.get()),
            2 => made.set(true),
            other => panic!("{other}"),
        },
    );
    assert!(made.get());
    assert!(deaths >= least_deaths, "{deaths} deaths");
}
