//! Names of segments that nobody lives in, and their removal.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use outlive::{ErrorKind, Segment, Value, inspect};

use super::child::{Child, Role, pause};
use super::fork::in_fork;
use super::segment::Folder;

pub const ROLES: &[(&str, Role)] = &[("live in it", |_, _| pause())];

#[test]
fn a_segment_is_stale_when_its_last_process_has_died() {
    let folder = Folder::new("stale");
    let segment = folder.options().create("it").unwrap();
    let path = segment.path().unwrap().to_owned();
    let mut child = Child::start(&segment, "live in it", "");
    assert!(!inspect::is_stale(&path).unwrap());
    drop(segment);
    assert!(
        !inspect::remove_stale(&path).unwrap(),
        "the child lives in it"
    );
    assert!(path.exists());
    child.kill();
    assert!(inspect::is_stale(&path).unwrap());
    assert!(path.exists(), "looking removes nothing");
    assert!(inspect::remove_stale(&path).unwrap());
    assert!(!path.exists());
    let gone = inspect::remove_stale(&path).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound, "{gone}");
}

#[test]
fn a_stopped_process_lives() {
    let folder = Folder::new("stale-stopped");
    let segment = folder.options().create("it").unwrap();
    let path = segment.path().unwrap().to_owned();
    let child = Child::start(&segment, "live in it", "");
    drop(segment);
    child.signal(rustix::process::Signal::STOP);
    assert!(!inspect::remove_stale(&path).unwrap());
    assert!(path.exists());
}

/// Whoever has opened a segment by name has one that still has its name, while others remove what
/// is stale as fast as they can; so all who have it open at the same time are in the same one.
#[test]
fn nobody_joins_a_segment_whose_name_was_removed() {
    let folder = Folder::new("stale-race");
    let path = folder.path().join("outlive.it");
    let end = Instant::now() + Duration::from_millis(1500);
    let is_over = AtomicBool::new(false);
    let live = || {
        let code = in_fork(|| {
            while Instant::now() < end {
                let segment = folder.options().lifeline(false).open_or_create("it");
                let segment = segment.expect("it can always be opened or made");
                let here = fs::metadata(&path).expect("it has a name while one lives in it");
                let same = Value::open_or_create(&segment, "inode", here.ino()).unwrap();
                if same.get().unwrap() != here.ino() {
                    return 1;
                }
            }
            0
        });
        assert_eq!(
            code, 0,
            "it lives in another segment than the one of the name"
        );
    };
    std::thread::scope(|scope| {
        let lives = [scope.spawn(live), scope.spawn(live)];
        let remover = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                // Mostly somebody lives in it, or it is not there at all.
                let _ = inspect::remove_stale(&path);
            }
        });
        let ends = lives.map(|life| life.join());
        is_over.store(true, Ordering::Relaxed);
        remover.join().unwrap();
        for end in ends {
            end.unwrap();
        }
    });
}

#[test]
fn what_cannot_be_judged_stays() {
    let folder = Folder::new("stale-odd");
    let at = |name: &str| folder.path().join(format!("outlive.{name}"));
    let kept: Segment = folder.options().create("whole").unwrap();
    drop(kept);
    fs::write(at("garbage"), [7; 100_000]).unwrap();
    fs::write(at("empty"), []).unwrap();
    let whole = fs::read(at("whole")).unwrap();
    fs::write(at("cut"), &whole[..whole.len() / 2]).unwrap();
    fs::create_dir(at("folder")).unwrap();
    std::os::unix::fs::symlink(at("whole"), at("link")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, at("fifo"), fifo, mode, 0).unwrap();
    for name in ["garbage", "empty", "cut", "folder", "link", "fifo"] {
        let path = at(name);
        let error = inspect::remove_stale(&path).unwrap_err();
        let refused = [ErrorKind::NotASegment, ErrorKind::Corrupt];
        assert!(refused.contains(&error.kind()), "{name}: {error}");
        assert!(path.symlink_metadata().is_ok(), "{name} is still there");
    }
    assert!(inspect::remove_stale(at("whole")).unwrap());
}
