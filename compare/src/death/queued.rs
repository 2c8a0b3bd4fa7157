//! Queues: a producer or a consumer killed, at a random moment or as it sleeps.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::ends::Ends;
use super::outcome::Outcome;
use super::{Limits, Random, asleep, start, within};
use crate::mapping::{Resident, Shared};
use crate::measure::now;
use crate::pinning;
use crate::sides::Child;

/// Numbers of one world; the last is every later item's, and is not looked at.
const ITEMS: usize = 1 << 20;
const ROLES: usize = 2;

/// Who sees what: a world lasts until somebody hangs.
#[repr(C)]
struct World {
    /// The next item's number, of each role.
    next: [AtomicU64; ROLES],
    /// Of each item whether it was put whole, and how often it was got: `PUT` and `GOT`s.
    items: [[AtomicU32; ITEMS]; ROLES],
    /// Items got from each role's producer, and by each role's consumer.
    from: [AtomicU64; ROLES],
    by: [AtomicU64; ROLES],
    torn: AtomicU64,
    stop: AtomicU32,
    /// What an end said that could not go on.
    failed: AtomicU32,
    why: [AtomicU32; 60],
    when: AtomicU64,
}
// SAFETY: atomics only.
unsafe impl Resident for World {}

const PUT: u32 = 1;
const GOT: u32 = 2;

/// Who is killed, and replaced; who is not.
const VICTIM: usize = 0;
const SURVIVOR: usize = 1;

impl World {
    fn fail(&self, why: &str) {
        let why = why.bytes().chain(std::iter::repeat(0));
        for (cell, byte) in self.why.iter().zip(why) {
            cell.store(u32::from(byte), Ordering::Relaxed);
        }
        self.failed.store(1, Ordering::Release);
    }

    fn failure(&self) -> Option<String> {
        (self.failed.load(Ordering::Acquire) != 0).then(|| {
            let bytes = self
                .why
                .iter()
                .map(|cell| cell.load(Ordering::Relaxed) as u8);
            let bytes: Vec<_> = bytes.take_while(|byte| *byte != 0).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        })
    }

    /// Puts numbered items until told to stop.
    fn feed(&self, ends: &dyn Ends, len: usize, role: usize) -> Result<(), String> {
        let mut put = ends.put()?;
        let mut item = vec![0; len];
        while self.stop.load(Ordering::Acquire) == 0 {
            let number = self.next[role].fetch_add(1, Ordering::Relaxed);
            let number = number.min(ITEMS as u64 - 1);
            let state = &self.items[role][number as usize];
            write(&mut item, role, number);
            put(&item)?;
            state.fetch_or(PUT, Ordering::Release);
        }
        Ok(())
    }

    /// Gets items for ever.
    fn drain(&self, ends: &dyn Ends, len: usize, role: usize) -> Result<(), String> {
        let mut get = ends.get()?;
        let mut item = vec![0; len];
        loop {
            get(&mut item)?;
            self.when.store(now(), Ordering::Relaxed);
            match read(&item) {
                Some((from, number)) => {
                    self.items[from][number].fetch_add(GOT, Ordering::Relaxed);
                    self.from[from].fetch_add(1, Ordering::Relaxed);
                }
                None => _ = self.torn.fetch_add(1, Ordering::Relaxed),
            }
            self.by[role].fetch_add(1, Ordering::Release);
        }
    }

    fn producer(&self, ends: &dyn Ends, len: usize, role: usize) -> Result<Child, String> {
        start(|| {
            pinning::pin(role);
            self.feed(ends, len, role)
                .inspect_err(|why| self.fail(why))
                .is_ok()
        })
    }

    fn consumer(&self, ends: &dyn Ends, len: usize, role: usize) -> Result<Child, String> {
        start(|| {
            pinning::pin(role);
            self.drain(ends, len, role)
                .inspect_err(|why| self.fail(why))
                .is_ok()
        })
    }

    fn total(&self) -> u64 {
        let by = self.by.iter().map(|by| by.load(Ordering::Acquire));
        by.sum()
    }
}

/// Role and number, and then the number again in every word.
fn write(item: &mut [u8], role: usize, number: u64) {
    let words = item.chunks_exact_mut(8).enumerate();
    for (nth, word) in words {
        let value = if nth == 0 { role as u64 } else { number };
        word.copy_from_slice(&value.to_ne_bytes());
    }
}

/// `None` where it is torn.
fn read(item: &[u8]) -> Option<(usize, usize)> {
    let mut words = item
        .chunks_exact(8)
        .map(|word| u64::from_ne_bytes(word.try_into().expect("eight bytes")));
    let (role, number) = (words.next()? as usize, words.next()?);
    let whole = words.all(|word| word == number);
    (whole && role < ROLES && number < ITEMS as u64).then_some((role, number as usize))
}

/// A queue as the matrix knows it.
pub struct Peer<'a> {
    pub new: &'a dyn Fn() -> Result<Box<dyn Ends>, String>,
    /// Bytes of an item.
    pub len: usize,
    /// Whether it has room for more than one producer, and consumer.
    pub many: bool,
}

/// Which side is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Producer,
    Consumer,
}

