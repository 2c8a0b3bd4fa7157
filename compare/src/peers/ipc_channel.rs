//! ipc-channel, which sends over sockets.

use ipc_channel::ipc::{self, IpcReceiver, IpcSender};

use crate::measure::Sample;
use crate::sides::processes;
use crate::stream::{self, Receive, Transmit};

impl Transmit<u64> for IpcSender<u64> {
    fn push(&mut self, from: &u64) -> bool {
        self.send(*from).is_ok()
    }
}

impl Receive<u64> for IpcReceiver<u64> {
    fn pop(&mut self, into: &mut u64) -> bool {
        *into = self.recv().expect("the sender lives");
        true
    }
}

/// Typed messages one by one.
pub fn stream<'a>(count: u64) -> Sample<'a> {
    Box::new(move || {
        let (sending, receiving) = ipc::channel::<u64>().map_err(|error| error.to_string())?;
        stream::one_way::<u64, _, _>(processes, || sending, || receiving, count)
    })
}

/// Messages of `len` bytes.
pub fn bytes<'a>(len: usize, count: u64) -> Sample<'a> {
    Box::new(move || {
        let (sending, receiving) = ipc::bytes_channel().map_err(|error| error.to_string())?;
        stream::custom(
            processes,
            || sending,
            || receiving,
            |end| {
                let message = vec![7; len];
                (0..count).for_each(|_| end.send(&message).expect("room"));
            },
            |end| {
                for _ in 0..count {
                    let got = end.recv().expect("the sender lives");
                    assert_eq!((got.len(), got[0], got[len - 1]), (len, 7, 7));
                }
            },
            count,
        )
    })
}
