//! Permits in a ledger: never one too many, none lost, nobody asleep beside a free one.

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicBool, Ordering};

use loom::cell::Cell as Exclusive;
use loom::sync::Arc;
use loom::thread;

use super::world::{Seat, World, at_every_death, check, note_death, seat};
use crate::raw::ledger::{Entry, Head, Ledger};
use crate::raw::permits::Full;
use crate::raw::{Peers, Token};
use crate::sys::clock::Deadline;

/// A semaphore, and something that its single permit protects.
struct Guarded {
    head: Head,
    entries: [Entry; 3],
    capacity: u32,
    sum: Exclusive<u32>,
}

impl Guarded {
    fn new(value: u32, capacity: u32) -> Arc<Self> {
        let entries = [Entry::new(), Entry::new(), Entry::new()];
        Arc::new(Self {
            head: Head::new(value.into()),
            entries,
            capacity,
            sum: Exclusive::new(0),
        })
    }
    fn permits(&self) -> Ledger<'_> {
        Ledger {
            head: &self.head,
            entries: &self.entries,
            capacity: self.capacity,
        }
    }
    fn available(&self, peers: &impl Peers) -> u32 {
        self.permits().available(peers, Deadline::NEVER)
    }
    fn bump(&self, peers: &impl Peers) {
        self.permits()
            .acquire(peers, 1, Deadline::NEVER, &mut false)
            .unwrap();
        self.sum.set(self.sum.get() + 1);
        self.permits().release(peers, 1);
    }
    fn pass(&self, peers: &impl Peers, count: u32) {
        self.permits()
            .acquire(peers, count, Deadline::NEVER, &mut false)
            .unwrap();
        self.permits().release(peers, count);
    }
}

fn name(slot: u32) -> Token {
    Token::new(1, slot)
}

/// Starts a modelled process on its own thread.
fn start(
    world: &Arc<World>,
    slot: u32,
    guarded: &Arc<Guarded>,
    life: impl FnOnce(&Seat, &Guarded) + 'static,
) -> thread::JoinHandle<()> {
    let (peers, guarded) = (seat(world, slot), guarded.clone());
    thread::spawn(move || life(&peers, &guarded))
}

#[test]
fn the_single_permit_excludes_and_no_wake_is_lost() {
    check(3, || {
        let world = World::new();
        let guarded = Guarded::new(1, 1);
        let other = start(&world, 1, &guarded, |peers, guarded| guarded.bump(peers));
        guarded.bump(&seat(&world, 0));
        other.join().unwrap();
        assert_eq!(guarded.sum.get(), 2);
        assert_eq!(guarded.available(&seat(&world, 2)), 1);
    });
}

#[test]
fn three_for_one_permit_never_lose_a_wake() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new(1, 1);
        let others =
            [1, 2].map(|slot| start(&world, slot, &guarded, |peers, guarded| guarded.bump(peers)));
        guarded.bump(&seat(&world, 0));
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(guarded.available(&seat(&world, 2)), 1);
    });
}

#[test]
fn those_who_take_several_do_not_block_each_other() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new(2, 2);
        let other = start(&world, 1, &guarded, |peers, guarded| guarded.pass(peers, 2));
        guarded.pass(&seat(&world, 0), 2);
        other.join().unwrap();
        assert_eq!(guarded.available(&seat(&world, 2)), 2);
    });
}

#[test]
fn one_permit_and_several_are_waited_for_side_by_side() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new(2, 2);
        let single = start(&world, 1, &guarded, |peers, guarded| guarded.pass(peers, 1));
        guarded.pass(&seat(&world, 0), 2);
        single.join().unwrap();
        assert_eq!(guarded.available(&seat(&world, 2)), 2);
    });
}

#[test]
fn two_singles_and_one_for_several_all_come_through() {
    check(1, || {
        let world = World::new();
        let guarded = Guarded::new(2, 2);
        let others = [1, 2].map(|slot| {
            start(&world, slot, &guarded, |peers, guarded| {
                guarded.pass(peers, 1)
            })
        });
        guarded.pass(&seat(&world, 0), 2);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(guarded.available(&seat(&world, 2)), 2);
    });
}

#[test]
fn an_added_permit_wakes_whoever_slept_before_there_was_room() {
    check(3, || {
        let world = World::new();
        let guarded = Guarded::new(0, 1);
        let adder = start(&world, 1, &guarded, |peers, guarded| {
            assert_eq!(guarded.permits().add(peers, 1), Ok(()));
        });
        let me = seat(&world, 0);
        guarded
            .permits()
            .acquire(&me, 1, Deadline::NEVER, &mut false)
            .unwrap();
        adder.join().unwrap();
        // Guarded: there is nothing to release.
        assert_eq!(guarded.permits().add(&me, 1), Err(Full));
        guarded.permits().keep(&me, 1);
        assert_eq!(guarded.permits().add(&me, 1), Ok(()));
    });
}

#[test]
fn two_added_permits_wake_whoever_needs_both() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new(0, 2);
        let others = [1, 2].map(|slot| {
            start(&world, slot, &guarded, |peers, guarded| {
                assert_eq!(guarded.permits().add(peers, 1), Ok(()));
            })
        });
        guarded.pass(&seat(&world, 0), 2);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

#[test]
fn two_sleepers_are_woken_by_two_releases_however_close() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new(0, 2);
        let sleepers = [1, 2].map(|slot| {
            start(&world, slot, &guarded, |peers, guarded| {
                assert!(
                    guarded
                        .permits()
                        .acquire(peers, 1, Deadline::NEVER, &mut false)
                        .is_ok()
                );
            })
        });
        let me = seat(&world, 0);
        assert_eq!(guarded.permits().add(&me, 1), Ok(()));
        assert_eq!(guarded.permits().add(&me, 1), Ok(()));
        sleepers
            .into_iter()
            .for_each(|sleeper| sleeper.join().unwrap());
    });
}

