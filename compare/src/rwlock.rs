//! Reader-writer locks: alone, and two processes that read the same one.

use std::time::Duration;

use parking_lot::lock_api::RawRwLock as _;

use crate::contention::{Contended, contended};
use crate::measure::{Contest, Plan, alone};
use crate::peers::pthread::RwLock;
use crate::table::Table;

pub fn measure(plan: &Plan, table: &mut Table) {
    let parking = parking_lot::RawRwLock::INIT;
    let pthread = RwLock::new();
    let lock = outlive::RwLock::new().expect("a lock");
    let mut contest = Contest::new("read lock + unlock, alone");
    contest
        .enter(
            "parking_lot",
            alone(|n| {
                for _ in 0..n {
                    parking.lock_shared();
                    // SAFETY: locked above.
                    unsafe { parking.unlock_shared() };
                }
            }),
        )
        .enter(
            "pthread",
            alone(|n| {
                for _ in 0..n {
                    pthread.read();
                    pthread.unlock();
                }
            }),
        )
        .enter(
            "outlive RwLock",
            alone(|n| (0..n).for_each(|_| drop(lock.read().expect("nobody died")))),
        );
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive RwLock", "parking_lot", 1.3);

    let mut contest = Contest::new("write lock + unlock, alone");
    contest
        .enter(
            "parking_lot",
            alone(|n| {
                for _ in 0..n {
                    parking.lock_exclusive();
                    // SAFETY: locked above.
                    unsafe { parking.unlock_exclusive() };
                }
            }),
        )
        .enter(
            "pthread",
            alone(|n| {
                for _ in 0..n {
                    pthread.write();
                    pthread.unlock();
                }
            }),
        )
        .enter(
            "outlive RwLock",
            alone(|n| (0..n).for_each(|_| drop(lock.write().expect("nobody died")))),
        );
    contest.hold(plan.rounds, table);

    let time = Duration::from_millis(if plan.quick { 30 } else { 100 });
    let mut contest = Contest::new("read lock + unlock, two processes");
    contest
        .enter("pthread", contended(time, &pthread))
        .enter("outlive RwLock", contended(time, &lock));
    contest.hold(plan.rounds, table);
    let (pthread, lock) = (Writer(&pthread), Writer(&lock));
    let mut contest = Contest::new("write lock + unlock, two processes");
    contest
        .enter("pthread", contended(time, &pthread))
        .enter("outlive RwLock", contended(time, &lock));
    contest.hold(plan.rounds, table);
}

/// A lock that is taken to write.
struct Writer<'a, L>(&'a L);

impl Contended for RwLock {
    const IS_EXCLUSIVE: bool = false;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        self.read();
        work();
        self.unlock();
    }
}

impl Contended for outlive::RwLock {
    const IS_EXCLUSIVE: bool = false;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        let _guard = self.read().expect("nobody died");
        work();
    }
}

impl Contended for Writer<'_, RwLock> {
    const IS_EXCLUSIVE: bool = true;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        self.0.write();
        work();
        self.0.unlock();
    }
}

impl Contended for Writer<'_, outlive::RwLock> {
    const IS_EXCLUSIVE: bool = true;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        let _guard = self.0.write().expect("nobody died");
        work();
    }
}
