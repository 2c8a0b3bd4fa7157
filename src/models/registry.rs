//! The registry: joins racing joins, reapers racing reapers, and a death at every instant.

use std::sync::Arc as StdArc;
use std::sync::atomic::AtomicBool;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use super::world::{at_every_death, check, note_death};
use crate::raw::Token;
use crate::raw::registry::{Leases, Registry, Slot};
use crate::sys::{crash, model::death};

/// The kernel's table of leases: 0 is free, otherwise the number of the process that has it.
struct Table {
    slots: [Slot; 2],
    held: [AtomicU32; 2],
    /// What every repair finishes; a slot may be joined again only when its own is done.
    owned: [AtomicU32; 2],
}

impl Table {
    fn new() -> Arc<Self> {
        let zero = || AtomicU32::new(0);
        Arc::new(Self {
            slots: [Slot::new(), Slot::new()],
            held: [zero(), zero()],
            owned: [zero(), zero()],
        })
    }
    fn registry(&self) -> Registry<'_> {
        Registry::new(&self.slots)
    }
}

/// Process 1 has died in the slot of the token, process 2 lives in the other, and process 3
/// joins, and dies at its `k`-th write.
fn joined_over_the_dead(
    table: &Arc<Table>,
    k: usize,
    died: &StdArc<AtomicBool>,
) -> (Token, thread::JoinHandle<()>) {
    let dead = Process(table, 1);
    let token = dead.join().unwrap();
    Process(table, 2).join().unwrap();
    dead.drop_leases();
    let (table, died) = (table.clone(), died.clone());
    let joiner = thread::spawn(move || {
        let process = Process(&table, 3);
        let end = death::victim(k, || process.join());
        note_death(&end, &died);
        process.drop_leases();
    });
    (token, joiner)
}

/// One process's view of the leases.
struct Process<'a>(&'a Table, u32);

impl Process<'_> {
    /// What the kernel does when the process is gone.
    fn drop_leases(&self) {
        for held in &self.0.held {
            let _ = held.compare_exchange(self.1, 0, Ordering::AcqRel, Ordering::Relaxed);
        }
    }
    fn join(&self) -> Option<Token> {
        let registry = self.0.registry();
        // Relaxed: the Release that makes the slot live publishes it.
        let describe = |slot: &Slot| slot.pid.store(self.1, Ordering::Relaxed);
        let token = registry.join(self, 0, describe)?;
        for dead in registry.unrepaired(token) {
            self.repair(dead);
        }
        registry.settle(token);
        Some(token)
    }
    /// Owns something, as a lock or a permit.
    fn own(&self, token: Token) {
        let owned = &self.0.owned[token.slot() as usize];
        assert_eq!(
            owned.load(Ordering::Relaxed),
            0,
            "joined a slot before its repair"
        );
        crash::point();
        if !death::is_muted() {
            owned.store(token.bits(), Ordering::Relaxed);
        }
    }
    fn repair(&self, token: Token) {
        crash::point();
        let owned = &self.0.owned[token.slot() as usize];
        if !death::is_muted() && owned.load(Ordering::Relaxed) == token.bits() {
            owned.store(0, Ordering::Relaxed);
        }
    }
    fn reap(&self, index: u32) -> bool {
        let registry = self.0.registry();
        let Some(token) = registry.condemn(self, index) else {
            return false;
        };
        for dead in registry.unrepaired(token).chain([token]) {
            self.repair(dead);
        }
        self.0.registry().retire(self, token);
        true
    }
}

impl Leases for Process<'_> {
    fn try_take(&self, slot: u32) -> bool {
        crash::point();
        let held = &self.0.held[slot as usize];
        !death::is_muted()
            && held
                .compare_exchange(0, self.1, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
    }
    fn give_up(&self, slot: u32) {
        crash::point();
        if !death::is_muted() {
            self.0.held[slot as usize].store(0, Ordering::Release);
        }
    }
    fn is_taken(&self, slot: u32) -> bool {
        ![0, self.1].contains(&self.0.held[slot as usize].load(Ordering::Acquire))
    }
}

#[test]
fn two_joiners_never_share_a_slot() {
    check(3, || {
        let table = Table::new();
        let other = {
            let table = table.clone();
            thread::spawn(move || Process(&table, 2).join().unwrap())
        };
        let mine = Process(&table, 1).join().unwrap();
        assert_ne!(mine, other.join().unwrap());
    });
}

