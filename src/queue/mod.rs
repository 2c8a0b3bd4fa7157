//! Queues that processes share: items that were put in whole come out whole, whoever dies.
//!
//! [`spsc`] has one producer and one consumer, and is the fastest way from one process to another.
//! [`mpmc`] has as many of both as there are handles.

mod error;
pub mod mpmc;
pub mod spsc;

pub use error::{GetError, PopError, PushError, PutError};
