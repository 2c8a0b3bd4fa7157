//! The queues that are compared.

use ipc_channel::ipc;
use outlive::queue::pipe::Pipe;
use outlive::queue::spsc::Spsc;
use outlive::{Queue, Segment, SegmentOptions};

use super::channel::Way;
use crate::ours::{self, mpmc};
use crate::peers::{iceoryx, unix};
use crate::sides::{processes, threads};
use crate::spsc::fresh;
use crate::stream::{Receive, Transmit};

/// Numbers that a queue has room for.
const CAPACITY: usize = 1024;
/// Bytes that a pipe has room for.
const BYTES: usize = 48 << 10;

/// A contender, and what makes one of it.
type Contender = (&'static str, fn() -> Way);

pub const WAYS: [Contender; 9] = [
    ("rtrb, polled", rtrb_polled),
    ("iceoryx2, polled", iceoryx_polled),
    ("socketpair", socketpair),
    ("ipc-channel", ipc_channel),
    ("outlive spsc, polled", spsc_polled),
    ("outlive spsc", spsc),
    ("outlive mpmc", mpmc_),
    ("outlive Queue", queue),
    ("outlive pipe", pipe),
];

impl Way {
    fn new<X, R>(
        run: crate::stream::Runner,
        sending: impl FnOnce() -> X + Send + 'static,
        receiving: impl FnOnce() -> R + Send + 'static,
    ) -> Self
    where
        X: Transmit<u64> + 'static,
        R: Receive<u64> + 'static,
    {
        Self {
            run,
            sending: Box::new(|| Box::new(sending())),
            receiving: Box::new(|| Box::new(receiving())),
        }
    }
}

fn segment() -> Segment {
    let options = SegmentOptions::new().size(4 << 20);
    options.anonymous().expect("a segment")
}

fn rtrb_polled() -> Way {
    let (sending, receiving) = rtrb::RingBuffer::<u64>::new(CAPACITY);
    Way::new(threads, || sending, || receiving)
}

fn iceoryx_polled() -> Way {
    let name = fresh();
    let other = name.clone();
    Way::new(
        processes,
        move || iceoryx::sending(&name),
        move || iceoryx::receiving(&other),
    )
}

fn socketpair() -> Way {
    let (reading, writing) = unix::socketpair();
    Way::new(processes, || unix::End(writing), || unix::End(reading))
}

fn ipc_channel() -> Way {
    let (sending, receiving) = ipc::channel::<u64>().expect("a channel");
    Way::new(processes, || sending, || receiving)
}

fn spsc_polled() -> Way {
    let queue = Spsc::<u64>::create(&segment(), "queue", CAPACITY).expect("a queue");
    let other = queue.clone();
    Way::new(
        processes,
        move || queue.producer().expect("the end is free"),
        move || other.consumer().expect("the end is free"),
    )
}

fn spsc() -> Way {
    use ours::spsc::Blocking;
    let queue = Spsc::<u64>::create(&segment(), "queue", CAPACITY).expect("a queue");
    let other = queue.clone();
    Way::new(
        processes,
        move || Blocking(queue.producer().expect("the end is free")),
        move || Blocking(other.consumer().expect("the end is free")),
    )
}

fn mpmc_() -> Way {
    let queue = mpmc::Blocking(mpmc::queue(CAPACITY));
    let other = queue.clone();
    Way::new(processes, || queue, || other)
}

fn queue() -> Way {
    use ours::queue::Blocking;
    let queue = Queue::create(&segment(), "queue", CAPACITY).expect("a queue");
    let other = queue.clone();
    Way::new(processes, || Blocking(queue), || Blocking(other))
}

fn pipe() -> Way {
    use ours::pipe::Blocking;
    let pipe = Pipe::<u64>::create(&segment(), "pipe", BYTES).expect("a pipe");
    let other = pipe.clone();
    Way::new(
        processes,
        move || Blocking(pipe.sender().expect("free")),
        move || Blocking(other.receiver().expect("free")),
    )
}
