//! What the kernel can do.

use std::path::Path;

use outlive::Segment;
use rustix::io::Errno;
use rustix::thread::futex::{WaitvFlags, waitv};
use rustix::thread::{MembarrierCommand, membarrier_query};

use super::Check;

pub(super) fn checks() -> Vec<Check> {
    vec![
        version(),
        leases(),
        futex_waitv(),
        membarrier(),
        pidfd(),
        proc(),
        other_processes(),
        pid_namespace(),
    ]
}

fn version() -> Check {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let release = read("/proc/sys/kernel/osrelease");
    Check::ok("kernel", format!("Linux {}", release.trim()))
}

/// Everything at once that a segment is made of: memfd, seals, a shared mapping, and the leases
/// that are locks of open file descriptions.
fn leases() -> Check {
    let name = "memfd and leases";
    let made = Segment::anonymous();
    match made.map(|segment| segment.participants().iter().any(|who| who.is_alive)) {
        Ok(true) => Check::ok(name, "an anonymous segment can be made and joined"),
        Ok(false) => Check::fail(
            name,
            "a lease that was taken does not show",
            "this kernel's open-file-description locks do not work: deaths cannot be noticed; \
             run elsewhere",
        ),
        Err(e) => Check::fail(
            name,
            e.to_string(),
            "without this there are no segments: look whether a sandbox forbids memfd_create or fcntl",
        ),
    }
}

fn futex_waitv() -> Check {
    let name = "futex_waitv";
    let clock = rustix::time::ClockId::Monotonic;
    // An empty list is EINVAL where the call exists.
    match waitv(&[], WaitvFlags::empty(), None, clock) {
        Err(Errno::NOSYS | Errno::PERM) => Check::warn(
            name,
            "the kernel has none, or a sandbox forbids it",
            "deaths are noticed within 20 ms instead of at once; Linux 5.16 or newer has it",
        ),
        _ => Check::ok(name, "waiters see the death of the holder at once"),
    }
}

fn membarrier() -> Check {
    let name = "membarrier";
    if membarrier_query().contains_command(MembarrierCommand::RegisterGlobalExpedited) {
        return Check::ok(name, "queues need no fence on their fast path");
    }
    Check::warn(
        name,
        "the kernel has none, or a sandbox forbids it",
        "spsc queues and pipes pay a fence for each item; allow membarrier in the sandbox",
    )
}

fn pidfd() -> Check {
    let name = "pidfd";
    let me = rustix::process::getpid();
    match rustix::process::pidfd_open(me, rustix::process::PidfdFlags::empty()) {
        Ok(_) => Check::ok(name, "processes can be waited for"),
        Err(e) => Check::fail(
            name,
            e.to_string(),
            "processes and pools need it: Linux 5.3 or newer, and a sandbox that allows pidfd_open",
        ),
    }
}

fn proc() -> Check {
    match Path::new("/proc/self/exe").canonicalize() {
        Ok(_) => Check::ok("/proc", "is mounted"),
        Err(e) => Check::fail(
            "/proc",
            e.to_string(),
            "leases and the start of processes need it: mount /proc in this container or chroot",
        ),
    }
}

/// Who may see what others have open, which the segments without a name are found by.
fn other_processes() -> Check {
    let name = "other processes";
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let proc = mounts
        .lines()
        .find(|line| line.contains(" /proc "))
        .unwrap_or_default();
    let hides = proc
        .split([',', ' '])
        .find_map(|option| option.strip_prefix("hidepid="));
    match hides {
        Some(how) if how != "0" && how != "off" && !rustix::process::geteuid().is_root() => {
            Check::warn(
                name,
                format!("/proc is mounted with hidepid={how}"),
                "segments without a name are found only at processes of this user",
            )
        }
        _ if rustix::process::geteuid().is_root() => Check::ok(name, "all can be looked into"),
        _ => Check::ok(name, "those of this user can be looked into"),
    }
}

fn pid_namespace() -> Check {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let depth = numbers.map_or(1, |numbers| numbers.split_whitespace().count());
    let found = match depth {
        0 | 1 => "this is the outermost one that is seen".to_owned(),
        depth => {
            format!("{depth} deep: each participant is shown by the number that it has itself")
        }
    };
    Check::ok("process-id namespace", found)
}
