//! The table of waits: killed at every shared write of entering a wait and of taking it out.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use outlive::{Lock, Segment, SegmentOptions};

use super::sweep::{sweep, sweep_in};
use crate::Law;

/// Longer than two slices: the timed form looks for a circle, too.
const LIMIT: Duration = Duration::from_millis(60);
const PARTICIPANTS: u32 = 8;

pub const LAWS: &[Law] = &[(
    "deadlock::a_death_in_a_recorded_wait_leaves_no_cell",
    || {
        let held = |segment: &Segment| {
            let lock = Lock::create(segment, "lock").unwrap();
            lock.acquire(None).unwrap();
            lock
        };
        let recorded = sweep_in(
            watched,
            held,
            |_, lock| drop(lock.lock_timeout(LIMIT)),
            |segment, lock, _| {
                assert!(segment.waits().unwrap().is_empty());
                assert!(segment.deadlocks().unwrap().is_empty());
                lock.release().unwrap();
                assert!(lock.lock().is_ok());
                segment.reap().unwrap();
                assert_eq!(cells(segment), 0, "a cell is lost");
            },
        );
        let unrecorded = sweep(
            held,
            |_, lock| drop(lock.lock_timeout(LIMIT)),
            |_, lock, _| lock.release().unwrap(),
        );
        // A wait is entered twice: asleep, and while a circle is looked for.
        assert!(
            recorded >= unrecorded + 2 * 8,
            "{recorded} deaths, {unrecorded} without a table"
        );
    },
)];

fn watched() -> Segment {
    SegmentOptions::new()
        .size(1 << 18)
        .participants(PARTICIPANTS)
        .detect_deadlocks(true)
        .anonymous()
        .unwrap()
}

/// Cells that are somebody's, dead or not: see `docs/segment-format.md`.
fn cells(segment: &Segment) -> usize {
    let file = File::from(segment.try_clone_fd().unwrap());
    let word = |at| {
        let mut bytes = [0; 8];
        file.read_exact_at(&mut bytes, at).unwrap();
        u64::from_le_bytes(bytes)
    };
    let table = word(104) + 64;
    (0..4 * u64::from(PARTICIPANTS))
        .filter(|nth| word(table + 64 * nth) << 32 != 0)
        .count()
}
