//! Semaphores of eight permits: alone, and two processes.

use std::time::Duration;

use crate::contention::{Contended, contended};
use crate::measure::{Contest, Plan, alone};
use crate::peers::pthread::Semaphore;
use crate::table::Table;

const PERMITS: u32 = 8;

pub fn measure(plan: &Plan, table: &mut Table) {
    let sem = Semaphore::new(PERMITS);
    let ours = outlive::Semaphore::new(PERMITS).expect("a semaphore");
    let mut contest = Contest::new("acquire + release of 1 in 8, alone");
    contest.enter(
        "sem_t",
        alone(|n| {
            for _ in 0..n {
                sem.acquire();
                sem.release();
            }
        }),
    );
    contest.enter(
        "outlive",
        alone(|n| (0..n).for_each(|_| drop(ours.acquire().expect("joined")))),
    );
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "sem_t", 1.0);

    let time = Duration::from_millis(if plan.quick { 30 } else { 100 });
    let mut contest = Contest::new("acquire + release of 1 in 8, two processes");
    contest
        .enter("sem_t", contended(time, &sem))
        .enter("outlive", contended(time, &ours));
    contest.hold(plan.rounds, table);
    assert_eq!(sem.available(), PERMITS as i32, "sem_t lost permits");
    assert_eq!(ours.available(), PERMITS, "permits were lost");
}

impl Contended for Semaphore {
    const IS_EXCLUSIVE: bool = false;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        self.acquire();
        work();
        self.release();
    }
}

impl Contended for outlive::Semaphore {
    const IS_EXCLUSIVE: bool = false;

    #[inline]
    fn with(&self, work: impl FnOnce()) {
        let _permit = self.acquire().expect("joined");
        work();
    }
}
