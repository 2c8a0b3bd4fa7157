//! How long survivors wait for what a killed process held, or was about to hold.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use outlive::{Lock, SegmentOptions};

use super::mortal::Mortal;
use super::{asleep, soon, start, wait_for_death};
use crate::mapping::{Resident, Shared};
use crate::measure::{Plan, Spread, now, quantile};
use crate::peers::futex;
use crate::peers::pthread::RobustMutex;
use crate::pinning;
use crate::sides::Child;
use crate::table::{Bound, Table};

/// Longer than this is a hang.
const HANG: u64 = 2_000_000_000;

pub fn measure(plan: &Plan, table: &mut Table) {
    let kills = plan.count(2_000);
    let anonymous = |lifeline| {
        let options = SegmentOptions::new().lifeline(lifeline);
        Lock::create(&options.anonymous().expect("a segment"), "mortal").expect("a lock")
    };
    let (lock, slow) = (anonymous(true), anonymous(false));

    report(
        table,
        OWNER,
        "pthread robust",
        &owners_killed(&RobustMutex::new(), 0, kills),
    );
    let ours = owners_killed(&lock, 0, kills);
    report(table, OWNER, "outlive", &ours);
    bar(table, OWNER, "outlive", &ours, 0.5, 60.0);
    bar(table, OWNER, "outlive", &ours, 0.99, 200.0);
    let ours = owners_killed(&slow, 0, kills / 4);
    report(table, OWNER, "outlive, no lifeline", &ours);
    bar(table, OWNER, "outlive, no lifeline", &ours, 1.0, 25_000.0);
    // The kernel tears its memory down first.
    table.note(
        format!("{OWNER}, outlive, owner with 1 GiB"),
        "ms",
        owners_killed(&lock, 1 << 30, 5)
            .map(|times| Spread::of(times.into_iter().map(|nanos| nanos / 1e6).collect())),
    );

    report(
        table,
        WAITER,
        "pthread robust",
        &waiters_killed(&RobustMutex::new(), kills / 4),
    );
    for (name, lock) in [("outlive", &lock), ("outlive, no lifeline", &slow)] {
        let ours = waiters_killed(lock, kills / 4);
        report(table, WAITER, name, &ours);
        bar(table, WAITER, name, &ours, 1.0, 25_000.0);
    }

    report(
        table,
        STORM,
        "pthread robust",
        &storm(&RobustMutex::new(), kills),
    );
    for (name, lock) in [("outlive", &lock), ("outlive, no lifeline", &slow)] {
        let ours = storm(lock, kills);
        report(table, STORM, name, &ours);
        bar(table, STORM, name, &ours, 1.0, 25_000.0);
    }
}

const OWNER: &str = "owner killed, waiter asleep";
const WAITER: &str = "a waiter killed as the lock is freed, until the other waiter has it";
const STORM: &str = "waits of a survivor while random peers are killed";

/// Sorted nanoseconds, or why there are none.
type Times = Result<Vec<f64>, String>;

fn part(q: f64) -> String {
    if q == 1.0 {
        "most".into()
    } else {
        format!("p{}", q * 100.0)
    }
}

fn report(table: &mut Table, what: &str, contender: &'static str, times: &Times) {
    for q in [0.5, 0.99, 0.999, 1.0] {
        let time = times
            .as_ref()
            .map(|times| quantile(times, q))
            .map_err(String::clone);
        table.figure(&format!("{what}, {}", part(q)), contender, time);
    }
}

fn bar(table: &mut Table, what: &str, ours: &str, times: &Times, q: f64, most: f64) {
    let micros = times.as_ref().map_err(String::clone);
    let micros = micros.map(|times| Spread::single(quantile(times, q) / 1e3));
    table.bar(
        format!("{what}, {ours}, {}", part(q)),
        Bound::AtMost(most),
        "us",
        micros,
    );
}

#[repr(C)]
struct Page {
    /// The round in which the owner holds the lock.
    held: AtomicU32,
    /// The round in which the waiter is to wait.
    wanted: AtomicU32,
    /// The round in which the waiter got the lock, and when.
    got: AtomicU32,
    when: AtomicU64,
    /// Deaths that the waiter was told of.
    told: AtomicU32,
}
// SAFETY: atomics only.
unsafe impl Resident for Page {}

