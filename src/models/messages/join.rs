//! Joining: until all is done and no longer, whoever dies between being given a message and its end.

use std::sync::Arc as StdArc;
use std::sync::atomic::AtomicBool as StdBool;

use loom::sync::Arc;
use loom::thread;

use super::super::world::{Seat, World, at_every_death, check, mortal, seat};
use super::{LONG, Notes, Queue, SHORT, SLEEP, TRY, never, sorted, token};
use crate::raw::messages::Refused;
use crate::raw::mpmc::Redelivery;
use crate::sys::clock::Deadline;

impl Queue {
    fn join(&self, peers: &Seat) {
        self.messages().join(peers, &SLEEP).unwrap();
        assert_eq!(self.unfinished(), 0, "joined too early");
    }
    fn try_join(&self, peers: &Seat) -> bool {
        self.messages().join(peers, &TRY).is_ok()
    }
    fn unfinished(&self) -> usize {
        self.messages().unfinished(None::<&Seat>, Deadline::PAST)
    }
    /// Does one task, and notes it before its end.
    fn task(&self, peers: &Seat, done: &Notes) -> Result<(), Refused> {
        let message = self.receive(peers, &SLEEP)?;
        done.push(self.read(&message));
        self.messages().release(peers, &message, never);
        Ok(())
    }
    /// Does tasks until the queue is closed.
    fn work(&self, peers: &Seat, done: &Notes) {
        while self.task(peers, done).is_ok() {}
    }
}

#[test]
fn nothing_put_is_nothing_to_wait_for() {
    check(2, || {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let peers = seat(&world, 0);
        queue.join(&peers);
        assert!(queue.try_join(&peers));
        // Room is no message before it is sent.
        let (room, _) = (queue.messages())
            .reserve_room(&peers, &TRY, SHORT)
            .unwrap();
        queue.join(&peers);
        let published = queue
            .messages()
            .publish_room(&peers, Deadline::NEVER, &room);
        assert!(published.is_ok() && !queue.try_join(&peers));
        let message = queue.receive(&peers, &TRY).unwrap();
        assert!(!queue.try_join(&peers));
        assert_eq!(queue.unfinished(), 1);
        (queue.messages()).give_back(&peers, &message, Deadline::NEVER);
        assert!(!queue.try_join(&peers));
        queue.get(&peers).unwrap();
        queue.join(&peers);
    });
}

#[test]
fn the_last_of_two_who_end_at_once_wakes_the_joiner() {
    check(2, || {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let peers = seat(&world, 2);
        let done = Notes::default();
        // Each holds a message already, so that nothing but their ends is left.
        let threads: Vec<_> = (0..2)
            .map(|slot| {
                let (consumer, queue) = (seat(&world, slot), queue.clone());
                queue.put_at_once(&peers, slot).unwrap();
                let message = queue.receive(&consumer, &TRY).unwrap();
                let done = done.clone();
                thread::spawn(move || {
                    done.push(queue.read(&message));
                    queue.messages().release(&consumer, &message, never);
                })
            })
            .collect();
        queue.messages().join(&peers, &SLEEP).unwrap();
        assert_eq!(sorted(done.all()), [0, 1], "joined too early");
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        queue.is_whole(&peers);
    });
}

#[test]
fn two_joiners_are_woken_by_one_end() {
    check(2, || {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let peers = seat(&world, 2);
        queue.put_at_once(&peers, 1).unwrap();
        let threads: Vec<_> = (0..2)
            .map(|slot| {
                let (peers, queue) = (seat(&world, slot), queue.clone());
                thread::spawn(move || queue.join(&peers))
            })
            .collect();
        assert_eq!(queue.get(&peers), Ok(1));
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        queue.is_whole(&peers);
    });
}

#[test]
fn what_is_put_meanwhile_is_waited_for_too() {
    check(2, || {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let peers = seat(&world, 2);
        let done = Notes::default();
        queue.put_at_once(&peers, 1).unwrap();
        let consumer = {
            let (peers, queue, done) = (seat(&world, 0), queue.clone(), done.clone());
            thread::spawn(move || {
                let message = queue.receive(&peers, &SLEEP).unwrap();
                // A task that makes another, before its own end.
                queue.put_at_once(&peers, 2).unwrap();
                queue.messages().release(&peers, &message, never);
                queue.task(&peers, &done).unwrap();
            })
        };
        queue.join(&peers);
        assert_eq!(done.all(), [2], "joined too early");
        consumer.join().unwrap();
    });
}

/// A task that is given back, and done by another.
fn given_back(patience: Deadline) {
    check(2, move || {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let peers = seat(&world, 2);
        let done = Notes::default();
        queue.put_at_once(&peers, 1).unwrap();
        let giver = seat(&world, 0);
        let message = queue.receive(&giver, &TRY).unwrap();
        let giver = {
            let queue = queue.clone();
            thread::spawn(move || queue.messages().give_back(&giver, &message, patience))
        };
        let consumer = {
            let (peers, queue, done) = (seat(&world, 1), queue.clone(), done.clone());
            thread::spawn(move || queue.task(&peers, &done).unwrap())
        };
        queue.join(&peers);
        assert_eq!(done.all(), [1], "joined too early");
        giver.join().unwrap();
        consumer.join().unwrap();
        queue.is_whole(&peers);
    });
}

