//! Real files, real workers, real kills.

use std::fs::{self, hard_link};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::Arguments;
use super::duplicates::{Found, find};

/// A folder that goes away.
struct Folder(PathBuf);

impl Folder {
    /// Pairs of files, and files that are as long and others.
    fn with_pairs(name: &str, pairs: usize) -> Self {
        let path = format!("pool-map-{name}-{}", std::process::id());
        let folder = Self(std::env::temp_dir().join(path));
        for pair in 0..pairs {
            let text = format!("{pair:04}").repeat(1000 + pair);
            folder.file(&format!("a/{pair}"), &text);
            folder.file(&format!("b/{pair}"), &text);
            folder.file(&format!("b/{pair} in capitals"), &text.replace('0', "O"));
        }
        folder
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn look(&self, workers: usize, kills: u32) -> Found {
        let paths = vec![self.0.clone()];
        let arguments = Arguments {
            workers,
            kills,
            paths,
        };
        find(&arguments).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn assert_pairs(found: &Found, folder: &Path, pairs: usize) {
    assert_eq!(found.groups.len(), pairs, "{found}");
    // The longest first.
    for (pair, (len, paths)) in (0..pairs).rev().zip(&found.groups) {
        assert_eq!(*len, 4 * (1000 + pair as u64));
        let expected = ["a", "b"].map(|side| folder.join(side).join(pair.to_string()));
        assert_eq!(*paths, expected);
    }
}

#[test]
fn pairs_are_found_while_workers_are_killed() {
    const PAIRS: usize = 100;
    let folder = Folder::with_pairs("kills", PAIRS);
    for (workers, kills) in [(1, 5), (3, 20)] {
        let found = folder.look(workers, kills);
        assert_pairs(&found, &folder.0, PAIRS);
        assert_eq!((found.files, found.read), (3 * PAIRS, 3 * PAIRS));
        assert!(found.killed >= kills as usize / 2, "{found}");
    }
}

#[test]
fn what_is_odd_is_no_pair() {
    let folder = Folder::with_pairs("odd", 2);
    let one = folder.file("one", "the only one of this length");
    hard_link(&one, folder.0.join("its other name")).unwrap();
    symlink(&one, folder.0.join("a link")).unwrap();
    symlink("nowhere", folder.0.join("dangling")).unwrap();
    for name in ["empty", "another", ".hidden/0", "made again/0"] {
        folder.file(name, "");
    }
    folder.file(".hidden/1", &"0000".repeat(1000));
    folder.file("made again/1", &"0000".repeat(1000));
    folder.file("made again/CACHEDIR.TAG", "");
    let found = folder.look(2, 0);
    assert_pairs(&found, &folder.0, 2);
    assert_eq!((found.files, found.read, found.unreadable), (7, 6, 0));
    let text = found.to_string();
    assert!(text.contains("same     2 groups, 8004 bytes"), "{text}");
}

#[test]
fn words_are_understood_or_refused() {
    let parse = |words: &str| Arguments::parse(words.split(' ').map(str::to_owned));
    let arguments = parse("--workers 3 here --kill 5 there").unwrap();
    assert_eq!((arguments.workers, arguments.kills), (3, 5));
    assert_eq!(arguments.paths, [Path::new("here"), Path::new("there")]);
    for wrong in ["--workers", "--kill x", "--delete"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
