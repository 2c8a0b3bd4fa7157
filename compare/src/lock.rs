//! Locks: alone, and two processes that want the same one.

use std::time::Duration;

use parking_lot::lock_api::RawMutex as _;
use raw_sync::locks::{LockImpl, LockInit, Mutex};

use crate::contention::{Contended, contended, fair};
use crate::measure::{Contest, Plan, Spread, alone};
use crate::peers::pthread::RobustMutex;
use crate::table::{Bound, Table};

const ALONE: &str = "lock + unlock, alone";
const CONTENDED: &str = "lock + unlock, two processes";

pub fn measure(plan: &Plan, table: &mut Table) {
    let parking = parking_lot::RawMutex::INIT;
    let robust = RobustMutex::new();
    let raw = RawSync::new();
    let lock = outlive::Lock::new().expect("a lock");
    let rlock = outlive::RLock::new().expect("a lock");
    let mut contest = Contest::new(ALONE);
    contest
        .enter(
            "parking_lot",
            alone(|n| {
                for _ in 0..n {
                    parking.lock();
                    // SAFETY: locked above.
                    unsafe { parking.unlock() };
                }
            }),
        )
        .enter(
            "pthread robust",
            alone(|n| {
                for _ in 0..n {
                    robust.lock();
                    robust.unlock();
                }
            }),
        )
        .enter(
            "raw_sync",
            alone(|n| (0..n).for_each(|_| drop(raw.lock.lock()))),
        );
    contest
        .enter(
            "outlive Lock",
            alone(|n| (0..n).for_each(|_| drop(lock.lock().expect("nobody died")))),
        )
        .enter(
            "outlive RLock",
            alone(|n| (0..n).for_each(|_| drop(rlock.lock().expect("nobody died")))),
        );
    let figures = contest.hold(plan.rounds, table);
    for ours in ["outlive Lock", "outlive RLock"] {
        table.cost(&figures, ours, "parking_lot", 1.0);
        table.cost(&figures, ours, "pthread robust", 0.75);
    }

    let time = Duration::from_millis(if plan.quick { 30 } else { 100 });
    let mut contest = Contest::new(CONTENDED);
    contest
        .enter("pthread robust", contended(time, &robust))
        .enter("outlive Lock", contended(time, &lock))
        .enter("outlive RLock", contended(time, &rlock));
    let figures = contest.hold(plan.rounds, table);
    table.rate(&figures, "outlive Lock", "pthread robust", 1.5);

    let runs = if plan.quick { 1 } else { 5 };
    let parts = |lock: &dyn Fn() -> Result<f64, String>| {
        (0..runs)
            .map(|_| lock())
            .collect::<Result<_, _>>()
            .map(Spread::of)
    };
    const FAIR: &str = "slower process's part of a contended second";
    let ours = parts(&|| fair(&lock));
    table.bar(
        format!("{FAIR}, outlive Lock"),
        Bound::AtLeast(30.0),
        "%",
        ours,
    );
    table.note(
        format!("{FAIR}, pthread robust"),
        "%",
        parts(&|| fair(&robust)),
    );
}

/// raw_sync's mutex, in the library's own form.
struct RawSync {
    lock: Box<dyn LockImpl>,
    _place: Box<[u64; 64]>,
    _data: Box<u64>,
}

impl RawSync {
    fn new() -> Self {
        let mut place = Box::new([0; 64]);
        let mut data = Box::new(0);
        // SAFETY: the place is larger than `Mutex::size_of` says, and both live as long as `self`.
        let lock = unsafe { Mutex::new(place.as_mut_ptr().cast(), (&raw mut *data).cast()) };
        Self {
            lock: lock.expect("a mutex").0,
            _place: place,
            _data: data,
        }
    }
}

impl Contended for RobustMutex {
    const IS_EXCLUSIVE: bool = true;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        self.lock();
        work();
        self.unlock();
    }
}

impl Contended for outlive::Lock {
    const IS_EXCLUSIVE: bool = true;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        let _guard = self.lock().expect("nobody died");
        work();
    }
}

impl Contended for outlive::RLock {
    const IS_EXCLUSIVE: bool = true;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        let _guard = self.lock().expect("nobody died");
        work();
    }
}
