//! `outlive::queue::pipe` between two processes.

use outlive::queue::pipe::{Pipe, Receiver, Sender};
use outlive::{Segment, SegmentOptions};

use crate::measure::Sample;
use crate::sides::processes;
use crate::sleepers::{self, Hand};
use crate::stream::{self, Receive, Transmit};

/// As a pipe of the kernel has it.
const CAPACITY: usize = 48 << 10;

fn segment() -> Segment {
    SegmentOptions::new()
        .size(16 << 20)
        .anonymous()
        .expect("a segment")
}

fn pipe(segment: &Segment, name: &str) -> Pipe<u64> {
    Pipe::create(segment, name, CAPACITY).expect("a pipe")
}

impl Transmit<u64> for Sender<u64> {
    #[inline]
    fn push(&mut self, from: &u64) -> bool {
        self.try_send(from).is_ok()
    }
}

impl Receive<u64> for Receiver<u64> {
    #[inline]
    fn pop(&mut self, into: &mut u64) -> bool {
        self.try_recv().is_ok_and(|number| {
            *into = number;
            true
        })
    }
}

/// The forms that sleep.
pub struct Blocking<E>(pub E);

impl Transmit<u64> for Blocking<Sender<u64>> {
    #[inline]
    fn push(&mut self, from: &u64) -> bool {
        self.0.send(from).is_ok()
    }
}

impl Receive<u64> for Blocking<Receiver<u64>> {
    #[inline]
    fn pop(&mut self, into: &mut u64) -> bool {
        *into = self.0.recv().expect("the sender lives");
        true
    }
}

/// To and fro, both sides polling.
pub fn round_trip<'a>(count: u64) -> Sample<'a> {
    let segment = segment();
    let (there, back) = (pipe(&segment, "there"), pipe(&segment, "back"));
    Box::new(move || {
        stream::round_trip(
            processes,
            || {
                (
                    there.sender().expect("free"),
                    back.receiver().expect("free"),
                )
            },
            || {
                (
                    back.sender().expect("free"),
                    there.receiver().expect("free"),
                )
            },
            count,
        )
    })
}

/// To and fro in the forms that sleep, which poll first.
pub fn blocking_round_trip<'a>(count: u64) -> Sample<'a> {
    let segment = segment();
    let (there, back) = (pipe(&segment, "there"), pipe(&segment, "back"));
    Box::new(move || {
        stream::round_trip(
            processes,
            || {
                let ends = (
                    there.sender().expect("free"),
                    back.receiver().expect("free"),
                );
                (Blocking(ends.0), Blocking(ends.1))
            },
            || {
                let ends = (
                    back.sender().expect("free"),
                    there.receiver().expect("free"),
                );
                (Blocking(ends.0), Blocking(ends.1))
            },
            count,
        )
    })
}

/// Messages one by one, in the forms that sleep.
pub fn stream<'a>(count: u64) -> Sample<'a> {
    let segment = segment();
    let pipe = pipe(&segment, "pipe");
    Box::new(move || {
        let (sending, receiving) = (pipe.clone(), pipe.clone());
        stream::one_way::<u64, _, _>(
            processes,
            move || Blocking(sending.sender().expect("free")),
            move || Blocking(receiving.receiver().expect("free")),
            count,
        )
    })
}

/// Messages of `len` bytes.
pub fn bytes<'a>(len: usize, count: u64) -> Sample<'a> {
    let segment = segment();
    let pipe = pipe(&segment, "pipe");
    Box::new(move || {
        let (sending, receiving) = (pipe.clone(), pipe.clone());
        stream::custom(
            processes,
            move || sending.sender().expect("free"),
            move || receiving.receiver().expect("free"),
            move |end| {
                let message = vec![7; len];
                (0..count).for_each(|_| end.send_bytes(&message).expect("room"));
            },
            move |end| {
                let mut buffer = vec![0; len];
                for _ in 0..count {
                    assert_eq!(end.recv_bytes_into(&mut buffer).expect("bytes"), len);
                    assert_eq!((buffer[0], buffer[len - 1]), (7, 7));
                }
            },
            count,
        )
    })
}

fn hand_over(count: u64) -> Result<Hand, String> {
    let segment = segment();
    let pipe = pipe(&segment, "pipe");
    let mut sender = pipe.sender().map_err(|error| error.to_string())?;
    let give = |nth| sender.send(&nth).expect("room");
    sleepers::hand_over(count, give, || {
        let mut receiver = pipe.receiver().expect("free");
        move || receiver.recv().expect("the sender lives")
    })
}

/// A message, a wake, and the receiver's way out of the kernel with it.
pub fn hand_over_to_sleeper<'a>(count: u64) -> Sample<'a> {
    Box::new(move || hand_over(count).map(|hand| hand.over))
}
