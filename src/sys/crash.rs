//! Crash points: the places where a death would be seen by others.
//!
//! [`point`] stands before every shared write. In an ordinary build it is nothing; in a
//! `crash_points` build the process kills itself with SIGKILL at the k-th one; under loom the
//! modelled process stops there for ever.

/// Marks the instant before something becomes visible to other processes.
#[cfg(not(any(loom, crash_points)))]
#[inline(always)]
pub(crate) fn point() {}

#[cfg(crash_points)]
pub(crate) use super::counted::point;
#[cfg(loom)]
pub(crate) use super::model::death::point;

/// How many of the next `len` bytes a raw copy takes before the next crash point.
#[cfg(not(any(loom, crash_points)))]
#[inline(always)]
pub(crate) fn piece(len: usize) -> usize {
    len
}
#[cfg(crash_points)]
pub(crate) fn piece(len: usize) -> usize {
    len.min(16)
}
