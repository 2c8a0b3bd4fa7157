//! Segments: killed while joining, leaving, making, naming, opening, removing, repairing.

use std::fs::File;

use outlive::{AtomicArray, ErrorKind, Lock, Segment, SegmentOptions, crash_points};

use super::sweep::{dead, segment, sweep};
use crate::Law;
use crate::crowd::{End, Forked};

/// A segment of `file`, which was zeroes when it began.
fn adopt(file: &File, participants: u32, waits: bool) -> outlive::Result<Segment> {
    SegmentOptions::new()
        .participants(participants)
        .detect_deadlocks(waits)
        .from_fd(file.try_clone().unwrap().into())
}

pub const LAWS: &[Law] = &[
    (
        "segment::a_death_while_making_one_of_zeroes_leaves_them_blank_or_whole",
        || {
            for (first, then) in [(false, false), (false, true), (true, false), (true, true)] {
                a_death_while_adopting(first, then);
            }
        },
    ),
    (
        "segment::a_death_while_joining_leaves_no_slot_behind",
        || {
            for k in 1.. {
                let segment = segment();
                let end = Forked::start(|| {
                    crash_points::arm(k);
                    u8::from(segment.free().is_err())
                })
                .wait();
                segment.reap().unwrap();
                assert_eq!(segment.participants().len(), 1, "a slot leaks at point {k}");
                if end == End::Exited(0) {
                    assert!(k > 3, "joining has {k} points");
                    return;
                }
            }
        },
    ),
    (
        "segment::a_death_while_making_leaves_a_whole_object_or_none",
        || {
            let deaths = sweep(
                |_| (),
                |segment, ()| drop(Lock::create(segment, "made").unwrap()),
                |segment, (), end| {
                    let name =
                        |lock: Result<Lock, outlive::Error>| lock.map(drop).map_err(|e| e.kind());
                    match name(Lock::open(segment, "made")) {
                        Ok(()) => {}
                        Err(ErrorKind::NotFound) => {
                            assert_eq!(end, End::Killed);
                            Lock::create(segment, "made").unwrap();
                        }
                        Err(e) => panic!("{e:?}"),
                    }
                    assert!(Lock::open(segment, "made").unwrap().lock().is_ok());
                    segment.remove("made").unwrap();
                },
            );
            assert!(deaths > 10, "{deaths} deaths");
        },
    ),
    (
        "segment::a_death_while_making_or_dropping_without_a_name_leaks_nothing",
        || {
            sweep(
                |_| (),
                |segment, ()| {
                    let lock = Lock::create(segment, "made").unwrap();
                    segment.remove("made").unwrap();
                    drop(lock);
                },
                |segment, (), _| {
                    segment.reap().unwrap();
                    let _ = segment.remove("made");
                    assert_eq!(segment.objects().unwrap(), []);
                },
            );
        },
    ),
    (
        "segment::a_death_while_merging_or_splitting_keeps_the_arena_whole",
        || {
            sweep(
                |segment| {
                    // A full arena, the first half of whose locks is free again.
                    let most = usize::try_from(segment.free().unwrap()).unwrap() / 2 - (2 << 10);
                    let filler = outlive::Array::<u8>::create(segment, "filler", most).unwrap();
                    let mut all = Vec::new();
                    while let Ok(lock) = Lock::create(segment, &format!("{}", all.len())) {
                        all.push(lock);
                    }
                    for i in 0..all.len() / 2 {
                        segment.remove(&format!("{i}")).unwrap();
                    }
                    all.drain(..all.len() / 2);
                    (filler, all)
                },
                |segment, _| drop(outlive::RLock::create(segment, "larger").unwrap()),
                |segment, _, _| {
                    let _ = segment.remove("larger");
                    segment.reap().unwrap();
                    outlive::RLock::create(segment, "larger").unwrap();
                    segment.remove("larger").unwrap();
                },
            );
        },
    ),
    (
        "segment::a_death_while_making_leaves_no_bytes_for_the_next_object",
        || {
            sweep(
                |_| (),
                |segment, ()| drop(Lock::create(segment, "small").unwrap()),
                |segment, (), _| {
                    let _ = segment.remove("small");
                    segment.reap().unwrap();
                    let most = usize::try_from(segment.free().unwrap()).unwrap() / 8 - 32;
                    let large = AtomicArray::<u64>::create(segment, "large", most).unwrap();
                    assert!(large.to_vec().unwrap().iter().all(|element| *element == 0));
                    segment.remove("large").unwrap();
                },
            );
        },
    ),
    (
        "segment::a_death_while_opening_and_dropping_leaks_nothing",
        || {
            sweep(
                |segment| Lock::create(segment, "lock").unwrap(),
                |segment, _| drop(Lock::open(segment, "lock").unwrap()),
                |segment, _, _| assert!(Lock::open(segment, "lock").unwrap().lock().is_ok()),
            );
        },
    ),
    ("segment::a_reaper_that_dies_is_followed_by_another", || {
        let deaths = sweep(
            |segment| {
                let lock = Lock::create(segment, "lock").unwrap();
                dead(segment, || {
                    lock.acquire(None).unwrap();
                    let made = Lock::create(segment, "made").unwrap();
                    segment.remove("made").unwrap();
                    std::mem::forget(made);
                });
                lock
            },
            |segment, _| assert_eq!(segment.reap().unwrap(), 1),
            |segment, lock, _| {
                assert!(lock.lock().is_err(), "the mark is there, whoever repaired");
                segment.reap().unwrap();
                assert!(!segment.recoveries().unwrap().is_empty());
                assert_eq!(segment.objects().unwrap().len(), 1);
                drop(lock.lock().or_else(|e| e.repair(|_| {})).unwrap());
            },
        );
        assert!(deaths > 5, "{deaths} deaths");
    }),
    (
        "segment::a_joiner_that_dies_in_the_slot_of_the_dead_leaves_nothing",
        || {
            for k in 1.. {
                let segment = SegmentOptions::new()
                    .size(1 << 18)
                    .participants(2)
                    .anonymous()
                    .unwrap();
                let lock = Lock::create(&segment, "lock").unwrap();
                dead(&segment, || lock.acquire(None).unwrap());
                let end = Forked::start(|| {
                    crash_points::arm(k);
                    u8::from(segment.free().is_err())
                })
                .wait();
                dead(&segment, || ());
                assert!(
                    lock.lock().is_err(),
                    "the first death is not forgotten at point {k}"
                );
                segment.reap().unwrap();
                assert_eq!(segment.participants().len(), 1);
                if end == End::Exited(0) {
                    return;
                }
            }
        },
    ),
    (
        "segment::a_death_while_leaving_leaves_no_slot_behind",
        || {
            for k in 1.. {
                let segment = segment();
                let fd = segment.try_clone_fd().unwrap();
                let end = Forked::start(|| {
                    // The fork's only handle: dropped, the process leaves.
                    segment.free().unwrap();
                    crash_points::arm(k);
                    // SAFETY: the child does not use its copy of the handle again.
                    drop(unsafe { std::ptr::read(&raw const segment) });
                    0
                })
                .wait();
                drop(fd);
                segment.reap().unwrap();
                assert_eq!(segment.participants().len(), 1, "a slot leaks at point {k}");
                if end == End::Exited(0) {
                    return;
                }
            }
        },
    ),
    (
        "segment::a_creator_that_dies_leaves_no_half_segment",
        || {
            let folder = format!("/dev/shm/outlive-crash-{}", std::process::id());
            std::fs::create_dir_all(&folder).unwrap();
            let options = SegmentOptions::new().folder(&folder).size(1 << 18);
            for k in 1.. {
                let end = Forked::start(|| {
                    crash_points::arm(k);
                    u8::from(options.create("made").is_err())
                })
                .wait();
                let made: Option<Segment> = match options.open("made") {
                    Ok(segment) => Some(segment),
                    Err(e) => {
                        assert_eq!(e.kind(), ErrorKind::NotFound, "{e}");
                        assert_eq!(end, End::Killed);
                        None
                    }
                };
                let left = std::fs::read_dir(&folder).unwrap().count();
                assert_eq!(
                    left,
                    usize::from(made.is_some()),
                    "a file is left at point {k}"
                );
                if let Some(made) = made {
                    assert!(Lock::create(&made, "lock").is_ok());
                    made.unlink().unwrap();
                }
                if end == End::Exited(0) {
                    break;
                }
            }
            std::fs::remove_dir(&folder).unwrap();
        },
    ),
];

/// Whoever makes a segment of zeroes dies at any point, and another makes it; with a table of waits
/// or without.
fn a_death_while_adopting(first: bool, then: bool) {
    for k in 1.. {
        let path = format!("/dev/shm/outlive-crash-zeroes-{}", std::process::id());
        let mut options = File::options();
        let options = options.read(true).write(true).create(true);
        let file = options.truncate(true).open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        file.set_len(1 << 18).unwrap();
        let end = Forked::start(|| {
            crash_points::arm(k);
            u8::from(adopt(&file, 8, first).is_err())
        })
        .wait();
        // Of another size, so that nothing is written over by chance.
        let segment = adopt(&file, 40, then).unwrap();
        segment.reap().unwrap();
        assert_eq!(segment.participants().len(), 1, "a slot leaks at point {k}");
        assert_eq!(segment.objects().unwrap(), []);
        assert!(Lock::create(&segment, "it").unwrap().lock().is_ok());
        if end == End::Exited(0) {
            assert!(k > 12, "making has {k} points");
            return;
        }
    }
}
