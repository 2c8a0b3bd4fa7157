//! The ring of two ends: order, exclusive slots, no lost wake, and succession at every death.

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicU32 as StdU32, Ordering as StdOrdering};

use loom::cell::Cell;
use loom::sync::Arc;
use loom::thread;

use super::world::{Seat, World, at_every_death, check, note_death, seat};
use crate::raw::Peers;
use crate::raw::spsc::{AlreadyHeld, End, Fixed, Head, Spsc, Stopped, Tail};
use crate::sys::atomic::AtomicU64;
use crate::sys::clock::Deadline;

pub(super) const CRASHED: Stopped = Stopped::Disconnected { crashed: true };
pub(super) const LEFT: Stopped = Stopped::Disconnected { crashed: false };

/// A ring and its payloads; loom reports a slot that is read and written at once.
pub(super) struct Queue {
    fixed: Fixed,
    tail: AtomicU64,
    head: AtomicU64,
    tags: Vec<AtomicU64>,
    items: Vec<Cell<u32>>,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            fixed: Fixed::new(),
            tail: AtomicU64::new(0),
            head: AtomicU64::new(0),
            tags: (0..capacity).map(|_| AtomicU64::new(0)).collect(),
            items: (0..capacity).map(|_| Cell::new(0)).collect(),
        })
    }

    pub(super) fn ring(&self) -> Spsc<'_> {
        Spsc::over(&self.fixed, &self.tail, &self.head, &self.tags)
    }

    fn item(&self, position: u64) -> &Cell<u32> {
        &self.items[usize::try_from(position).unwrap() % self.items.len()]
    }

    /// Publishes the items of `batch` together once there is room for all of them.
    pub(super) fn put(&self, tail: &mut Tail, batch: &[u32], peers: &Seat) -> Result<(), Stopped> {
        let wanted = batch.len() as u64;
        let ring = self.ring();
        while ring.wait_for_room(tail, wanted, peers, Deadline::NEVER)? < wanted {
            peers.pause(&mut crate::raw::Pace::new(), Deadline::NEVER);
        }
        self.fill(tail, batch, peers);
        Ok(())
    }

    /// Publishes the items of `batch` together, for which there is room.
    pub(super) fn fill(&self, tail: &mut Tail, batch: &[u32], peers: &Seat) {
        for (at, value) in batch.iter().enumerate() {
            self.item(tail.position() + at as u64).set(*value);
        }
        if self.ring().publish(tail, batch.len() as u64) {
            self.ring().wake(End::Producer, peers);
        }
    }

    pub(super) fn take(&self, head: &mut Head, peers: &Seat) -> Result<u32, Stopped> {
        self.ring()
            .wait_for_items(head, 1, peers, Deadline::NEVER)?;
        let value = self.item(head.position()).get();
        self.consume(head, 1, peers);
        Ok(value)
    }

    fn consume(&self, head: &mut Head, count: u64, peers: &Seat) {
        if self.ring().consume(head, count) {
            self.ring().wake(End::Consumer, peers);
        }
    }

    pub(super) fn take_all(&self, head: &mut Head, peers: &Seat) -> (Vec<u32>, Stopped) {
        let mut taken = Vec::new();
        loop {
            match self.take(head, peers) {
                Ok(value) => taken.push(value),
                Err(stopped) => return (taken, stopped),
            }
        }
    }
}

#[test]
fn items_arrive_once_in_order_and_no_wake_is_lost() {
    check(3, || {
        let world = World::new();
        let queue = Queue::new(2);
        let producer = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            thread::spawn(move || {
                let mut tail = queue.ring().claim_producer(&peers).unwrap();
                for value in 1..=3 {
                    queue.put(&mut tail, &[value], &peers).unwrap();
                }
                queue.ring().leave(End::Producer, &peers);
            })
        };
        let peers = seat(&world, 1);
        let mut head = queue.ring().claim_consumer(&peers).unwrap();
        assert_eq!(queue.take_all(&mut head, &peers), (vec![1, 2, 3], LEFT));
        producer.join().unwrap();
    });
}

#[test]
fn a_batch_is_seen_whole() {
    check(3, || {
        let world = World::new();
        let queue = Queue::new(4);
        let producer = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            thread::spawn(move || {
                let mut tail = queue.ring().claim_producer(&peers).unwrap();
                queue.put(&mut tail, &[1], &peers).unwrap();
                queue.put(&mut tail, &[2, 3], &peers).unwrap();
                queue.put(&mut tail, &[4, 5], &peers).unwrap();
            })
        };
        let peers = seat(&world, 1);
        let mut head = queue.ring().claim_consumer(&peers).unwrap();
        let mut seen = 0;
        while seen < 5 {
            let ready = queue
                .ring()
                .wait_for_items(&mut head, 4, &peers, Deadline::NEVER)
                .unwrap();
            // Up to a boundary of the producer's, never into a batch.
            assert!([1, 3, 5].contains(&(seen + ready)) || ready == 4);
            for at in 0..ready {
                assert_eq!(
                    u64::from(queue.item(head.position() + at).get()),
                    seen + at + 1
                );
            }
            queue.consume(&mut head, ready, &peers);
            seen += ready;
        }
        producer.join().unwrap();
    });
}

