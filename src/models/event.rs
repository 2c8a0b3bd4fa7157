//! The event word: no set is missed by whoever waits, and none that comes between a look and a
//! sleep; whoever dies setting it holds nobody up.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::thread;

use super::world::{Seat, World, at_every_death, check, mortal, note_death, seat};
use crate::raw::event::{EventWord, NotSet};
use crate::sys::clock::Deadline;

/// An event, and work that is announced by it.
struct Announced {
    event: EventWord,
    work: [AtomicBool; 2],
}

impl Announced {
    fn new() -> Arc<Self> {
        let none = || AtomicBool::new(false);
        Arc::new(Self {
            event: EventWord::new(),
            work: [none(), none()],
        })
    }
    fn announce(&self, peers: &Seat, at: usize) {
        // Relaxed: the set must publish it.
        self.work[at].store(true, Ordering::Relaxed);
        self.event.set(peers);
    }
    fn is_done(&self, at: usize) -> bool {
        self.work[at].load(Ordering::Relaxed)
    }
    fn wait(&self, peers: &Seat) {
        assert_eq!(self.event.wait(peers, Deadline::NEVER), Ok(()));
    }
    /// The usual loop of a consumer: clear, look, and only then wait.
    fn consume(&self, peers: &Seat, at: usize) {
        loop {
            self.event.clear();
            if self.is_done(at) {
                return;
            }
            self.wait(peers);
        }
    }
}

/// Starts a modelled process on its own thread.
fn start(
    world: &Arc<World>,
    slot: u32,
    shared: &Arc<Announced>,
    life: impl FnOnce(&Seat, &Announced) + 'static,
) -> thread::JoinHandle<()> {
    let (peers, shared) = (seat(world, slot), shared.clone());
    thread::spawn(move || life(&peers, &shared))
}

#[test]
fn a_set_wakes_all_and_shows_what_came_before_it() {
    check(3, || {
        let world = World::new();
        let shared = Announced::new();
        let waiters = [1, 2].map(|slot| {
            start(&world, slot, &shared, |peers, shared| {
                shared.wait(peers);
                assert!(shared.is_done(0));
            })
        });
        shared.announce(&seat(&world, 0), 0);
        waiters.into_iter().for_each(|w| w.join().unwrap());
        assert!(shared.event.is_set());
    });
}

/// Python's gh-95826: whoever sleeps when the event is set and cleared at once has seen it set.
#[test]
fn a_pulse_ends_the_sleep_that_it_finds() {
    check(3, || {
        let world = World::new();
        let shared = Announced::new();
        let waiter = start(&world, 1, &shared, |peers, shared| {
            shared.wait(peers);
            assert!(shared.is_done(0));
        });
        while !shared.event.has_sleepers() {
            thread::yield_now();
        }
        shared.announce(&seat(&world, 0), 0);
        shared.event.clear();
        waiter.join().unwrap();
        assert!(!shared.event.is_set());
    });
}

#[test]
fn a_pulse_before_the_wait_is_no_reason_to_miss_the_set_after_it() {
    check(3, || {
        let world = World::new();
        let shared = Announced::new();
        let waiters = [1, 2].map(|slot| {
            start(&world, slot, &shared, |peers, shared| {
                shared.wait(peers);
                assert!(shared.is_done(0));
            })
        });
        let peers = seat(&world, 0);
        shared.announce(&peers, 0);
        shared.event.clear();
        shared.event.set(&peers);
        waiters.into_iter().for_each(|w| w.join().unwrap());
    });
}

#[test]
fn a_wait_with_a_limit_says_whether_it_was_set() {
    check(3, || {
        let world = World::new();
        let shared = Announced::new();
        let waiter = start(&world, 1, &shared, |peers, shared| {
            let end = shared.event.wait(peers, Deadline::PAST);
            assert!(end == Err(NotSet) || shared.is_done(0));
        });
        shared.announce(&seat(&world, 0), 0);
        shared.event.clear();
        waiter.join().unwrap();
    });
}

#[test]
fn two_setters_and_a_consumer_that_clears_lose_no_work() {
    check(2, || {
        let world = World::new();
        let shared = Announced::new();
        let setters = [0, 1].map(|at| {
            start(&world, at, &shared, move |peers, shared| {
                shared.announce(peers, at as usize);
            })
        });
        let peers = seat(&world, 2);
        shared.consume(&peers, 0);
        shared.consume(&peers, 1);
        setters.into_iter().for_each(|s| s.join().unwrap());
    });
}

/// A set of an event that is set still must not be lost to whoever clears it meanwhile.
#[test]
fn a_set_of_a_set_event_is_not_lost_to_a_clear() {
    check(3, || {
        let world = World::new();
        let shared = Announced::new();
        shared.event.set(seat(&world, 0));
        let setter = start(&world, 1, &shared, |peers, shared| {
            shared.announce(peers, 0);
        });
        shared.consume(&seat(&world, 2), 0);
        setter.join().unwrap();
    });
}

