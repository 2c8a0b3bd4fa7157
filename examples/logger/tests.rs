//! The program as a whole: real writers, real readers, real kills; and what the check would find.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Output, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::check::{Report, check};
use super::line;

/// What the program is called with, a word in each line; absent where only a test is meant.
const WORDS: &str = "LOGGER_TEST_WORDS";
/// Far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn is_the_program() {
    if let Ok(words) = std::env::var(WORDS) {
        let words = words.lines().map(str::to_owned);
        assert_eq!(super::run(words), ExitCode::SUCCESS);
    }
}

/// A file that goes away.
struct Log(PathBuf);

impl Log {
    fn new(name: &str) -> Self {
        let path = format!("logger-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(path))
    }

    /// This program of tests, called again in order to be the program.
    fn run(&self, words: &[&str]) -> Output {
        let words = [words, &[self.0.to_str().unwrap()]].concat().join("\n");
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
            // The others die with it.
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = reader.join().unwrap();
        end.expect("it ends in time").unwrap()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn the_log_is_whole_whoever_is_killed() {
    for (writers, kills) in [("1", "12"), ("4", "40")] {
        let log = Log::new("kills");
        let end = log.run(&["--writers", writers, "--kill", kills]);
        let text = String::from_utf8(end.stdout).unwrap();
        let errors = String::from_utf8_lossy(&end.stderr);
        assert!(end.status.success(), "{}:\n{text}\n{errors}", end.status);
        assert!(
            text.lines().any(|line| line == "whole: yes"),
            "{text}\n{errors}"
        );
        assert!(
            !text.lines().any(|line| line == "put     0 lines"),
            "{text}"
        );
    }
}

#[test]
fn the_check_finds_what_is_wrong() {
    let log = Log::new("check");
    let found = |lines: &[String], put: &[u64]| {
        fs::write(&log.0, lines.concat()).unwrap();
        check(&log.0, put).unwrap()
    };
    let [a1, a2, a3, b1] =
        [(0, 1), (0, 2), (0, 3), (1, 1)].map(|(writer, number)| line(writer, number) + "\n");
    let all = [a1.clone(), b1.clone(), a2.clone(), a3.clone()];
    let whole = found(&all, &[3, 1]);
    assert!(
        whole.is_whole() && whole.lines == 4 && whole.put == 4,
        "{whole:?}"
    );
    assert_eq!(found(&all, &[2, 1]).unreturned, 1);
    let wrong = |report: Report| (report.missing, report.again, report.torn);
    assert_eq!(wrong(found(&all[..3], &[3, 1])), (1, 0, 0));
    assert_eq!(wrong(found(&[a1.clone(), a3.clone()], &[3, 1])), (2, 0, 0));
    assert_eq!(wrong(found(&[a1.clone(), a1.clone()], &[1, 0])), (0, 1, 0));
    let half = a2[..a2.len() - 3].to_owned();
    assert_eq!(wrong(found(&[a1.clone(), half], &[1, 0])), (0, 0, 1));
    assert_eq!(wrong(found(&[a1, b1], &[1])), (0, 0, 1));
}
