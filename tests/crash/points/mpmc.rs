//! `Mpmc`: killed at every shared write of putting, taking, waiting, closing, and of resolving what
//! another dead one has left.

use std::time::Duration;

use outlive::queue::mpmc::{Mpmc, Redelivery};
use outlive::queue::{GetError, PutError};
use outlive::{Segment, crash_points};

use super::sweep::{ENTERING, sweep};
use crate::Law;
use crate::crowd::{End, Forked};

/// Longer than survivors may need.
const LIMIT: Duration = Duration::from_millis(900);
const BRIEFLY: Duration = Duration::from_millis(5);
/// The write with which an operation on a free slot ends; before it come the claim and the hint.
const LAST: u64 = 3;

pub const LAWS: &[Law] = &[
    ("mpmc::a_death_in_put_leaves_an_item_or_none", || {
        let deaths = sweep(
            |segment| with(segment, &[]),
            |_, queue| queue.put(7).unwrap(),
            |_, queue, end| {
                queue.put_timeout(8, LIMIT).unwrap();
                let first = queue.get_timeout(LIMIT).unwrap();
                assert!(first == 8 || first == 7 && queue.get_timeout(LIMIT).unwrap() == 8);
                assert!(end == End::Killed || first == 7, "finished and lost");
                is_whole(queue);
            },
        );
        assert_eq!(deaths, ENTERING + LAST);
    }),
    ("mpmc::a_death_in_get_gives_the_item_to_another", || {
        let deaths = sweep(
            |segment| with(segment, &[1, 2]),
            |_, queue| assert_eq!(queue.get().unwrap(), 1),
            |_, queue, end| {
                let mut got = vec![queue.get_timeout(LIMIT).unwrap()];
                if end == End::Killed {
                    got.push(queue.get_timeout(LIMIT).unwrap());
                }
                got.sort_unstable();
                assert_eq!(got, [1, 2][2 - got.len()..]);
                is_whole(queue);
            },
        );
        assert_eq!(deaths, ENTERING + LAST);
    }),
    (
        "mpmc::a_death_in_get_drops_the_item_where_that_is_wanted",
        || {
            let deaths = sweep(
                |segment| {
                    let options = Mpmc::options(4).redelivery(Redelivery::Drop);
                    let queue = options.create(segment, "queue").unwrap();
                    queue.put(1).unwrap();
                    queue.put(2).unwrap();
                    queue
                },
                |_, queue| assert_eq!(queue.get().unwrap(), 1),
                |_, queue, _| {
                    let first = queue.get_timeout(LIMIT).unwrap();
                    assert!(first == 2 || first == 1 && queue.get_timeout(LIMIT).unwrap() == 2);
                    is_whole(queue);
                },
            );
            assert_eq!(deaths, ENTERING + LAST);
        },
    ),
    ("mpmc::a_death_in_a_wait_for_an_item_strands_nobody", || {
        let deaths = sweep(
            |segment| with(segment, &[]),
            |_, queue| {
                assert!(matches!(queue.get_timeout(BRIEFLY), Err(GetError::Empty)));
            },
            |_, queue, _| {
                queue.put_timeout(1, LIMIT).unwrap();
                assert_eq!(queue.get_timeout(LIMIT).unwrap(), 1);
                is_whole(queue);
            },
        );
        assert!(deaths >= 1, "{deaths} deaths");
    }),
    ("mpmc::a_death_in_a_wait_for_room_strands_nobody", || {
        let deaths = sweep(
            |segment| with(segment, &[1, 2, 3, 4]),
            |_, queue| assert!(matches!(queue.put_timeout(5, BRIEFLY), Err(PutError::Full))),
            |_, queue, _| {
                assert_eq!(queue.get_timeout(LIMIT).unwrap(), 1);
                queue.put_timeout(5, LIMIT).unwrap();
                (2..=5).for_each(|item| assert_eq!(queue.try_get().unwrap(), item));
                is_whole(queue);
            },
        );
        assert!(deaths >= 1, "{deaths} deaths");
    }),
    ("mpmc::a_death_in_close_closes_or_not", || {
        let deaths = sweep(
            |segment| with(segment, &[1]),
            |_, queue| queue.close().unwrap(),
            |_, queue, end| {
                assert!(end == End::Killed || queue.is_closed());
                queue.close().unwrap();
                assert_eq!(queue.get_timeout(LIMIT).unwrap(), 1);
                assert!(matches!(queue.get_timeout(LIMIT), Err(GetError::Closed)));
            },
        );
        assert!(deaths >= 1, "{deaths} deaths");
    }),
    (
        "mpmc::a_death_of_who_passes_a_dead_producer_changes_nothing",
        || {
            let deaths = sweep(
                |segment| {
                    let queue = with(segment, &[]);
                    dies_at(LAST, segment, || queue.put(1).unwrap());
                    queue.put(2).unwrap();
                    queue.put(3).unwrap();
                    queue
                },
                |_, queue| assert_eq!(queue.get().unwrap(), 2),
                |_, queue, end| {
                    let mut got = vec![queue.get_timeout(LIMIT).unwrap()];
                    if end == End::Killed {
                        got.extend(queue.get_timeout(BRIEFLY));
                    }
                    got.sort_unstable();
                    // It may have died after it was given the item, while it repaired.
                    assert!(got == [2, 3] || got == [3], "{got:?}");
                    is_whole(queue);
                },
            );
            assert!(deaths > LAST, "{deaths} deaths");
        },
    ),
    (
        "mpmc::a_death_of_who_takes_what_came_back_changes_nothing",
        || {
            let deaths = sweep(
                |segment| {
                    let queue = with(segment, &[1]);
                    dies_at(LAST, segment, || assert_eq!(queue.get().unwrap(), 1));
                    queue
                },
                |_, queue| assert_eq!(queue.get().unwrap(), 1),
                |_, queue, end| {
                    let again = queue.get_timeout(Duration::from_millis(100));
                    assert!(
                        end == End::Killed || again.is_err(),
                        "delivered twice to the living"
                    );
                    is_whole(queue);
                },
            );
            assert!(deaths > LAST, "{deaths} deaths");
        },
    ),
    ("mpmc::a_death_of_a_reaper_is_made_good_by_the_next", || {
        let deaths = sweep(
            |segment| {
                let queue = with(segment, &[1, 2]);
                dies_at(LAST, segment, || assert_eq!(queue.get().unwrap(), 1));
                dies_at(LAST, segment, || queue.put(3).unwrap());
                queue
            },
            |segment, _| {
                segment.reap().unwrap();
            },
            |segment, queue, _| {
                segment.reap().unwrap();
                let mut got: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).collect();
                got.sort_unstable();
                assert_eq!(got, [1, 2]);
                is_whole(queue);
            },
        );
        assert!(deaths > LAST, "{deaths} deaths");
    }),
];

/// A queue of four with these items in it.
fn with(segment: &Segment, items: &[u64]) -> Mpmc<u64> {
    let queue = Mpmc::create(segment, "queue", 4).unwrap();
    items.iter().for_each(|item| queue.put(*item).unwrap());
    queue
}

/// A process that dies before the `k`-th shared write of `act`.
fn dies_at(k: u64, segment: &Segment, act: impl Fn()) {
    let end = Forked::start(|| {
        segment.free().unwrap();
        crash_points::arm(k);
        act();
        0
    })
    .wait();
    assert_eq!(end, End::Killed);
}

/// An empty queue has all of its slots.
fn is_whole(queue: &Mpmc<u64>) {
    assert!(queue.is_empty(), "{queue:?}");
    for lap in 0..2 {
        (0..4).for_each(|item| queue.try_put(4 * lap + item).unwrap());
        assert!(queue.is_full());
        (0..4).for_each(|item| assert_eq!(queue.try_get().unwrap(), 4 * lap + item));
    }
    assert!(queue.is_empty());
}
