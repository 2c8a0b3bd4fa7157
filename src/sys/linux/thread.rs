//! The threads of the process: numbers for each of them, and no signal for ours.

#![expect(unsafe_code, reason = "pthread_sigmask")]

use std::cell::Cell;
use std::ffi::{CString, OsStr};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::ptr;

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

/// The kernel's number of the calling thread, in its own process-id namespace.
pub(crate) fn id() -> u32 {
    rustix::thread::gettid()
        .as_raw_nonzero()
        .get()
        .cast_unsigned()
}

/// Whether process `pid` has one thread, where that can be known: those of this crate do not count.
pub(crate) fn is_alone(pid: u32) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else {
        return false;
    };
    let others = threads.flatten().filter(|thread| {
        // Its main thread is called as its program is, which may be anything.
        if thread.file_name().to_str() == Some(&pid.to_string()) {
            return true;
        }
        let name = std::fs::read_to_string(thread.path().join("comm"));
        name.is_ok_and(|name| !name.starts_with(OURS))
    });
    others.count() <= 1
}

/// Has the calling thread, and with the main one the process, shown under this name, or as much of it
/// as the kernel keeps: 15 bytes.
pub(crate) fn set_name(name: &OsStr) {
    if let Ok(name) = CString::new(name.as_bytes()) {
        // No more than a name.
        let _ = rustix::thread::set_name(&name);
    }
}

/// How the names of this crate's own threads begin.
const OURS: &str = "outlive-";

/// Leaves every signal to the application's own threads, and none to the calling one.
pub(crate) fn block_signals() {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigfillset` initialises the set that it is given.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: the set was initialised above; the old mask is not asked for.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), ptr::null_mut()) };
}
