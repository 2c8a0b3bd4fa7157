//! One process's use of an mpmc queue, beside a deque.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::queue::mpmc::Mpmc;
use outlive::{Error, Segment};
use outlive_fuzz::fifo::{Input, Item, Model, Queue, Refusal, play};
use outlive_fuzz::limits::SHORT;

#[derive(Debug, Arbitrary)]
enum Own {
    Reopen,
}

struct Opened {
    segment: Segment,
    queue: Mpmc<Item>,
}

impl Queue for Opened {
    type Own = Own;

    fn create(segment: &Segment, capacity: usize) -> Self {
        Self {
            segment: segment.clone(),
            queue: Mpmc::create(segment, "queue", capacity).expect("room"),
        }
    }

    fn capacity(&self) -> usize {
        self.queue.capacity()
    }

    fn try_put(&mut self, item: Item) -> Result<(), Refusal> {
        Ok(self.queue.try_put(item)?)
    }

    fn put_timed(&mut self, item: Item) -> Result<(), Refusal> {
        Ok(self.queue.put_timeout(item, SHORT)?)
    }

    fn try_get(&mut self) -> Result<Item, Refusal> {
        Ok(self.queue.try_get()?)
    }

    fn get_timed(&mut self) -> Result<Item, Refusal> {
        Ok(self.queue.get_timeout(SHORT)?)
    }

    fn close(&mut self) -> Result<(), Error> {
        self.queue.close()
    }

    fn count(&self) -> usize {
        self.queue.len()
    }

    fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    fn step(&mut self, step: &Own, _: &mut Model) {
        match step {
            Own::Reopen => self.queue = Mpmc::open(&self.segment, "queue").expect("it has a name"),
        }
    }
}

fuzz_target!(|input: Input<Own>| play::<Opened>(&input));
