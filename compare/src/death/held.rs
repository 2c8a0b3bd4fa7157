//! Locks and semaphores of one permit: the holder killed, a waiter killed, anybody killed.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use outlive::{Lock, Semaphore};

use super::mortal::Mortal;
use super::outcome::Outcome;
use super::{Limits, Random, asleep, soon, start, wait_for_death, within};
use crate::mapping::{Resident, Shared};
use crate::measure::now;
use crate::peers::pthread::{self, PlainMutex, RobustMutex};
use crate::peers::{boost, raw_sync};
use crate::pinning;
use crate::sides::Child;
use crate::table::Table;

pub fn measure(limits: &Limits, table: &mut Table) {
    peer(limits, table, "pthread robust", || Ok(RobustMutex::new()));
    peer(limits, table, "pthread plain", || Ok(PlainMutex::new()));
    peer(limits, table, "sem_t", || Ok(pthread::Semaphore::new(1)));
    peer(limits, table, "raw_sync Mutex", || {
        Ok(raw_sync::Mutex::new())
    });
    peer(limits, table, "boost interprocess_mutex", boost::Mutex::new);
    peer(limits, table, "boost named_mutex", boost::NamedMutex::new);
    peer(limits, table, "outlive Lock", || {
        Lock::new().map_err(|error| error.to_string())
    });
    peer(limits, table, "outlive Semaphore", || {
        Semaphore::new(1).map_err(|error| error.to_string())
    });
}

fn peer<L: Mortal>(
    limits: &Limits,
    table: &mut Table,
    name: &'static str,
    new: impl Fn() -> Result<L, String>,
) {
    eprintln!("killing users of {name}");
    for (situation, outcome) in [
        ("holder killed", holder(limits, &new)),
        ("waiter killed asleep", waiter(limits, &new, true)),
        ("waiter killed as it is woken", waiter(limits, &new, false)),
        ("user killed at any instant", anybody(limits, &new)),
    ] {
        table.outcome(situation, name, outcome.map(|outcome| outcome.text()));
    }
}

#[repr(C)]
struct Page {
    held: AtomicU32,
    got: AtomicU32,
    told: AtomicU32,
    when: AtomicU64,
}
// SAFETY: atomics only.
unsafe impl Resident for Page {}

/// A process that waits for the lock once.
fn waiting(lock: &impl Mortal, page: &Page) -> Result<Child, String> {
    start(|| {
        pinning::pin(1);
        lock.with(|told| {
            page.when.store(now(), Ordering::Relaxed);
            page.told.store(u32::from(told), Ordering::Relaxed);
            page.got.store(1, Ordering::Release);
        });
        true
    })
}

/// How long after `begin` the waiter got the lock, and whether it was told of a death.
fn end(limits: &Limits, page: &Page, begin: u64, outcome: &mut Outcome) {
    let time = within(limits.hang, || page.got.load(Ordering::Acquire) == 1)
        .then(|| page.when.load(Ordering::Relaxed).saturating_sub(begin));
    outcome.told += u64::from(page.told.load(Ordering::Relaxed));
    outcome.note(time);
}

/// The holder is killed while another sleeps.
fn holder<L: Mortal>(
    limits: &Limits,
    new: &impl Fn() -> Result<L, String>,
) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    pinning::pin(0);
    while outcome.kills < limits.chosen && outcome.hangs < limits.hangs {
        let (lock, page) = (new()?, Shared::<Page>::new());
        let mut holder = start(|| {
            pinning::pin(0);
            lock.with(|_| {
                page.held.store(1, Ordering::Release);
                wait_for_death();
            });
            false
        })?;
        soon(limits.hang, "the holder does not get the lock", || {
            page.held.load(Ordering::Acquire) == 1
        })?;
        let waiter = waiting(&lock, &page)?;
        asleep(&waiter)?;
        let begin = now();
        holder.kill();
        let _ = holder.wait();
        end(limits, &page, begin, &mut outcome);
    }
    Ok(outcome)
}