#[test]
fn closing_wakes_both_ends_and_loses_nothing() {
    check(3, || {
        let world = World::new();
        let queue = Queue::new(1);
        let producer = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            thread::spawn(move || {
                let mut tail = queue.ring().claim_producer(&peers).unwrap();
                // Refused where the ring is closed by then, though there is room.
                let first = queue.put(&mut tail, &[1], &peers);
                assert!(matches!(first, Ok(()) | Err(LEFT)));
                // Otherwise the ring stays full: nobody consumes before it is closed.
                assert_eq!(queue.put(&mut tail, &[2], &peers), Err(LEFT));
            })
        };
        let closer = seat(&world, 2);
        queue.ring().close(&closer);
        let _ = producer.join();
        let peers = seat(&world, 1);
        let mut head = queue.ring().claim_consumer(&peers).unwrap();
        assert_eq!(queue.take_all(&mut head, &peers).1, LEFT);
    });
}

/// What a producer that dies at some point has surely published, counted outside of the model.
fn put_some(queue: &Queue, peers: &Seat, done: &StdU32) {
    let mut tail = queue.ring().claim_producer(peers).unwrap();
    queue.put(&mut tail, &[1], peers).unwrap();
    done.store(1, StdOrdering::Relaxed);
    queue.put(&mut tail, &[2, 3], peers).unwrap();
    done.store(3, StdOrdering::Relaxed);
    queue.ring().leave(End::Producer, peers);
}

#[test]
fn a_dead_producers_items_are_the_finished_ones_and_its_successor_goes_on() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let queue = Queue::new(2);
        let done = StdArc::new(StdU32::new(0));
        let producers = {
            let (peers, heir, queue) = (seat(&world, 0), seat(&world, 2), queue.clone());
            let (died, done) = (died.clone(), done.clone());
            thread::spawn(move || {
                note_death(&peers.victim(k, || put_some(&queue, &peers, &done)), &died);
                let mut tail = queue.ring().claim_producer(&heir).unwrap();
                queue.put(&mut tail, &[9], &heir).unwrap();
            })
        };
        let peers = seat(&world, 1);
        let mut head = queue.ring().claim_consumer(&peers).unwrap();
        let mut taken = Vec::new();
        while taken.last() != Some(&9) {
            match queue.take(&mut head, &peers) {
                Ok(value) => taken.push(value),
                // The successor may still be on its way.
                Err(Stopped::Disconnected { .. }) => thread::yield_now(),
                Err(Stopped::TimedOut) => panic!("no deadline"),
            }
        }
        producers.join().unwrap();
        let whole: [&[u32]; 3] = [&[9], &[1, 9], &[1, 2, 3, 9]];
        assert!(whole.contains(&&taken[..]), "{taken:?}");
        assert!(taken.len() > done.load(StdOrdering::Relaxed) as usize);
    });
}

#[test]
fn a_consumer_drains_the_dead_and_is_then_told() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let queue = Queue::new(4);
        let done = StdArc::new(StdU32::new(0));
        let victim = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            let (died, done) = (died.clone(), done.clone());
            // Claims before it lives as a victim, or the consumer would wait for a first producer.
            let mut tail = queue.ring().claim_producer(&peers).unwrap();
            thread::spawn(move || {
                let end = peers.victim(k, || {
                    queue.put(&mut tail, &[1], &peers).unwrap();
                    done.store(1, StdOrdering::Relaxed);
                    queue.put(&mut tail, &[2, 3], &peers).unwrap();
                    done.store(3, StdOrdering::Relaxed);
                    queue.ring().leave(End::Producer, &peers);
                });
                note_death(&end, &died);
            })
        };
        let peers = seat(&world, 1);
        let mut head = queue.ring().claim_consumer(&peers).unwrap();
        let (taken, stopped) = queue.take_all(&mut head, &peers);
        victim.join().unwrap();
        assert!([0, 1, 3].contains(&taken.len()) && taken == [1, 2, 3][..taken.len()]);
        assert!(taken.len() >= done.load(StdOrdering::Relaxed) as usize);
        // Where it died in the wake after it had left, it had left.
        assert!(stopped == CRASHED || taken.len() == 3);
    });
}

