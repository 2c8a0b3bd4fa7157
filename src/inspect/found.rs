//! Finding segments: by their names in a folder, and by the descriptors of processes.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::segment::SegmentOptions;

/// A file that has the name of a segment; whether it is one, [`Snapshot::at`](super::Snapshot::at)
/// says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Found {
    /// The segment's name; of one without a name, `PID/FD` of a process that has it open.
    pub name: String,
    /// Where it can be looked at.
    pub path: PathBuf,
}

/// The files in `folder` that have the name of a named segment (`outlive.NAME`), sorted by name.
/// `None` is the folder that the environment's `OUTLIVE_DIR` says, or else `/dev/shm`.
///
/// # Errors
///
/// [`ErrorKind::Os`](crate::ErrorKind::Os) where the folder cannot be read.
pub fn find(folder: Option<&Path>) -> Result<Vec<Found>> {
    let folder = folder.map_or_else(|| SegmentOptions::new().folder_of_names(), Path::to_owned);
    let os = |e: io::Error| Error::os(e, format!("look for segments in `{}`", folder.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir(&folder).map_err(os)? {
        let entry = entry.map_err(os)?;
        let name = entry.file_name();
        if let Some(name) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) {
            found.push(Found {
                name: name.to_owned(),
                path: entry.path(),
            });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// The segments without a name that running processes have open, as far as the caller may look into
/// those: its own user's, or all for root. Each is found once, at the process with the lowest id.
///
/// # Errors
///
/// [`ErrorKind::Os`](crate::ErrorKind::Os) where `/proc` cannot be read.
pub fn find_anonymous() -> Result<Vec<Found>> {
    let os = |e| Error::os(e, "look for segments in `/proc`");
    let entries = fs::read_dir("/proc").map_err(os)?.flatten();
    let mut pids: Vec<u32> = entries
        .filter_map(|entry| number(&entry.file_name()))
        .collect();
    pids.sort_unstable();
    let mut known = HashSet::new();
    let mut found = Vec::new();
    for pid in pids {
        // Gone meanwhile, or another user's.
        let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else {
            continue;
        };
        for entry in descriptors.flatten().filter(is_memfd) {
            let path = entry.path();
            let (Ok(facts), Some(fd)) = (fs::metadata(&path), number(&entry.file_name())) else {
                continue;
            };
            if known.insert((facts.dev(), facts.ino())) {
                found.push(Found {
                    name: format!("{pid}/{fd}"),
                    path,
                });
            }
        }
    }
    Ok(found)
}

/// What the file of a named segment is called, before its name.
const PREFIX: &str = "outlive.";
/// What the kernel calls the memfd of a segment.
const MEMFD: &str = "/memfd:outlive (deleted)";

fn is_memfd(entry: &DirEntry) -> bool {
    fs::read_link(entry.path()).is_ok_and(|target| target == Path::new(MEMFD))
}

fn number(name: &OsStr) -> Option<u32> {
    name.to_str()?.parse().ok()
}
