//! Spinning: how long it pays to poll before the kernel is asked to wait.

/// Polls of a word before a waiter goes to sleep.
///
/// Some microseconds: longer than a short critical section, shorter than a sleep and a wake. Zero
/// under loom, where a poll is only one more interleaving.
#[cfg(not(loom))]
pub(crate) const SPINS: u32 = 100;
#[cfg(loom)]
pub(crate) const SPINS: u32 = 0;

/// Leaves the cache line to its writer for a moment.
#[inline(always)]
pub(crate) fn spin() {
    #[cfg(not(loom))]
    core::hint::spin_loop();
    #[cfg(loom)]
    loom::thread::yield_now();
}
