//! A number for each thread of the process.

use std::cell::Cell;

use crate::sys::atomic::Ordering;

static NEXT: core::sync::atomic::AtomicU32 = core::sync::atomic::AtomicU32::new(1);

thread_local! {
    static NUMBER: Cell<u32> = const { Cell::new(0) };
}

/// The calling thread's number; never used again while the process lives, up to 2^32 threads.
#[inline]
pub(crate) fn number() -> u32 {
    match NUMBER.get() {
        0 => first_number(),
        number => number,
    }
}

#[cold]
fn first_number() -> u32 {
    // Relaxed: only that no two are the same.
    let number = NEXT.fetch_add(1, Ordering::Relaxed).max(1);
    NUMBER.set(number);
    number
}
