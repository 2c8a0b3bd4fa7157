//! What is to be counted: files, cut into pieces, put together into batches.
//!
//! The parent makes the plan once, so that everybody counts the same bytes.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walkdir::{DirEntry, WalkDir};

use crate::Result;
use crate::arguments::Arguments;

/// A part of a file that is read at once.
#[derive(Debug)]
struct Piece {
    file: usize,
    start: u64,
    end: u64,
}

/// Pieces that are counted, and added to the table, at once.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub(crate) first: usize,
    pub(crate) end: usize,
    pub(crate) bytes: u64,
}

/// A batch with all that a worker has to know of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) number: u32,
    pub(crate) batch: Batch,
    pub(crate) pieces: Vec<(OsString, Range<u64>)>,
}

#[derive(Debug, Default)]
pub(crate) struct Plan {
    files: Vec<PathBuf>,
    pieces: Vec<Piece>,
    batches: Vec<Batch>,
    pub(crate) empty: usize,
    pub(crate) unreadable: usize,
}

/// Bytes of a batch. More only make a killed worker's loss larger.
const LARGEST: u64 = 4 << 20;
/// Less is more work to hand over than to count.
const SMALLEST: u64 = 4 << 10;
/// Pieces of a batch, of files that are tiny.
const MOST_PIECES: usize = 1024;
/// How far a cut looks for the end of a word. A longer word is cut, and counted as two.
const LONGEST_WORD: u64 = 1 << 20;

impl Plan {
    /// Plans all files under the paths, except for those in `without`.
    pub(crate) fn new(arguments: &Arguments, without: &HashSet<PathBuf>) -> Result<Self> {
        let mut plan = Self::default();
        let mut files = Vec::new();
        for path in &arguments.paths {
            fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
            plan.walk(path, without, &mut files);
        }
        let bytes: u64 = files.iter().map(|(_, len)| len).sum();
        // Some batches for each worker, and some between two kills.
        let batches = (arguments.workers * 8).max((arguments.kills + 1) * 4) as u64;
        let size = (bytes / batches).clamp(SMALLEST, LARGEST);
        for (path, len) in files {
            plan.cut(path, len, size);
        }
        plan.put_together(size);
        Ok(plan)
    }

    fn walk(&mut self, root: &Path, without: &HashSet<PathBuf>, files: &mut Vec<(PathBuf, u64)>) {
        let entries = WalkDir::new(root).sort_by_file_name().into_iter();
        for entry in entries.filter_entry(|entry| entry.depth() == 0 || !is_left_out(entry)) {
            let Ok(entry) = entry else {
                self.unreadable += 1;
                continue;
            };
            if entry.file_type().is_dir() || without.contains(entry.path()) {
                continue;
            }
            // Follows a symbolic link to a file; one to a directory might lead round in circles.
            match fs::metadata(entry.path()) {
                Ok(data) if data.is_dir() => {}
                Ok(data) if !data.is_file() => self.unreadable += 1,
                Ok(data) if data.len() == 0 => self.empty += 1,
                Ok(data) => files.push((entry.into_path(), data.len())),
                Err(_) => self.unreadable += 1,
            }
        }
    }

    /// Cuts a file into pieces of about `size` bytes.
    fn cut(&mut self, path: PathBuf, len: u64, size: u64) {
        let mut cuts = vec![0];
        // A file of one piece is not even opened.
        if len > size + size / 2 {
            let Ok(()) = find_cuts(&path, len, size, &mut cuts) else {
                self.unreadable += 1;
                return;
            };
        }
        cuts.push(len);
        let file = self.files.len();
        let pieces = cuts.windows(2).map(|cut| Piece {
            file,
            start: cut[0],
            end: cut[1],
        });
        self.pieces.extend(pieces);
        self.files.push(path);
    }

