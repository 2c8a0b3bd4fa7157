//! The program as a whole: real workers, and real kills.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};

/// What the program is called with, a word in each line; absent where only a test is meant.
const WORDS: &str = "WORDCOUNT_TEST_WORDS";
/// Far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder that goes away.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = format!("wordcount-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// This program of tests, called again in order to be the program: see [`is_the_program`].
fn wordcount(words: &[&str], path: &Path) -> Output {
    let words = [words, &[path.to_str().unwrap()]].concat().join("\n");
    let child = Command::new("/proc/self/exe")
        .args(["tests::is_the_program", "--exact", "--nocapture"])
        .env(WORDS, words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = Pid::from_child(&child);
    let (tell, end) = channel();
    let reader = std::thread::spawn(move || tell.send(child.wait_with_output()));
    let end = end.recv_timeout(PATIENCE);
    if end.is_err() {
        // Its workers die with it.
        let _ = kill_process(pid, Signal::KILL);
    }
    let _ = reader.join().unwrap();
    end.expect("it ends in time").unwrap()
}

#[test]
fn is_the_program() {
    if let Ok(words) = std::env::var(WORDS) {
        let words = words.lines().map(OsString::from);
        assert_eq!(super::run(words), ExitCode::SUCCESS);
    }
}

#[test]
fn a_tree_with_all_that_is_odd_is_counted_exactly_while_workers_die() {
    let tree = Folder::new("tree");
    tree.file("empty.txt", "");
    tree.file("not text", [b'w', 0xFF, 0xFE, 0]);
    symlink("nowhere", tree.0.join("dangling")).unwrap();
    for number in 0..40 {
        tree.file(&format!("small/{number}.txt"), "needle and thread\n");
    }
    // So large that it is cut into many pieces.
    let line = "Stra\u{df}e, needle; \u{4e2d}\u{6587} thread (x1)\n";
    let large = tree.file("large/large.txt", line.repeat(20_000));
    symlink(&large, tree.0.join("again")).unwrap();
    let sealed = tree.file("sealed", "needle");
    fs::set_permissions(&sealed, Permissions::from_mode(0o000)).unwrap();
    // Nothing is sealed from root.
    let is_root = geteuid().is_root();

    let end = wordcount(&["--workers", "3", "--kill", "5"], &tree.0);
    let text = String::from_utf8(end.stdout).unwrap();
    let errors = String::from_utf8_lossy(&end.stderr);
    let says = |line: &str| text.lines().any(|said| said == line);
    let must_say = |line: &str| assert!(says(line), "no {line:?} in:\n{text}\n{errors}");
    assert!(end.status.success(), "{}:\n{text}\n{errors}", end.status);
    must_say("match: yes");
    // The large file counts twice, by its name and by the link.
    let threads = 2 * 20_000 + 40;
    must_say(&format!("{threads:>12} thread"));
    must_say(&format!("{:>12} stra\u{df}e", 2 * 20_000));
    must_say(&format!("files    {}", 42 + u32::from(is_root)));
    let unreadable = 1 + u32::from(!is_root);
    let skipped = 2 + unreadable;
    must_say(&format!(
        "skipped  {skipped} (0 changed, 1 empty, 1 not UTF-8, {unreadable} unreadable)"
    ));
    assert!(text.contains("kills    5 of 5"), "{text}");
}

#[test]
fn nothing_to_count_is_a_match_too() {
    let tree = Folder::new("nothing");
    let end = wordcount(&["--workers", "2", "--kill", "1"], &tree.0);
    let text = String::from_utf8(end.stdout).unwrap();
    assert!(end.status.success(), "{text}");
    assert!(text.contains("match: yes"), "{text}");
}