/// Of two waiters the first is killed: long before the lock is freed, or in the same instant.
fn waiter<L: Mortal>(
    limits: &Limits,
    new: &impl Fn() -> Result<L, String>,
    before: bool,
) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    pinning::pin(0);
    while outcome.kills < limits.chosen && outcome.hangs < limits.hangs {
        let (lock, page) = (new()?, Shared::<Page>::new());
        let mut begin = 0;
        let mut sides = Err("nobody waits".to_owned());
        lock.with(|_| {
            sides = (|| {
                let mut victim = start(|| {
                    pinning::pin(0);
                    lock.with(|_| ());
                    true
                })?;
                asleep(&victim)?;
                let survivor = waiting(&lock, &page)?;
                asleep(&survivor)?;
                begin = now();
                // On our core, so it does not get to die before we have freed the lock, unless
                // we let it.
                victim.kill();
                if before {
                    let _ = victim.wait();
                }
                Ok([victim, survivor])
            })();
        });
        let _sides = sides?;
        end(limits, &page, begin, &mut outcome);
    }
    Ok(outcome)
}

/// Most processes of one world.
const MOST: usize = 1 << 10;

#[repr(C)]
struct World {
    /// Who is inside, by its number from 1.
    inside: AtomicU32,
    /// Whether the number's process may be dead.
    dying: [AtomicU32; MOST],
    /// Rounds of the survivor, and of those that are killed.
    rounds: [AtomicU64; 2],
    broken: AtomicU32,
}
// SAFETY: atomics only.
unsafe impl Resident for World {}

fn using(
    lock: &impl Mortal,
    world: &World,
    number: usize,
    side: usize,
    part: usize,
) -> Result<Child, String> {
    start(|| {
        pinning::pin(side);
        loop {
            lock.with(|_| {
                let last = world.inside.swap(number as u32, Ordering::AcqRel) as usize;
                // The dead leave their number.
                if last != 0 && world.dying[last].load(Ordering::Acquire) == 0 {
                    world.broken.store(1, Ordering::Release);
                }
                (0..200).for_each(|_| std::hint::spin_loop());
                world.inside.store(0, Ordering::Release);
            });
            world.rounds[part].fetch_add(1, Ordering::Relaxed);
            (0..200).for_each(|_| std::hint::spin_loop());
        }
    })
}

/// Two of three processes are killed, one at a time, and replaced.
fn anybody<L: Mortal>(
    limits: &Limits,
    new: &impl Fn() -> Result<L, String>,
) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    let mut random = Random::new();
    while outcome.kills < limits.random && outcome.hangs + outcome.broken < limits.hangs {
        let (lock, world) = (new()?, Shared::<World>::new());
        let rounds = |part: usize| world.rounds[part].load(Ordering::Relaxed);
        let _survivor = using(&lock, &world, 1, 1, 0)?;
        let mut victims = [
            using(&lock, &world, 2, 0, 1)?,
            using(&lock, &world, 3, 1, 1)?,
        ];
        let mut numbers = [2, 3];
        for number in 4..MOST {
            random.moment();
            let at = number % 2;
            world.dying[numbers[at]].store(1, Ordering::Release);
            victims[at].kill();
            let begin = now();
            let _ = victims[at].wait();
            let before = [rounds(0), rounds(1)];
            numbers[at] = number;
            victims[at] = using(&lock, &world, number, at, 1)?;
            let go_on = within(limits.hang, || {
                rounds(0) > before[0] && rounds(1) > before[1]
            });
            let broken = world.broken.load(Ordering::Acquire) != 0;
            outcome.broken += u64::from(broken);
            outcome.note(go_on.then(|| now() - begin));
            if !go_on || broken || outcome.kills == limits.random {
                break;
            }
        }
    }
    Ok(outcome)
}
