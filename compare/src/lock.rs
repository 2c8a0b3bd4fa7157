//! Locks: alone, and two processes that want the same one.

use std::time::Duration;

use parking_lot::lock_api::RawMutex as _;

use crate::contention::{Contended, contended, contended_by_threads, fair};
use crate::measure::{Contest, Plan, Sample, Spread, alone};
use crate::peers::pthread::{PlainMutex, RobustMutex, Semaphore};
use crate::peers::{boost, python, raw_sync};
use crate::table::{Bound, Table};

const ALONE: &str = "lock + unlock, alone";
const BOOST: &str = "boost interprocess_mutex";
const CONTENDED: &str = "lock + unlock, two processes";

pub fn measure(plan: &Plan, table: &mut Table) {
    let parking = parking_lot::RawMutex::INIT;
    let robust = RobustMutex::new();
    let plain = PlainMutex::new();
    let permit = OnePermit(Semaphore::new(1));
    let raw = raw_sync::Mutex::new();
    let boost = boost::Mutex::new();
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
        .enter("raw_sync", alone(|n| (0..n).for_each(|_| drop(raw.lock()))))
        .enter("pthread plain", taken_alone(&plain))
        .enter("sem_t", taken_alone(&permit))
        .enter(BOOST, where_it_is(&boost, taken_alone))
        .enter("Python", python::lock_alone(plan.count(400_000)));
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
        .enter("pthread plain", contended(time, &plain))
        .enter("sem_t", contended(time, &permit))
        .enter("raw_sync", contended(time, &raw))
        .enter(BOOST, where_it_is(&boost, |boost| contended(time, boost)))
        .enter("Python", python::lock_contended(time))
        .enter("parking_lot, threads", contended_by_threads(time, &parking))
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

/// Lock and unlock, with nothing between.
fn taken_alone(lock: &impl Contended) -> Sample<'_> {
    alone(|n| (0..n).for_each(|_| lock.with(|| ())))
}

/// A contender that may be missing.
fn where_it_is<'a, L>(
    lock: &'a Result<L, String>,
    enter: impl FnOnce(&'a L) -> Sample<'a>,
) -> Sample<'a> {
    match lock {
        Ok(lock) => enter(lock),
        Err(why) => Box::new(move || Err(why.clone())),
    }
}

/// A semaphore as a lock.
struct OnePermit(Semaphore);

impl Contended for OnePermit {
    const IS_EXCLUSIVE: bool = true;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        self.0.acquire();
        work();
        self.0.release();
    }
}

impl Contended for PlainMutex {
    const IS_EXCLUSIVE: bool = true;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        self.lock();
        work();
        self.unlock();
    }
}

impl Contended for boost::Mutex {
    const IS_EXCLUSIVE: bool = true;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        self.lock();
        work();
        self.unlock();
    }
}

impl Contended for raw_sync::Mutex {
    const IS_EXCLUSIVE: bool = true;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        let _guard = self.lock();
        work();
    }
}

impl Contended for parking_lot::RawMutex {
    const IS_EXCLUSIVE: bool = true;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        self.lock();
        work();
        // SAFETY: locked above.
        unsafe { self.unlock() };
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