#[test]
fn a_slot_is_joined_again_only_after_its_repair() {
    at_every_death(2, |k, died| {
        let table = Table::new();
        let victim = {
            let (table, died) = (table.clone(), died.clone());
            thread::spawn(move || {
                let process = Process(&table, 1);
                let end = death::victim(k, || {
                    let token = process.join().unwrap();
                    process.own(token);
                    table.registry().resign(token);
                    process.repair(token);
                    table.registry().retire(&process, token);
                });
                note_death(&end, &died);
                process.drop_leases();
            })
        };
        let other = {
            let table = table.clone();
            thread::spawn(move || {
                let process = Process(&table, 2);
                let _ = process.reap(0);
                if let Some(token) = process.join() {
                    process.own(token);
                    assert!(!table.registry().is_dead(&Process(&table, 3), token));
                }
            })
        };
        victim.join().unwrap();
        other.join().unwrap();
        // Whatever happened before: two more can join, or one where the other still lives.
        let last = Process(&table, 3);
        last.reap(0);
        last.reap(1);
        let token = last
            .join()
            .expect("a slot is free after the dead have been repaired");
        last.own(token);
    });
}

#[test]
fn a_reaper_that_dies_is_followed_by_another() {
    at_every_death(2, |k, died| {
        let table = Table::new();
        let dead = Process(&table, 1);
        let token = dead.join().unwrap();
        dead.own(token);
        dead.drop_leases();
        let reapers: Vec<_> = [2, 3]
            .into_iter()
            .map(|name| {
                let (table, died) = (table.clone(), died.clone());
                thread::spawn(move || {
                    let process = Process(&table, name);
                    if name == 2 {
                        let end = death::victim(k, || process.reap(0));
                        note_death(&end, &died);
                        process.drop_leases();
                    } else {
                        process.reap(0);
                    }
                })
            })
            .collect();
        reapers
            .into_iter()
            .for_each(|reaper| reaper.join().unwrap());
        let last = Process(&table, 4);
        assert!(table.registry().is_dead(&last, token));
        last.reap(0);
        let again = last.join().expect("the slot is free again");
        assert_eq!((again.slot(), again.generation()), (0, 1));
        last.own(again);
    });
}

#[test]
fn the_dead_never_look_alive_while_somebody_takes_their_slot() {
    at_every_death(2, |k, died| {
        let table = Table::new();
        let (token, joiner) = joined_over_the_dead(&table, k, died);
        assert!(table.registry().is_dead(&Process(&table, 2), token));
        joiner.join().unwrap();
    });
}

#[test]
fn the_dead_are_described_as_themselves_while_somebody_takes_their_slot() {
    at_every_death(2, |k, died| {
        let table = Table::new();
        let (token, joiner) = joined_over_the_dead(&table, k, died);
        let seen = table.registry().description(token);
        assert_eq!(seen.map(|slot| slot.pid), Some(1));
        joiner.join().unwrap();
        let seen = table.registry().description(token);
        assert_eq!(seen.map(|slot| slot.pid), Some(1));
    });
}

#[test]
fn a_joiner_that_dies_in_the_slot_of_the_dead_leaves_nothing_behind() {
    at_every_death(2, |k, died| {
        let table = Table::new();
        // Both slots are taken, one of them by a dead participant that owns something.
        let (dead, lives) = (Process(&table, 1), Process(&table, 2));
        dead.own(dead.join().unwrap());
        lives.join().unwrap();
        dead.drop_leases();
        let joiners: Vec<_> = [3, 4]
            .into_iter()
            .map(|name| {
                let (table, died) = (table.clone(), died.clone());
                thread::spawn(move || {
                    let process = Process(&table, name);
                    let life = || process.join().map(|token| process.own(token)).is_some();
                    let end = if name == 3 {
                        death::victim(k, life)
                    } else {
                        Some(life())
                    };
                    if name == 3 {
                        note_death(&end, &died);
                        process.drop_leases();
                    }
                })
            })
            .collect();
        joiners
            .into_iter()
            .for_each(|joiner| joiner.join().unwrap());
        Process(&table, 4).drop_leases();
        let last = Process(&table, 5);
        last.own(last.join().expect("the slot of the dead can be joined"));
    });
}
