//! The segments of this system: leftover names, the dead, deadlocks.

use std::fs::OpenOptions;

use outlive::inspect::{self, Snapshot};
use outlive::{Error, ErrorKind, SegmentOptions};
use serde::Serialize;

use super::Check;
use crate::deaths;
use crate::failure::{Failure, Outcome};
use crate::phrase;
use crate::target::{Folder, Target};

/// Of the `chosen` ones, or of all.
pub(super) fn checks(folder: &Folder, chosen: &[String]) -> Vec<Check> {
    let mut checks = Vec::new();
    let targets = match folder.chosen(chosen) {
        Ok(targets) => targets,
        Err(failure) => {
            let advice = "the segments cannot be listed: check the folder and /proc";
            return vec![Check::fail("segments", failure.to_string(), advice)];
        }
    };
    for target in &targets {
        match target.look() {
            Ok(snapshot) => checks.extend(segment(target, &snapshot)),
            Err(e) if is_gone(&e) && chosen.is_empty() => {}
            Err(e) if is_gone(&e) => checks.push(Check::fail(
                format!("segment {}", target.name),
                e.to_string(),
                "`outlive ls` lists those that there are",
            )),
            // Another build's, which that build can look at; or its maker has only begun.
            Err(e) if is_no_business(&e) && is_nameless(target) && chosen.is_empty() => {}
            Err(_) if !is_nameless(target) && target.is_anothers() => {}
            Err(e) => checks.push(Check::warn(
                format!("segment {}", target.name),
                e.to_string(),
                "it has a segment's name and cannot be judged: if nothing uses it, remove it with rm",
            )),
        }
    }
    if chosen.is_empty() {
        checks.extend(scratch(folder));
    }
    if checks.is_empty() {
        checks.push(Check::ok(
            "segments",
            format!(
                "{}: no stale name, nobody dead, no deadlock that is recorded",
                targets.len()
            ),
        ));
    }
    checks
}

fn is_gone(error: &Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

fn is_no_business(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WrongVersion | ErrorKind::NotASegment
    )
}

/// Whether it was found at a process.
fn is_nameless(target: &Target) -> bool {
    target.path.starts_with("/proc")
}

fn segment(target: &Target, snapshot: &Snapshot) -> Vec<Check> {
    let mut checks = Vec::new();
    let name = format!("segment {}", target.name);
    if !is_nameless(target) && inspect::is_stale(&target.path).unwrap_or(false) {
        checks.push(Check::warn(
            name.as_str(),
            "nobody lives in it",
            format!(
                "a leftover, or kept for the next run; `outlive rm {}` or `outlive rm --stale` removes it",
                target.name
            ),
        ));
        return checks;
    }
    for circle in &snapshot.deadlocks {
        checks.push(Check::fail(
            name.as_str(),
            format!("deadlock: {circle}"),
            "end one of them, and the others go on; let all take these locks in the same order",
        ));
    }
    let dead = deaths::of(snapshot);
    for death in dead.iter().filter(|death| death.at.is_none()) {
        checks.push(Check::warn(
            name.as_str(),
            death.sentence(snapshot),
            "whoever needs what it held repairs; `outlive doctor --repair` has it over now",
        ));
    }
    for object in &snapshot.objects {
        if phrase::is_marked(&object.state) && !deaths::is_held_by_dead(&object.state) {
            let text = phrase::state(&object.state).text;
            checks.push(Check::warn(
                name.as_str(),
                format!("{} `{}`: {text}", object.kind, phrase::name(object)),
                "the next to lock it gets `OwnerDied`, makes the data whole and says `repaired()`",
            ));
        }
    }
    checks
}

/// Names that creators wear until a segment is whole, of creators that have died.
fn scratch(folder: &Folder) -> Option<Check> {
    let entries = std::fs::read_dir(folder.path()).ok()?;
    let name_of = |entry: std::fs::DirEntry| entry.file_name().into_string().ok();
    let left: Vec<String> = entries
        .flatten()
        .filter_map(name_of)
        .filter(|name| is_left(name))
        .collect();
    (!left.is_empty()).then(|| {
        let advice = "unfinished segments of creators that died, on a file system without O_TMPFILE: \
                      remove them with rm";
        Check::warn("leftover files", left.join(" "), advice)
    })
}

fn is_left(name: &str) -> bool {
    let rest = name.strip_prefix(".outlive-");
    let pid = rest.and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
    pid.is_some_and(|pid| !std::path::Path::new(&format!("/proc/{pid}")).exists())
}

/// What was repaired in one segment.
#[derive(Debug, Serialize)]
pub(super) struct Repair {
    name: String,
    /// After how many of the dead.
    deaths: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Repair {
    pub(super) fn sentence(&self) -> String {
        match &self.error {
            Some(error) => format!("not repaired {}: {error}", self.name),
            None => format!("repaired {} after {} dead", self.name, self.deaths),
        }
    }
}

/// Joins the `chosen` segments, or all, that have dead participants, and repairs after them.
pub(super) fn repair(folder: &Folder, chosen: &[String]) -> Outcome<Vec<Repair>> {
    let mut repairs = Vec::new();
    for target in folder.chosen(chosen)? {
        let Ok(snapshot) = target.look() else {
            continue;
        };
        if snapshot.participants.iter().all(|who| who.is_alive) {
            continue;
        }
        let before = snapshot.participants.iter().filter(|who| !who.is_alive);
        let (deaths, error) = match join_and_reap(&target) {
            // Some were repaired as this process joined in their slot.
            Ok(reaped) => (reaped.max(before.count()), None),
            // Its processes have ended meanwhile, or it has lost its name.
            Err(_) if target.look().is_err_and(|e| is_gone(&e)) => continue,
            Err(e) => (0, Some(e.to_string())),
        };
        repairs.push(Repair {
            name: target.name,
            deaths,
            error,
        });
    }
    Ok(repairs)
}

fn join_and_reap(target: &Target) -> Outcome<usize> {
    let options = SegmentOptions::new().label("outlive doctor");
    let segment = if is_nameless(target) {
        let file = OpenOptions::new().read(true).write(true).open(&target.path);
        let file = file.map_err(|e| Failure::Said(format!("open it for repair: {e}")))?;
        options.from_fd(file.into())?
    } else {
        options.open_file(&target.path)?
    };
    Ok(segment.reap()?)
}
