//! The table of descriptors of a process that has just begun.

#![expect(
    unsafe_code,
    reason = "descriptors that a process owns because nobody else is there yet"
)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

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

/// Lets the program that is executed next have the descriptor.
pub(crate) fn keep_on_exec(fd: &OwnedFd) -> io::Result<()> {
    Ok(fcntl_setfd(fd, FdFlags::empty())?)
}

/// Makes `fd` a standard stream: input, output or error.
pub(crate) fn set_stream(stream: usize, fd: OwnedFd) -> io::Result<()> {
    match stream {
        0 => dup2_stdin(fd)?,
        1 => dup2_stdout(fd)?,
        _ => dup2_stderr(fd)?,
    }
    Ok(())
}

/// What reads as nothing and swallows all.
pub(crate) fn null() -> io::Result<OwnedFd> {
    let access = OFlags::RDWR | OFlags::CLOEXEC;
    Ok(rustix::fs::open("/dev/null", access, Mode::empty())?)
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
