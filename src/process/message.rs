//! The messages between a process, its server and its workers.

use std::ffi::OsString;

use serde::{Deserialize, Serialize};

use super::exit::Exit;
use super::function::Function;
use super::limit::Limit;
use super::panicked::Panicked;

/// To the server.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Request {
    /// Fork a worker that waits for its order.
    Fork,
    /// Whatever is left of this worker's descendants is to go with it.
    KillTree(u32),
}

/// From the server.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Answer {
    /// It is there, and serves this program.
    Ready(u64),
    /// The number of the worker, with its descriptor, and the end of the line to it.
    Forked(u32),
    /// The number of the system's error.
    Refused(i32),
}

/// To a worker, once, or twice where it is executed in between.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Call {
    /// Execute the program, and wait for the order again.
    Execute,
    /// With the encoded argument.
    Begin(Box<Order>),
}

/// What a worker is to be and to do.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) function: Function,
    pub(super) life: Life,
    /// Descriptors that came with it, in this order: those of the streams, of the working directory,
    /// of the parent, of segments, and of the argument.
    pub(super) streams: [Stream; 3],
    pub(super) has_folder: bool,
    pub(super) segments: Vec<SegmentInfo>,
}

/// What a worker's standard stream is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Stream {
    Null,
    /// A descriptor that came with the order.
    Sent,
}

/// A segment whose descriptor came with an order.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct SegmentInfo {
    pub(super) id: [u64; 2],
    pub(super) is_home: bool,
}

/// Who a worker is, and what surrounds it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Life {
    pub(super) name: String,
    /// The counters of its line, from the main process down.
    pub(super) line: Vec<u32>,
    pub(super) parent: (u32, String),
    pub(super) is_daemon: bool,
    /// `None` for that of the server.
    pub(super) environment: Option<Environment>,
    pub(super) affinity: Option<Vec<usize>>,
    pub(super) limits: Vec<Limit>,
    pub(super) umask: u32,
    /// Where its records go; `None` where nothing is logged.
    pub(super) log: Option<Vec<u8>>,
}

/// Names and values, sorted.
pub(super) type Environment = Vec<(OsString, OsString)>;

/// From a worker, and at last from its server.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// With the encoded result.
    Returned,
    Panicked(Panicked),
    /// The call could not be made, or its result not be sent.
    Failed(String),
    /// It has ended.
    Ended(Exit),
}
