//! Locks and what else orders work between processes.

mod died;
mod lock;
mod rlock;

pub(crate) use died::Marked;
pub use died::{LockError, OwnerDied};
pub(crate) use lock::after_death;
pub use lock::{Lock, LockGuard};
pub use rlock::{RLock, RLockGuard};
