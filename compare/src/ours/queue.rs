//! `outlive::Queue` between two processes.

use std::io::{Read, Write};

use outlive::queue::messages::{ByteQueue, Raw};
use outlive::{Queue, Segment, SegmentOptions};

use crate::measure::Sample;
use crate::sides::processes;
use crate::stream::{self, Receive, Transmit};

fn segment(room: usize) -> Segment {
    SegmentOptions::new()
        .size((room as u64 + (1 << 20)).next_power_of_two())
        .anonymous()
        .expect("a segment")
}

/// The forms that sleep.
pub struct Blocking(pub Queue<u64>);

impl Transmit<u64> for Blocking {
    #[inline]
    fn push(&mut self, from: &u64) -> bool {
        self.0.put(from).is_ok()
    }
}

impl Receive<u64> for Blocking {
    #[inline]
    fn pop(&mut self, into: &mut u64) -> bool {
        *into = self.0.get().expect("the queue is open");
        true
    }
}

/// Typed messages one by one.
pub fn stream<'a>(capacity: usize, count: u64) -> Sample<'a> {
    let segment = segment(1 << 20);
    let queue = Queue::create(&segment, "queue", capacity).expect("a queue");
    Box::new(move || {
        let (sending, receiving) = (queue.clone(), queue.clone());
        stream::one_way::<u64, _, _>(
            processes,
            move || Blocking(sending),
            move || Blocking(receiving),
            count,
        )
    })
}

/// A queue with room for `items` messages of `len` bytes, and little more.
fn byte_queue(items: usize, len: usize) -> ByteQueue {
    let room = items * (len + 64);
    Queue::options(items)
        .bytes(room)
        .codec::<Raw>()
        .create(&segment(room), "queue")
        .expect("a queue")
}

fn bytes<'a>(
    items: usize,
    len: usize,
    count: u64,
    feed: impl Fn(&ByteQueue, &[u8]) + Copy + Send + 'a,
    drain: impl Fn(&ByteQueue, &mut Vec<u8>) + Copy + Send + 'a,
) -> Sample<'a> {
    let queue = byte_queue(items, len);
    Box::new(move || {
        let (sending, receiving) = (queue.clone(), queue.clone());
        stream::custom(
            processes,
            move || sending,
            move || receiving,
            move |queue| {
                let message = vec![7; len];
                (0..count).for_each(|_| feed(queue, &message));
            },
            move |queue| {
                let mut buffer = vec![0; len];
                for _ in 0..count {
                    drain(queue, &mut buffer);
                    assert_eq!((buffer.len(), buffer[0], buffer[len - 1]), (len, 7, 7));
                }
            },
            count,
        )
    })
}

/// Messages that are put as they are, and come out as a vector of the receiver's own.
pub fn owned<'a>(items: usize, len: usize, count: u64) -> Sample<'a> {
    let message = vec![7; len];
    let queue = byte_queue(items, len);
    Box::new(move || {
        let (sending, receiving) = (queue.clone(), queue.clone());
        let message = &message;
        stream::custom(
            processes,
            move || sending,
            move || receiving,
            move |queue| (0..count).for_each(|_| queue.put(message).expect("room")),
            move |queue| {
                for _ in 0..count {
                    let got = queue.get().expect("open");
                    assert_eq!((got.len(), got[0], got[len - 1]), (len, 7, 7));
                }
            },
            count,
        )
    })
}

/// Copied in once and out once, into a buffer that the receiver has.
pub fn copied<'a>(items: usize, len: usize, count: u64) -> Sample<'a> {
    let feed = |queue: &ByteQueue, message: &[u8]| {
        let mut loan = queue.loan(message.len()).expect("room");
        loan.write_at(0, message);
        loan.send().expect("open");
    };
    let drain = |queue: &ByteQueue, buffer: &mut Vec<u8>| {
        let received = queue.receive_bytes().expect("open");
        received.read_at(0, buffer);
    };
    bytes(items, len, count, feed, drain)
}

/// Bytes of a message that are written or read at a time.
const PIECE: usize = 1 << 10;

/// Written where the message lies as it is made, and read there piece by piece: nobody has all of it
/// beside the queue.
pub fn in_place<'a>(items: usize, len: usize, count: u64) -> Sample<'a> {
    let feed = |queue: &ByteQueue, message: &[u8]| {
        let mut loan = queue.loan(message.len()).expect("room");
        let piece = &message[..PIECE];
        for _ in 0..message.len() / PIECE {
            loan.write_all(piece).expect("room");
        }
        loan.send().expect("open");
    };
    let drain = |queue: &ByteQueue, buffer: &mut Vec<u8>| {
        let mut received = queue.receive_bytes().expect("open");
        assert_eq!(received.len(), buffer.len());
        let mut piece = [0; PIECE];
        for _ in 0..received.len() / PIECE {
            received.read_exact(&mut piece).expect("bytes");
            assert_eq!((piece[0], piece[PIECE - 1]), (7, 7));
        }
        (buffer[0], buffer[received.len() - 1]) = (piece[0], piece[PIECE - 1]);
    };
    bytes(items, len, count, feed, drain)
}
