//! The only door to atomics: core's own, loom's, or core's with a crash point before each write.

#[cfg(not(any(loom, crash_points)))]
pub(crate) use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};
#[cfg(not(loom))]
pub(crate) use core::sync::atomic::{Ordering, fence};

#[cfg(crash_points)]
pub(crate) use super::counted::{AtomicU8, AtomicU16, AtomicU32, AtomicU64};

#[cfg(loom)]
pub(crate) use super::model::atomic::{AtomicU32, AtomicU64, Ordering, fence};
