//! Python's primitives in the same situations, by a program of Python's own.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Limits, within};
use crate::pinning::cores;
use crate::table::Table;

const SCRIPT: &str = include_str!("python.py");

/// The program hangs itself after so long.
const PATIENCE: Duration = Duration::from_secs(120);

pub fn measure(limits: &Limits, table: &mut Table) {
    eprintln!("killing users of Python");
    let lines = run(limits).unwrap_or_else(|why| format!("all\tPython\t- ({why})"));
    for line in lines.lines() {
        if let [situation, peer, seen] = line.split('\t').collect::<Vec<_>>()[..] {
            table.outcome(situation, peer, Ok(seen.into()));
        }
    }
}

/// What the program prints, into a file: a pipe would stay open as long as its orphans live.
fn run(limits: &Limits) -> Result<String, String> {
    let path = std::env::temp_dir().join(format!("outlive-compare-{}", std::process::id()));
    let file = std::fs::File::create(&path).map_err(|error| error.to_string())?;
    let numbers = [limits.hang, limits.hangs, limits.chosen, limits.random];
    let cores = [0, 1].map(|side| cores()[side % cores().len()].to_string());
    let mut program = Command::new("python3")
        .args(["-c", SCRIPT])
        .args(numbers.map(|number| number.to_string()))
        .args(cores)
        .stdout(file)
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "not here: no python3".to_owned(),
            _ => format!("python3: {error}"),
        })?;
    let mut end = None;
    within(PATIENCE.as_nanos() as u64, || {
        std::thread::sleep(Duration::from_millis(10));
        end = program.try_wait().ok().flatten();
        end.is_some()
    });
    // SAFETY: sends a signal to the program's own group, where its workers may be left.
    unsafe { libc::kill(-(program.id() as libc::pid_t), libc::SIGKILL) };
    let _ = program.wait();
    let mut lines = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let _ = std::fs::remove_file(path);
    if end.is_none_or(|end| !end.success()) {
        lines += "the rest\tPython\t- (the program did not end well)\n";
    }
    Ok(lines)
}
