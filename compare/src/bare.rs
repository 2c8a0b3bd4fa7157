//! What the machine allows: the limits that other nouns are compared with.

use std::hint::black_box;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::mapping::{Line, Resident, Shared};
use crate::measure::{Contest, Plan, Sample, alone};
use crate::peers::futex;
use crate::sides::{Gate, processes};
use crate::stream::until;
use crate::table::Table;

pub fn measure(plan: &Plan, table: &mut Table) {
    let trips = plan.count(200_000);
    let mut contest = Contest::new("bare round trip of cache lines");
    contest
        .enter("one line", Box::new(move || ping_pong(trips, true)))
        .enter("two lines", Box::new(move || ping_pong(trips, false)));
    contest.hold(plan.rounds, table);

    let mut contest = Contest::new("bare system calls");
    let word = AtomicU32::new(0);
    contest
        .enter(
            "getppid",
            alone(|n| {
                for _ in 0..n {
                    // SAFETY: asks the kernel for a number.
                    black_box(unsafe { libc::getppid() });
                }
            }),
        )
        .enter(
            "futex wake of nobody",
            alone(|n| {
                for _ in 0..n {
                    black_box(futex::wake(&word));
                }
            }),
        );
    contest.hold(plan.rounds, table);

    let count = plan.count(8_000);
    let mut contest = Contest::new("bare futex sleep and wake, to and fro");
    contest.enter("two cores", Box::new(move || futex_round_trip(count)));
    contest.hold(plan.rounds, table);
}

#[repr(C)]
struct Lines {
    there: Line<AtomicU64>,
    back: Line<AtomicU64>,
}
// SAFETY: atomics only.
unsafe impl Resident for Lines {}

/// Two processes that answer each other's stores, in one cache line or each in its own.
pub fn ping_pong(count: u64, is_one_line: bool) -> Result<f64, String> {
    let lines = Shared::<Lines>::new();
    let there = &*lines.there;
    let back = if is_one_line { there } else { &*lines.back };
    // In one line odd numbers go there and even ones come back.
    let race = processes(vec![
        Box::new(|gate: &Gate<'_>| {
            gate.start();
            for number in 1..=count {
                there.store(2 * number - 1, Ordering::Release);
                until(|| back.load(Ordering::Acquire) == 2 * number);
            }
            gate.finish();
            1
        }),
        Box::new(|gate: &Gate<'_>| {
            gate.start();
            for number in 1..=count {
                until(|| there.load(Ordering::Acquire) == 2 * number - 1);
                back.store(2 * number, Ordering::Release);
            }
            gate.finish();
            1
        }),
    ])?;
    Ok(race.nanos / count as f64)
}

/// The round trip that queues are compared with.
pub fn two_lines<'a>(plan: &Plan) -> Sample<'a> {
    let count = plan.count(200_000);
    Box::new(move || ping_pong(count, false))
}

#[repr(C)]
struct Words {
    there: Line<AtomicU32>,
    back: Line<AtomicU32>,
}
// SAFETY: atomics only.
unsafe impl Resident for Words {}

fn futex_round_trip(count: u64) -> Result<f64, String> {
    let words = Shared::<Words>::new();
    let race = processes(vec![
        Box::new(|gate: &Gate<'_>| {
            gate.start();
            for number in 0..count as u32 {
                words.there.store(number + 1, Ordering::Release);
                futex::wake(&words.there);
                futex::wait_until_not(&words.back, number);
            }
            gate.finish();
            1
        }),
        Box::new(|gate: &Gate<'_>| {
            gate.start();
            for number in 0..count as u32 {
                futex::wait_until_not(&words.there, number);
                words.back.store(number + 1, Ordering::Release);
                futex::wake(&words.back);
            }
            gate.finish();
            1
        }),
    ])?;
    Ok(race.nanos / count as f64)
}
