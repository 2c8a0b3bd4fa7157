//! The table of descriptors of a process that has just been forked, and the fork itself.

#![expect(
    unsafe_code,
    reason = "fork, and descriptors that a forked process owns by being alone"
)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use rustix::process::Pid;

/// Which of the two a process is after a fork.
#[derive(Debug)]
pub(crate) enum Fork {
    Parent(Pid),
    Child,
}

/// Forks.
///
/// # Safety
///
/// The process has one thread; or the child does only what is safe in a signal handler, or what the
/// caller's caller has vouched for.
pub(crate) unsafe fn fork() -> io::Result<Fork> {
    // SAFETY: the caller's promise.
    match unsafe { libc::fork() } {
        0 => Ok(Fork::Child),
        pid => Pid::from_raw(pid)
            .filter(|_| pid > 0)
            .map(Fork::Parent)
            .ok_or_else(io::Error::last_os_error),
    }
}

/// The lowest number after the standard streams.
const FIRST: RawFd = 3;

/// Closes every descriptor but the standard streams and `kept`, which gets the number 3.
///
/// # Safety
///
/// Nothing that owns any other descriptor is ever used again, or dropped.
pub(crate) unsafe fn keep_only(kept: OwnedFd) -> io::Result<OwnedFd> {
    if kept.as_raw_fd() != FIRST {
        // SAFETY: takes the number from whatever had it, which is never used again.
        if unsafe { libc::dup3(kept.as_raw_fd(), FIRST, libc::O_CLOEXEC) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    // Closed with all others, or given out again below.
    let _ = kept.into_raw_fd();
    // SAFETY: as above. By number, since not every C library has the function.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, FIRST + 1, libc::c_uint::MAX, 0) };
    if closed != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: open, and owned by nobody: the former owner was forgotten.
    Ok(unsafe { OwnedFd::from_raw_fd(FIRST) })
}

/// The descriptor 3, which an executed program was given.
///
/// # Safety
///
/// Nobody else owns it: at the start of a program, once.
pub(crate) unsafe fn given() -> OwnedFd {
    // SAFETY: the caller's promise.
    unsafe { OwnedFd::from_raw_fd(FIRST) }
}
