//! The line of a condition: no notification is lost, none is counted twice, whoever dies.

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use loom::cell::Cell as Exclusive;
use loom::sync::Arc;
use loom::thread;

use super::world::{Seat, World, at_every_death, check, mortal, seat, token};
use crate::raw::Peers;
use crate::raw::condition::{Cell, End, Head, Line, Place};
use crate::raw::lock::LockWord;
use crate::sys::clock::Deadline;
use crate::sys::crash::point;

/// A condition, its lock, and a word that the lock protects.
struct Guarded {
    head: Head,
    cells: [Cell; 3],
    lock: LockWord,
    ready: Exclusive<u32>,
}

impl Guarded {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            head: Head::new(),
            cells: [Cell::new(), Cell::new(), Cell::new()],
            lock: LockWord::new(),
            ready: Exclusive::new(0),
        })
    }
    fn line(&self) -> Line<'_> {
        Line {
            head: &self.head,
            cells: &self.cells,
        }
    }
    fn lock(&self, peers: &impl Peers) {
        self.lock.lock(peers, Deadline::NEVER).unwrap();
    }
    fn unlock(&self, peers: &impl Peers) {
        self.lock.unlock(peers, false);
    }
    fn enter(&self, peers: &impl Peers) -> Place {
        self.line().enter(peers).unwrap()
    }
    fn sleep(&self, peers: &impl Peers, place: Place, deadline: Deadline) -> End {
        self.line().sleep(peers, place, deadline, &mut false)
    }
    /// What the handle does, with the lock held.
    fn wait(&self, peers: &impl Peers, deadline: Deadline) -> End {
        let place = self.enter(peers);
        self.unlock(peers);
        let end = self.sleep(peers, place, deadline);
        self.lock(peers);
        if end == End::Notified {
            self.line().leave(place);
        }
        end
    }
    /// Takes one of what there is to have, and waits until there is one.
    fn take(&self, peers: &impl Peers) {
        self.lock(peers);
        while self.ready.get() == 0 {
            self.wait(peers, Deadline::NEVER);
        }
        self.ready.set(self.ready.get() - 1);
        self.unlock(peers);
    }
    fn give(&self, peers: &impl Peers) {
        self.lock(peers);
        self.ready.set(self.ready.get() + 1);
        self.unlock(peers);
        self.notify(peers, 1);
    }
    fn notify(&self, peers: &impl Peers, count: u32) -> u32 {
        self.line().notify(peers, count, &mut false)
    }
}

/// Starts a modelled process on its own thread.
fn start<R: 'static>(
    world: &Arc<World>,
    slot: u32,
    guarded: &Arc<Guarded>,
    life: impl FnOnce(&Seat, &Guarded) -> R + 'static,
) -> thread::JoinHandle<R> {
    let (peers, guarded) = (seat(world, slot), guarded.clone());
    thread::spawn(move || life(&peers, &guarded))
}

/// The death of a participant that is in the line already.
fn die(peers: &Seat) {
    assert!(peers.victim(0, point).is_none());
}

#[test]
fn a_notification_after_the_change_is_never_missed() {
    check(3, || {
        let world = World::new();
        let guarded = Guarded::new();
        let taker = start(&world, 1, &guarded, |peers, guarded| guarded.take(peers));
        guarded.give(&seat(&world, 0));
        taker.join().unwrap();
    });
}

#[test]
fn two_takers_and_two_givers_all_come_through() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new();
        let takers =
            [1, 2].map(|slot| start(&world, slot, &guarded, |peers, guarded| guarded.take(peers)));
        let me = seat(&world, 0);
        guarded.give(&me);
        guarded.give(&me);
        takers.into_iter().for_each(|taker| taker.join().unwrap());
    });
}

#[test]
fn a_notifier_that_finds_nobody_hides_no_newcomer() {
    // With as many places as it notifies it looks at each, otherwise for the oldest.
    for gone in [1, 2] {
        check(2, move || {
            let world = World::new();
            let guarded = Guarded::new();
            // They came, and left again when their time was up.
            let left = seat(&world, 2);
            let places: Vec<_> = (0..gone).map(|_| guarded.enter(&left)).collect();
            for place in places {
                assert_eq!(guarded.sleep(&left, place, Deadline::PAST), End::TimedOut);
            }
            let idle = start(&world, 2, &guarded, |peers, guarded| {
                guarded.notify(peers, 1)
            });
            let taker = start(&world, 1, &guarded, |peers, guarded| guarded.take(peers));
            guarded.give(&seat(&world, 0));
            taker.join().unwrap();
            idle.join().unwrap();
        });
    }
}

