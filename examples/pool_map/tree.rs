//! The files that are there, by length.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use walkdir::{DirEntry, WalkDir};

use crate::Result;

/// What may be there more than once.
#[derive(Default)]
pub(crate) struct Tree {
    /// Files that are as long as another one, and how long.
    pub(crate) candidates: Vec<(OsString, u64)>,
    /// All files with something in them.
    pub(crate) files: usize,
    pub(crate) unreadable: usize,
}

impl Tree {
    pub(crate) fn walk(paths: &[PathBuf]) -> Result<Self> {
        let mut tree = Self::default();
        let mut by_len = BTreeMap::<u64, Vec<OsString>>::new();
        // Two names of one file are not two files.
        let mut known = HashSet::new();
        for path in paths {
            std::fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
            let entries = WalkDir::new(path).sort_by_file_name().into_iter();
            for entry in entries.filter_entry(|entry| entry.depth() == 0 || !is_left_out(entry)) {
                let Ok((entry, data)) = entry.and_then(|entry| {
                    let data = entry.metadata()?;
                    Ok((entry, data))
                }) else {
                    tree.unreadable += 1;
                    continue;
                };
                if data.is_file() && data.len() > 0 && known.insert((data.dev(), data.ino())) {
                    let path = entry.into_path().into_os_string();
                    by_len.entry(data.len()).or_default().push(path);
                    tree.files += 1;
                }
            }
        }
        // The longest first: what comes last keeps no worker long while the others are idle.
        for (len, paths) in by_len.into_iter().rev().filter(|(_, all)| all.len() > 1) {
            tree.candidates
                .extend(paths.into_iter().map(|path| (path, len)));
        }
        Ok(tree)
    }
}

fn is_left_out(entry: &DirEntry) -> bool {
    let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
    is_hidden || entry.path().join("CACHEDIR.TAG").exists()
}
