//! `Queue`: killed at every shared write of putting, taking, giving back, waiting, closing, and of
//! what an heir or a reaper does about another dead one.

use std::time::Duration;

use outlive::queue::messages::{GetError, PutError, Redelivery};
use outlive::{Queue, Segment, crash_points};

use super::sweep::{ENTERING, sweep};
use crate::Law;
use crate::crowd::{End, Forked};

/// Longer than survivors may need.
const LIMIT: Duration = Duration::from_millis(900);
const BRIEFLY: Duration = Duration::from_millis(5);
const ITEMS: usize = 4;
const BYTES: usize = 4096;

pub const LAWS: &[Law] = &[
    ("queue::a_death_in_put_leaves_a_message_or_none", || {
        puts(&text(7, 20));
    }),
    (
        "queue::a_death_in_a_long_put_leaves_a_message_or_none",
        || {
            puts(&text(7, 600));
        },
    ),
    ("queue::a_death_with_a_loan_leaves_its_room", || {
        let deaths = sweep(
            |segment| with(segment, &[]),
            |_, queue| drop(queue.loan(queue.max_message()).unwrap()),
            |_, queue, _| {
                // All of it: whoever waits finds out who is dead.
                drop(queue.loan_timeout(queue.max_message(), LIMIT).unwrap());
                is_whole(queue);
            },
        );
        assert!(deaths > 5, "{deaths} deaths");
    }),
    ("queue::a_death_in_get_gives_the_message_to_another", || {
        let deaths = sweep(
            |segment| with(segment, &[1, 2]),
            |_, queue| assert_eq!(queue.get().unwrap(), text(1, 300)),
            |_, queue, end| {
                let mut got = vec![queue.get_timeout(LIMIT).unwrap()];
                if end == End::Killed {
                    // It may have died after its last write for this message, the free word.
                    got.extend(queue.get_timeout(BRIEFLY * 20));
                }
                got.sort_unstable();
                assert!(got.contains(&text(2, 300)), "{}", got.len());
                got.retain(|text| !text.starts_with('2'));
                assert!(got.is_empty() || got == [text(1, 300)]);
                is_whole(queue);
            },
        );
        assert!(deaths > 5, "{deaths} deaths");
    }),
    (
        "queue::a_death_in_get_drops_the_message_where_that_is_wanted",
        || {
            let deaths = sweep(
                |segment| {
                    let options = Queue::options(ITEMS).bytes(BYTES);
                    let options = options.redelivery(Redelivery::Drop);
                    let queue = options.create(segment, "queue").unwrap();
                    queue.put(&text(1, 300)).unwrap();
                    queue.put(&text(2, 300)).unwrap();
                    queue
                },
                |_, queue| drop(queue.receive().unwrap()),
                |segment, queue, _| {
                    segment.reap().unwrap();
                    let first = queue.get_timeout(LIMIT).unwrap();
                    if first == text(1, 300) {
                        assert_eq!(queue.get_timeout(LIMIT).unwrap(), text(2, 300));
                    } else {
                        assert_eq!(first, text(2, 300));
                    }
                    is_whole(queue);
                },
            );
            assert!(deaths > 5, "{deaths} deaths");
        },
    ),
    ("queue::a_death_in_nack_gives_the_message_back", || {
        let deaths = sweep(
            |segment| with(segment, &[1]),
            |_, queue| queue.receive().unwrap().nack(),
            |_, queue, _| {
                assert_eq!(queue.get_timeout(LIMIT).unwrap(), text(1, 300));
                is_whole(queue);
            },
        );
        assert!(deaths > 8, "{deaths} deaths");
    }),
    (
        "queue::a_death_in_a_wait_for_a_message_strands_nobody",
        || {
            let deaths = sweep(
                |segment| with(segment, &[]),
                |_, queue| {
                    assert!(matches!(queue.get_timeout(BRIEFLY), Err(GetError::Empty)));
                },
                |_, queue, _| {
                    queue.put_timeout(&text(1, 300), LIMIT).unwrap();
                    assert_eq!(queue.get_timeout(LIMIT).unwrap(), text(1, 300));
                    is_whole(queue);
                },
            );
            assert!(deaths >= 1, "{deaths} deaths");
        },
    ),
    ("queue::a_death_in_a_wait_for_room_strands_nobody", || {
        let deaths = sweep(
            |segment| with(segment, &[1, 2, 3, 4]),
            |_, queue| {
                let put = queue.put_timeout(&text(5, 300), BRIEFLY);
                assert!(matches!(put, Err(PutError::Full)));
            },
            |_, queue, _| {
                assert_eq!(queue.get_timeout(LIMIT).unwrap(), text(1, 300));
                queue.put_timeout(&text(5, 300), LIMIT).unwrap();
                (2..=5).for_each(|item| assert_eq!(queue.try_get().unwrap(), text(item, 300)));
                is_whole(queue);
            },
        );
        assert!(deaths >= 1, "{deaths} deaths");
    }),
    ("queue::a_death_in_close_closes_or_not", || {
        let deaths = sweep(
            |segment| with(segment, &[1]),
            |_, queue| queue.close().unwrap(),
            |_, queue, end| {
                assert!(end == End::Killed || queue.is_closed());
                queue.close().unwrap();
                assert_eq!(queue.get_timeout(LIMIT).unwrap(), text(1, 300));
                assert!(matches!(queue.get_timeout(LIMIT), Err(GetError::Closed)));
            },
        );
        assert!(deaths >= 1, "{deaths} deaths");
    }),
    ("queue::a_death_of_an_heir_changes_nothing", || {
        // The first dies at each of its writes too, so at each one within the lock.
        for k in 1..=WRITES {
            let deaths = sweep(
                |segment| {
                    let queue = with(segment, &[1]);
                    dies_at(k, segment, || busy(&queue));
                    queue
                },
                |_, queue| queue.put_timeout(&text(3, 300), LIMIT).unwrap(),
                |segment, queue, _| {
                    queue.put_timeout(&text(4, 300), LIMIT).unwrap();
                    segment.reap().unwrap();
                    let got: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).collect();
                    assert!(got.contains(&text(4, 300)), "{k}");
                    let mut once = got.clone();
                    once.sort_unstable();
                    once.dedup();
                    assert_eq!(once.len(), got.len(), "{k}: twice");
                    is_whole(queue);
                },
            );
            assert!(deaths > 5, "{deaths} deaths");
        }
    }),
    (
        "queue::a_death_of_a_reaper_is_made_good_by_the_next",
        || {
            for k in [3, 7, 11, 13, 15, 17, 19] {
                let deaths = sweep(
                    |segment| {
                        let queue = with(segment, &[1, 2]);
                        dies_at(k, segment, || busy(&queue));
                        queue
                    },
                    |segment, _| {
                        segment.reap().unwrap();
                    },
                    |segment, queue, _| {
                        segment.reap().unwrap();
                        let mut got: Vec<_> = std::iter::from_fn(|| queue.try_get().ok()).collect();
                        got.retain(|text| text.starts_with(['1', '2']));
                        assert!(!got.is_empty(), "{got:?}");
                        is_whole(queue);
                    },
                );
                assert!(deaths > 5, "{deaths} deaths");
            }
        },
    ),
];

