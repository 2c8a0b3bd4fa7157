//! Queues that processes share: items that were put in whole come out whole, whoever dies.
//!
//! [`spsc`] has one producer and one consumer, and is the fastest way from one process to another.

mod error;
pub mod spsc;

pub use error::{PopError, PushError};
