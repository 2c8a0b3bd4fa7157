//! Processes and their children: forking, waiting, dying together.

#![expect(unsafe_code, reason = "fork, atexit, signal")]

use std::io;

use rustix::io::Errno;
use rustix::process::{
    WaitId, WaitIdOptions, WaitOptions, getpid, getppid, kill_process, kill_process_group,
    set_child_subreaper, set_parent_process_death_signal, setpgid, waitid, waitpid,
};

pub(crate) use rustix::process::{Pid, Signal};

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

/// This process.
pub(crate) fn own() -> Pid {
    getpid()
}

/// Its parent, which may change.
pub(crate) fn parent() -> Option<Pid> {
    getppid()
}

/// The number of a process, as it is shown.
pub(crate) fn number(pid: Pid) -> u32 {
    pid.as_raw_nonzero().get().cast_unsigned()
}

/// The process of this number.
pub(crate) fn of_number(number: &str) -> Option<Pid> {
    Pid::from_raw(number.parse().ok()?)
}

/// Waits for a child, and reaps it; its status, as `wait` has it.
pub(crate) fn reap(pid: Pid) -> Option<i32> {
    match waitpid(Some(pid), WaitOptions::empty()) {
        Ok(Some((_, status))) => Some(status.as_raw()),
        _ => None,
    }
}

/// Reaps a child that has ended; `false` where it runs.
pub(crate) fn reap_now(pid: Pid) -> bool {
    !matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(None))
}

/// Whether a child has ended that is not reaped yet.
pub(crate) fn has_dead_child() -> bool {
    let asked = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    matches!(waitid(WaitId::All, asked), Ok(Some(_)))
}

/// Kills a child of this process that has not been reaped: the number is its own.
pub(crate) fn kill(pid: Pid) {
    // It may have ended.
    let _ = kill_process(pid, Signal::KILL);
}

/// Kills what has stayed in a child's group.
pub(crate) fn kill_group(pid: Pid) {
    let _ = kill_process_group(pid, Signal::KILL);
}

/// Makes this process the parent of those of its descendants whose own parents die.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Has children of this process wait to be reaped, also where it was started by one that ignores the
/// ends of its own.
pub(crate) fn keep_dead_children() {
    // SAFETY: takes a handler away, and sets none.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// Gives this process a group of its own, away from what the terminal tells that of its parent.
pub(crate) fn lead_group() -> io::Result<()> {
    Ok(setpgid(None, None)?)
}

/// Has a signal wake this process, should it be stopped, when the thread ends that forked it, and so
/// when its parent does.
pub(crate) fn go_on_without_parent() -> io::Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::CONT))?)
}

/// Gives a forked process a group of its own, and lets it die with its parent, which has one
/// thread.
pub(crate) fn die_with(parent: Pid) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    lead_group()?;
    // It may have died before.
    if getppid() == Some(parent) {
        Ok(())
    } else {
        Err(Errno::SRCH.into())
    }
}

/// Has `handler` called when `main` returns, or the process exits otherwise.
pub(crate) fn at_exit(handler: extern "C" fn()) {
    // SAFETY: the handler cannot unwind, being `extern "C"`. Without room for it, it is not called.
    unsafe { libc::atexit(handler) };
}

/// Ends this process without the handlers of `atexit`, which may be another's.
pub(crate) fn leave_at_once(code: i32) -> ! {
    // SAFETY: ends the process; nothing of it is used any more.
    unsafe { libc::_exit(code) }
}

/// The error where no other fits.
pub(crate) fn unknown() -> i32 {
    Errno::IO.raw_os_error()
}
