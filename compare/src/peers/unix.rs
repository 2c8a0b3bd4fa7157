//! Pipes of the kernel: `pipe(2)` and `socketpair(2)`, by the bare calls.

use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crate::measure::Sample;
use crate::sides::processes;
use crate::sleepers;
use crate::stream::{self, Receive, Transmit};

/// What makes a connected pair: where one reads and where one writes.
pub type Pair = fn() -> (File, File);
/// An end that forked sides share.
pub type File = Arc<std::fs::File>;

fn file(fd: impl Into<OwnedFd>) -> File {
    Arc::new(std::fs::File::from(fd.into()))
}

pub fn pipe() -> (File, File) {
    let mut ends = [0; 2];
    // SAFETY: the array has room for the two descriptors.
    let made = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    assert_eq!(made, 0, "a pipe");
    // SAFETY: a descriptor that was just made and is nobody else's.
    let [reading, writing] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    (file(reading), file(writing))
}

pub fn socketpair() -> (File, File) {
    let (reading, writing) = UnixStream::pair().expect("a pair of sockets");
    (file(reading), file(writing))
}

pub struct End(pub File);

impl Transmit<u64> for End {
    fn push(&mut self, from: &u64) -> bool {
        (&*self.0).write_all(&from.to_ne_bytes()).is_ok()
    }
}

impl Receive<u64> for End {
    fn pop(&mut self, into: &mut u64) -> bool {
        *into = number(&self.0);
        true
    }
}

fn number(mut from: &std::fs::File) -> u64 {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes).expect("the other side lives");
    u64::from_ne_bytes(bytes)
}

/// To and fro, both sides in the kernel.
pub fn round_trip<'a>(pair: Pair, count: u64) -> Sample<'a> {
    Box::new(move || {
        let (arrived, there) = pair();
        let (returned, back) = pair();
        let near = (End(there), End(returned));
        let far = (End(back), End(arrived));
        stream::round_trip(processes, || near, || far, count)
    })
}

pub fn stream<'a>(pair: Pair, count: u64) -> Sample<'a> {
    Box::new(move || {
        let (reading, writing) = pair();
        stream::one_way::<u64, _, _>(processes, || End(writing), || End(reading), count)
    })
}

/// Messages of `len` bytes, without a frame around them.
pub fn bytes<'a>(pair: Pair, len: usize, count: u64) -> Sample<'a> {
    Box::new(move || {
        let (reading, writing) = pair();
        stream::custom(
            processes,
            || writing,
            || reading,
            |end| {
                let message = vec![7; len];
                let mut end = &**end;
                (0..count).for_each(|_| end.write_all(&message).expect("room"));
            },
            |end| {
                let mut buffer = vec![0; len];
                let mut end = &**end;
                for _ in 0..count {
                    end.read_exact(&mut buffer).expect("bytes");
                    assert_eq!((buffer[0], buffer[len - 1]), (7, 7));
                }
            },
            count,
        )
    })
}

/// A write, and the reader's way out of the kernel with it.
pub fn hand_over_to_sleeper<'a>(pair: Pair, count: u64) -> Sample<'a> {
    Box::new(move || {
        let (reading, writing) = pair();
        let give = |nth: u64| {
            (&*writing).write_all(&nth.to_ne_bytes()).expect("room");
        };
        let hand = sleepers::hand_over(count, give, || || number(&reading));
        hand.map(|hand| hand.over)
    })
}
