//! Values, beside bare atomics, plain copies and a lock.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mapping::Shared;
use crate::measure::{Contest, Plan, alone};
use crate::peers::python;
use crate::table::Table;

pub fn measure(plan: &Plan, table: &mut Table) {
    let bare = Shared::<AtomicU64>::new();
    let count = outlive::Value::new(0_u64).expect("a value");
    let mut contest = Contest::new("u64 fetch_add");
    contest.enter(
        "bare atomic",
        alone(|n| (0..n).for_each(|_| _ = black_box(bare.fetch_add(1, Ordering::AcqRel)))),
    );
    contest.enter(
        "outlive",
        alone(|n| (0..n).for_each(|_| _ = black_box(count.fetch_add(1).expect("joined")))),
    );
    let many = plan.count(200_000);
    contest.enter("Python, += with its lock", python::value_add(many));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "bare atomic", 1.1);

    let mut contest = Contest::new("u64 get");
    contest
        .enter(
            "bare atomic",
            alone(|n| (0..n).for_each(|_| _ = black_box(bare.load(Ordering::Acquire)))),
        )
        .enter("Python", python::value_get(many))
        .enter(
            "outlive",
            alone(|n| (0..n).for_each(|_| _ = black_box(count.get().expect("joined")))),
        );
    contest.hold(plan.rounds, table);

    let mut contest = Contest::new("u64 set");
    contest
        .enter(
            "bare atomic",
            alone(|n| (0..n).for_each(|nth| bare.store(nth, Ordering::Release))),
        )
        .enter("Python", python::value_set(many))
        .enter(
            "outlive",
            alone(|n| (0..n).for_each(|nth| count.set(nth).expect("joined"))),
        );
    contest.hold(plan.rounds, table);

    let plain = [7_u8; 64];
    let wide = outlive::Value::new(plain).expect("a value");
    let mut contest = Contest::new("[u8; 64] get");
    contest
        .enter(
            "plain copy",
            alone(|n| (0..n).for_each(|_| _ = black_box(*black_box(&plain)))),
        )
        .enter(
            "outlive",
            alone(|n| (0..n).for_each(|_| _ = black_box(wide.get().expect("joined")))),
        );
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "plain copy", 3.0);

    let lock = outlive::Lock::new().expect("a lock");
    let mut contest = Contest::new("[u8; 64] update");
    contest
        .enter(
            "outlive Lock",
            alone(|n| (0..n).for_each(|_| drop(lock.lock().expect("nobody died")))),
        )
        .enter(
            "outlive",
            alone(|n| {
                for _ in 0..n {
                    wide.update(|bytes| bytes[0] = bytes[0].wrapping_add(1))
                        .expect("joined");
                }
            }),
        );
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "outlive Lock", 2.5);
}
