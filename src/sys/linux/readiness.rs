//! Sleeping until descriptors are ready. The kernel says when the other end is gone, or a process has
//! ended, so these sleeps need no slices.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::sys::clock::{Deadline, monotonic_nanos};

/// What to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ready {
    /// Something, or the end, which is also that of a process.
    ToReceive,
    /// Room, or nobody to make it.
    ToSend,
}

/// Sleeps until `fd` is ready, or the time has come: then `false`.
pub(crate) fn wait(fd: BorrowedFd<'_>, ready: Ready, deadline: Deadline) -> io::Result<bool> {
    sleep(&mut [polled(fd, ready)], deadline)
}

/// As [`wait`], until one of several is ready.
#[cfg(feature = "remote")]
pub(crate) fn wait_for_any(
    fds: &[(BorrowedFd<'_>, Ready)],
    deadline: Deadline,
) -> io::Result<bool> {
    let fds = fds.iter().map(|(fd, ready)| polled(*fd, *ready));
    let mut fds: Vec<_> = fds.collect();
    sleep(&mut fds, deadline)
}

/// Sleeps until one of `fds` is ready to receive from; says which, or nothing when the time has come.
pub(crate) fn which(fds: &[BorrowedFd<'_>], deadline: Deadline) -> io::Result<Vec<usize>> {
    let fds = fds.iter().map(|fd| polled(*fd, Ready::ToReceive));
    let mut fds: Vec<_> = fds.collect();
    sleep(&mut fds, deadline)?;
    let ready = (0..).zip(&fds).filter(|(_, fd)| !fd.revents().is_empty());
    Ok(ready.map(|(at, _)| at).collect())
}

/// Whether there is something to receive from `fd` now, or its end.
pub(crate) fn is_ready(fd: impl AsFd) -> io::Result<bool> {
    wait(
        fd.as_fd(),
        Ready::ToReceive,
        Deadline::after(Duration::ZERO),
    )
}

/// Sleeps.
pub(crate) fn rest(limit: Duration) {
    // Nothing else can end it.
    let _ = sleep(&mut [], Deadline::after(limit));
}

fn polled(fd: BorrowedFd<'_>, ready: Ready) -> PollFd<'_> {
    let events = match ready {
        Ready::ToReceive => PollFlags::IN,
        Ready::ToSend => PollFlags::OUT,
    };
    PollFd::from_borrowed_fd(fd, events)
}

fn sleep(fds: &mut [PollFd<'_>], deadline: Deadline) -> io::Result<bool> {
    loop {
        let left = deadline.nanos().map(|at| {
            let left = at.saturating_sub(monotonic_nanos());
            Timespec {
                tv_sec: i64::try_from(left / 1_000_000_000).unwrap_or(i64::MAX),
                tv_nsec: i64::try_from(left % 1_000_000_000).unwrap_or(0),
            }
        });
        match poll(fds, left.as_ref()) {
            Ok(0) | Err(Errno::INTR) if deadline.is_past() => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(e) => return Err(e.into()),
        }
    }
}