/// One process of a side is killed at random moments, and replaced; where there may be two of the
/// side, another is never killed.
pub fn at_any_instant(limits: &Limits, peer: &Peer<'_>, side: Side) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    let mut random = Random::new();
    let ill = |outcome: &Outcome| outcome.hangs + outcome.torn + outcome.failures;
    while outcome.kills < limits.random && ill(&outcome) < limits.hangs {
        let ends = (peer.new)()?;
        let world = Shared::<World>::new();
        let mut survivors = Vec::new();
        let open = |role| match side {
            Side::Producer => world.producer(&*ends, peer.len, role),
            Side::Consumer => world.consumer(&*ends, peer.len, role),
        };
        survivors.push(match side {
            Side::Producer => world.consumer(&*ends, peer.len, SURVIVOR)?,
            Side::Consumer => world.producer(&*ends, peer.len, SURVIVOR)?,
        });
        if peer.many {
            survivors.push(open(SURVIVOR)?);
        }
        let mut victim = open(VICTIM)?;
        let heard = match side {
            Side::Producer => &world.from,
            Side::Consumer => &world.by,
        };
        loop {
            random.moment();
            victim.kill();
            let _ = victim.wait();
            let begin = now();
            let heard = || [0, 1].map(|role: usize| heard[role].load(Ordering::Acquire));
            let before = heard();
            victim = open(VICTIM)?;
            let mut ill = false;
            let goes_on = within(limits.hang, || {
                ill = world.failed.load(Ordering::Acquire) != 0
                    || world.torn.load(Ordering::Relaxed) != 0;
                let heard = heard();
                let survivor = !peer.many || heard[SURVIVOR] > before[SURVIVOR];
                ill || survivor && heard[VICTIM] > before[VICTIM]
            });
            if ill {
                outcome.kills += 1;
                outcome.torn += u64::from(world.torn.load(Ordering::Relaxed) != 0);
                if let Some(why) = world.failure() {
                    outcome.failures += 1;
                    outcome.why = why;
                }
                break;
            }
            outcome.note(goes_on.then(|| now() - begin));
            if !goes_on {
                break;
            }
            if outcome.kills == limits.random {
                settle(&world);
                break;
            }
        }
        if ill(&outcome) == 0 {
            count(&world, &mut outcome);
        }
    }
    Ok(outcome)
}

/// Has the producers stop, and waits until nothing arrives any more.
fn settle(world: &World) {
    world.stop.store(1, Ordering::Release);
    loop {
        let before = world.total();
        std::thread::sleep(std::time::Duration::from_millis(100));
        if world.total() == before {
            return;
        }
    }
}

fn count(world: &World, outcome: &mut Outcome) {
    for role in 0..ROLES {
        let made = world.next[role].load(Ordering::Acquire) as usize;
        for item in &world.items[role][..made.min(ITEMS - 1)] {
            let state = item.load(Ordering::Acquire);
            outcome.lost += u64::from(state == PUT);
            outcome.twice += u64::from(state >= 2 * GOT);
        }
    }
}

/// The first of two consumers is killed as it sleeps, or as an item comes; where there may be but
/// one, the next comes when it is dead.
pub fn asleep_consumer(limits: &Limits, peer: &Peer<'_>, before: bool) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    pinning::pin(0);
    while outcome.kills < limits.chosen && outcome.hangs + outcome.failures < limits.hangs {
        let ends = (peer.new)()?;
        let world = Shared::<World>::new();
        let mut victim = world.consumer(&*ends, peer.len, VICTIM)?;
        asleep(&victim)?;
        let mut survivor = None;
        if peer.many {
            asleep(survivor.insert(world.consumer(&*ends, peer.len, SURVIVOR)?))?;
        }
        if before {
            victim.kill();
            let _ = victim.wait();
        }
        let got = || world.by[SURVIVOR].load(Ordering::Acquire) > 0;
        let begin = now();
        // On the victim's core, so that it does not get to die, or to run, before the item comes.
        let producer = start(|| {
            pinning::pin(0);
            victim.kill();
            let feed = || -> Result<bool, String> {
                let mut item = vec![0; peer.len];
                let mut put = ends.put()?;
                write(&mut item, SURVIVOR, 0);
                put(&item)?;
                // Whether the first is lost, or only the wake, is seen by what comes after it.
                if !within(limits.hang * 5 / 4, got) {
                    write(&mut item, SURVIVOR, 1);
                    put(&item)?;
                }
                // With this process the end would close.
                super::wait_for_death()
            };
            feed().inspect_err(|why| world.fail(why)).is_ok()
        })?;
        if !peer.many {
            let _ = victim.wait();
            survivor = Some(world.consumer(&*ends, peer.len, SURVIVOR)?);
        }
        let in_time = within(limits.hang, || got() || world.failure().is_some());
        let late = !in_time && within(limits.hang, || got() || world.failure().is_some());
        let first = world.items[SURVIVOR][0].load(Ordering::Acquire) >= GOT;
        if let Some(why) = world.failure() {
            outcome.kills += 1;
            outcome.failures += 1;
            outcome.why = why;
        } else if (in_time || late) && !first {
            outcome.kills += 1;
            outcome.lost += 1;
        } else {
            let time = world.when.load(Ordering::Relaxed).saturating_sub(begin);
            outcome.note(in_time.then_some(time));
        }
        drop((survivor, producer));
    }
    Ok(outcome)
}
