//! Queues of messages that processes share and that block: POSIX's, and boost's.

use crate::measure::Sample;
use crate::peers::{boost, mq};
use crate::sides::processes;
use crate::sleepers;
use crate::stream;

/// A handle that forked sides share.
pub trait Messages: Sync {
    /// Waits for room.
    fn send(&self, message: &[u8]) -> Result<(), String>;

    /// Waits for a message, of at most as many bytes as the buffer has; returns how many it has.
    fn receive(&self, buffer: &mut [u8]) -> Result<usize, String>;
}

impl Messages for mq::Queue {
    fn send(&self, message: &[u8]) -> Result<(), String> {
        mq::Queue::send(self, message)
    }

    fn receive(&self, buffer: &mut [u8]) -> Result<usize, String> {
        mq::Queue::receive(self, buffer)
    }
}

impl Messages for boost::Queue {
    fn send(&self, message: &[u8]) -> Result<(), String> {
        boost::Queue::send(self, message)
    }

    fn receive(&self, buffer: &mut [u8]) -> Result<usize, String> {
        boost::Queue::receive(self, buffer)
    }
}

/// A POSIX queue for messages of so many bytes.
pub fn mq(length: usize) -> Result<mq::Queue, String> {
    mq::Queue::new(length)
}

/// What makes a queue of boost's with so much room.
pub fn boost(capacity: usize) -> impl Fn(usize) -> Result<boost::Queue, String> {
    move |length| boost::Queue::new(capacity, length)
}

fn number(queue: &impl Messages) -> u64 {
    let mut bytes = [0; 8];
    assert_eq!(queue.receive(&mut bytes).expect("a message"), 8);
    u64::from_ne_bytes(bytes)
}

/// Numbers one by one.
pub fn stream<'a, Q: Messages>(
    new: impl Fn(usize) -> Result<Q, String> + 'a,
    count: u64,
) -> Sample<'a> {
    Box::new(move || {
        let queue = new(8)?;
        let queue = &queue;
        stream::custom(
            processes,
            || (),
            || (),
            |()| (0..count).for_each(|nth| queue.send(&nth.to_ne_bytes()).expect("room")),
            |()| (0..count).for_each(|nth| assert_eq!(number(queue), nth)),
            count,
        )
    })
}

/// Messages of `len` bytes.
pub fn bytes<'a, Q: Messages>(
    new: impl Fn(usize) -> Result<Q, String> + 'a,
    len: usize,
    count: u64,
) -> Sample<'a> {
    Box::new(move || {
        let queue = new(len)?;
        let queue = &queue;
        stream::custom(
            processes,
            || (),
            || (),
            |()| {
                let message = vec![7; len];
                (0..count).for_each(|_| queue.send(&message).expect("room"));
            },
            |()| {
                let mut buffer = vec![0; len];
                for _ in 0..count {
                    let got = queue.receive(&mut buffer).expect("a message");
                    assert_eq!((got, buffer[0], buffer[len - 1]), (len, 7, 7));
                }
            },
            count,
        )
    })
}

/// A message to a receiver that sleeps, until it has it.
pub fn hand_over_to_sleeper<'a, Q: Messages>(
    new: impl Fn(usize) -> Result<Q, String> + 'a,
    count: u64,
) -> Sample<'a> {
    Box::new(move || {
        let queue = new(8)?;
        let give = |nth: u64| queue.send(&nth.to_ne_bytes()).expect("room");
        let hand = sleepers::hand_over(count, give, || || number(&queue));
        hand.map(|hand| hand.over)
    })
}
