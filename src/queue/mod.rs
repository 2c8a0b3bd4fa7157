//! Queues that processes share: items that were put in whole come out whole, whoever dies.
//!
//! [`spsc`] has one producer and one consumer, and is the fastest way from one process to another.
//! [`mpmc`] has as many of both as there are handles. Both carry plain data of one size; [`messages`]
//! carries anything that serde can write, of any length, among many, and [`pipe`] between two, to
//! and fro; over a [`socket`] messages carry descriptors too. [`wait()`] waits for several ends at
//! once.

mod berth;
mod error;
pub(crate) mod message;
pub mod messages;
pub mod mpmc;
pub(crate) mod patience;
pub mod pipe;
pub mod socket;
pub mod spsc;
pub(crate) mod wait;
mod watch;

pub use error::{GetError, PopError, PushError, PutError};
pub use wait::{Waitable, try_wait, wait, wait_deadline, wait_timeout};