#[test]
fn a_waiter_that_is_seen_is_found() {
    check(3, || {
        let world = World::new();
        let guarded = Guarded::new();
        let waiter = start(&world, 1, &guarded, |peers, guarded| {
            let place = guarded.enter(peers);
            guarded.sleep(peers, place, Deadline::NEVER);
            guarded.line().leave(place);
        });
        let me = seat(&world, 0);
        // Without the lock, under which invariant 1 says so.
        while guarded.line().waiting() == 0 {
            thread::yield_now();
        }
        assert_eq!(guarded.notify(&me, u32::MAX), 1);
        waiter.join().unwrap();
    });
}

#[test]
fn one_waiter_that_gives_up_leaves_the_notification_to_the_other() {
    check(3, || {
        let world = World::new();
        let guarded = Guarded::new();
        let (hasty, patient) = (seat(&world, 1), seat(&world, 2));
        let (first, second) = (guarded.enter(&hasty), guarded.enter(&patient));
        let hasty = start(&world, 1, &guarded, move |peers, guarded| {
            let end = guarded.sleep(peers, first, Deadline::PAST);
            if end == End::Notified {
                // It cannot use it.
                guarded.line().hand_on(peers, first);
            }
        });
        let patient = start(&world, 2, &guarded, move |peers, guarded| {
            assert_eq!(guarded.sleep(peers, second, Deadline::NEVER), End::Notified);
            guarded.line().leave(second);
        });
        assert_eq!(guarded.notify(&seat(&world, 0), 1), 1);
        hasty.join().unwrap();
        patient.join().unwrap();
        assert_eq!(guarded.notify(&seat(&world, 0), u32::MAX), 0);
    });
}

#[test]
fn as_many_are_notified_as_two_notifiers_say() {
    check(3, || {
        let world = World::new();
        let guarded = Guarded::new();
        let places = [1, 1, 2].map(|slot| (slot, guarded.enter(&seat(&world, slot))));
        let other = start(&world, 1, &guarded, |peers, guarded| {
            guarded.notify(peers, 1)
        });
        let told = guarded.notify(&seat(&world, 0), 1) + other.join().unwrap();
        assert_eq!(told, 2);
        let ends =
            places.map(|(slot, place)| guarded.sleep(&seat(&world, slot), place, Deadline::PAST));
        // In the order in which they came.
        assert_eq!(ends, [End::Notified, End::Notified, End::TimedOut]);
    });
}

#[test]
fn a_notification_counts_once_whether_it_comes_in_time_or_not() {
    check(3, || {
        let world = World::new();
        let guarded = Guarded::new();
        let place = guarded.enter(&seat(&world, 1));
        let notifiers = [0, 2].map(|slot| {
            start(&world, slot, &guarded, |peers, guarded| {
                guarded.notify(peers, u32::MAX)
            })
        });
        let end = guarded.sleep(&seat(&world, 1), place, Deadline::PAST);
        let told: u32 = notifiers.into_iter().map(|one| one.join().unwrap()).sum();
        assert_eq!(told, u32::from(end == End::Notified));
    });
}

/// The victim waits, is perhaps notified, and dies at any instant: what it has not acted on reaches
/// the other waiter, without another notification.
#[test]
fn a_notification_outlives_the_waiter_that_did_not_act_on_it() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::new();
        let acted = StdArc::new(AtomicBool::new(false));
        let victim = {
            let (guarded, acted) = (guarded.clone(), acted.clone());
            mortal(&world, 0, k, died, move |peers| {
                guarded.lock(peers);
                if guarded.ready.get() == 0 {
                    guarded.wait(peers, Deadline::NEVER);
                }
                acted.store(true, Ordering::Relaxed);
                guarded.unlock(peers);
            })
        };
        let other = start(&world, 1, &guarded, |peers, guarded| {
            guarded.lock(peers);
            if guarded.ready.get() == 0 {
                guarded.wait(peers, Deadline::NEVER);
            }
            guarded.unlock(peers);
            // Where the victim was not the one.
            guarded.notify(peers, 1);
        });
        let me = seat(&world, 2);
        guarded.lock(&me);
        guarded.ready.set(1);
        guarded.unlock(&me);
        guarded.notify(&me, 1);
        victim.join().unwrap();
        if acted.load(Ordering::Relaxed) {
            guarded.notify(&me, 1);
        }
        other.join().unwrap();
        guarded.line().repair(&me, token(0));
        assert_eq!(guarded.line().waiting(), 0);
    });
}

