//! Processes by descriptor: a name that never becomes another's.

#![expect(
    unsafe_code,
    reason = "a question to the kernel that rustix does not have"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process, pidfd_open, pidfd_send_signal,
    waitid,
};

/// The process that now has this number.
pub(crate) fn open(pid: Pid) -> io::Result<OwnedFd> {
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Sends a signal; `false` where the process is no more.
pub(crate) fn signal(process: impl AsFd, signal: Signal) -> io::Result<bool> {
    match pidfd_send_signal(&process, signal) {
        Ok(()) => Ok(true),
        Err(Errno::SRCH) => Ok(false),
        // A container's filter that does not know the call, and knows the old one.
        Err(Errno::PERM | Errno::NOSYS) => signal_by_number(process, signal),
        Err(error) => Err(error.into()),
    }
}

/// The same through its number, which may just have become another's.
fn signal_by_number(process: impl AsFd, signal: Signal) -> io::Result<bool> {
    let fd = process.as_fd().as_raw_fd();
    let facts = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}"))?;
    let number = facts.lines().find_map(|line| line.strip_prefix("Pid:"));
    // -1 when it has been reaped, 0 in a process-id namespace that does not see it.
    let number = number.and_then(|number| number.trim().parse().ok());
    let number = number.filter(|number: &i32| *number > 0);
    match number
        .and_then(Pid::from_raw)
        .map(|pid| kill_process(pid, signal))
    {
        Some(Ok(())) => Ok(true),
        None | Some(Err(Errno::SRCH)) => Ok(false),
        Some(Err(error)) => Err(error.into()),
    }
}

/// Waits for a child, and reaps it; its status, as `wait` would have it. `None` where somebody else has
/// reaped it, or the system does, because this process ignores SIGCHLD.
pub(crate) fn reap(process: impl AsFd) -> Option<i32> {
    let ended = loop {
        match waitid(WaitId::PidFd(process.as_fd()), WaitIdOptions::EXITED) {
            Err(Errno::INTR) => {}
            ended => break ended.ok()??,
        }
    };
    match (ended.exit_status(), ended.terminating_signal()) {
        (Some(code), _) => Some((code & 0xff) << 8),
        (None, signal) => signal,
    }
}

/// How a process that is not this one's child ended, as `wait` would have it; `None` while it has not
/// been reaped, and before Linux 6.15.
pub(crate) fn wait_status(process: impl AsFd) -> Option<i32> {
    /// As the kernel has it.
    #[repr(C)]
    #[derive(Default)]
    struct Info {
        mask: u64,
        cgroup: u64,
        ids: [u32; 11],
        exit_code: i32,
    }
    const EXIT: u64 = 1 << 3;
    let ask = rustix::ioctl::opcode::read_write::<Info>(0xff, 11);
    let mut info = Info {
        mask: EXIT,
        ..Info::default()
    };
    // SAFETY: the kernel writes no more than the size in the operation's code, which is `info`'s.
    let asked = unsafe {
        let process = process.as_fd().as_raw_fd();
        // C libraries differ in the type of the number.
        libc::ioctl(process, ask as libc::Ioctl, &raw mut info)
    };
    (asked == 0 && info.mask & EXIT != 0).then_some(info.exit_code)
}
