//! Locks, semaphores, values, arrays and queues in shared memory, for processes that may be killed.
//!
//! Any process may be SIGKILLed at any instant, and the others go on, with nothing lost that was
//! finished and nothing torn that was not.
//!
//! # Which one
//!
//! The first that fits, as what comes first asks less of its user after a death. Tasks to be done:
//! [`Pool`]. A function elsewhere: [`Process`]. Work handed from many to many: [`Queue`], and
//! [`JoinableQueue`] to know when all is done; messages between two: [`pipe`]. A number or a struct:
//! [`Value`]. A table: [`Array`], of counters [`AtomicArray`]. Something outside that only one may
//! touch: [`Lock`]. The folder `docs/guide` has more on that, on programs that survive, and on testing
//! them with kills.
//!
//! # Where objects live
//!
//! In a [`Segment`]: a piece of shared memory that any number of processes have open. It has a name
//! ([`Segment::create`], [`Segment::open`]), or is passed on as a descriptor ([`Segment::anonymous`],
//! [`Segment::try_clone_fd`], [`Segment::from_fd`]). An object in it is created and opened by its own
//! name, or its handle is sent to another process as a few bytes, with serde. Objects made with `new`
//! are in the [home](Segment::home) of the process and its children.
//!
//! | | | after a death |
//! |---|---|---|
//! | [`Lock`], [`RLock`] | mutual exclusion | the next owner gets [`OwnerDied`](sync::OwnerDied), with the guard |
//! | [`RwLock`] | many readers or one writer | readers are gone; after a writer [`OwnerDied`](sync::OwnerDied), with the guard |
//! | [`Semaphore`], [`BoundedSemaphore`] | permits | they come back |
//! | [`Event`] | a flag to wait for | it is set or not; nobody is held up |
//! | [`Barrier`] | parties that go on together | it breaks, for all of them |
//! | [`Condition`] | waiting for a change | its notification goes to another waiter |
//! | [`Value`] | one value | an unfinished update never happened |
//! | [`Array`] | many, under a lock | [`OwnerDied`](sync::OwnerDied); [`Array::update`] is all or nothing |
//! | [`AtomicArray`] | integers without a lock | nothing to see |
//! | [`Process`] | a function in a process of its own | how it ended is told, and what it held is the others' |
//! | [`Pool`] | tasks for worker processes | the task that the dead one held fails, or is done again |
//! | [`Executor`] | the same, with futures | the same: one future fails |
//! | [`log_to_stderr`] | what all processes log, in one place | it has been said to the last word |
//! | `remote` (a feature) | messages and objects over sockets, for who has the key | the other end is told; what was taken and not dealt with, delivered again |
//! | [`queue::spsc`] | items, from one to one | published items stay, the other end is told |
//! | [`Queue`] | messages, from many to many | whole or never; taken and not dealt with, delivered again |
//! | [`JoinableQueue`] | the same, and waiting until all are dealt with | nobody waits for the dead |
//! | [`queue::pipe`] | messages, to and fro | what was sent arrives whole, then the other end is told |
//! | [`queue::socket`] | messages with descriptors, to and fro | the same, and what came in vain is closed |
//! | [`queue::mpmc`] | items, from many to many | each is delivered, and once more at the most |
//!
//! # Waiting
//!
//! What waits has four forms: plain, `try_`, `_timeout` with a [`Duration`](std::time::Duration),
//! `_deadline` with an [`Instant`](std::time::Instant). A process that is stopped or slow is not
//! dead: what it holds stays held, and the timed forms are for that.
//!
//! # Examples
//!
//! ```
//! use outlive::{Lock, Segment, Value};
//!
//! let segment = Segment::anonymous()?;
//! let total = Value::create(&segment, "total", [0_u64; 2])?;
//! total.update(|[count, sum]| {
//!     *count += 1;
//!     *sum += 17;
//! })?;
//!
//! // In another process, which has the same segment open:
//! let total = Value::<[u64; 2]>::open(&segment, "total")?;
//! assert_eq!(total.get()?, [1, 17]);
//!
//! // Whoever dies with the lock, the next one gets it, and is told.
//! let lock = Lock::create(&segment, "lock")?;
//! let guard = lock.lock().or_else(|e| e.repair(|_| { /* make the data whole */ }))?;
//! # drop(guard);
//! # Ok::<(), outlive::Error>(())
//! ```
//!
//! `examples/survive_a_kill.rs` shows a real death. What is promised and what is not is in the
//! README; every type says under *If a process dies* what that means for it.
//!
//! # Features
//!
//! `async`: the waiting operations as futures, for any executor: `get_async`, `lock_async` and
//! others. The module `futures` tells all of it.
//!
//! `backtrace`: a panic in another process brings its backtrace along
//! (`process::Panicked::backtrace`).
//!
//! `cli`: the command `outlive`, which shows what is in segments and what is wrong with them; it is made
//! of the module [`inspect`].
//!
//! `constructor`, on by default: [`Process`] and [`Pool`] need no call in `main`; without it
//! [`process::init`] is the first one.
//!
//! `msgpack`: the codec `MsgPack` of [`Queue`], for types that postcard cannot carry.
//!
//! `raw_sync`: [`Event`] has the traits of the crate of that name, also in memory that is no
//! segment: see the module `sync::raw_sync`.
//!
//! `remote`: messages, queues, values and maps over TCP and Unix sockets, for processes that have the
//! key, on this machine or another. The module `remote` tells all of it.
//!
//! `shared_memory`: [`SegmentOptions`] can adopt mappings that the crate of that name made.