    fn put_together(&mut self, size: u64) {
        let mut batch = Batch::default();
        for piece in &self.pieces {
            batch.end += 1;
            batch.bytes += piece.end - piece.start;
            if batch.bytes >= size || batch.end - batch.first == MOST_PIECES {
                self.batches.push(batch);
                batch = Batch {
                    first: batch.end,
                    end: batch.end,
                    bytes: 0,
                };
            }
        }
        if batch.bytes > 0 {
            self.batches.push(batch);
        }
    }

    pub(crate) fn pieces(&self) -> impl Iterator<Item = (&Path, Range<u64>)> {
        let file = |piece: &Piece| self.files[piece.file].as_path();
        self.pieces
            .iter()
            .map(move |piece| (file(piece), piece.start..piece.end))
    }

    pub(crate) fn batches(&self) -> &[Batch] {
        &self.batches
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.batches.iter().map(|batch| batch.bytes).sum()
    }

    pub(crate) fn job(&self, number: usize) -> Result<Job> {
        let batch = self.batches[number];
        let pieces = self.pieces().take(batch.end).skip(batch.first);
        Ok(Job {
            number: u32::try_from(number)?,
            batch,
            pieces: pieces.map(|(path, range)| (path.into(), range)).collect(),
        })
    }
}

/// Git's own files, and directories that say themselves that they can be made again, as `target`.
fn is_left_out(entry: &DirEntry) -> bool {
    let is_cache = || entry.path().join("CACHEDIR.TAG").exists();
    entry.file_type().is_dir() && (entry.file_name() == ".git" || is_cache())
}

/// Finds places about `size` bytes apart where no word is cut, nor a character.
fn find_cuts(path: &Path, len: u64, size: u64, cuts: &mut Vec<u64>) -> io::Result<()> {
    let file = File::open(path)?;
    let mut at = size;
    while at < len - size / 2 {
        at = find_cut(&file, at)?.min(len);
        cuts.push(at);
        at += size;
    }
    cuts.dedup();
    cuts.pop_if(|last| *last == len);
    Ok(())
}

fn find_cut(file: &File, from: u64) -> io::Result<u64> {
    let mut window = [0; 4096];
    let mut at = from;
    loop {
        let read = file.read_at(&mut window, at)?;
        let is_far = at - from >= LONGEST_WORD;
        let is_cut = |byte: &u8| {
            // An ASCII byte that is in no word; it is in no longer character either.
            byte.is_ascii() && !byte.is_ascii_alphanumeric()
                // Or at least the start of a character.
                || is_far && byte & 0xC0 != 0x80
        };
        match window[..read].iter().position(is_cut) {
            Some(offset) => return Ok(at + offset as u64),
            None if read == 0 || is_far => return Ok(at + read as u64),
            None => at += read as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::words::{Counts, Fate, count, count_piece};

    #[test]
    fn the_pieces_of_a_file_have_its_words() {
        let text = "Ein Wort, noch ein W\u{f6}rt: \u{4e2d}\u{6587} (x1) ".repeat(2000);
        let path = std::env::temp_dir().join(format!("wordcount-{}", std::process::id()));
        File::create(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .unwrap();
        let mut whole = Counts::default();
        count(&text, &mut whole);
        for size in [1, 7, 64, 1000, 4096, 60_000] {
            let mut plan = Plan::default();
            plan.cut(path.clone(), text.len() as u64, size);
            plan.put_together(3 * size);
            let (mut counts, mut end) = (Counts::default(), 0);
            for (path, range) in plan.pieces() {
                assert_eq!(range.start, end, "no gap and no overlap");
                end = range.end;
                let seen = count_piece(path, range, &mut Vec::new(), &mut counts);
                assert_eq!(seen.fate(), Fate::Counted);
            }
            assert_eq!((end, plan.bytes()), (text.len() as u64, text.len() as u64));
            assert!(counts == whole, "pieces of {size} bytes");
        }
        fs::remove_file(path).unwrap();
    }
}
