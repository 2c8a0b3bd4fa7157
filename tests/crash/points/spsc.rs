//! `Spsc`: killed at every shared write of pushing, popping, waiting, claiming and leaving, and of
//! taking over from another dead one.

use std::time::Duration;

use outlive::queue::spsc::Spsc;
use outlive::queue::{PopError, PushError};
use outlive::{Segment, crash_points};

use super::sweep::{ENTERING, dead, sweep};
use crate::Law;
use crate::crowd::{End, Forked};

/// Longer than survivors may need.
const LIMIT: Duration = Duration::from_millis(900);
const BRIEFLY: Duration = Duration::from_millis(3);

pub const LAWS: &[Law] = &[
    ("spsc::a_death_in_push_leaves_the_finished_items", || {
        let deaths = sweep(
            |segment| with(segment, &[]),
            |_, queue| {
                let mut producer = queue.producer().unwrap();
                producer.push(1).unwrap();
                producer.push(2).unwrap();
            },
            |_, queue, end| {
                let came = drained(queue);
                assert_eq!(came, [1, 2][..came.len()]);
                assert!(end == End::Killed || came.len() == 2, "finished and lost");
                goes_on(queue);
            },
        );
        // The claim and its note, a tag and a note for each item, and leaving.
        assert_eq!(deaths, ENTERING + 7);
    }),
    (
        "spsc::a_death_in_a_chunk_leaves_all_of_it_or_nothing",
        || {
            let deaths = sweep(
                |segment| with(segment, &[]),
                |_, queue| {
                    let mut producer = queue.producer().unwrap();
                    let mut chunk = producer.write_chunk(3).unwrap();
                    (0..3).for_each(|index| chunk.set(index, index as u64));
                    chunk.commit_all();
                },
                |_, queue, end| {
                    let came = drained(queue);
                    assert!(came.is_empty() && end == End::Killed || came == [0, 1, 2]);
                    goes_on(queue);
                },
            );
            assert_eq!(deaths, ENTERING + 5);
        },
    ),
    ("spsc::a_death_in_pop_leaves_the_item_for_the_next", || {
        let deaths = sweep(
            |segment| with(segment, &[1, 2, 3]),
            |_, queue| {
                let mut consumer = queue.consumer().unwrap();
                assert_eq!(consumer.pop().unwrap(), 1);
                let chunk = consumer.read_chunk(8).unwrap();
                assert_eq!(chunk.len(), 2);
                chunk.consume(1);
            },
            |_, queue, end| {
                let came = drained(queue);
                assert_eq!(came, [1, 2, 3][3 - came.len()..]);
                assert!(!came.is_empty() && (end == End::Killed || came == [3]));
                goes_on(queue);
            },
        );
        // The claim, one for each consumption, and leaving.
        assert_eq!(deaths, ENTERING + 4);
    }),
    ("spsc::a_death_while_waiting_leaves_nothing", || {
        let deaths = sweep(
            |segment| with(segment, &[]),
            |_, queue| {
                let _producer = queue.producer().unwrap();
                let refused = queue.consumer().unwrap().pop_timeout(BRIEFLY);
                assert!(matches!(refused, Err(PopError::Empty)));
            },
            |_, queue, _| goes_on(queue),
        );
        assert!(deaths >= 5, "{deaths} deaths");
        let deaths = sweep(
            |segment| with(segment, &[1, 2, 3, 4]),
            |_, queue| {
                let _consumer = queue.consumer().unwrap();
                let refused = queue.producer().unwrap().push_timeout(5, BRIEFLY);
                assert!(matches!(refused, Err(PushError::Full)));
            },
            |_, queue, _| {
                assert_eq!(drained(queue), [1, 2, 3, 4]);
                goes_on(queue);
            },
        );
        assert!(deaths >= 5, "{deaths} deaths");
    }),
    ("spsc::a_death_of_a_waker_leaves_nobody_asleep", || {
        let deaths = sweep(
            |segment| {
                let queue = with(segment, &[]);
                let sleeper = queue.clone();
                let consumer = sleeper.consumer().unwrap();
                (queue, std::sync::Mutex::new(Some(consumer)))
            },
            |_, (queue, _)| {
                let mut producer = queue.producer().unwrap();
                producer.push(1).unwrap();
                drop(producer);
            },
            |_, (queue, consumer), end| {
                let mut consumer = consumer.lock().unwrap().take().unwrap();
                let mut came = 0;
                let crashed = loop {
                    match consumer.pop_timeout(LIMIT) {
                        Ok(item) => came += item,
                        Err(PopError::Disconnected { crashed }) => break Some(crashed),
                        // It died before it had the end: there was no producer yet.
                        Err(PopError::Empty) => break None,
                        Err(e) => panic!("{e}"),
                    }
                    if came > 0 && queue.producer().is_ok() {
                        break None;
                    }
                };
                assert!(end == End::Killed || (came, crashed.unwrap_or(false)) == (1, false));
                drop(consumer);
                goes_on(queue);
            },
        );
        assert!(deaths >= 5, "{deaths} deaths");
    }),
    ("spsc::a_death_in_close_leaves_it_open_or_closed", || {
        sweep(
            |segment| with(segment, &[1]),
            |_, queue| queue.close().unwrap(),
            |_, queue, end| {
                assert_eq!(drained(queue), [1]);
                assert!(end == End::Killed || queue.is_closed());
                if !queue.is_closed() {
                    goes_on(queue);
                }
            },
        );
    }),
    (
        "spsc::a_death_of_a_successor_leaves_the_end_to_the_next",
        || {
            // The first dies at each point of a push, its successor at each point of going on.
            for first in 1..=ENTERING + 6 {
                let deaths = sweep(
                    |segment| {
                        let queue = with(segment, &[]);
                        Forked::start(|| {
                            segment.free().unwrap();
                            crash_points::arm(first);
                            let mut producer = queue.producer().unwrap();
                            producer.push(1).unwrap();
                            producer.push(2).unwrap();
                            0
                        })
                        .wait();
                        queue
                    },
                    |_, queue| {
                        queue.producer().unwrap().push(3).unwrap();
                    },
                    |_, queue, end| {
                        let mut came = drained(queue);
                        if end != End::Killed {
                            assert_eq!(came.last(), Some(&3));
                        }
                        came.retain(|item| *item != 3);
                        assert_eq!(came, [1, 2][..came.len()]);
                        goes_on(queue);
                    },
                );
                assert!(deaths >= 4, "{deaths} deaths");
            }
        },
    ),
    ("spsc::a_death_of_a_reaper_leaves_the_ends_free", || {
        sweep(
            |segment| {
                let queue = with(segment, &[]);
                dead(segment, || {
                    let (producer, consumer) = (queue.producer(), queue.consumer());
                    producer.as_ref().unwrap();
                    consumer.as_ref().unwrap();
                    std::mem::forget((producer, consumer));
                });
                queue
            },
            |segment, _| {
                segment.reap().unwrap();
            },
            |_, queue, _| goes_on(queue),
        );
    }),
];