#[test]
fn two_who_add_never_pass_the_bound() {
    check(3, || {
        let world = World::new();
        let guarded = Guarded::new(1, 2);
        let other = start(&world, 1, &guarded, |peers, guarded| {
            let _ = guarded.permits().add(peers, 1);
        });
        let added = guarded.permits().add(&seat(&world, 0), 2);
        other.join().unwrap();
        assert_eq!(added, Err(Full));
        assert_eq!(guarded.available(&seat(&world, 2)), 2);
    });
}

#[test]
fn the_permit_of_the_dead_comes_back_whenever_it_dies() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::new(1, 1);
        let died = died.clone();
        let victim = start(&world, 0, &guarded, move |peers, guarded| {
            note_death(&peers.victim(k, || guarded.bump(peers)), &died);
        });
        let heir = start(&world, 1, &guarded, |peers, guarded| guarded.bump(peers));
        guarded.bump(&seat(&world, 2));
        victim.join().unwrap();
        heir.join().unwrap();
        guarded.permits().repair(&seat(&world, 2), name(0));
        assert_eq!(guarded.available(&seat(&world, 2)), 1);
    });
}

#[test]
fn whoever_gives_back_for_the_dead_hands_on_what_they_wrote() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::new(1, 1);
        let died = died.clone();
        let victim = start(&world, 0, &guarded, move |peers, guarded| {
            note_death(&peers.victim(k, || guarded.bump(peers)), &died);
        });
        let reaper = start(&world, 1, &guarded, |peers, guarded| {
            if peers.is_dead(name(0)) {
                guarded.permits().repair(peers, name(0));
            }
        });
        let me = seat(&world, 2);
        if guarded
            .permits()
            .try_acquire(&me, 1, Deadline::NEVER)
            .is_ok()
        {
            guarded.sum.set(guarded.sum.get() + 1);
            guarded.permits().release(&me, 1);
        }
        victim.join().unwrap();
        reaper.join().unwrap();
    });
}

#[test]
fn several_permits_of_the_dead_come_back_whenever_it_dies() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::new(2, 2);
        let died = died.clone();
        let victim = start(&world, 0, &guarded, move |peers, guarded| {
            note_death(&peers.victim(k, || guarded.pass(peers, 2)), &died);
        });
        guarded.pass(&seat(&world, 1), 2);
        victim.join().unwrap();
        guarded.permits().repair(&seat(&world, 1), name(0));
        assert_eq!(guarded.available(&seat(&world, 2)), 2);
    });
}

#[test]
fn recoveries_that_race_double_no_permit() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::new(1, 1);
        let first = seat(&world, 0);
        assert!(first.victim(1, || guarded.bump(&first)).is_none());
        let died = died.clone();
        // This one repairs, takes, and dies at any instant of both.
        let reaper = start(&world, 1, &guarded, move |peers, guarded| {
            let life = || {
                guarded.permits().repair(peers, name(0));
                guarded.bump(peers);
            };
            note_death(&peers.victim(k, life), &died);
        });
        let last = seat(&world, 2);
        guarded.bump(&last);
        reaper.join().unwrap();
        guarded.permits().repair(&last, name(0));
        guarded.permits().repair(&last, name(1));
        assert_eq!(guarded.available(&seat(&world, 2)), 1);
    });
}

#[test]
fn a_death_while_adding_makes_no_permit_of_nothing() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::new(0, 2);
        let died = died.clone();
        let victim = start(&world, 0, &guarded, move |peers, guarded| {
            let end = peers.victim(k, || guarded.permits().add(peers, 2));
            note_death(&end, &died);
        });
        // Another adds too: with both alive one of them is refused.
        let me = seat(&world, 1);
        let added = guarded.permits().add(&me, 1);
        victim.join().unwrap();
        guarded.permits().repair(&me, name(0));
        let free = guarded.available(&seat(&world, 2));
        assert!(free <= 2 && (added.is_err() || free >= 1));
    });
}

#[test]
fn a_death_while_forgetting_or_keeping_loses_only_what_was_forgotten() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::new(2, 2);
        let died = died.clone();
        let forgotten = StdArc::new(AtomicBool::new(false));
        let forgot = forgotten.clone();
        let victim = start(&world, 0, &guarded, move |peers, guarded| {
            let life = || {
                guarded
                    .permits()
                    .acquire(peers, 1, Deadline::NEVER, &mut false)
                    .unwrap();
                guarded.permits().forget(peers, 1);
                forgot.store(true, Ordering::Relaxed);
                guarded
                    .permits()
                    .acquire(peers, 1, Deadline::NEVER, &mut false)
                    .unwrap();
                guarded.permits().keep(peers, 1);
            };
            note_death(&peers.victim(k, life), &died);
        });
        let me = seat(&world, 1);
        if guarded
            .permits()
            .try_acquire(&me, 1, Deadline::NEVER)
            .is_ok()
        {
            guarded.permits().release(&me, 1);
        }
        victim.join().unwrap();
        guarded.permits().repair(&me, name(0));
        let free = guarded.available(&seat(&world, 2));
        // Before its fifth write the victim cannot have forgotten anything.
        assert!(if forgotten.load(Ordering::Relaxed) {
            free == 1
        } else {
            free == 2 || k > 4
        });
    });
}
