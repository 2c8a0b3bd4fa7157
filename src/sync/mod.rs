//! Locks and what else orders work between processes.

mod died;
mod lock;
mod rlock;

pub use died::{LockError, OwnerDied};
pub use lock::{Lock, LockGuard};
pub use rlock::{RLock, RLockGuard};
