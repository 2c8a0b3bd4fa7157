//! Sleeping in the kernel on words that processes share.

use std::sync::OnceLock;

use rustix::io::Errno;
use rustix::thread::futex::{self, Flags, Wait, WaitFlags, WaitPtr, WaitvFlags};
use rustix::time::Timespec;

use crate::sys::atomic::AtomicU32;
use crate::sys::crash;

/// What ended a sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// Somebody woke the first word, or it had changed before the sleep began.
    Word,
    /// Somebody woke, or the kernel marked, the word with this index (from 1).
    Other(usize),
    /// The time is up, or a signal came: look again.
    Time,
}

/// Most words that one sleep can watch, by the kernel's rule.
pub(crate) const MOST_WORDS: usize = 128;

/// Sleeps while `words[0].0` holds `words[0].1` and each other word its own value, until
/// `nanos` of `CLOCK_MONOTONIC`.
///
/// Where the kernel has no `futex_waitv` (before 5.16), only the first word is watched.
pub(crate) fn wait(words: &[(&AtomicU32, u32)], nanos: u64) -> Woken {
    let Some((first, rest)) = words.split_first() else {
        return Woken::Time;
    };
    let until = timespec(nanos);
    if rest.is_empty() || !has_waitv() {
        return wait_one(first.0, first.1, &until);
    }
    let mut waits = [Wait::new(); MOST_WORDS];
    let count = words.len().min(MOST_WORDS);
    for (wait, (word, value)) in waits.iter_mut().zip(words) {
        wait.val = (*value).into();
        wait.uaddr = WaitPtr::new(word.as_ptr().cast());
        wait.flags = WaitFlags::SIZE_U32;
    }
    match futex::waitv(
        &waits[..count],
        WaitvFlags::empty(),
        Some(&until),
        rustix::time::ClockId::Monotonic,
    ) {
        Ok(0) => Woken::Word,
        Ok(index) => Woken::Other(index),
        // The kernel does not say which of the words had changed.
        Err(Errno::AGAIN) => {
            let changed = |(word, value): &(&AtomicU32, u32)| {
                word.load(crate::sys::atomic::Ordering::Relaxed) != *value
            };
            match words.iter().position(changed) {
                None | Some(0) => Woken::Word,
                Some(index) => Woken::Other(index),
            }
        }
        Err(_) => Woken::Time,
    }
}

fn wait_one(word: &AtomicU32, expected: u32, until: &Timespec) -> Woken {
    let any = core::num::NonZeroU32::MAX;
    match futex::wait_bitset(as_core(word), Flags::empty(), expected, Some(until), any) {
        Ok(()) | Err(Errno::AGAIN) => Woken::Word,
        Err(_) => Woken::Time,
    }
}

/// Wakes at most `count` sleepers of `word`; returns how many woke.
pub(crate) fn wake(word: &AtomicU32, count: u32) -> u32 {
    crash::point();
    // The kernel takes an `int`.
    let count = count.min(i32::MAX.unsigned_abs());
    futex::wake(as_core(word), Flags::empty(), count)
        .ok()
        .and_then(|woken| u32::try_from(woken).ok())
        .unwrap_or(0)
}

fn has_waitv() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    // An empty list is EINVAL where the call exists and ENOSYS where it does not.
    *HAS.get_or_init(|| {
        futex::waitv(
            &[],
            WaitvFlags::empty(),
            None,
            rustix::time::ClockId::Monotonic,
        ) != Err(Errno::NOSYS)
    })
}

fn timespec(nanos: u64) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: (nanos % 1_000_000_000).try_into().unwrap_or(0),
    }
}

#[cfg(not(crash_points))]
fn as_core(word: &AtomicU32) -> &AtomicU32 {
    word
}

#[cfg(crash_points)]
#[expect(unsafe_code, reason = "a view of the same word under its core type")]
fn as_core(word: &AtomicU32) -> &core::sync::atomic::AtomicU32 {
    // SAFETY: the counted type is `repr(transparent)` over the core one, the pointer comes from a
    // reference that lives as long as the result, and all accesses stay atomic.
    unsafe { core::sync::atomic::AtomicU32::from_ptr(word.as_ptr()) }
}
