//! `Barrier`: killed at every shared write of arriving, waiting, ending a turn, acting, breaking and
//! resetting.

use std::cell::RefCell;
use std::time::Duration;

use outlive::sync::BarrierError;
use outlive::{Barrier, Segment};

use super::sweep::sweep;
use crate::Law;
use crate::crowd::{End, Forked};

const SOON: Duration = Duration::from_millis(900);
const SHORT: Duration = Duration::from_millis(5);

// How a partner's wait ended.
const THROUGH: i32 = 0;
const CRASHED: i32 = 1;
const BROKEN: i32 = 2;
const LATE: u8 = 3;

pub const LAWS: &[Law] = &[
    (
        "barrier::a_death_in_a_turn_completes_it_or_breaks_it",
        || {
            let deaths = sweep(
                with_partner,
                |_, (barrier, _)| assert!(barrier.wait().is_ok()),
                |segment, (barrier, partner), _| {
                    partner_ends(segment, barrier, partner);
                    works(barrier);
                },
            );
            assert!(deaths >= 3, "{deaths} deaths");
        },
    ),
    ("barrier::a_death_in_or_about_an_action_does_too", || {
        let deaths = sweep(
            with_partner,
            |_, (barrier, _)| assert!(barrier.wait_with(|| {}).is_ok()),
            |segment, (barrier, partner), _| {
                partner_ends(segment, barrier, partner);
                works(barrier);
            },
        );
        assert!(deaths >= 4, "{deaths} deaths");
    }),
    ("barrier::a_death_in_a_timed_wait_leaves_it_of_use", || {
        let deaths = sweep(
            |segment| barrier(segment, 2),
            |_, barrier| assert!(barrier.wait_timeout(SHORT).is_err()),
            |segment, barrier, _| {
                segment.reap().unwrap();
                works(barrier);
            },
        );
        assert!(deaths >= 4, "{deaths} deaths");
    }),
    (
        "barrier::a_death_in_abort_or_reset_leaves_it_of_use",
        || {
            let deaths = sweep(
                |segment| barrier(segment, 2),
                |_, barrier| {
                    barrier.abort().unwrap();
                    barrier.reset().unwrap();
                },
                |_, barrier, _| works(barrier),
            );
            assert!(deaths >= 4, "{deaths} deaths");
        },
    ),
    (
        "barrier::a_death_while_a_dead_party_is_met_leaves_it_of_use",
        || {
            let deaths = sweep(
                |segment| {
                    let barrier = barrier(segment, 3);
                    // It dies having arrived: its time is too long for anything else.
                    let mut party = Forked::start({
                        let barrier = barrier.clone();
                        move || u8::from(barrier.wait_timeout(SOON).is_ok())
                    });
                    while barrier.n_waiting() == 0 {
                        std::thread::yield_now();
                    }
                    party.kill();
                    barrier
                },
                |_, barrier| {
                    let end = barrier.wait_timeout(SOON);
                    assert!(
                        matches!(end, Err(BarrierError::Broken { crashed: true })),
                        "{end:?}"
                    );
                },
                |segment, barrier, _| {
                    segment.reap().unwrap();
                    assert!(barrier.is_broken());
                    works(barrier);
                },
            );
            assert!(deaths >= 3, "{deaths} deaths");
        },
    ),
];

fn barrier(segment: &Segment, parties: u32) -> Barrier {
    Barrier::create(segment, "barrier", parties).unwrap()
}

/// A barrier of two, at which another process waits.
fn with_partner(segment: &Segment) -> (Barrier, RefCell<Forked>) {
    let barrier = barrier(segment, 2);
    let partner = partner(&barrier);
    while barrier.n_waiting() == 0 {
        std::thread::yield_now();
    }
    // It is asleep by then; if not, this sweep tries a little less.
    std::thread::sleep(SHORT);
    (barrier, RefCell::new(partner))
}

fn partner(barrier: &Barrier) -> Forked {
    let barrier = barrier.clone();
    Forked::start(move || match barrier.wait_timeout(SOON) {
        Ok(_) => 0,
        Err(BarrierError::Broken { crashed: true }) => 1,
        Err(BarrierError::Broken { crashed: false }) => 2,
        Err(_) => LATE,
    })
}

/// The partner goes on or is told, and does not wait for its limit.
fn partner_ends(segment: &Segment, barrier: &Barrier, partner: &RefCell<Forked>) {
    segment.reap().unwrap();
    if barrier.n_waiting() == 1 {
        // The victim died before it had arrived, or the partner has yet to notice.
        barrier.abort().unwrap();
    }
    let end = partner.borrow_mut().wait();
    let told = [THROUGH, CRASHED, BROKEN].map(End::Exited);
    assert!(told.contains(&end), "{end:?}");
}

/// After a reset two parties meet, twice.
fn works(barrier: &Barrier) {
    if barrier.is_broken() || barrier.n_waiting() > 0 {
        barrier.reset().unwrap();
    }
    assert!(!barrier.is_broken());
    for _ in 0..2 {
        let mut others: Vec<_> = (1..barrier.parties()).map(|_| partner(barrier)).collect();
        barrier.wait_timeout(SOON).unwrap();
        for other in &mut others {
            assert_eq!(other.wait(), End::Exited(THROUGH));
        }
    }
}