/// Of [`busy`], at the least.
const WRITES: u64 = 19;

/// A put and a get.
fn busy(queue: &Queue<String>) {
    queue.put(&text(9, 20)).unwrap();
    drop(queue.get().unwrap());
}

fn puts(message: &String) {
    let deaths = sweep(
        |segment| with(segment, &[]),
        |_, queue| queue.put(message).unwrap(),
        |segment, queue, end| {
            queue.put_timeout(&text(8, 20), LIMIT).unwrap();
            let first = queue.get_timeout(LIMIT).unwrap();
            let is_first = first == *message;
            if is_first {
                assert_eq!(queue.get_timeout(LIMIT).unwrap(), text(8, 20));
            } else {
                assert_eq!(first, text(8, 20));
            }
            assert!(end == End::Killed || is_first, "finished and lost");
            // Nobody had to wait, so nobody has seen to the room of the dead.
            segment.reap().unwrap();
            is_whole(queue);
        },
    );
    assert!(deaths > 10, "{deaths} deaths");
}

/// A message that begins with its number.
fn text(number: u32, len: usize) -> String {
    number.to_string() + &"x".repeat(len)
}

/// A queue of four with these messages in it.
fn with(segment: &Segment, numbers: &[u32]) -> Queue<String> {
    let options = Queue::options(ITEMS).bytes(BYTES);
    let queue = options.create(segment, "queue").unwrap();
    numbers
        .iter()
        .for_each(|number| queue.put(&text(*number, 300)).unwrap());
    queue
}

/// A process that dies before the `k`-th shared write of `act`, in which it enters itself first.
fn dies_at(k: u64, segment: &Segment, act: impl Fn()) {
    let end = Forked::start(|| {
        segment.free().unwrap();
        crash_points::arm(ENTERING + k);
        act();
        0
    })
    .wait();
    assert_eq!(end, End::Killed, "at {k}");
}

/// An empty queue has all entries of its order, and all of its room in one piece.
fn is_whole(queue: &Queue<String>) {
    assert!(queue.is_empty(), "{queue:?}");
    for lap in 0..2 {
        (0..4).for_each(|item| queue.try_put(&text(4 * lap + item, 40)).unwrap());
        assert!(queue.is_full());
        (0..4).for_each(|item| assert_eq!(queue.try_get().unwrap(), text(4 * lap + item, 40)));
    }
    drop(queue.try_loan(queue.max_message()).unwrap());
    assert!(queue.is_empty());
}
