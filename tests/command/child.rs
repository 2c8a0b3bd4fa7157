//! Processes that live in a segment until they are killed.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use outlive::{Lock, Process, Segment, SegmentOptions};

/// Longer than anything here takes; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A process called `child`; SIGKILLed when dropped.
pub(crate) struct Child(Process<()>);

impl Child {
    /// One that takes part in `segment`.
    pub(crate) fn in_segment(segment: &Segment) -> Self {
        Self::start(segment, Vec::new())
    }

    /// One that holds this lock of `segment`.
    pub(crate) fn with_lock(segment: &Segment, name: &str) -> Self {
        let lock = Lock::open(segment, name).unwrap();
        let child = Self::start(segment, vec![name.to_owned()]);
        wait_until(|| lock.holder() == Some(child.pid()));
        child
    }

    /// One that holds the first of these locks, and waits for the next.
    pub(crate) fn with_locks(segment: &Segment, names: [&str; 2]) -> Self {
        Self::start(segment, names.map(str::to_owned).to_vec())
    }

    fn start(segment: &Segment, locks: Vec<String>) -> Self {
        let path = segment.path().unwrap().to_owned();
        let child = Self(Process::spawn(live, (path, locks)).unwrap());
        let mine = |who: &outlive::segment::Participant| who.pid == child.pid() && who.is_alive;
        wait_until(|| segment.participants().iter().any(mine));
        child
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.pid()
    }

    /// SIGKILLs it, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.0.kill().unwrap();
        // It had no result.
        let _ = self.0.join_timeout(PATIENCE);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.join_timeout(PATIENCE);
    }
}

/// What a child does.
fn live((path, locks): (PathBuf, Vec<String>)) {
    let segment = SegmentOptions::new()
        .label("child")
        .open_file(path)
        .unwrap();
    let open = |name: &String| Lock::open(&segment, name).unwrap();
    let locks: Vec<_> = locks.iter().map(open).collect();
    let mut held = Vec::new();
    for lock in &locks {
        // Of a pair, each has its first before either wants its second.
        wait_until(|| held.is_empty() || lock.holder().is_some());
        held.push(lock.lock());
    }
    std::thread::sleep(PATIENCE);
}

/// Waits until it is so.
pub(crate) fn wait_until(mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "it did not come to that in time");
        std::thread::sleep(Duration::from_millis(2));
    }
}
