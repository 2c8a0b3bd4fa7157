//! The lock word: exclusion, publication, and inheritance at every instant of death.

use loom::cell::Cell;
use loom::sync::Arc;
use loom::thread;

use super::world::{World, at_every_death, check, note_death, seat, token};
use crate::raw::lock::{LockWord, StillHeld, Taken};
use crate::raw::{Pace, Peers};
use crate::sys::clock::Deadline;

/// A lock and what it protects; loom reports two accesses at once.
struct Guarded {
    lock: LockWord,
    sum: Cell<u32>,
}

impl Guarded {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            lock: LockWord::new(),
            sum: Cell::new(0),
        })
    }
    fn bump(&self, peers: &impl Peers) -> Result<Taken, StillHeld> {
        let taken = self.lock.lock(peers, Deadline::NEVER)?;
        self.sum.set(self.sum.get() + 1);
        self.lock.unlock(peers, false);
        Ok(taken)
    }
}

#[test]
fn two_owners_never_meet_and_no_wake_is_lost() {
    check(3, || {
        let world = World::new();
        let guarded = Guarded::new();
        let threads: Vec<_> = (0..2)
            .map(|slot| {
                let (peers, guarded) = (seat(&world, slot), guarded.clone());
                thread::spawn(move || assert_eq!(guarded.bump(&peers), Ok(Taken::Clean)))
            })
            .collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(guarded.sum.get(), 2);
    });
}

#[test]
fn three_contenders_never_lose_a_wake() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new();
        let threads: Vec<_> = (1..3)
            .map(|slot| {
                let (peers, guarded) = (seat(&world, slot), guarded.clone());
                thread::spawn(move || guarded.bump(&peers).unwrap())
            })
            .collect();
        guarded.bump(&seat(&world, 0)).unwrap();
        threads.into_iter().for_each(|thread| {
            thread.join().unwrap();
        });
    });
}

/// Sleeps as a watcher does, which takes nothing.
fn watch(lock: &LockWord, peers: &impl Peers) {
    let seen = lock.lie_down();
    if let Some(holder) = lock.holder(peers, false) {
        let mut pace = Pace::new();
        peers.wait(lock.word(), seen, &[holder], &mut pace, Deadline::NEVER);
    }
}

#[test]
fn who_takes_after_a_watch_wakes_whoever_sleeps_still() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new();
        let watcher = {
            let (peers, guarded) = (seat(&world, 1), guarded.clone());
            thread::spawn(move || {
                loop {
                    watch(&guarded.lock, &peers);
                    if guarded.lock.try_lock_watched(&peers).is_ok() {
                        break;
                    }
                }
                guarded.sum.set(guarded.sum.get() + 1);
                guarded.lock.unlock(&peers, false);
            })
        };
        let sleeper = {
            let (peers, guarded) = (seat(&world, 2), guarded.clone());
            thread::spawn(move || guarded.bump(&peers).unwrap())
        };
        guarded.bump(&seat(&world, 0)).unwrap();
        watcher.join().unwrap();
        sleeper.join().unwrap();
        assert_eq!(guarded.sum.get(), 3);
    });
}

#[test]
fn a_watcher_of_a_lock_hands_on_what_it_was_woken_for() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new();
        let watcher = {
            let (peers, guarded) = (seat(&world, 1), guarded.clone());
            thread::spawn(move || {
                watch(&guarded.lock, &peers);
                guarded.lock.hand_on(&peers);
            })
        };
        let sleeper = {
            let (peers, guarded) = (seat(&world, 2), guarded.clone());
            thread::spawn(move || guarded.bump(&peers).unwrap())
        };
        guarded.bump(&seat(&world, 0)).unwrap();
        watcher.join().unwrap();
        sleeper.join().unwrap();
        assert_eq!(guarded.sum.get(), 2);
    });
}

#[test]
fn a_dead_owner_is_inherited_once_whenever_it_dies() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::new();
        let victim = {
            let (peers, guarded, died) = (seat(&world, 0), guarded.clone(), died.clone());
            thread::spawn(move || {
                let end = peers.victim(k, || guarded.bump(&peers));
                note_death(&end, &died);
            })
        };
        let heirs: Vec<_> = (1..3)
            .map(|slot| {
                let (peers, guarded) = (seat(&world, slot), guarded.clone());
                thread::spawn(move || match guarded.bump(&peers).unwrap() {
                    Taken::Inherited(from) => {
                        assert_eq!(from, token(0));
                        1
                    }
                    Taken::Clean => 0,
                    Taken::Marked => panic!("unlock left the mark"),
                })
            })
            .collect();
        victim.join().unwrap();
        let inherited: u32 = heirs.into_iter().map(|heir| heir.join().unwrap()).sum();
        assert!(inherited <= 1);
    });
}

#[test]
fn an_heir_that_dies_is_inherited_too() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::new();
        let first = seat(&world, 0);
        // The first owner dies holding the lock: its second write would be the unlock.
        assert!(first.victim(1, || guarded.bump(&first)).is_none());
        let heir = {
            let (peers, guarded, died) = (seat(&world, 1), guarded.clone(), died.clone());
            thread::spawn(move || {
                let end = peers.victim(k, || {
                    let taken = guarded.lock.lock(&peers, Deadline::NEVER).unwrap();
                    guarded.sum.set(guarded.sum.get() + 1);
                    guarded.lock.unlock(&peers, taken != Taken::Clean);
                });
                note_death(&end, &died);
            })
        };
        let last = seat(&world, 2);
        let taken = guarded.lock.lock(&last, Deadline::NEVER).unwrap();
        guarded.sum.set(guarded.sum.get() + 1);
        // However often the owners died, somebody is told: the data are not clean.
        assert_ne!(taken, Taken::Clean);
        guarded.lock.unlock(&last, false);
        heir.join().unwrap();
    });
}
