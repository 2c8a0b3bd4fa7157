//! Arrays, beside memcpy and bare atomics.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mapping::{Resident, Shared};
use crate::measure::{Contest, Plan, alone};
use crate::table::Table;

/// Elements of 8 bytes: 64 KiB, which stays in the core's own cache.
const LENGTH: usize = 8192;

#[repr(C)]
struct Elements([AtomicU64; LENGTH]);
// SAFETY: atomics only.
unsafe impl Resident for Elements {}

pub fn measure(plan: &Plan, table: &mut Table) {
    let elements = Shared::<Elements>::new();
    let mut local = vec![7_u64; LENGTH];
    let raw = elements.0.as_ptr().cast::<u64>().cast_mut();

    let array = outlive::Array::from_slice(&local).expect("an array");
    let from = local.clone();
    let mut contest = Contest::new("64 KiB into shared memory");
    contest.enter(
        "memcpy",
        alone(|n| {
            for _ in 0..n {
                // SAFETY: both are `LENGTH` long, and nobody else knows the mapping.
                unsafe {
                    black_box(&from)
                        .as_ptr()
                        .copy_to_nonoverlapping(raw, LENGTH)
                };
            }
        }),
    );
    contest.enter(
        "outlive",
        alone(|n| {
            for _ in 0..n {
                array.copy_from_slice(black_box(&from)).expect("joined");
            }
        }),
    );
    let figures = contest.hold(plan.rounds, table);
    table.rate(&figures, "outlive", "memcpy", 0.9);

    let mut out = local.clone();
    let mut contest = Contest::new("64 KiB out of shared memory");
    contest.enter(
        "memcpy",
        alone(|n| {
            for _ in 0..n {
                // SAFETY: as above.
                unsafe { local.as_mut_ptr().copy_from_nonoverlapping(raw, LENGTH) };
                black_box(&mut local);
            }
        }),
    );
    contest.enter(
        "outlive",
        alone(|n| {
            for _ in 0..n {
                array.copy_range_to(0, &mut out).expect("joined");
                black_box(&mut out);
            }
        }),
    );
    let figures = contest.hold(plan.rounds, table);
    table.rate(&figures, "outlive", "memcpy", 0.9);

    let atomics = outlive::AtomicArray::<u64>::new(LENGTH).expect("an array");
    let mut contest = Contest::new("get + set of elements");
    contest.enter(
        "bare atomics",
        alone(|n| {
            for at in 0..n {
                let element = &elements.0[black_box(at as usize % LENGTH)];
                let value = element.load(Ordering::Acquire);
                element.store(value + 1, Ordering::Release);
            }
        }),
    );
    contest.enter(
        "outlive",
        alone(|n| {
            for at in 0..n {
                let at = black_box(at as usize % LENGTH);
                let value = atomics.get(at).expect("in range");
                atomics.set(at, value + 1).expect("in range");
            }
        }),
    );
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "bare atomics", 1.5);
}
