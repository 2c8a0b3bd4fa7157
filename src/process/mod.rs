//! Processes that run a function of this program.
//!
//! [`Process::spawn`] calls a function in a new process, which has nothing in common with the caller
//! but what travels in its argument: values, by serde, and handles of this crate's objects, which
//! are then the same objects. The process dies with its parent, whatever ends that.
//!
//! # How a process is started
//!
//! The first start executes this program anew as a small *fork server*: before its `main` begins,
//! a constructor of this crate sees that it was started as one. Every process is forked from that
//! server, which has one thread and no memory to speak of, so the caller's threads and heap do not
//! matter. Where a process is to have an address space of its own, [`Method::Execute`] has the server
//! execute the program once more. Programs built without the feature `constructor` call [`init`]
//! first thing in `main`.

#[cfg(feature = "backtrace")]
mod backtrace;
mod builder;
mod child;
mod children;
mod closing;
mod current;
mod entry;
mod error;
mod execution;
pub mod executor;
mod exit;
mod fork;
mod function;
mod letter;
mod limit;
pub mod logging;
mod message;
mod panicked;
pub mod pool;
#[expect(
    clippy::module_inception,
    reason = "the noun of the module is its main type"
)]
mod process;
mod server;
mod sleep;
mod stream;
mod supervisor;
mod surroundings;
mod tree;
mod wait;
mod worker;

#[cfg(feature = "backtrace")]
pub use backtrace::Backtrace;
pub use builder::{Builder, Method};
pub use child::Child;
pub use children::active_children;
pub use current::{Current, Parent, current, parallelism};
pub use entry::init;
pub use error::JoinError;
pub use exit::Exit;
pub use limit::Resource;
pub use panicked::Panicked;
pub use process::Process;
pub use stream::Stream;
