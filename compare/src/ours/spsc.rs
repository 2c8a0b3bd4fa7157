//! `outlive::queue::spsc` between two processes.

use outlive::queue::spsc::{Consumer, Producer, Spsc};
use outlive::{Segment, SegmentOptions};

use crate::measure::Sample;
use crate::sides::processes;
use crate::sleepers::{self, Hand};
use crate::stream::{self, Item, Receive, SMALL, Transmit, until};

fn segment() -> Segment {
    SegmentOptions::new()
        .size(16 << 20)
        .anonymous()
        .expect("a segment")
}

fn queue<T: Item>(segment: &Segment, name: &str, capacity: usize) -> Spsc<T> {
    Spsc::create(segment, name, capacity).expect("a queue")
}

impl<T: Item> Transmit<T> for Producer<T> {
    #[inline]
    fn push(&mut self, from: &T) -> bool {
        if size_of::<T>() <= SMALL {
            return self.try_push(*from).is_ok();
        }
        let Ok(mut chunk) = self.try_write_chunk(1) else {
            return false;
        };
        chunk.copy_from(0, from);
        chunk.commit_all();
        true
    }
}

impl<T: Item> Receive<T> for Consumer<T> {
    #[inline]
    fn pop(&mut self, into: &mut T) -> bool {
        if size_of::<T>() <= SMALL {
            return self.try_pop().is_ok_and(|item| {
                *into = item;
                true
            });
        }
        let Ok(chunk) = self.try_read_chunk(1) else {
            return false;
        };
        chunk.copy_to(0, into);
        chunk.consume_all();
        true
    }
}

/// The forms that sleep.
pub struct Blocking<E>(pub E);

impl<T: Item> Transmit<T> for Blocking<Producer<T>> {
    #[inline]
    fn push(&mut self, from: &T) -> bool {
        self.0.push(*from).is_ok()
    }
}

impl<T: Item> Receive<T> for Blocking<Consumer<T>> {
    #[inline]
    fn pop(&mut self, into: &mut T) -> bool {
        *into = self.0.pop().expect("the producer lives");
        true
    }
}

/// Items one by one, both sides polling.
pub fn stream<'a, T: Item>(capacity: usize, count: u64) -> Sample<'a> {
    let segment = segment();
    let queue = queue::<T>(&segment, "queue", capacity);
    Box::new(move || {
        let (sending, receiving) = (queue.clone(), queue.clone());
        stream::one_way::<T, _, _>(
            processes,
            move || sending.producer().expect("the end is free"),
            move || receiving.consumer().expect("the end is free"),
            count,
        )
    })
}

/// Items one by one, in the forms that sleep.
pub fn blocking_stream<'a, T: Item>(capacity: usize, count: u64) -> Sample<'a> {
    let segment = segment();
    let queue = queue::<T>(&segment, "queue", capacity);
    Box::new(move || {
        let (sending, receiving) = (queue.clone(), queue.clone());
        stream::one_way::<T, _, _>(
            processes,
            move || Blocking(sending.producer().expect("the end is free")),
            move || Blocking(receiving.consumer().expect("the end is free")),
            count,
        )
    })
}

/// Chunks of `batch` items.
pub fn batches<'a>(capacity: usize, batch: usize, count: u64) -> Sample<'a> {
    let segment = segment();
    let queue = queue::<u64>(&segment, "queue", capacity);
    let count = count - count % batch as u64;
    Box::new(move || {
        let (sending, receiving) = (queue.clone(), queue.clone());
        stream::custom(
            processes,
            move || sending.producer().expect("the end is free"),
            move || receiving.consumer().expect("the end is free"),
            move |end| {
                let mut next = 0;
                while next < count {
                    until(|| {
                        let left = (count - next).min(batch as u64) as usize;
                        let Ok(mut chunk) = end.try_write_chunk(left) else {
                            return false;
                        };
                        for index in 0..chunk.len() {
                            chunk.set(index, next);
                            next += 1;
                        }
                        chunk.commit_all();
                        true
                    });
                }
            },
            move |end| {
                let mut expected = 0;
                while expected < count {
                    until(|| {
                        let Ok(chunk) = end.try_read_chunk(batch) else {
                            return false;
                        };
                        for number in chunk.iter() {
                            assert_eq!(number, expected);
                            expected += 1;
                        }
                        chunk.consume_all();
                        true
                    });
                }
            },
            count,
        )
    })
}

/// To and fro, both sides polling.
pub fn round_trip<'a>(capacity: usize, count: u64) -> Sample<'a> {
    let segment = segment();
    let there = queue::<u64>(&segment, "there", capacity);
    let back = queue::<u64>(&segment, "back", capacity);
    Box::new(move || {
        stream::round_trip(
            processes,
            || {
                (
                    there.producer().expect("free"),
                    back.consumer().expect("free"),
                )
            },
            || {
                (
                    back.producer().expect("free"),
                    there.consumer().expect("free"),
                )
            },
            count,
        )
    })
}

/// To and fro in the forms that sleep, which poll first.
pub fn blocking_round_trip<'a>(capacity: usize, count: u64) -> Sample<'a> {
    let segment = segment();
    let there = queue::<u64>(&segment, "there", capacity);
    let back = queue::<u64>(&segment, "back", capacity);
    Box::new(move || {
        stream::round_trip(
            processes,
            || {
                let ends = (
                    there.producer().expect("free"),
                    back.consumer().expect("free"),
                );
                (Blocking(ends.0), Blocking(ends.1))
            },
            || {
                let ends = (
                    back.producer().expect("free"),
                    there.consumer().expect("free"),
                );
                (Blocking(ends.0), Blocking(ends.1))
            },
            count,
        )
    })
}

fn hand_over(count: u64) -> Result<Hand, String> {
    let segment = segment();
    let queue = queue::<u64>(&segment, "queue", 64);
    let mut producer = queue.producer().map_err(|error| error.to_string())?;
    let give = |nth| producer.push(nth).expect("room");
    sleepers::hand_over(count, give, || {
        let mut consumer = queue.consumer().expect("free");
        move || consumer.pop().expect("the producer lives")
    })
}

/// A push that must wake the consumer.
pub fn wake<'a>(count: u64) -> Sample<'a> {
    Box::new(move || hand_over(count).map(|hand| hand.wake))
}

/// A push, a wake, and the consumer's way out of the kernel with the item.
pub fn hand_over_to_sleeper<'a>(count: u64) -> Sample<'a> {
    Box::new(move || hand_over(count).map(|hand| hand.over))
}
