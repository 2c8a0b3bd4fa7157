//! What `rm` and `doctor` take away and repair, and what they never do.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::process::Stdio;

use super::{complains, json, outlive, says};
use crate::child::Child;
use crate::folder::Folder;

/// Whatever else may have the name of a segment.
fn odd_files(folder: &Folder) -> Vec<std::path::PathBuf> {
    let at = |name: &str| folder.path().join(format!("outlive.{name}"));
    fs::write(at("garbage"), [7; 100_000]).unwrap();
    fs::write(at("empty"), []).unwrap();
    fs::create_dir(at("folder")).unwrap();
    symlink("/dev/zero", at("link")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), fifo, mode, 0).unwrap();
    // All holes, and larger than some machines can map.
    let huge = fs::File::create(at("huge")).unwrap();
    huge.set_len(1 << 42).unwrap();
    let whole = folder.options().create("whole").unwrap();
    let bytes = fs::read(whole.path().unwrap()).unwrap();
    whole.unlink().unwrap();
    fs::write(at("cut"), &bytes[..bytes.len() / 2]).unwrap();
    let mut wild = bytes;
    // A header that is believed, and nothing but garbage behind it.
    wild[128..].fill(0xa5);
    fs::write(at("wild"), wild).unwrap();
    ["garbage", "empty", "folder", "link", "fifo", "huge", "cut"]
        .map(at)
        .to_vec()
}

#[test]
fn every_subcommand_gets_over_hostile_files() {
    let folder = Folder::new("odd");
    let kept = odd_files(&folder);
    let lines = json(&folder, &["ls", "--named"]);
    assert_eq!(lines.as_array().unwrap().len(), kept.len() + 1);
    for line in lines.as_array().unwrap() {
        assert_eq!(
            line.get("error").is_none(),
            line["name"] == "wild",
            "{line}"
        );
    }
    says(&folder, &["ls"], 0);
    says(&folder, &["show", "wild"], 0);
    says(&folder, &["top", "--once", "--interval", "0.01"], 0);
    says(
        &folder,
        &["watch", "--for", "0.05", "--interval", "0.01"],
        0,
    );
    for name in ["garbage", "empty", "folder", "link", "fifo", "huge", "cut"] {
        let complaint = complains(&folder, &["show", name], 3);
        assert!(complaint.starts_with("outlive: "), "{complaint}");
    }
    let report = json(&folder, &["doctor"]).to_string();
    assert!(report.contains("segment garbage"), "{report}");
    let complaint = complains(&folder, &["rm", "--stale"], 3);
    assert!(complaint.contains("outlive.garbage"), "{complaint}");
    for path in kept {
        assert!(
            path.symlink_metadata().is_ok(),
            "{} is gone",
            path.display()
        );
    }
}

/// On a full file system it is a SIGBUS.
#[test]
fn no_page_is_taken_by_a_look_at_what_is_no_segment() {
    let folder = Folder::new("hole");
    let path = folder.path().join("outlive.hole");
    fs::File::create(&path).unwrap().set_len(1 << 20).unwrap();
    says(&folder, &["ls"], 0);
    complains(&folder, &["show", "hole"], 3);
    complains(&folder, &["rm", "hole"], 3);
    assert!(folder.options().open("hole").is_err());
    assert_eq!(path.metadata().unwrap().blocks(), 0);
}

#[test]
fn what_somebody_has_only_begun_to_make_is_nothing_wrong() {
    let folder = Folder::new("begun");
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    let blank = rustix::fs::memfd_create("outlive", flags).unwrap();
    rustix::fs::ftruncate(&blank, 1 << 18).unwrap();
    let name = format!("{}/{}", std::process::id(), blank.as_raw_fd());
    let report = json(&folder, &["doctor"]);
    assert!(!report.to_string().contains(&name), "{report}");
    let report = json(&folder, &["doctor", &name]);
    assert!(report.to_string().contains(&name), "{report}");
}

