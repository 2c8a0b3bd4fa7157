//! A number for each thread of the process.

use crate::sys::atomic::Ordering;

#[expect(clippy::disallowed_types, reason = "private to the process: not modelled, not counted")]
static NEXT: core::sync::atomic::AtomicU32 = core::sync::atomic::AtomicU32::new(1);

thread_local! {
    static NUMBER: u32 = NEXT.fetch_add(1, Ordering::Relaxed);
}

/// The calling thread's number; never used again while the process lives, up to 2^32 threads.
#[inline]
pub(crate) fn number() -> u32 {
    NUMBER.with(|number| *number)
}
