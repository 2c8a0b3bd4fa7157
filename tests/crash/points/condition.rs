//! `Condition`: killed at every shared write of waiting, giving up, notifying, handing on.

use std::time::{Duration, Instant};

use outlive::{Condition, Lock, Segment, crash_points};
use rustix::process::Signal;

use super::sweep::{dead, segment, sweep};
use crate::Law;
use crate::crowd::{End, Forked};

const SHORT: Duration = Duration::from_millis(2);
const SOON: Duration = Duration::from_millis(900);

pub const LAWS: &[Law] = &[
    ("condition::to_notify_nobody_changes_nothing", || {
        let segment = segment();
        let world = World::new(&segment, 4);
        // Every write and every wake is a point.
        let points = || {
            crash_points::arm(u64::MAX);
            assert_eq!(world.changed.notify(1).unwrap(), 0);
            crash_points::disarm()
        };
        assert_eq!(points(), 0);
        world.wait(SHORT);
        // The first after that finds out that nobody is there any more, and notes it.
        assert_eq!((points(), points()), (1, 0));
    }),
    ("condition::a_death_in_a_timed_wait_leaves_room", || {
        let deaths = sweep(
            |segment| World::new(segment, 1),
            |_, world| world.wait(SHORT),
            |_, world, _| world.is_in_order(),
        );
        assert!(deaths >= 6, "{deaths} deaths");
    }),
    ("condition::a_death_when_notified_leaves_room", || {
        let deaths = sweep(
            |segment| {
                let world = World::new(segment, 1);
                // Notifies whoever comes, until it is killed.
                let notifier = world.fork(|world| {
                    loop {
                        world.changed.notify(1).unwrap();
                        std::thread::sleep(Duration::from_micros(50));
                    }
                });
                (world, notifier)
            },
            |_, (world, _)| world.wait(SOON),
            |_, (world, notifier), _| {
                notifier.signal(Signal::KILL);
                world.is_in_order();
                notifier.gone();
            },
        );
        assert!(deaths >= 6, "{deaths} deaths");
    }),
    ("condition::a_death_in_notify_strands_nobody", || {
        for count in [1, 2, u32::MAX] {
            let deaths = sweep(
                |segment| {
                    let world = World::new(segment, 4);
                    let sleepers = [1, 2].map(|waiting| world.sleeper(waiting));
                    (world, sleepers)
                },
                |_, (world, _)| {
                    world.changed.notify(count).unwrap();
                },
                |_, (world, sleepers), _| {
                    world.changed.notify_all().unwrap();
                    sleepers.iter().for_each(Sleeper::wakes);
                    world.is_in_order();
                },
            );
            assert!(deaths >= 3, "{deaths} deaths");
        }
    }),
    ("condition::a_death_among_the_dead_strands_nobody", || {
        let deaths = sweep(
            |segment| {
                let world = World::new(segment, 4);
                let killed = world.sleeper(1);
                let sleeper = world.sleeper(2);
                killed.signal(Signal::KILL);
                killed.gone();
                (world, sleeper)
            },
            // Passes over the one to the other.
            |_, (world, _)| {
                world.changed.notify(1).unwrap();
            },
            |_, (world, sleeper), end| {
                if end == End::Killed {
                    world.changed.notify_all().unwrap();
                }
                sleeper.wakes();
                world.is_in_order();
            },
        );
        assert!(deaths >= 4, "{deaths} deaths");
    }),
    ("condition::a_death_of_an_heir_hands_on_once_more", || {
        let deaths = sweep(
            |segment| {
                let world = World::new(segment, 4);
                let killed = world.sleeper(1);
                let sleeper = world.sleeper(2);
                // So that it is not the first to look for the dead.
                sleeper.0.borrow().stop();
                let guard = world.lock.lock().unwrap();
                assert_eq!(world.changed.notify(1).unwrap(), 1);
                killed.signal(Signal::KILL);
                killed.gone();
                drop(guard);
                (world, sleeper)
            },
            |segment, _| assert_eq!(segment.reap().unwrap(), 1),
            |_, (world, sleeper), _| {
                sleeper.signal(Signal::CONT);
                // Notified by nobody but the dead one's heirs.
                sleeper.wakes();
                world.is_in_order();
            },
        );
        assert!(deaths >= 5, "{deaths} deaths");
    }),
    ("condition::places_of_several_dead_are_free_again", || {
        let deaths = sweep(
            |segment| {
                let world = World::new(segment, 2);
                for _ in 0..2 {
                    dead(segment, || {
                        let world = World::open(segment);
                        let waiting = world.changed.waiting();
                        std::thread::spawn(move || world.wait(SOON));
                        let world = World::open(segment);
                        until(|| world.changed.waiting() > waiting);
                    });
                }
                world
            },
            // There is room only after the dead.
            |_, world| world.wait(SHORT),
            |_, world, _| world.is_in_order(),
        );
        assert!(deaths >= 8, "{deaths} deaths");
    }),
];

/// A condition, and the lock that goes with it.
struct World {
    lock: Lock,
    changed: Condition,
}

/// A process that waits once and then ends.
struct Sleeper(std::cell::RefCell<Forked>);

impl World {
    fn new(segment: &Segment, waiters: u32) -> Self {
        Self {
            lock: Lock::create(segment, "lock").unwrap(),
            changed: Condition::create_with_waiters(segment, "changed", waiters).unwrap(),
        }
    }

    fn open(segment: &Segment) -> Self {
        Self {
            lock: Lock::open(segment, "lock").unwrap(),
            changed: Condition::open(segment, "changed").unwrap(),
        }
    }

    fn wait(&self, limit: Duration) {
        let guard = self.lock.lock().or_else(|e| e.repair(|_| {})).unwrap();
        let end = self.changed.wait_timeout(guard, limit);
        drop(end.or_else(|e| e.repair(|_| {})).unwrap());
    }

    fn fork(&self, life: impl Fn(&Self)) -> Sleeper {
        let forked = Forked::start(|| {
            life(self);
            0
        });
        Sleeper(std::cell::RefCell::new(forked))
    }

    /// Starts one, and waits until so many wait.
    fn sleeper(&self, waiting: u32) -> Sleeper {
        let sleeper = self.fork(|world| {
            let guard = world.lock.lock().or_else(|e| e.repair(|_| {})).unwrap();
            let end = world.changed.wait(guard);
            drop(end.or_else(|e| e.repair(|_| {})).unwrap());
        });
        until(|| self.changed.waiting() == waiting);
        // It has given the lock up, too.
        drop(self.lock.lock().unwrap());
        sleeper
    }

    /// There is room for as many as ever, and nobody is there who is not.
    fn is_in_order(&self) {
        let guard = self.lock.lock_timeout(SOON);
        let guard = guard.or_else(|e| e.repair(|_| {})).unwrap();
        let end = self.changed.wait_timeout(guard, SHORT);
        drop(end.or_else(|e| e.repair(|_| {})).unwrap());
        self.changed.notify_all().unwrap();
        assert_eq!(self.changed.waiting(), 0);
        assert_eq!(self.changed.notify(1).unwrap(), 0);
    }
}

impl Sleeper {
    fn wakes(&self) {
        assert_eq!(self.0.borrow_mut().wait(), End::Exited(0));
    }
    fn gone(&self) {
        assert_eq!(self.0.borrow_mut().wait(), End::Killed);
    }
    fn signal(&self, signal: Signal) {
        self.0.borrow().signal(signal);
    }
}

fn until(is_so: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < patience, "never came about");
        std::thread::sleep(Duration::from_micros(100));
    }
}
