//! What errors say: what happened, to which object, and what to do.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::AsRawFd;

use outlive::sync::LockError;
use outlive::{Array, AtomicArray, Error, ErrorKind, Lock, Segment, SegmentOptions, Semaphore};

use rustix::process::{Resource, getrlimit, setrlimit};

use super::child::{Child, Role, say};
use super::fork::in_fork;

pub const ROLES: &[(&str, Role)] = &[("fork without a descriptor", |segment, _| {
    let lock = Lock::open(segment, "lock").unwrap();
    let next = File::open("/dev/null").unwrap().as_raw_fd();
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = u64::try_from(next).ok();
    setrlimit(Resource::Nofile, limit).unwrap();
    in_fork(|| {
        let error = lock.try_lock().map(drop).map_err(Error::from);
        say(&error.map_or_else(|e| e.to_string(), |()| "taken".to_owned()));
        0
    });
})];

fn says(error: &Error, kind: ErrorKind, parts: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

#[test]
fn elements_that_there_are_not_are_said_one_way_each() {
    let segment = Segment::anonymous().unwrap();
    let array = Array::<u64>::create(&segment, "it", 3).unwrap();
    let outside = |error: Error, parts: &[&str]| {
        says(&error, ErrorKind::InvalidInput, parts);
        let parts = ["Array", "in `(anonymous)`", "which has 3"];
        says(&error, ErrorKind::InvalidInput, &parts);
    };
    outside(array.get(3).unwrap_err(), &["element 3", "first"]);
    outside(array.set(3, 0).unwrap_err(), &["element 3", "first"]);
    let update = |range| array.update(range, |_| ()).unwrap_err();
    outside(update(2..9), &["elements 2..9", "ends with the last"]);
    let (start, end) = (2, 1);
    outside(update(start..end), &["elements 2..1", "behind its end"]);
    let short = array.copy_from_slice(&[1]).unwrap_err();
    outside(short, &["copy 1 elements over all", "as many"]);
    let long = array.copy_range_from(2, &[1, 2]).unwrap_err();
    outside(long, &["elements 2..4"]);
    let atomic = AtomicArray::<u64>::create(&segment, "atomic", 3).unwrap();
    outside(atomic.get(7).unwrap_err(), &["element 7", "first"]);
}

#[test]
fn a_death_is_said_with_the_object_that_it_left() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let array = Array::<u64>::create(&segment, "array", 3).unwrap();
    let code = in_fork(|| {
        lock.acquire(None).unwrap();
        let _kept = ManuallyDrop::new(array.lock().unwrap());
        0
    });
    assert_eq!(code, 0);
    let error = array.get(0).unwrap_err();
    let parts = ["`array` in `(anonymous)`", "died holding", "repaired()"];
    says(&error, ErrorKind::PeerDied, &parts);
    let error = Error::from(lock.lock().unwrap_err());
    let parts = ["lock of `lock` in `(anonymous)`", "repaired()"];
    says(&error, ErrorKind::PeerDied, &parts);
}

#[test]
fn an_object_is_named_as_long_as_it_has_its_name() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let parts = ["`lock` in `(anonymous)`"];
    says(&lock.release().unwrap_err(), ErrorKind::NotOwner, &parts);
    segment.remove("lock").unwrap();
    let _other = Lock::create(&segment, "lock").unwrap();
    let error = lock.release().unwrap_err().to_string();
    assert!(!error.contains("`lock`"), "{error}");
    assert!(error.contains("0x"), "{error}");
}

#[test]
fn a_name_that_exists_is_told_also_where_there_is_no_room() {
    let options = SegmentOptions::new().size(1 << 14).participants(2);
    let segment = options.anonymous().unwrap();
    let _small = Array::<u8>::create(&segment, "it", 1).unwrap();
    let create = |name| Array::<u8>::create(&segment, name, 1 << 14).unwrap_err();
    let parts = ["open it instead"];
    says(&create("it"), ErrorKind::AlreadyExists, &parts);
    says(&create("other"), ErrorKind::Full, &["larger size"]);
}

#[test]
fn a_limit_that_passed_says_what_to_do() {
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let _guard = lock.lock().unwrap();
    let held = || lock.try_lock().unwrap_err();
    let parts = ["take a lock: timed out", "a living process holds it"];
    says(&Error::from(held()), ErrorKind::TimedOut, &parts);
    says(
        &held().into_guard().unwrap_err(),
        ErrorKind::TimedOut,
        &parts,
    );
    assert!(matches!(held(), LockError::TimedOut));
    let semaphore = Semaphore::create(&segment, "semaphore", 1).unwrap();
    let _permit = semaphore.acquire().unwrap();
    let none = Error::from(semaphore.try_acquire().unwrap_err());
    let parts = ["acquire a permit: timed out", "give back"];
    says(&none, ErrorKind::TimedOut, &parts);
}

#[test]
fn a_fork_that_finds_no_descriptor_says_which_limit_to_raise() {
    let segment = Segment::anonymous().unwrap();
    let _lock = Lock::create(&segment, "lock").unwrap();
    let child = Child::start(&segment, "fork without a descriptor", "");
    let said = child.hears();
    assert!(said.contains("RLIMIT_NOFILE"), "{said}");
    assert!(said.contains("join segment"), "{said}");
    child.finish();
}