/// From each of `kills` SIGKILLs of an owner, with so many bytes of its own, until the sleeping
/// waiter has the lock.
fn owners_killed(lock: &impl Mortal, bytes: usize, kills: u64) -> Times {
    let page = Shared::<Page>::new();
    pinning::pin(0);
    let mut waiter = waiter(lock, &page, kills)?;
    let mut times = Vec::new();
    for round in 1..=kills as u32 {
        let mut owner = start(|| {
            pinning::pin(0);
            let _heap = std::hint::black_box(vec![7_u8; bytes]);
            lock.with(|_| {
                page.held.store(round, Ordering::Release);
                wait_for_death();
            });
            false
        })?;
        soon(HANG, "the owner does not get the lock", || {
            page.held.load(Ordering::Acquire) == round
        })?;
        page.wanted.store(round, Ordering::Release);
        futex::wake(&page.wanted);
        asleep(&waiter)?;
        let begin = now();
        owner.kill();
        // Reaping is also what lets the victim run on this core.
        let _ = owner.wait();
        soon(HANG, "the waiter hangs", || {
            page.got.load(Ordering::Acquire) == round
        })?;
        times.push(page.when.load(Ordering::Relaxed).saturating_sub(begin) as f64);
    }
    waiter.wait()?;
    let told = u64::from(page.told.load(Ordering::Relaxed));
    if told != kills {
        return Err(format!("{told} of {kills} deaths were told"));
    }
    Ok(sorted(times))
}

/// From each release that comes with the SIGKILL of one waiter until the other has the lock.
fn waiters_killed(lock: &impl Mortal, kills: u64) -> Times {
    let page = Shared::<Page>::new();
    pinning::pin(0);
    let mut waiter = waiter(lock, &page, kills)?;
    let mut times = Vec::new();
    for round in 1..=kills as u32 {
        let mut outcome = Ok(());
        let mut begin = 0;
        let mut victim = None;
        lock.with(|_| {
            outcome = (|| {
                let child = victim.insert(start(|| {
                    pinning::pin(0);
                    lock.with(|_| {});
                    true
                })?);
                // First in the queue, as far as the kernel keeps one.
                asleep(child)?;
                page.wanted.store(round, Ordering::Release);
                futex::wake(&page.wanted);
                asleep(&waiter)
            })();
            begin = now();
            victim.iter().for_each(Child::kill);
        });
        outcome?;
        soon(HANG, "the other waiter hangs", || {
            page.got.load(Ordering::Acquire) == round
        })?;
        times.push(page.when.load(Ordering::Relaxed).saturating_sub(begin) as f64);
    }
    waiter.wait()?;
    Ok(sorted(times))
}

/// The waits of one survivor while processes that take the same lock are killed at random.
fn storm(lock: &impl Mortal, kills: u64) -> Times {
    const MOST: usize = 1 << 20;
    #[repr(C)]
    struct Waits {
        count: AtomicU64,
        since: AtomicU64,
        times: [AtomicU64; MOST],
    }
    // SAFETY: atomics only.
    unsafe impl Resident for Waits {}

    let waits = Shared::<Waits>::new();
    let work = || {
        for _ in 0..200 {
            std::hint::spin_loop();
        }
    };
    let survivor = start(|| {
        pinning::pin(1);
        loop {
            let begin = now();
            waits.since.store(begin, Ordering::Release);
            lock.with(|_| {
                let nth = waits.count.fetch_add(1, Ordering::Relaxed) as usize;
                waits.times[nth % MOST].store(now() - begin, Ordering::Relaxed);
                work();
            });
            work();
        }
    })?;
    let victim = |side: usize| {
        start(move || {
            pinning::pin(side);
            loop {
                lock.with(|_| work());
                work();
            }
        })
    };
    let mut victims = [victim(0)?, victim(1)?, victim(0)?];
    let mut random = 88_172_645_463_325_252_u64;
    let outcome = (0..kills).try_for_each(|_| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(std::time::Duration::from_micros(random % 2_000));
        let side = (random >> 32) as usize % victims.len();
        victims[side].kill();
        let _ = victims[side].wait();
        victims[side] = victim(side)?;
        if now().saturating_sub(waits.since.load(Ordering::Acquire)) > HANG {
            return Err("the survivor hangs".to_owned());
        }
        Ok(())
    });
    drop(survivor);
    outcome?;
    let count = (waits.count.load(Ordering::Relaxed) as usize).min(MOST);
    let times = waits.times[..count].iter();
    Ok(sorted(
        times
            .map(|time| time.load(Ordering::Relaxed) as f64)
            .collect(),
    ))
}

/// A process that waits for the lock once in every round.
fn waiter(lock: &impl Mortal, page: &Page, rounds: u64) -> Result<Child, String> {
    start(|| {
        pinning::pin(1);
        for round in 1..=rounds as u32 {
            futex::wait_until_not(&page.wanted, round - 1);
            lock.with(|told| {
                page.when.store(now(), Ordering::Relaxed);
                page.told.fetch_add(u32::from(told), Ordering::Relaxed);
            });
            page.got.store(round, Ordering::Release);
        }
        true
    })
}

fn sorted(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times
}
