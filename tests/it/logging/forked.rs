//! Records of forked children, and those that this crate makes itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use log::LevelFilter;
use outlive::process::logging::get_logger;
use outlive::{Lock, Process, Segment, Value};
use rustix::process::{Signal, getpid, kill_process};

use super::log_of;
use crate::fork::forked;

pub const SCENES: &[(&str, fn())] = &[
    ("fork", fork),
    ("repair", repair),
    ("dead forks", dead_forks),
];

const FORKS: u32 = 60;

/// Forks while other threads log.
fn fork() {
    outlive::log_to_stderr(LevelFilter::Warn).unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let noise: Vec<_> = (0..2)
        .map(|_| {
            let is_over = is_over.clone();
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    log::warn!("noise");
                    std::thread::yield_now();
                }
            })
        })
        .collect();
    for number in 0..FORKS {
        let child = forked(|| {
            log::warn!("fork {number} of {}", std::process::id());
            get_logger().flush();
            0
        });
        assert!(child.ends_with(0), "{number}");
    }
    is_over.store(true, Ordering::Relaxed);
    noise.into_iter().for_each(|thread| thread.join().unwrap());
    let in_worker = |(): ()| {
        forked(|| {
            log::warn!("of a worker");
            0
        })
        .ends_with(0)
    };
    assert!(Process::spawn(in_worker, ()).unwrap().join().unwrap());
}

#[test]
fn forked_children_log_under_their_numbers() {
    let log = log_of("fork");
    let mut next = 0;
    for line in log.iter().filter(|line| line.contains("fork")) {
        let (head, said) = line.split_once(' ').unwrap();
        let pid = said.rsplit(' ').next().unwrap();
        assert_eq!(head, format!("[WARN/MainProcess({pid})]"));
        assert!(said.starts_with(&format!("fork {next} of ")), "{line}");
        next += 1;
    }
    assert_eq!(next, FORKS);
    let of_worker = log
        .iter()
        .find(|line| line.ends_with("] of a worker"))
        .unwrap();
    assert!(of_worker.starts_with("[WARN/Process-1("), "{of_worker}");
}

/// A worker repairs after another.
fn repair() {
    outlive::log_to_stderr(LevelFilter::Info).unwrap();
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let victim = |lock: Lock| {
        let _held = lock.lock();
        kill_process(getpid(), Signal::KILL).unwrap();
    };
    assert!(
        Process::spawn(victim, lock.clone())
            .unwrap()
            .join()
            .is_err()
    );
    let heir = Process::builder().name("heir");
    let heir = heir.spawn(|segment: Segment| segment.reap().unwrap(), segment);
    assert_eq!(heir.unwrap().join().unwrap(), 1);
}

#[test]
fn what_the_crate_itself_says_comes_through() {
    let log = log_of("repair");
    let of_heir = |line: &&String| line.starts_with("[INFO/heir] segment");
    let repairs = log.iter().filter(of_heir).count();
    assert!(repairs >= 1, "{log:?}");
}

/// So many forks die as participants of the home that later ones take over their places, which
/// says so in the log while it makes them participants.
fn dead_forks() {
    outlive::log_to_stderr(LevelFilter::Info).unwrap();
    let value = Value::new(0_u64).unwrap();
    for number in 1..=600 {
        let child = forked(|| {
            value.fetch_add(1).unwrap();
            kill_process(getpid(), Signal::KILL).unwrap();
            0
        });
        assert!(!child.ends_with(0));
        assert_eq!(value.get().unwrap(), number, "it did not come so far");
    }
    let child = forked(|| {
        log::info!("the last");
        0
    });
    assert!(child.ends_with(0));
}

#[test]
fn a_record_made_while_a_fork_joins_is_not_in_its_own_way() {
    let log = log_of("dead forks");
    assert!(
        log.iter().any(|line| line.ends_with(")] the last")),
        "{log:?}"
    );
}
