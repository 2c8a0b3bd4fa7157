//! Segments: names, files that are none, full registries, forks, leftovers of the dead.

use std::io::Write;
use std::os::unix::fs::{FileExt, symlink};
use std::path::PathBuf;

use outlive::sync::LockError;
use outlive::{ErrorKind, Lock, RLock, Segment, SegmentOptions};

use super::child::{Child, Role, pause, say};
use super::fork::in_fork;

mod memory;

pub const ROLES: &[(&str, Role)] = &[
    ("stay", |_, _| {
        say("here");
        pause();
    }),
    ("make locks", |segment, _| {
        let _locks: Vec<_> = (0..50)
            .map(|i| Lock::create(segment, &format!("lock {i}")).unwrap())
            .collect();
        for i in 0..50 {
            segment.remove(&format!("lock {i}")).unwrap();
        }
        say("made");
        pause();
    }),
];

/// A folder of its own for each test, gone afterwards.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(test: &str) -> Self {
        let path = PathBuf::from(format!(
            "/dev/shm/outlive-test-{test}-{}",
            std::process::id()
        ));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
    pub fn options(&self) -> SegmentOptions {
        SegmentOptions::new().folder(&self.0).size(1 << 18)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_name_is_made_once_and_opened_by_all() {
    let folder = Folder::new("name");
    let made = folder.options().create("jobs").unwrap();
    let kind = |r: Result<Segment, outlive::Error>| r.unwrap_err().kind();
    assert_eq!(
        kind(folder.options().create("jobs")),
        ErrorKind::AlreadyExists
    );
    assert_eq!(kind(folder.options().open("other")), ErrorKind::NotFound);
    let opened = folder.options().open("jobs").unwrap();
    assert_eq!(
        opened.participants().len(),
        1,
        "one process is one participant"
    );
    assert_eq!(opened.name(), "jobs");
    made.unlink().unwrap();
    assert_eq!(made.unlink().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(kind(folder.options().open("jobs")), ErrorKind::NotFound);
    folder.options().open_or_create("jobs").unwrap();
    assert_eq!(
        std::fs::read_dir(&folder.0).unwrap().count(),
        1,
        "no other file is left"
    );
}

#[test]
fn what_is_no_segment_is_refused_before_the_first_touch() {
    let folder = Folder::new("garbage");
    let path = |name: &str| folder.0.join(format!("outlive.{name}"));
    std::fs::write(path("zero"), b"").unwrap();
    std::fs::write(path("short"), b"outlive\0 and no more").unwrap();
    std::fs::write(path("blank"), vec![0; 1 << 18]).unwrap();
    std::fs::write(path("garbage"), vec![0xA5; 1 << 18]).unwrap();
    std::fs::create_dir(path("folder")).unwrap();
    folder.options().create("real").unwrap();
    symlink(path("real"), path("link")).unwrap();
    for name in ["zero", "short", "blank", "garbage", "folder", "link"] {
        let error = folder.options().open(name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotASegment, "{name}: {error}");
    }
    for name in ["", "a/b", "..", &"x".repeat(300)] {
        let kind = folder.options().open(name).map(drop).map_err(|e| e.kind());
        assert!(
            matches!(kind, Err(ErrorKind::InvalidInput | ErrorKind::NotFound)),
            "{name}"
        );
    }
}

#[test]
fn a_cut_or_overwritten_file_is_corrupt_and_another_layout_is_said() {
    let folder = Folder::new("cut");
    let path = |name: &str| folder.0.join(format!("outlive.{name}"));
    drop(folder.options().create("cut").unwrap());
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(path("cut"))
        .unwrap();
    file.set_len(1 << 17).unwrap();
    assert_eq!(
        folder.options().open("cut").unwrap_err().kind(),
        ErrorKind::Corrupt
    );
    drop(folder.options().create("version").unwrap());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(path("version"))
        .unwrap();
    file.write_all(b"outlive\0another.").unwrap();
    assert_eq!(
        folder.options().open("version").unwrap_err().kind(),
        ErrorKind::WrongVersion
    );
}

#[test]
fn a_file_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = Folder::new("owner");
    drop(folder.options().create("theirs").unwrap());
    let path = folder.0.join("outlive.theirs");
    std::os::unix::fs::chown(&path, Some(12345), Some(12345)).unwrap();
    assert_eq!(
        folder.options().open("theirs").unwrap_err().kind(),
        ErrorKind::NotASegment
    );
}

#[test]
fn objects_are_opened_as_what_they_are() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "it").unwrap();
    assert_eq!(
        Lock::create(&segment, "it").unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        RLock::open(&segment, "it").unwrap_err().kind(),
        ErrorKind::WrongType
    );
    assert_eq!(
        Lock::open(&segment, "other").unwrap_err().kind(),
        ErrorKind::NotFound
    );
    segment.remove("it").unwrap();
    assert_eq!(
        Lock::open(&segment, "it").unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(lock.lock().is_ok(), "handles outlive the name");
}

