//! outlive
#[cfg(not(target_os = "linux"))]
compile_error!("outlive runs on Linux only");

#[cfg(not(loom))]
mod error;
#[cfg(all(test, loom))]
mod models;
#[cfg(not(loom))]
pub mod queue;
mod raw;
#[cfg(not(loom))]
pub mod segment;
#[cfg(not(loom))]
pub mod shared;
#[cfg(not(loom))]
pub mod sync;
mod sys;

#[cfg(not(loom))]
pub use crate::error::{Error, ErrorKind, Result};
#[cfg(not(loom))]
pub use crate::segment::{Segment, SegmentOptions};
#[cfg(not(loom))]
pub use crate::shared::{Array, AtomicArray, Value};
#[cfg(not(loom))]
pub use crate::sync::{BoundedSemaphore, Lock, RLock, Semaphore};

/// For this crate's own crash tests: deaths at a chosen shared write.
#[cfg(crash_points)]
#[doc(hidden)]
pub mod crash_points {
    pub use crate::sys::{arm, disarm};
}
