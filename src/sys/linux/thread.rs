//! A number for each thread of the process.

use std::cell::Cell;
use std::num::NonZeroU64;

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

/// While it lives, the kernel ends the sleeps of this thread on time; by default it adds up to
/// 50 us to each.
#[derive(Debug)]
pub(crate) struct ExactSleep {
    /// What it was before; `None` where the kernel would not say.
    slack: Option<NonZeroU64>,
}

impl ExactSleep {
    pub(crate) fn begin() -> Self {
        let slack = rustix::thread::current_timer_slack()
            .ok()
            .and_then(NonZeroU64::new);
        if slack.is_some() {
            // Only an accelerator.
            let _ = rustix::thread::set_current_timer_slack(Some(NonZeroU64::MIN));
        }
        Self { slack }
    }
}

impl Drop for ExactSleep {
    fn drop(&mut self) {
        if self.slack.is_some() {
            let _ = rustix::thread::set_current_timer_slack(self.slack);
        }
    }
}