#[test]
fn stale_names_are_removed_and_live_ones_never() {
    let folder = Folder::new("rm");
    let lived_in = folder.options().create("lived-in").unwrap();
    let left = folder.options().create("left").unwrap();
    let of_dead = folder.options().create("of-dead").unwrap();
    let of_child = folder.options().create("of-child").unwrap();
    let paths = [&lived_in, &left, &of_dead, &of_child].map(|s| s.path().unwrap().to_owned());
    let mut dead = Child::in_segment(&of_dead);
    let alive = Child::in_segment(&of_child);
    drop((left, of_dead, of_child));
    dead.kill();

    let dry = says(&folder, &["rm", "--stale", "--dry-run"], 0);
    assert!(dry.contains("would remove"), "{dry}");
    assert!(paths.iter().all(|path| path.exists()), "{dry}");

    let complaint = complains(&folder, &["rm", "lived-in", "of-child"], 3);
    assert!(complaint.contains("somebody lives in it"), "{complaint}");
    let removed = says(&folder, &["rm", "--stale"], 0);
    let there = paths.each_ref().map(|path| path.exists());
    assert_eq!(there, [true, false, false, true], "{removed}");
    let nothing = says(&folder, &["rm", "--stale"], 0);
    assert!(nothing.contains("no stale segment"), "{nothing}");

    drop(alive);
    assert_eq!(
        json(&folder, &["rm", "of-child"])[0]["fate"],
        "removed",
        "its last process is dead"
    );
    drop(lived_in);
    says(&folder, &["rm", "lived-in"], 0);
    assert!(!paths[0].exists());
    complains(&folder, &["rm", "lived-in"], 3);
}

#[test]
fn doctor_finds_the_dead_and_repairs_after_them() {
    let folder = Folder::new("doctor");
    let segment = folder.options().label("test").create("it").unwrap();
    let stale = folder.options().create("stale").unwrap();
    let stale_path = stale.path().unwrap().to_owned();
    drop(stale);
    let mut child = Child::in_segment(&segment);
    let pid = child.pid();
    child.kill();

    let output = outlive(&folder, &["doctor"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("child ({pid}) has died")), "{said}");
    assert!(said.contains("outlive rm stale"), "{said}");
    let dead = || {
        segment
            .participants()
            .iter()
            .filter(|who| !who.is_alive)
            .count()
    };
    assert_eq!(dead(), 1, "to look repairs nothing");

    json(&folder, &["doctor", "--repair", "stale"]);
    assert_eq!(dead(), 1, "it was told to repair another");
    let report = json(&folder, &["doctor", "--repair", "gone"]);
    assert!(report.to_string().contains("outlive ls"), "{report}");
    let report = json(&folder, &["doctor", "--repair", "it"]);
    assert_eq!(report["repairs"]["repaired"][0]["deaths"], 1, "{report}");
    assert_eq!(dead(), 0);
    assert_eq!(segment.recoveries().unwrap().last().unwrap().pid, pid);
    assert!(stale_path.exists(), "it was not told to remove that");
    complains(&folder, &["doctor", "--stale"], 2);
    complains(&folder, &["doctor", "--repair", "--stale", "it"], 2);
    let report = json(&folder, &["doctor", "--repair", "--stale"]);
    assert_eq!(report["repairs"]["removed"], 1, "{report}");
    assert!(!stale_path.exists());
    assert!(segment.path().unwrap().exists());
}

#[test]
fn two_sweeps_at_once_are_no_error() {
    let folder = Folder::new("sweeps");
    let segment = folder.options().size(1 << 16).create("pattern").unwrap();
    let bytes = fs::read(segment.path().unwrap()).unwrap();
    drop(segment);
    for round in 0..3 {
        for at in 0..300 {
            fs::write(folder.path().join(format!("outlive.{round}-{at}")), &bytes).unwrap();
        }
        let sweeps: Vec<_> = (0..3)
            .map(|_| {
                super::command(&folder, &["rm", "--stale"])
                    .stdout(Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for mut sweep in sweeps {
            assert_eq!(sweep.wait().unwrap().code(), Some(0));
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_sweep_leaves_the_segments_of_others_to_them() {
    let folder = Folder::new("others");
    drop(folder.options().create("theirs").unwrap());
    drop(folder.options().create("mine").unwrap());
    let theirs = folder.path().join("outlive.theirs");
    if chown(&theirs, Some(65_534), None).is_err() {
        // Only root can give a file away.
        return;
    }
    let said = says(&folder, &["rm", "--stale"], 0);
    assert!(
        said.contains("removed") && said.contains("another user's"),
        "{said}"
    );
    assert!(theirs.exists());
    complains(&folder, &["rm", "theirs"], 3);
    assert!(theirs.exists());
}
