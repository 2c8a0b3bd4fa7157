//! The only door to atomics: core's own, loom's, or core's with a crash point before each write.

#[cfg(not(any(loom, crash_points)))]
pub(crate) use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};
#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{Ordering, fence};

#[cfg(crash_points)]
pub(crate) use super::counted::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};

#[cfg(loom)]
pub(crate) use super::model::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// The cheap half of an asymmetric fence: free, because whoever runs the dear half
/// ([`crate::raw::Peers::fence_everywhere`]) makes it a full one on every processor. It only keeps
/// the compiler from moving a load over a store.
#[cfg(not(loom))]
#[inline(always)]
pub(crate) fn light_fence() {
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
}
/// As a full fence: loom knows no asymmetric one, and the two forbid the same outcomes.
#[cfg(loom)]
pub(crate) fn light_fence() {
    fence(Ordering::SeqCst);
}