/// A queue of four with `items` in it, and with both ends free.
fn with(segment: &Segment, items: &[u64]) -> Spsc<u64> {
    let queue = Spsc::create(segment, "queue", 4).unwrap();
    if !items.is_empty() {
        let mut producer = queue.producer().unwrap();
        items.iter().for_each(|item| producer.push(*item).unwrap());
    }
    queue
}

/// What a new consumer finds.
fn drained(queue: &Spsc<u64>) -> Vec<u64> {
    let mut consumer = queue.consumer().unwrap();
    std::iter::from_fn(|| consumer.try_pop().ok()).collect()
}

/// Both ends are to be had, all room is there, and items go through in order.
fn goes_on(queue: &Spsc<u64>) {
    assert_eq!(drained(queue), []);
    let (mut producer, mut consumer) = (queue.producer().unwrap(), queue.consumer().unwrap());
    for lap in 0..3 {
        (0..4).for_each(|item| producer.push_timeout(10 * lap + item, LIMIT).unwrap());
        assert!(matches!(producer.try_push(0), Err(PushError::Full)));
        (0..4).for_each(|item| assert_eq!(consumer.pop_timeout(LIMIT).unwrap(), 10 * lap + item));
    }
    assert!(matches!(consumer.try_pop(), Err(PopError::Empty)));
}
