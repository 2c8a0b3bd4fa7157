//! Where the output cannot be written, or nobody reads it.

use std::fs::{self, OpenOptions};
use std::process::Stdio;

use super::{command, complains};
use crate::child::Child;
use crate::folder::Folder;

#[test]
fn a_reader_that_goes_is_no_error() {
    let folder = Folder::new("unread");
    let mut child = command(&folder, &["top", "--plain", "--interval", "0.05"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

/// The exit code where standard output is `stdout`, and what is complained of.
fn told_to(folder: &Folder, arguments: &[&str], stdout: impl Into<Stdio>) -> (Option<i32>, String) {
    let output = command(folder, arguments).stdout(stdout).output().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), complaint)
}

/// A pipe that nobody reads.
fn nobody() -> std::io::PipeWriter {
    std::io::pipe().unwrap().1
}

fn full() -> fs::File {
    OpenOptions::new().write(true).open("/dev/full").unwrap()
}

#[test]
fn what_was_done_stands_where_nobody_reads_it() {
    let folder = Folder::new("unheard");
    let make = |name| folder.options().create(name).unwrap();
    let lived_in = make("lived-in");
    drop((make("one"), make("two")));
    let (code, complaint) = told_to(&folder, &["doctor"], nobody());
    assert_eq!((code, complaint.as_str()), (Some(1), ""));
    let (code, complaint) = told_to(&folder, &["rm", "one", "lived-in", "two"], nobody());
    assert_eq!(code, Some(3), "one of them lives");
    assert!(complaint.contains("outlive.lived-in"), "{complaint}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    drop(make("one"));
    assert_eq!(told_to(&folder, &["rm", "--stale"], nobody()).0, Some(0));
    drop(lived_in);
}

#[test]
fn a_full_disk_for_the_output_does_not_stop_a_repair() {
    let folder = Folder::new("full");
    let segment = folder.options().create("it").unwrap();
    let mut child = Child::in_segment(&segment);
    drop(folder.options().create("stale").unwrap());
    child.kill();
    let (code, complaint) = told_to(&folder, &["doctor", "--repair", "--stale"], full());
    assert_eq!(code, Some(3));
    assert!(complaint.contains("write the output"), "{complaint}");
    assert_eq!(segment.participants().len(), 1, "the dead one is repaired");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    for arguments in [["ls", "--json"], ["ls", "--help"]] {
        let (code, complaint) = told_to(&folder, &arguments, full());
        assert_eq!(code, Some(3), "{arguments:?}");
        assert!(complaint.contains("write the output"), "{complaint}");
    }
}

#[test]
fn nothing_is_removed_by_a_line_that_names_no_segment() {
    let folder = Folder::new("no-name");
    drop(folder.options().create("left").unwrap());
    complains(&folder, &["rm", "left", ""], 3);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
