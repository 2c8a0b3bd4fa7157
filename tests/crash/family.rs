//! What the kernel says of processes: whose they are, whether they live, what they have open.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::pressure::Span;

/// Longest that anything may take after a death.
pub const HANG: Duration = Duration::from_secs(1);

/// Children of all threads of a process, those among them that are zombies too.
pub fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    let lists = threads.into_iter().flatten().flatten();
    let lists = lists.map(|thread| fs::read_to_string(thread.path().join("children")));
    lists
        .flat_map(|list| {
            let list = list.unwrap_or_default();
            let numbers = list.split_ascii_whitespace().map(str::parse);
            numbers.map(Result::unwrap).collect::<Vec<_>>()
        })
        .collect()
}

/// The fork server of this process, which has no other child.
pub fn server() -> Option<u32> {
    children(std::process::id()).first().copied()
}

/// Whether it has ended and nobody has reaped it, or is no more.
pub fn is_dead(pid: u32) -> bool {
    state(pid).is_none_or(|state| state == 'Z' || state == 'X')
}

fn state(pid: u32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the name, which may hold anything.
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// Zombies that this process or its server has.
pub fn zombies() -> Vec<u32> {
    let own = children(std::process::id());
    let all: Vec<_> = own
        .iter()
        .flat_map(|pid| children(*pid))
        .chain(own.clone())
        .collect();
    all.into_iter()
        .filter(|pid| state(*pid) == Some('Z'))
        .collect()
}

/// Descriptors that a process has open.
pub fn descriptors(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

/// Living processes that were started with this variable of the environment, by whomever.
pub fn living_with(variable: &str) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mut variables = environment.split(|byte| *byte == 0);
        variables.any(|one| one == variable.as_bytes()) && !is_dead(*pid)
    })
    .collect()
}

pub fn signal(pid: u32, signal: Signal) {
    // It may be gone.
    let _ = kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal);
}

/// Stops a process: when this returns, it does nothing any more.
pub fn stop(pid: u32) {
    signal(pid, Signal::STOP);
    soon("stopped", || state(pid) == Some('T'));
}

/// Waits until `is_so`, which must be within a second.
pub fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let span = Span::start();
    while !is_so() {
        assert!(span.elapsed() < HANG, "not {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until `actual` is as expected, which must be within a second.
pub fn becomes<T: PartialEq + std::fmt::Debug>(expected: &T, mut actual: impl FnMut() -> T) {
    let span = Span::start();
    while actual() != *expected && span.elapsed() < HANG {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(actual(), *expected);
}
