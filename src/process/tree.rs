//! What dead workers leave behind: their descendants, which have become the server's children.

use std::fs;

use crate::sys::family::{self, Pid};

/// Children of this process that are none of `known`.
fn orphans(known: &[Pid]) -> Vec<Pid> {
    let me = family::number(family::own());
    let children = fs::read_to_string(format!("/proc/self/task/{me}/children"))
        .unwrap_or_else(|_| children_by_walking(me));
    children
        .split_ascii_whitespace()
        .filter_map(family::of_number)
        .filter(|pid| !known.contains(pid))
        .collect()
}

/// For kernels that do not list them.
fn children_by_walking(me: u32) -> String {
    let is_mine = |pid: &String| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the name, which may hold anything: the state, and the parent.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        after.split_ascii_whitespace().nth(1) == Some(&me.to_string())
    };
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = all.filter_map(|entry| entry.file_name().into_string().ok());
    let mine: Vec<_> = names
        .filter(|name| name.bytes().all(|digit| digit.is_ascii_digit()))
        .filter(is_mine)
        .collect();
    mine.join(" ")
}

/// Reaps those of the orphans that have ended; says which live.
pub(super) fn reap_orphans(known: &[Pid]) -> Vec<Pid> {
    let mut living = orphans(known);
    living.retain(|pid| !family::reap_now(*pid));
    living
}

/// Kills the orphans, and those who become it by that.
pub(super) fn kill_orphans(known: &[Pid]) {
    loop {
        let living = orphans(known);
        if living.is_empty() {
            return;
        }
        for pid in living {
            family::kill(pid);
            family::reap(pid);
        }
    }
}
