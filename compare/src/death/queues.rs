//! The queues of the matrix.

use std::cell::RefCell;

use ipc_channel::ipc;
use outlive::queue::messages::Raw;
use outlive::queue::mpmc::Mpmc;
use outlive::queue::pipe::Pipe;
use outlive::queue::spsc::Spsc;
use outlive::{Queue, SegmentOptions};

use super::Limits;
use super::ends::{Blocking, Channel, Ends, Files, Fixed, Iceoryx};
use super::queued::{Peer, Side, asleep_consumer, at_any_instant};
use crate::measure::now;
use crate::peers::{messages, unix};
use crate::table::Table;

const SMALL: usize = size_of::<Fixed>();
/// More than the kernel writes into a pipe at once; of streams with such items each end is one
/// process's, for two writers would mix them without any death.
const LARGE: usize = 100 << 10;
/// Small items that lie in a queue at most.
const CAPACITY: usize = 64;

type New = fn() -> Result<Box<dyn Ends>, String>;

pub fn measure(limits: &Limits, table: &mut Table) {
    let peers: [(&str, usize, bool, New); 12] = [
        ("Unix pipe, 256 B", SMALL, true, || {
            let (reading, writing) = unix::pipe();
            Ok(Box::new(Files(reading, writing)))
        }),
        ("Unix pipe, 100 KiB", LARGE, false, || {
            let (reading, writing) = unix::pipe();
            Ok(Box::new(Files(reading, writing)))
        }),
        ("socketpair, 256 B", SMALL, true, || {
            let (reading, writing) = unix::socketpair();
            Ok(Box::new(Files(reading, writing)))
        }),
        ("socketpair, 100 KiB", LARGE, false, || {
            let (reading, writing) = unix::socketpair();
            Ok(Box::new(Files(reading, writing)))
        }),
        ("POSIX mq", SMALL, true, || {
            Ok(Box::new(Blocking(messages::mq(SMALL)?)))
        }),
        ("boost message_queue", SMALL, true, || {
            Ok(Box::new(Blocking(messages::boost(CAPACITY)(SMALL)?)))
        }),
        ("ipc-channel", SMALL, false, || {
            let (sending, receiving) = ipc::bytes_channel().map_err(|e| e.to_string())?;
            Ok(Box::new(Channel(sending, RefCell::new(receiving))))
        }),
        ("iceoryx2", SMALL, false, || {
            let name = format!("outlive-compare-{}-{}", std::process::id(), now());
            Ok(Box::new(Iceoryx(name)))
        }),
        ("outlive spsc", SMALL, false, || {
            boxed(Spsc::<Fixed>::new(CAPACITY))
        }),
        ("outlive mpmc", SMALL, true, || {
            boxed(Mpmc::<Fixed>::new(CAPACITY))
        }),
        ("outlive Queue, 100 KiB", LARGE, true, || {
            let segment = SegmentOptions::new().size(8 << 20).anonymous();
            let segment = segment.map_err(|error| error.to_string())?;
            let options = Queue::options(16).bytes(16 * (LARGE + 64)).codec::<Raw>();
            boxed(options.create(&segment, "queue"))
        }),
        ("outlive pipe, 100 KiB", LARGE, false, || {
            boxed(Pipe::<()>::new(1 << 20))
        }),
    ];
    for (name, len, many, new) in peers {
        eprintln!("killing users of {name}");
        let new = &new;
        let peer = Peer { new, len, many };
        for (situation, outcome) in [
            (
                "producer killed at any instant",
                at_any_instant(limits, &peer, Side::Producer),
            ),
            (
                "consumer killed at any instant",
                at_any_instant(limits, &peer, Side::Consumer),
            ),
            ("waiter killed asleep", asleep_consumer(limits, &peer, true)),
            (
                "waiter killed as it is woken",
                asleep_consumer(limits, &peer, false),
            ),
        ] {
            table.outcome(situation, name, outcome.map(|outcome| outcome.text()));
        }
    }
}

fn boxed<Q: Ends + 'static>(queue: outlive::Result<Q>) -> Result<Box<dyn Ends>, String> {
    match queue {
        Ok(queue) => Ok(Box::new(queue)),
        Err(error) => Err(error.to_string()),
    }
}
