//! Locks and what else orders work between processes.
//!
//! [`Lock`] and [`RLock`] let one process in at a time, and the second lets its thread in again. An
//! [`RwLock`] lets in any number of readers, or one writer. A [`Semaphore`] lets in as many as it
//! has permits; a [`BoundedSemaphore`] never gets more of them than it began with. What protects
//! data that a death can leave half changed says so: the next owner of a lock gets [`OwnerDied`],
//! with the guard inside. Permits protect nothing in particular and simply come back. An [`Event`]
//! lets processes wait for something to be so, a [`Barrier`] for each other. A [`Condition`] lets
//! whoever holds a lock give it up until somebody says that something has changed.

mod barrier;
mod bounded_semaphore;
mod broken;
mod condition;
mod died;
mod event;
mod lock;
mod permit;
#[cfg(feature = "raw_sync")]
pub mod raw_sync;
mod rlock;
mod rwlock;
mod semaphore;

pub use barrier::{Barrier, BarrierWait};
pub use bounded_semaphore::BoundedSemaphore;
pub use broken::BarrierError;
pub use condition::{Condition, Timed, Wake};
pub use died::{LockError, OwnerDied};
pub(crate) use died::{Marked, deadlock};
pub use event::Event;
pub(crate) use lock::after_death;
pub use lock::{Lock, LockGuard};
pub use permit::{AcquireError, Acquired, Permit};
pub use rlock::{RLock, RLockGuard};
pub use rwlock::{ReadGuard, RwLock, WriteGuard};
pub use semaphore::Semaphore;
