//! The command `outlive`, run as users run it, beside real processes.
//!
//! A test binary of its own: `serde_json` compares so many types that others would have to say which.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]
#![expect(clippy::disallowed_methods, reason = "tests of time may sleep")]

mod child;
mod folder;
mod looks;
mod removals;
mod screen;
mod unheard;

use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

use folder::Folder;

/// What `outlive` does with these arguments, in this folder.
fn outlive(folder: &Folder, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn command(folder: &Folder, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outlive"));
    command.args(arguments).arg("--folder").arg(folder.path());
    command.stdin(Stdio::null());
    command
}

/// What it says on standard output, after it ended with `code`.
fn says(folder: &Folder, arguments: &[&str], code: i32) -> String {
    let output = outlive(folder, arguments);
    let said = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {said}{complaint}"
    );
    said
}

/// The same, of what it complains of.
fn complains(folder: &Folder, arguments: &[&str], code: i32) -> String {
    let output = outlive(folder, arguments);
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}: {complaint}"
    );
    complaint
}

fn json(folder: &Folder, arguments: &[&str]) -> Json {
    let with: Vec<_> = arguments.iter().copied().chain(["--json"]).collect();
    let output = outlive(folder, &with);
    let said = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(&said).unwrap_or_else(|e| panic!("{with:?}: {e}: {said}{complaint}"))
}

#[test]
fn the_exit_code_tells_usage_from_failure() {
    let folder = Folder::new("codes");
    assert!(says(&folder, &["--help"], 0).contains("doctor"));
    assert!(complains(&folder, &["frobnicate"], 2).contains("frobnicate"));
    assert!(complains(&folder, &["rm"], 2).contains("SEGMENTS"));
    let complaint = complains(&folder, &["show", "nothing"], 3);
    assert!(complaint.contains("outlive.nothing") && complaint.contains("outlive ls"));
    assert!(complains(&folder, &["watch", "nothing"], 3).contains("outlive.nothing"));
    assert!(complains(&folder, &["top", "nothing"], 3).contains("outlive.nothing"));
    assert_eq!(says(&folder, &["ls", "--named", "--json"], 0).trim(), "[]");
}

#[test]
fn packagers_get_completions_and_a_page() {
    let folder = Folder::new("page");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(says(&folder, &["completions", shell], 0).contains("doctor"));
    }
    let page = says(&folder, &["man"], 0);
    assert!(page.contains(".TH outlive"), "{page}");
    for part in ["stale", "repair", "interval", "Exit codes"] {
        assert!(page.contains(part), "the page is silent about {part}");
    }
}