#[test]
fn a_full_segment_is_an_error_and_room_comes_back() {
    let segment = SegmentOptions::new()
        .size(1 << 16)
        .participants(4)
        .anonymous()
        .unwrap();
    let free = segment.free().unwrap();
    for _ in 0..3 {
        let mut made = Vec::new();
        let error = loop {
            match Lock::create(&segment, &format!("lock {}", made.len())) {
                Ok(lock) => made.push(lock),
                Err(e) => break e,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Full);
        assert_eq!(segment.objects().unwrap().len(), made.len());
        for i in 0..made.len() {
            segment.remove(&format!("lock {i}")).unwrap();
        }
        drop(made);
        assert_eq!(segment.free().unwrap(), free, "every byte comes back");
    }
}

#[test]
fn a_full_dev_shm_is_an_error_at_creation() {
    let folder = Folder::new("full");
    let error = folder.options().size(1 << 50).create("huge").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert_eq!(
        std::fs::read_dir(&folder.0).unwrap().count(),
        0,
        "nothing is left"
    );
}

#[test]
fn a_full_registry_is_an_error_until_somebody_leaves_or_dies() {
    let segment = SegmentOptions::new().participants(2).anonymous().unwrap();
    let mut first = Child::start(&segment, "stay", "");
    first.expect("here");
    let fd = segment.try_clone_fd().unwrap();
    let path = format!(
        "/proc/{}/fd/{}",
        std::process::id(),
        std::os::fd::AsRawFd::as_raw_fd(&fd)
    );
    // A third participant, played by a forked child of this test's own: see the fork test.
    let refused = in_fork(|| {
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let segment = Segment::from_fd(file.into());
        // The mapping is inherited, so this is the parent's segment, joined at its first use.
        u8::from(segment.is_ok_and(|segment| segment.free().is_ok()))
    });
    assert_eq!(refused, 0);
    first.kill();
    let mut second = Child::start(&segment, "stay", "");
    second.expect("here");
    second.go_on();
    second.finish();
    let third = Child::start(&segment, "stay", "");
    third.expect("here");
    assert_eq!(
        segment.recoveries().unwrap().len(),
        1,
        "a death is one, a leave is none"
    );
}

#[test]
fn what_a_dead_process_made_is_freed_and_its_slot_used_again() {
    let segment = SegmentOptions::new().participants(2).anonymous().unwrap();
    let free = segment.free().unwrap();
    for _ in 0..3 {
        let mut child = Child::start(&segment, "make locks", "");
        child.expect("made");
        assert_eq!(segment.objects().unwrap().len(), 50);
        child.kill();
        assert_eq!(segment.reap().unwrap(), 1);
        assert_eq!(segment.objects().unwrap(), []);
        assert_eq!(segment.free().unwrap(), free);
    }
    let recoveries = segment.recoveries().unwrap();
    assert_eq!(recoveries.len(), 3);
    assert!(
        recoveries
            .iter()
            .all(|r| r.objects == 50 && r.label == "child")
    );
    assert_eq!(segment.participants().len(), 1);
}

#[test]
fn a_name_left_by_the_dead_is_a_segment_like_any_other() {
    let folder = Folder::new("dead");
    let code = in_fork(|| {
        let segment = folder.options().create("left").unwrap();
        Lock::create(&segment, "lock")
            .unwrap()
            .acquire(None)
            .unwrap();
        0
    });
    assert_eq!(code, 0);
    let segment = folder.options().open_or_create("left").unwrap();
    let lock = Lock::open(&segment, "lock").unwrap();
    let end = lock.lock();
    assert!(matches!(end, Err(LockError::OwnerDied(_))), "{end:?}");
}

#[test]
fn a_thousand_segments_are_open_at_once() {
    let _ = rustix::process::setrlimit(
        rustix::process::Resource::Nofile,
        rustix::process::Rlimit {
            current: Some(4096),
            maximum: Some(20_000),
        },
    );
    let options = SegmentOptions::new().size(1 << 14).participants(2);
    let all: Vec<_> = (0..1000).map(|_| options.anonymous().unwrap()).collect();
    for segment in &all {
        let lock = Lock::create(segment, "lock").unwrap();
        assert!(lock.lock().is_ok());
    }
    assert!(all.iter().all(|segment| segment.participants().len() == 1));
}

#[test]
fn a_file_outlives_its_processes() {
    let folder = Folder::new("file");
    let path = folder.0.join("state");
    drop(Lock::create(&SegmentOptions::new().create_file(&path).unwrap(), "lock").unwrap());
    let segment = SegmentOptions::new().open_file(&path).unwrap();
    assert!(Lock::open(&segment, "lock").is_ok());
    assert_eq!(segment.recoveries().unwrap(), [], "leaving is no death");
}

#[test]
fn threads_that_open_and_leave_are_one_participant() {
    let folder = Folder::new("threads");
    let options = SegmentOptions::new().participants(1).folder(&folder.0);
    drop(options.create("segment").unwrap());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..300).for_each(|_| drop(options.open("segment").unwrap())));
        }
    });
    assert_eq!(options.open("segment").unwrap().participants().len(), 1);
}

/// The name is there to be read, and its hash is not the name's: one look finds it, another not.
#[test]
fn a_full_segment_with_a_damaged_name_has_no_room_and_says_so() {
    let folder = Folder::new("damaged");
    let path = folder.0.join("state");
    let options = SegmentOptions::new().size(1 << 14).participants(2);
    let segment = options.create_file(&path).unwrap();
    let _lock = Lock::create(&segment, "damaged").unwrap();
    let full = (0..).find_map(|n| Lock::create(&segment, &format!("{n}")).err());
    assert_eq!(full.unwrap().kind(), ErrorKind::Full);
    let bytes = std::fs::read(&path).unwrap();
    let name = bytes
        .windows(7)
        .position(|text| text == b"damaged")
        .unwrap();
    // The name follows a head of 64 bytes, in which its hash is at 36.
    let hash = name - 64 + 36;
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.write_all_at(&[!bytes[hash]], hash as u64).unwrap();
    assert_eq!(
        Lock::open(&segment, "damaged").unwrap_err().kind(),
        ErrorKind::NotFound
    );
    let error = Lock::open_or_create(&segment, "damaged").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
}
