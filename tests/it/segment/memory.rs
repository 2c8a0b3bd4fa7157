//! Memory that is there before it is used. Each test looks at a process of its own, as the kernel
//! shows it.

use std::fs::read_to_string;
use std::io::{Write, stderr};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use outlive::{ErrorKind, Segment, SegmentOptions, Value};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use super::Folder;
use crate::fork::in_fork;

const SIZE: u64 = 8 << 20;

/// What the kernel says of this process's mapping of `file`, in bytes.
fn of_mapping(file: &str, what: &str) -> u64 {
    let smaps = read_to_string("/proc/self/smaps").unwrap();
    // The lifeline is another mapping of the same file, of a page.
    let mut is_it = false;
    let mut found = 0;
    for line in smaps.lines() {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word.strip_suffix(':') {
            None => is_it = rest.ends_with(file),
            Some(name) if is_it && name == what => {
                let number = rest.trim().split(' ').next().unwrap();
                found = found.max(number.parse::<u64>().unwrap() << 10);
            }
            Some(_) => {}
        }
    }
    found
}

/// What `life` says, in a forked child; 255 where it panics, and why.
fn alone(life: impl FnOnce() -> u8) -> i32 {
    in_fork(|| {
        catch_unwind(AssertUnwindSafe(life)).unwrap_or_else(|panic| {
            // What the hook has said went to the memory of the test, which this child has a copy of.
            let why = panic.downcast_ref::<String>();
            let _ = writeln!(stderr(), "in the child: {why:?}");
            255
        })
    })
}

/// A folder with a segment in it that this process has not open, and its options.
fn left(test: &str) -> (Folder, SegmentOptions) {
    let folder = Folder::new(test);
    let options = folder.options().size(SIZE);
    drop(options.create("segment").unwrap());
    (folder, options)
}

#[test]
fn what_is_prefaulted_is_there_when_it_is_opened() {
    let (_folder, options) = left("prefault");
    let there = |options: SegmentOptions| {
        alone(|| {
            let _segment = options.open("segment").unwrap();
            u8::from(of_mapping("/outlive.segment", "Rss") == SIZE)
        })
    };
    assert_eq!(there(options.clone()), 0);
    assert_eq!(there(options.clone().prefault(true)), 1);
    let again = alone(|| {
        let segment = options.open("segment").unwrap();
        let value = Value::create(&segment, "value", 7_u64).unwrap();
        drop(options.clone().prefault(true).open("segment").unwrap());
        assert_eq!(of_mapping("/outlive.segment", "Rss"), SIZE);
        u8::try_from(value.get().unwrap()).unwrap()
    });
    assert_eq!(again, 7);
}

#[test]
fn what_is_locked_is_locked_as_long_as_it_is_open() {
    let locked = alone(|| {
        // A page that is mapped twice, as for a lifeline, counts half.
        let options = SegmentOptions::new().size(SIZE).lifeline(false);
        let options = options.lock_memory(true);
        let Ok(segment) = options.anonymous() else {
            return 2;
        };
        let all = of_mapping("/memfd:outlive (deleted)", "Locked") == SIZE;
        drop(segment);
        u8::from(all && of_mapping("/memfd:outlive (deleted)", "Locked") == 0)
    });
    // A machine may permit no process to lock so much.
    assert_ne!(locked, 0);
}

#[test]
fn who_may_not_lock_so_much_hears_the_limit_and_leaves_nothing_behind() {
    let folder = Folder::new("limit");
    let code = alone(|| {
        let mut mine = capabilities(None).unwrap();
        mine.effective.remove(CapabilitySet::IPC_LOCK);
        set_capabilities(None, mine).unwrap();
        let limit = Rlimit {
            current: Some(64 << 10),
            maximum: Some(64 << 10),
        };
        setrlimit(Resource::Memlock, limit).unwrap();
        let error = folder.options().lock_memory(true).create("it").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Os);
        let text = error.to_string();
        assert!(text.contains("65536 bytes") && text.contains("RLIMIT_MEMLOCK"));
        0
    });
    assert_eq!(code, 0);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Whether the wish for huge pages was refused aloud.
struct Ear(AtomicBool);

impl log::Log for Ear {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        if record.args().to_string().contains("no huge pages") {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    fn flush(&self) {}
}

static EAR: Ear = Ear(AtomicBool::new(false));

/// 0 for huge pages, 1 for a refusal, 2 for neither. The kernel may take huge pages apart at any
/// time: one of some wishes has to stand.
fn wish(open: impl Fn(SegmentOptions) -> Segment, file: &str) -> i32 {
    let mut ends = (0..5).map(|_| wish_once(&open, file));
    ends.find(|end| *end != 2).unwrap_or(2)
}

fn wish_once(open: impl FnOnce(SegmentOptions) -> Segment, file: &str) -> i32 {
    alone(|| {
        let _ = log::set_logger(&EAR);
        log::set_max_level(log::LevelFilter::Warn);
        let segment = open(SegmentOptions::new().size(SIZE).huge_pages(true));
        let value = Value::create(&segment, "value", 7_u64).unwrap();
        assert_eq!(value.get().unwrap(), 7);
        match (
            of_mapping(file, "ShmemPmdMapped"),
            EAR.0.load(Ordering::Relaxed),
        ) {
            (_, true) => 1,
            (0, false) => 2,
            (_, false) => 0,
        }
    })
}

#[test]
fn huge_pages_are_there_or_it_is_said_why_not() {
    let anonymous = |options: SegmentOptions| options.anonymous().unwrap();
    let end = wish(anonymous, "/memfd:outlive (deleted)");
    assert!(end < 2, "{end}");
    let (folder, _) = left("huge");
    let named = |options: SegmentOptions| options.folder(folder.path()).open("segment").unwrap();
    let end = wish(named, "/outlive.segment");
    assert!(end < 2, "{end}");
}

#[test]
fn too_small_for_a_huge_page_is_said_and_no_fault() {
    let small = |options: SegmentOptions| options.size(1 << 18).anonymous().unwrap();
    let code = alone(|| {
        let _ = log::set_logger(&EAR);
        log::set_max_level(log::LevelFilter::Warn);
        let segment = small(SegmentOptions::new().huge_pages(true));
        assert_eq!(segment.size(), 1 << 18);
        u8::from(EAR.0.load(Ordering::Relaxed))
    });
    assert_eq!(code, 1);
}

/// Where the machine has some reserved, which is root's to do.
#[test]
fn a_descriptor_with_reserved_huge_pages_is_a_segment_too() {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB;
    let Ok(fd) = rustix::fs::memfd_create("huge", flags) else {
        return;
    };
    rustix::fs::ftruncate(&fd, 2 << 20).unwrap();
    rustix::fs::fcntl_add_seals(fd.as_fd(), SealFlags::SHRINK).unwrap();
    match Segment::from_fd(fd) {
        Ok(segment) => {
            let value = Value::create(&segment, "value", 7_u64).unwrap();
            assert_eq!(value.get().unwrap(), 7);
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::Os, "{error}"),
    }
}
