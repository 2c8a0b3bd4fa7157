//! `Semaphore`: killed at every shared write of acquiring, waiting, giving back, keeping,
//! forgetting, releasing; in cells and in a ledger.

use std::time::Duration;

use outlive::{Segment, Semaphore};

use super::sweep::{dead, sweep};
use crate::Law;
use crate::crowd::End;

/// Permits of every semaphore here.
const VALUE: u32 = 3;
/// Large enough for a ledger.
const CAPACITIES: [u32; 2] = [8, 2000];
const SOON: Duration = Duration::from_millis(900);

pub const LAWS: &[Law] = &[
    (
        "semaphore::a_death_in_acquire_or_release_loses_no_permit",
        || {
            let deaths = each(
                |_, _| {},
                |semaphore| drop(semaphore.acquire().unwrap()),
                all_back,
            );
            assert!(deaths >= 2, "{deaths} deaths");
        },
    ),
    ("semaphore::a_death_with_several_permits_loses_none", || {
        let act = |semaphore: &Semaphore| drop(semaphore.acquire_many(VALUE).unwrap());
        let deaths = each(|_, _| {}, act, all_back);
        assert!(deaths >= 2 * u64::from(VALUE), "{deaths} deaths");
    }),
    ("semaphore::a_death_in_a_timed_wait_strands_nobody", || {
        let limit = Duration::from_millis(5);
        let acts: [fn(&Semaphore, Duration); 2] = [
            |semaphore, limit| assert!(semaphore.acquire_timeout(limit).is_err()),
            |semaphore, limit| assert!(semaphore.acquire_many_timeout(2, limit).is_err()),
        ];
        for act in acts {
            let deaths = each(
                |_, semaphore| semaphore.acquire_many(VALUE).unwrap().keep(),
                |semaphore| act(semaphore, limit),
                |semaphore, end| {
                    // The release meets what the dead waiter has left to be woken.
                    semaphore.release(VALUE).unwrap();
                    all_back(semaphore, end);
                },
            );
            assert!(deaths >= 2, "{deaths} deaths");
        }
    }),
    ("semaphore::a_death_of_an_heir_loses_no_permit", || {
        let deaths = each(
            |segment, semaphore| {
                dead(segment, || semaphore.acquire_many(VALUE).unwrap().keep());
            },
            |semaphore| drop(semaphore.acquire_many_timeout(2, SOON).unwrap()),
            all_back,
        );
        assert!(deaths >= 3, "{deaths} deaths");
    }),
    ("semaphore::a_death_in_keep_gives_the_permits_back", || {
        let act = |semaphore: &Semaphore| {
            semaphore.acquire_many(2).unwrap().keep();
            semaphore.release(1).unwrap();
        };
        let deaths = each(|_, _| {}, act, all_back);
        assert!(deaths >= 4, "{deaths} deaths");
    }),
    (
        "semaphore::a_death_in_forget_forgets_no_more_than_was_asked",
        || {
            let act = |semaphore: &Semaphore| semaphore.acquire_many(2).unwrap().forget();
            each(
                |_, _| {},
                act,
                |semaphore, end| {
                    let free = settled(semaphore);
                    assert!(if end == End::Killed {
                        free >= VALUE - 2
                    } else {
                        free == VALUE - 2
                    });
                    // What was forgotten can be released again: no room is lost.
                    semaphore.release(semaphore.capacity() - free).unwrap();
                    assert_eq!(semaphore.available(), semaphore.capacity());
                },
            );
        },
    ),
    (
        "semaphore::a_death_in_release_releases_no_more_than_was_asked",
        || {
            each(
                |_, _| {},
                |semaphore| semaphore.release(2).unwrap(),
                |semaphore, end| {
                    let free = settled(semaphore);
                    assert!((VALUE..=VALUE + 2).contains(&free));
                    assert!(end == End::Killed || free == VALUE + 2);
                    semaphore.release(semaphore.capacity() - free).unwrap();
                    assert!(semaphore.release(1).is_err(), "full");
                },
            );
        },
    ),
];

/// Sweeps `act` over a semaphore in cells and one in a ledger; the smaller number of deaths.
fn each(
    set_up: impl Fn(&Segment, &Semaphore),
    act: impl Fn(&Semaphore),
    survive: impl Fn(&Semaphore, End),
) -> u64 {
    let deaths = CAPACITIES.map(|capacity| {
        let make = |segment: &Segment| {
            let name = "semaphore";
            let made = Semaphore::create_with_capacity(segment, name, VALUE, capacity).unwrap();
            set_up(segment, &made);
            made
        };
        sweep(
            make,
            |_, semaphore| act(semaphore),
            |_, semaphore, end| survive(semaphore, end),
        )
    });
    deaths[0].min(deaths[1])
}

/// Every permit can be had, and not one more.
fn all_back(semaphore: &Semaphore, _: End) {
    let all = semaphore.acquire_many_timeout(VALUE, SOON).unwrap();
    assert!(semaphore.try_acquire().is_err(), "a permit out of nothing");
    drop(all);
    assert_eq!(semaphore.available(), VALUE);
}

/// The value after whatever the dead had taken has come back.
fn settled(semaphore: &Semaphore) -> u32 {
    let more = semaphore.capacity();
    // In vain, but it asks everybody who holds a permit for a sign of life.
    assert!(semaphore.try_acquire_many(more).is_err());
    semaphore.available()
}
