//! `outlive::queue::mpmc` between processes.

use outlive::queue::mpmc::Mpmc;
use outlive::{Segment, SegmentOptions};

use crate::measure::Sample;
use crate::sleepers::{self, Hand};
use crate::stream::{Item, Receive, Transmit};

/// A queue of its own in a segment of its own.
pub fn queue<T: Item>(capacity: usize) -> Mpmc<T> {
    let segment: Segment = SegmentOptions::new()
        .size(16 << 20)
        .anonymous()
        .expect("a segment");
    Mpmc::create(&segment, "queue", capacity).expect("a queue")
}

impl<T: Item> Transmit<T> for Mpmc<T> {
    #[inline]
    fn push(&mut self, from: &T) -> bool {
        self.try_put(*from).is_ok()
    }
}

impl<T: Item> Receive<T> for Mpmc<T> {
    #[inline]
    fn pop(&mut self, into: &mut T) -> bool {
        self.try_get().is_ok_and(|item| {
            *into = item;
            true
        })
    }
}

/// The forms that sleep.
#[derive(Clone)]
pub struct Blocking(pub Mpmc<u64>);

impl Transmit<u64> for Blocking {
    #[inline]
    fn push(&mut self, from: &u64) -> bool {
        self.0.put(*from).is_ok()
    }
}

impl Receive<u64> for Blocking {
    #[inline]
    fn pop(&mut self, into: &mut u64) -> bool {
        *into = self.0.get().expect("the queue is open");
        true
    }
}

fn hand_over(count: u64) -> Result<Hand, String> {
    let queue = queue::<u64>(64);
    let give = |nth| queue.put(nth).expect("room");
    sleepers::hand_over(count, give, || || queue.get().expect("the queue is open"))
}

/// A put that must wake a consumer.
pub fn wake<'a>(count: u64) -> Sample<'a> {
    Box::new(move || hand_over(count).map(|hand| hand.wake))
}

/// A put, a wake, and the consumer's way out of the kernel with the item.
pub fn hand_over_to_sleeper<'a>(count: u64) -> Sample<'a> {
    Box::new(move || hand_over(count).map(|hand| hand.over))
}
