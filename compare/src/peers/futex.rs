//! The bare system call.

use std::sync::atomic::{AtomicU32, Ordering};

/// Sleeps while the word holds `expected`.
pub fn wait(word: &AtomicU32, expected: u32) {
    let no_time = std::ptr::null::<libc::timespec>();
    // SAFETY: the word is valid for the call, which reads it and nothing else.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            expected,
            no_time,
        )
    };
}

/// Wakes one sleeper; returns how many woke.
pub fn wake(word: &AtomicU32) -> i64 {
    // SAFETY: the word is valid for the call, which does not read it.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) }
}

/// Sleeps until the word is something else than `expected`.
pub fn wait_until_not(word: &AtomicU32, expected: u32) {
    while word.load(Ordering::Acquire) == expected {
        wait(word, expected);
    }
}
