//! The files are read, and those with the same hash put together.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use outlive::Pool;
use outlive::process::active_children;
use sha2::{Digest, Sha256};

use crate::tree::Tree;
use crate::{Arguments, Result};

type Hash = [u8; 32];

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Files with the same content: how long they are, and where.
    pub(crate) groups: Vec<(u64, Vec<OsString>)>,
    pub(crate) files: usize,
    pub(crate) read: usize,
    pub(crate) unreadable: usize,
    pub(crate) killed: usize,
}

pub(crate) fn find(arguments: &Arguments) -> Result<Found> {
    let tree = Tree::walk(&arguments.paths)?;
    let mut found = Found {
        files: tree.files,
        unreadable: tree.unreadable,
        ..Found::default()
    };
    let pool = Pool::builder()
        .workers(arguments.workers)
        // No file is hit more often.
        .retries(arguments.kills)
        .build()?;
    let candidates = tree.candidates;
    let bar = progress(candidates.iter().map(|(_, len)| len).sum());
    let mut by_hash = BTreeMap::<Hash, Vec<usize>>::new();
    let portions = arguments.kills as usize + 1;
    let input = candidates.iter().map(|(path, _)| path.clone()).enumerate();
    for done in pool.imap_unordered(hash, input) {
        let (number, hash, worker) = done?;
        found.read += 1;
        bar.inc(candidates[number].1);
        match hash {
            Some(hash) => by_hash.entry(hash).or_default().push(number),
            None => found.unreadable += 1,
        }
        // Kills come between equal portions of the work.
        if found.read * portions > (found.killed + 1) * candidates.len() && kill(worker)? {
            found.killed += 1;
        }
    }
    bar.finish_and_clear();
    for mut same in by_hash.into_values().filter(|same| same.len() > 1) {
        same.sort_unstable();
        let paths = same.iter().map(|at| candidates[*at].0.clone()).collect();
        found.groups.push((candidates[same[0]].1, paths));
    }
    found.groups.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// What a worker does: its number, and the hash of a file that can be read.
fn hash((number, path): (usize, OsString)) -> (usize, Option<Hash>, u32) {
    let hash = hash_of(path.as_ref()).ok();
    (number, hash, std::process::id())
}

fn hash_of(path: &Path) -> io::Result<Hash> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = [0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().into()),
            len => hasher.update(&buffer[..len]),
        }
    }
}

/// Kills a worker who has just read a file, and so has begun with another if there are any;
/// `false` where it is dead already.
fn kill(worker: u32) -> Result<bool> {
    let children = active_children();
    let Some(worker) = children.iter().find(|child| child.pid() == worker) else {
        return Ok(false);
    };
    worker.kill()?;
    worker.wait()?;
    Ok(true)
}

fn progress(bytes: u64) -> ProgressBar {
    let style = "[{bar:40}] {bytes}/{total_bytes} {bytes_per_sec}";
    let style = ProgressStyle::with_template(style);
    // Shows itself only where somebody can see it.
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut saved = 0;
        for (len, paths) in &self.groups {
            saved += len * (paths.len() as u64 - 1);
            writeln!(f, "{} times {len} bytes:", paths.len())?;
            for path in paths {
                writeln!(f, "    {}", path.display())?;
            }
        }
        let Self {
            groups,
            files,
            read,
            unreadable,
            killed,
        } = self;
        writeln!(
            f,
            "same     {} groups, {saved} bytes to be saved",
            groups.len()
        )?;
        writeln!(f, "files    {files} ({read} read, {unreadable} unreadable)")?;
        writeln!(f, "kills    {killed}")
    }
}
