//! Real processes through the public API. A child process is this binary again, in a role.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]
#![expect(clippy::disallowed_methods, reason = "tests of time may sleep")]
#![expect(unreachable_pub, reason = "a test program has no reach")]

mod adopted;
mod array;
mod barrier;
mod books;
mod child;
mod condition;
mod crowd;
mod deadlock;
mod deed;
mod event;
mod executor;
mod fork;
#[cfg(feature = "async")]
mod futures;
mod inspect;
mod joinable;
mod lock;
mod logging;
mod mpmc;
mod names;
mod pid_namespace;
mod pipe;
mod pool;
mod process;
mod queue;
#[cfg(feature = "raw_sync")]
mod raw_sync;
mod refusal;
#[cfg(feature = "remote")]
mod remote;
mod rlock;
mod rwlock;
mod segment;
mod semaphore;
mod socket;
mod spsc;
mod stale;
mod stopped;
mod system_calls;
mod tidy;
mod value;
mod wait;
mod words;
