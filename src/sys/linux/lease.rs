//! Open-file-description locks on single bytes: the kernel's own word on who is alive.
//!
//! A byte locked through a description stays locked until the last descriptor of that description
//! closes, which for a close-on-exec descriptor that is never passed on means: until every thread
//! of the process has left user mode, or the process runs another program.

#![expect(
    unsafe_code,
    reason = "fcntl with F_OFD_* has no safe wrapper in rustix"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::sys::crash;

/// Waits for the right to make the segment behind `fd`; it ends when `fd` is closed.
pub(crate) fn take_for_making(fd: BorrowedFd<'_>) -> io::Result<()> {
    crash::point();
    let mut byte = lock_of(libc::F_WRLCK, MAKING, 1);
    loop {
        match fcntl(fd, libc::F_OFD_SETLKW, &mut byte) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Beyond every slot: the byte that is locked while a segment is made.
const MAKING: u32 = u32::MAX;

/// Where the lease bytes lie: far beyond the end of any segment, so that they never meet a lock
/// that somebody takes on its contents.
const BASE: i64 = 1 << 60;

/// Opens the file behind `fd` anew, with a description of its own that dies with this process or
/// with its next `exec`.
pub(crate) fn reopen(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    match rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
        Err(Errno::NOENT) => Err(io::Error::other("/proc is not mounted")),
        opened => Ok(opened?),
    }
}

/// Locks the byte of `slot`; `false` where another description has it.
pub(crate) fn try_take(fd: BorrowedFd<'_>, slot: u32) -> io::Result<bool> {
    try_lock(fd, &mut lock_of(libc::F_WRLCK, slot, 1))
}

/// Locks the bytes of the first `slots` slots in one step; `false`, and none of them locked, where
/// another description has any.
pub(crate) fn try_take_all(fd: BorrowedFd<'_>, slots: u32) -> io::Result<bool> {
    try_lock(fd, &mut lock_of(libc::F_WRLCK, 0, slots))
}

fn try_lock(fd: BorrowedFd<'_>, bytes: &mut libc::flock64) -> io::Result<bool> {
    crash::point();
    match fcntl(fd, libc::F_OFD_SETLK, bytes) {
        Ok(()) => Ok(true),
        Err(e) if matches!(e.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => Ok(false),
        Err(e) => Err(e),
    }
}

/// Unlocks the byte of `slot`.
pub(crate) fn give_up(fd: BorrowedFd<'_>, slot: u32) {
    crash::point();
    // Unlocking can fail only for want of memory to split a range; the lock then goes with the
    // description, which delays a reuse of the slot and nothing else.
    let _ = fcntl(fd, libc::F_OFD_SETLK, &mut lock_of(libc::F_UNLCK, slot, 1));
}

/// Whether another description than `fd`'s has the byte of `slot` locked.
pub(crate) fn is_taken(fd: BorrowedFd<'_>, slot: u32) -> io::Result<bool> {
    is_locked(fd, lock_of(libc::F_WRLCK, slot, 1))
}

/// Whether another description than `fd`'s has the byte of any of the first `slots` slots locked.
pub(crate) fn is_any_taken(fd: BorrowedFd<'_>, slots: u32) -> io::Result<bool> {
    is_locked(fd, lock_of(libc::F_WRLCK, 0, slots))
}

fn is_locked(fd: BorrowedFd<'_>, mut bytes: libc::flock64) -> io::Result<bool> {
    fcntl(fd, libc::F_OFD_GETLK, &mut bytes)?;
    Ok(i32::from(bytes.l_type) != libc::F_UNLCK)
}

fn lock_of(kind: i32, slot: u32, count: u32) -> libc::flock64 {
    libc::flock64 {
        l_type: kind.try_into().unwrap_or(0),
        l_whence: 0, // SEEK_SET
        l_start: BASE + i64::from(slot),
        l_len: count.into(),
        l_pid: 0, // must be zero for F_OFD_*
    }
}

fn fcntl(fd: BorrowedFd<'_>, command: i32, byte: &mut libc::flock64) -> io::Result<()> {
    // SAFETY: `fd` is open for the call, the command takes a `struct flock64 *`, and `byte` is one.
    let done = unsafe { libc::fcntl(fd.as_raw_fd(), command, core::ptr::from_mut(byte)) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