#[test]
fn whoever_sees_it_cleared_sees_what_came_before_the_clear() {
    check(3, || {
        let world = World::new();
        let shared = Announced::new();
        shared.event.set(seat(&world, 0));
        let clearer = start(&world, 1, &shared, |_, shared| {
            shared.work[0].store(true, Ordering::Relaxed);
            shared.event.clear();
        });
        if !shared.event.is_set() {
            assert!(shared.is_done(0));
        }
        clearer.join().unwrap();
    });
}

#[test]
fn a_setter_that_dies_sets_it_or_does_not_and_another_set_wakes_all() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let shared = Announced::new();
        let victim = {
            let shared = shared.clone();
            mortal(&world, 0, k, died, move |peers| {
                shared.announce(peers, 0);
                shared.event.clear();
                shared.event.set(peers);
            })
        };
        let waiter = start(&world, 1, &shared, |peers, shared| shared.wait(peers));
        victim.join().unwrap();
        shared.announce(&seat(&world, 2), 1);
        waiter.join().unwrap();
        assert!(shared.event.is_set());
    });
}

/// The set is there, and its setter never woke anybody: whoever sleeps finds it by itself, also
/// where it has been cleared since.
#[test]
fn a_setter_that_dies_before_its_wake_strands_nobody() {
    at_every_death(3, |k, died| {
        if k == 0 {
            // It died before it set anything: nobody has to wake.
            return note_death::<()>(&None, died);
        }
        let world = World::new();
        let shared = Announced::new();
        let victim = {
            let shared = shared.clone();
            mortal(&world, 0, k, died, move |peers| {
                while !shared.event.has_sleepers() {
                    thread::yield_now();
                }
                shared.event.set(peers);
            })
        };
        let waiter = start(&world, 1, &shared, |peers, shared| shared.wait(peers));
        victim.join().unwrap();
        shared.event.clear();
        waiter.join().unwrap();
    });
}

#[test]
fn a_waiter_that_dies_leaves_nothing_that_holds_anybody_up() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let shared = Announced::new();
        let mortal_part = shared.clone();
        let victim = mortal(&world, 0, k, died, move |peers| mortal_part.wait(peers));
        let waiter = start(&world, 1, &shared, |peers, shared| {
            shared.wait(peers);
            assert!(shared.is_done(0));
        });
        shared.announce(&seat(&world, 2), 0);
        victim.join().unwrap();
        waiter.join().unwrap();
        shared.event.clear();
        assert!(!shared.event.is_set());
    });
}

/// Of two who take, each of two sets lets one go on, and neither set is lost.
#[test]
fn each_set_lets_one_of_those_who_take_it_go_on() {
    check(2, || {
        let world = World::new();
        let shared = Announced::new();
        let taken = Arc::new(AtomicUsize::new(0));
        let takers = [1, 2].map(|slot| {
            let taken = taken.clone();
            start(&world, slot, &shared, move |peers, shared| {
                let end = shared.event.wait_and_take(peers, Deadline::NEVER);
                assert_eq!(end, Ok(()));
                assert!(shared.is_done(0));
                taken.fetch_add(1, Ordering::Relaxed);
            })
        });
        let peers = seat(&world, 0);
        shared.announce(&peers, 0);
        // A set of an event that is set is none.
        while shared.event.is_set() {
            thread::yield_now();
        }
        shared.event.set(&peers);
        takers.into_iter().for_each(|taker| taker.join().unwrap());
        assert_eq!(taken.load(Ordering::Relaxed), 2);
        assert!(!shared.event.is_set());
    });
}

/// However often it is set, whoever lives gets one of them: the dead spends at most one, and keeps
/// nobody asleep beside a set event.
#[test]
fn whoever_would_take_a_set_and_dies_leaves_it_or_has_spent_it() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let shared = Announced::new();
        let mortal_part = shared.clone();
        let victim = mortal(&world, 0, k, died, move |peers| {
            let _ = mortal_part.event.wait_and_take(peers, Deadline::NEVER);
        });
        let taker = start(&world, 1, &shared, |peers, shared| {
            assert_eq!(shared.event.wait_and_take(peers, Deadline::NEVER), Ok(()));
            assert!(shared.is_done(0));
            shared.work[1].store(true, Ordering::Relaxed);
        });
        let peers = seat(&world, 2);
        shared.announce(&peers, 0);
        while !shared.is_done(1) {
            shared.event.set(&peers);
            thread::yield_now();
        }
        taker.join().unwrap();
        shared.event.set(&peers);
        victim.join().unwrap();
    });
}