#![cfg_attr(
    loom,
    expect(
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "without the handles over it, not all of a protocol is used"
    )
)]

#[cfg(not(target_os = "linux"))]
compile_error!("outlive runs on Linux only");

#[cfg(not(loom))]
mod error;
#[cfg(all(feature = "async", not(loom)))]
pub mod futures;
#[cfg(not(loom))]
pub mod inspect;
#[cfg(all(test, loom))]
mod models;
#[cfg(not(loom))]
pub mod process;
#[cfg(not(loom))]
pub mod queue;
mod raw;
#[cfg(all(feature = "remote", not(loom)))]
pub mod remote;
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
pub use crate::process::Process;
#[cfg(not(loom))]
pub use crate::process::executor::Executor;
#[cfg(not(loom))]
pub use crate::process::logging::{get_logger, log_to_stderr};
#[cfg(not(loom))]
pub use crate::process::pool::Pool;
#[cfg(not(loom))]
pub use crate::queue::messages::{JoinableQueue, Queue};
#[cfg(not(loom))]
pub use crate::queue::pipe::pipe;
#[cfg(not(loom))]
pub use crate::segment::{Segment, SegmentOptions};
#[cfg(not(loom))]
pub use crate::shared::{Array, AtomicArray, Value};
#[cfg(not(loom))]
pub use crate::sync::{
    Barrier, BoundedSemaphore, Condition, Event, Lock, RLock, RwLock, Semaphore,
};

/// For this crate's own crash tests: deaths and stops at a chosen shared write.
#[cfg(crash_points)]
#[doc(hidden)]
pub mod crash_points {
    pub use crate::sys::{arm, arm_stop, disarm};
}

/// The README's example, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

/// The tutorial's programs, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../docs/tutorial.md")]
pub struct Tutorial;

/// The guides' programs, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../docs/guide/choosing.md")]
#[doc = include_str!("../docs/guide/designing-for-death.md")]
#[doc = include_str!("../docs/guide/testing-with-kills.md")]
#[doc = include_str!("../docs/guide/containers.md")]
#[doc = include_str!("../docs/guide/real-time.md")]
#[doc = include_str!("../docs/guide/from-python.md")]
#[doc = include_str!("../docs/guide/from-shared-memory.md")]
#[doc = include_str!("../docs/guide/from-iceoryx-ipc-channel.md")]
pub struct Guides;
