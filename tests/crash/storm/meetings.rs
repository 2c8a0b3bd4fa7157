//! The part of the storm in which the crowd waits for each other: an event, a condition, a
//! barrier, a lock of readers and writers.
//!
//! The parent, who is never killed, calls every few milliseconds: so no wait may be long.

use std::time::{Duration, Instant};

use outlive::sync::{BarrierError, LockError};
use outlive::{AtomicArray, Barrier, Condition, Event, Lock, RwLock, Segment};

use super::{HANG, Step, TORN, TWO_OWNERS, WORKERS, exact, hung, sum};
use crate::random::Random;

/// Parties of the barrier: of four workers, some are always dead or elsewhere.
const PARTIES: u32 = 2;
/// So many calls of the parent that a wait which saw none of them is no accident.
const MANY: u64 = 50;

pub struct Meetings {
    event: Event,
    monitor: Lock,
    changed: Condition,
    barrier: Barrier,
    rwlock: RwLock,
    /// Two numbers that are equal whenever nobody writes.
    pair: AtomicArray<u64>,
    /// Calls of the parent, changes of what the monitor guards, meetings at the barrier, and those
    /// as their leader.
    counts: AtomicArray<u64>,
    /// Of the pair, per worker, entered after each.
    written: AtomicArray<u64>,
}

const CALLS: usize = 0;
const CHANGES: usize = 1;
const MET: usize = 2;
const LED: usize = 3;

impl Meetings {
    pub fn new(segment: &Segment) -> Self {
        let array = |name: &str, len| AtomicArray::create(segment, name, len).unwrap();
        Self {
            event: Event::create(segment, "event").unwrap(),
            monitor: Lock::create(segment, "monitor").unwrap(),
            changed: Condition::create(segment, "changed").unwrap(),
            barrier: Barrier::create(segment, "barrier", PARTIES).unwrap(),
            rwlock: RwLock::create(segment, "rwlock").unwrap(),
            pair: array("rw pair", 2),
            counts: array("meetings", 4),
            written: array("written", WORKERS),
        }
    }

    fn count(&self, what: usize) -> u64 {
        self.counts.get(what).unwrap()
    }

    /// What the parent does after each kill.
    pub fn call(&self, kill: u64) {
        self.event.set().unwrap();
        self.event.clear().unwrap();
        if kill.is_multiple_of(4) {
            self.change().unwrap();
        }
        self.counts.fetch_add(CALLS, 1).unwrap();
    }

    /// Also after a death with the monitor, whose change may not have been told.
    fn change(&self) -> Step {
        let guard = self.monitor.lock_timeout(HANG);
        let guard = guard
            .or_else(|e| e.repair(|_| {}))
            .map_err(|e| hung("monitor", &e))?;
        self.counts.fetch_add(CHANGES, 1).unwrap();
        self.changed.notify_all().unwrap();
        drop(guard);
        Ok(())
    }

    /// Sets the event, or changes what the monitor guards.
    pub fn told(&self, random: &mut Random) -> Step {
        if random.below(2) == 0 {
            return self.change();
        }
        self.event.set().unwrap();
        self.event.clear().unwrap();
        Ok(())
    }

    /// Waits for a set of anybody's.
    pub fn heard(&self) -> Step {
        let before = self.count(CALLS);
        let heard = self.event.wait_timeout(HANG).unwrap();
        if !heard && self.count(CALLS) > before + MANY {
            return Err(hung("event", &"no set was seen"));
        }
        Ok(())
    }

    /// Waits for a change of anybody's.
    pub fn noticed(&self) -> Step {
        let calls = self.count(CALLS);
        let guard = match self.monitor.lock_timeout(HANG) {
            Ok(guard) => guard,
            Err(LockError::OwnerDied(died)) => {
                drop(died.repaired());
                return self.change();
            }
            Err(e) => return Err(hung("monitor", &e)),
        };
        let (before, start) = (self.count(CHANGES), Instant::now());
        let same = || self.count(CHANGES) == before;
        match self.changed.wait_while_timeout(guard, HANG, same) {
            Ok((guard, _)) => drop(guard),
            Err(LockError::OwnerDied(died)) => {
                drop(died.repaired());
                return self.change();
            }
            Err(e) => return Err(hung("condition", &e)),
        }
        if start.elapsed() >= HANG && self.count(CALLS) > calls + MANY {
            return Err(hung("condition", &"no notification came"));
        }
        Ok(())
    }

    pub fn met(&self) -> Step {
        match self.barrier.wait_timeout(Duration::from_millis(2)) {
            Ok(turn) => {
                self.counts.fetch_add(MET, 1).unwrap();
                if turn.is_leader() {
                    self.counts.fetch_add(LED, 1).unwrap();
                }
                if turn.index() >= PARTIES {
                    return Err(TWO_OWNERS);
                }
            }
            Err(BarrierError::TimedOut | BarrierError::Broken { .. }) => {
                self.barrier.reset().unwrap();
            }
            Err(e) => return Err(hung("barrier", &e)),
        }
        Ok(())
    }

    pub fn read_and_written(&self, me: usize, random: &mut Random) -> Step {
        let pair = |index| self.pair.get(index).unwrap();
        if random.below(3) > 0 {
            return match self.rwlock.read_timeout(HANG) {
                Ok(_guard) => {
                    let before = pair(0);
                    if random.below(8) == 0 {
                        random.dawdle();
                    }
                    if pair(1) == before && pair(0) == before {
                        Ok(())
                    } else {
                        Err(TORN)
                    }
                }
                // A dead writer left it torn, and a writer is to make it whole.
                Err(LockError::OwnerDied(_)) => Ok(()),
                Err(e) => Err(hung("read", &e)),
            };
        }
        let whole = |_: &mut _| self.pair.set(1, pair(0)).unwrap();
        let guard = self.rwlock.write_timeout(HANG);
        let guard = guard
            .or_else(|e| e.repair(whole))
            .map_err(|e| hung("write", &e))?;
        let (a, b) = (pair(0), pair(1));
        if a != b {
            return Err(TORN);
        }
        self.pair.set(0, a + 1).unwrap();
        self.pair.set(1, b + 1).unwrap();
        let alone = pair(0) == a + 1;
        drop(guard);
        self.written.fetch_add(me, 1).unwrap();
        if alone { Ok(()) } else { Err(TWO_OWNERS) }
    }

    /// After the last death and its repair; says what there was.
    pub fn settle(&self, deaths: u64) -> String {
        self.event.set().unwrap();
        assert!(self.event.wait_timeout(Duration::ZERO).unwrap());
        assert_eq!(self.changed.waiting(), 0);
        self.change().unwrap();
        self.barrier.reset().unwrap();
        assert_eq!(
            (self.barrier.n_waiting(), self.barrier.is_broken()),
            (0, false)
        );
        assert_eq!((self.rwlock.readers(), self.rwlock.writer()), (0, None));
        let whole = |_: &mut _| {
            let whole = self.pair.get(0).unwrap();
            self.pair.set(1, whole).unwrap();
        };
        drop(self.rwlock.write().or_else(|e| e.repair(whole)).unwrap());
        let pair = self.pair.to_vec().unwrap();
        assert_eq!(pair[0], pair[1]);
        exact("written", pair[0], sum(&self.written), deaths);
        let (met, led) = (self.count(MET), self.count(LED));
        // A death hides who met, or who led, or both.
        let parties = u64::from(PARTIES);
        assert!(
            met.abs_diff(led * parties) <= parties * deaths,
            "{met} met, {led} led"
        );
        let changes = self.count(CHANGES);
        format!("{} written, {met} met, {changes} changes", pair[0])
    }
}
