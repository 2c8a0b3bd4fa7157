//! Locks and what else orders work between processes.

mod bounded_semaphore;
mod died;
mod lock;
mod permit;
mod rlock;
mod semaphore;

pub(crate) use died::Marked;
pub use bounded_semaphore::BoundedSemaphore;
pub use died::{LockError, OwnerDied};
pub(crate) use lock::after_death;
pub use lock::{Lock, LockGuard};
pub use permit::{AcquireError, Acquired, Permit};
pub use rlock::{RLock, RLockGuard};
pub use semaphore::Semaphore;