#[test]
fn a_task_that_is_given_back_is_not_done() {
    given_back(Deadline::NEVER);
}

#[test]
fn a_task_that_is_given_back_without_the_lock_is_not_done() {
    given_back(Deadline::PAST);
}

/// Who dies while a worker lives and somebody joins.
type Life = fn(&Queue, &Seat, &Notes);

/// Joins while somebody dies at every write, and when the dead one is gone; then asks for all that
/// was put before.
fn somebody_dies(redelivery: Redelivery, life: Life, put_first: &'static [u32]) {
    at_every_death(1, move |k, died| {
        let world = World::new();
        let queue = Queue::new(3, 3, redelivery);
        let peers = seat(&world, 2);
        for item in put_first {
            queue.put_at_once(&peers, *item).unwrap();
        }
        let done = Notes::default();
        let victim = victim(&world, k, died, &queue, &done, life);
        let worker = {
            let (peers, queue, done) = (seat(&world, 1), queue.clone(), done.clone());
            thread::spawn(move || queue.work(&peers, &done))
        };
        queue.messages().join(&peers, &SLEEP).unwrap();
        let mut joined = sorted(done.all());
        joined.dedup();
        if redelivery == Redelivery::Again {
            assert!(
                put_first.iter().all(|item| joined.contains(item)),
                "joined too early: {joined:?}"
            );
        }
        victim.join().unwrap();
        // What it put, and what it had taken.
        queue.join(&peers);
        queue.messages().close(&peers);
        worker.join().unwrap();
        queue.messages().repair(&peers, token(0), Deadline::NEVER);
        assert_eq!(queue.unfinished(), 0);
        assert!(queue.try_join(&peers));
    });
}

fn victim(
    world: &Arc<World>,
    k: usize,
    died: &StdArc<StdBool>,
    queue: &Arc<Queue>,
    done: &Notes,
    life: Life,
) -> thread::JoinHandle<()> {
    let (queue, done) = (queue.clone(), done.clone());
    mortal(world, 0, k, died, move |peers| life(&queue, peers, &done))
}

/// Takes a message if there is one, and ends it.
fn consume(queue: &Queue, peers: &Seat, done: &Notes) {
    if let Ok(message) = queue.receive(peers, &TRY) {
        done.push(queue.read(&message));
        queue.messages().release(peers, &message, never);
    }
}

#[test]
fn a_joiner_waits_for_whoever_does_the_dead_one_s_task() {
    somebody_dies(Redelivery::Again, consume, &[1]);
}

#[test]
fn a_task_that_is_dropped_with_its_consumer_is_done() {
    somebody_dies(Redelivery::Drop, consume, &[1]);
}

#[test]
fn a_producer_that_dies_leaves_nothing_to_wait_for() {
    let put = |queue: &Queue, peers: &Seat, _: &Notes| queue.put(peers, 2).unwrap();
    somebody_dies(Redelivery::Again, put, &[]);
}

#[test]
fn a_joiner_that_dies_is_in_nobody_s_way() {
    let join = |queue: &Queue, peers: &Seat, _: &Notes| {
        let _ = queue.messages().join(peers, &SLEEP).unwrap();
    };
    somebody_dies(Redelivery::Again, join, &[1]);
}

#[test]
fn a_task_is_done_whenever_its_consumer_dies_where_that_is_the_policy() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Drop);
        let peers = seat(&world, 2);
        queue.put_at_once(&peers, 1).unwrap();
        let held = queue.receive(&seat(&world, 0), &TRY).unwrap();
        let victim = {
            let queue = queue.clone();
            mortal(&world, 0, k, died, move |peers| {
                queue.messages().release(peers, &held, never);
            })
        };
        queue.join(&peers);
        victim.join().unwrap();
        queue.messages().repair(&peers, token(0), Deadline::NEVER);
        queue.is_whole(&peers);
    });
}

#[test]
fn a_loan_that_dies_with_its_owner_is_no_message() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let loan = |queue: &Queue, peers: &Seat, _: &Notes| {
            let (room, _) = queue.messages().reserve_room(peers, &SLEEP, LONG).unwrap();
            queue.messages().give_up(peers, Deadline::NEVER, &room);
        };
        let victim = victim(&world, k, died, &queue, &Notes::default(), loan);
        let peers = seat(&world, 2);
        queue.join(&peers);
        victim.join().unwrap();
        queue.join(&peers);
        queue.messages().repair(&peers, token(0), Deadline::NEVER);
        queue.is_whole(&peers);
    });
}