#[test]
fn a_dead_consumers_unfinished_item_is_there_for_the_next_one() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let queue = Queue::new(2);
        let done = StdArc::new(StdU32::new(0));
        let victim = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            let (died, done) = (died.clone(), done.clone());
            let mut head = queue.ring().claim_consumer(&peers).unwrap();
            thread::spawn(move || {
                let end = peers.victim(k, || {
                    // The second take ends in the middle of a batch.
                    for value in 1..=2 {
                        assert_eq!(queue.take(&mut head, &peers), Ok(value));
                        done.store(value, StdOrdering::Relaxed);
                    }
                    queue.ring().leave(End::Consumer, &peers);
                });
                note_death(&end, &died);
            })
        };
        let producer = {
            let (peers, queue) = (seat(&world, 1), queue.clone());
            thread::spawn(move || {
                let mut tail = queue.ring().claim_producer(&peers).unwrap();
                for batch in [&[1][..], &[2, 3]] {
                    // Full, and the consumer gone: its successor is on the way.
                    while queue.put(&mut tail, batch, &peers).is_err() {
                        thread::yield_now();
                    }
                }
            })
        };
        victim.join().unwrap();
        let heir = seat(&world, 2);
        let mut head = queue.ring().claim_consumer(&heir).unwrap();
        let first = queue.take(&mut head, &heir).unwrap();
        let done = done.load(StdOrdering::Relaxed);
        // The last item may have been consumed just before the victim could say so.
        assert!(
            first == done + 1 || first == done + 2,
            "{first} after {done}"
        );
        for value in first + 1..=3 {
            assert_eq!(queue.take(&mut head, &heir), Ok(value));
        }
        producer.join().unwrap();
    });
}

#[test]
fn a_successor_that_dies_in_its_claim_is_succeeded() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let queue = Queue::new(2);
        let first = seat(&world, 0);
        // Dies with the batch published and its end not noted: the claim's two writes, the tag.
        let end = first.victim(3, || {
            let mut tail = queue.ring().claim_producer(&first).unwrap();
            queue.put(&mut tail, &[1, 2], &first)
        });
        assert!(end.is_none());
        let last = seat(&world, 2);
        let mut head = queue.ring().claim_consumer(&last).unwrap();
        assert_eq!(queue.take(&mut head, &last), Ok(1));
        queue.ring().leave(End::Consumer, &last);
        // In the middle of a batch whose end is not noted.
        let mut head = queue.ring().claim_consumer(&last).unwrap();
        let victim = {
            let (peers, queue, died) = (seat(&world, 1), queue.clone(), died.clone());
            thread::spawn(move || {
                let end = peers.victim(k, || {
                    let tail = queue.ring().claim_producer(&peers).unwrap();
                    assert_eq!(tail.position(), 2);
                    queue.ring().leave(End::Producer, &peers);
                });
                note_death(&end, &died);
            })
        };
        victim.join().unwrap();
        let mut tail = queue.ring().claim_producer(&last).unwrap();
        queue.put(&mut tail, &[3], &last).unwrap();
        assert_eq!(queue.take(&mut head, &last), Ok(2));
        assert_eq!(queue.take(&mut head, &last), Ok(3));
    });
}

#[test]
fn of_two_successors_one_wins_and_the_reaper_does_not_disturb() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let queue = Queue::new(2);
        let dead = seat(&world, 0);
        // Dies with the first item published and not noted.
        let end = dead.victim(3, || {
            let mut tail = queue.ring().claim_producer(&dead).unwrap();
            queue.put(&mut tail, &[1], &dead).unwrap();
            queue.put(&mut tail, &[2], &dead)
        });
        assert!(end.is_none());
        let reaper = {
            let (peers, queue, died) = (seat(&world, 1), queue.clone(), died.clone());
            thread::spawn(move || {
                let reap = || queue.ring().repair(&peers, dead.me());
                note_death(&peers.victim(k, reap), &died);
            })
        };
        let heir = {
            let (peers, queue) = (seat(&world, 2), queue.clone());
            thread::spawn(move || {
                let mut tail = queue.ring().claim_producer(&peers).unwrap();
                assert_eq!(queue.ring().claim_producer(&peers).err(), Some(AlreadyHeld));
                queue.put(&mut tail, &[2], &peers).unwrap();
            })
        };
        reaper.join().unwrap();
        heir.join().unwrap();
        let last = seat(&world, 2);
        assert_eq!(queue.ring().owner(End::Producer), Some(last.me()));
        queue.ring().repair(&last, seat(&world, 0).me());
        let mut head = queue.ring().claim_consumer(&last).unwrap();
        assert_eq!(queue.take(&mut head, &last), Ok(1));
        assert_eq!(queue.take(&mut head, &last), Ok(2));
    });
}

#[test]
fn two_heirs_race_and_one_of_them_has_the_end() {
    check(3, || {
        let world = World::new();
        let queue = Queue::new(2);
        let dead = seat(&world, 0);
        // Dies right after it has claimed, before it notes the tail.
        assert!(
            dead.victim(1, || queue.ring().claim_producer(&dead).map(drop))
                .is_none()
        );
        let heirs: Vec<_> = (1..3)
            .map(|slot| {
                let (peers, queue) = (seat(&world, slot), queue.clone());
                thread::spawn(move || queue.ring().claim_producer(&peers).is_ok())
            })
            .collect();
        let winners = heirs.into_iter().map(|heir| heir.join().unwrap());
        assert_eq!(winners.filter(|won| *won).count(), 1);
    });
}