#[test]
fn a_death_in_notify_leaves_the_line_whole() {
    for count in [1, u32::MAX] {
        at_every_death(2, move |k, died| {
            let world = World::new();
            let guarded = Guarded::new();
            let notifier = {
                let guarded = guarded.clone();
                mortal(&world, 0, k, died, move |peers| {
                    guarded.notify(peers, count);
                })
            };
            let waiter = start(&world, 1, &guarded, |peers, guarded| {
                guarded.lock(peers);
                if guarded.ready.get() == 0 {
                    guarded.wait(peers, Deadline::NEVER);
                }
                guarded.unlock(peers);
            });
            let me = seat(&world, 2);
            guarded.lock(&me);
            guarded.ready.set(1);
            guarded.unlock(&me);
            guarded.notify(&me, u32::MAX);
            notifier.join().unwrap();
            waiter.join().unwrap();
            assert_eq!(guarded.line().waiting(), 0);
        });
    }
}

/// A waiter that was notified and died, a living one, and a reaper that dies at any instant.
#[test]
fn a_notification_outlives_its_heirs() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::new();
        let dead = seat(&world, 0);
        guarded.enter(&dead);
        assert_eq!(guarded.notify(&dead, 1), 1);
        die(&dead);
        let place = guarded.enter(&seat(&world, 1));
        let reaper = {
            let guarded = guarded.clone();
            mortal(&world, 2, k, died, move |peers| {
                guarded.line().repair(peers, token(0));
            })
        };
        let me = seat(&world, 1);
        assert_eq!(guarded.sleep(&me, place, Deadline::NEVER), End::Notified);
        guarded.line().leave(place);
        reaper.join().unwrap();
        guarded.line().repair(&me, token(0));
        guarded.line().repair(&me, token(2));
        // All cells are free again.
        let _ = [(); 3].map(|()| guarded.enter(&me));
    });
}

/// Several heirs hand on what one dead waiter was notified of: one of two others is woken by it.
#[test]
fn heirs_that_race_hand_on_once() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new();
        let dead = seat(&world, 0);
        guarded.enter(&dead);
        assert_eq!(guarded.notify(&dead, 1), 1);
        die(&dead);
        let me = seat(&world, 1);
        let places = [(); 2].map(|()| guarded.enter(&me));
        let reaper = start(&world, 2, &guarded, |peers, guarded| {
            guarded.line().repair(peers, token(0))
        });
        guarded.line().repair(&me, token(0));
        reaper.join().unwrap();
        let ends = places.map(|place| guarded.sleep(&me, place, Deadline::PAST));
        assert_eq!(ends, [End::Notified, End::TimedOut]);
    });
}

#[test]
fn a_notifier_passes_over_the_dead() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new();
        let dead = seat(&world, 0);
        guarded.enter(&dead);
        guarded.enter(&dead);
        die(&dead);
        let me = seat(&world, 1);
        let place = guarded.enter(&me);
        let woken = StdArc::new(AtomicU32::new(0));
        let notifier = {
            let woken = woken.clone();
            start(&world, 2, &guarded, move |peers, guarded| {
                let mut met = false;
                let told = guarded.line().notify(peers, 1, &mut met);
                woken.store(told, Ordering::Relaxed);
                assert!(met);
            })
        };
        assert_eq!(guarded.sleep(&me, place, Deadline::NEVER), End::Notified);
        notifier.join().unwrap();
        assert_eq!(woken.load(Ordering::Relaxed), 1);
        guarded.line().leave(place);
        let _ = [(); 3].map(|()| guarded.enter(&me));
    });
}

#[test]
fn a_full_line_makes_room_where_somebody_has_died() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new();
        let (dead, me) = (seat(&world, 0), seat(&world, 1));
        guarded.enter(&me);
        guarded.enter(&dead);
        guarded.enter(&me);
        assert!(guarded.line().enter(&me).is_err());
        die(&dead);
        assert!(guarded.line().enter(&me).is_ok());
        assert!(guarded.line().enter(&me).is_err());
    });
}
