//! The same with a death at every shared write: of a producer, a consumer, a waiter, an heir, a
//! repairer.

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicBool as StdBool, Ordering as StdOrdering};

use loom::sync::Arc;
use loom::thread;

use super::super::world::{World, at_every_death, mortal, seat};
use super::{LONG, Notes, Queue, SHORT, SLEEP, TRY, never, sorted, token};
use crate::raw::mpmc::Redelivery;
use crate::sys::clock::Deadline;

/// How a producer puts.
#[derive(Clone, Copy)]
enum Way {
    Slowly,
    AtOnce,
}

fn a_producer_dies(way: Way) {
    at_every_death(2, move |k, died| {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let done = Notes::default();
        let victim = {
            let (queue, done) = (queue.clone(), done.clone());
            mortal(&world, 0, k, died, move |peers| {
                match way {
                    Way::Slowly => queue.put(peers, 1).unwrap(),
                    Way::AtOnce => queue.put_at_once(peers, 1).unwrap(),
                }
                done.push(1);
            })
        };
        // The consumer waits as long as it must for the message that surely comes.
        let peers = seat(&world, 2);
        queue.put(&peers, 10).unwrap();
        let mut got = Vec::new();
        while !got.contains(&10) {
            got.push(queue.get(&peers).unwrap());
        }
        victim.join().unwrap();
        queue.messages().repair(&peers, token(0), Deadline::NEVER);
        got.extend(queue.drain(&peers));
        got.retain(|item| *item != 10);
        assert!(got.len() >= done.all().len(), "finished and lost");
        assert!(got.is_empty() || got == [1], "{got:?}");
        queue.is_whole(&peers);
    });
}

#[test]
fn a_producer_s_message_exists_or_not_whenever_it_dies() {
    a_producer_dies(Way::Slowly);
}

#[test]
fn a_message_put_at_once_exists_or_not_whenever_its_producer_dies() {
    a_producer_dies(Way::AtOnce);
}

#[test]
fn a_producer_waits_for_the_room_of_a_dead_one_whenever_that_dies() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let victim = {
            let queue = queue.clone();
            mortal(&world, 0, k, died, move |peers| {
                let (room, _) = queue.messages().reserve_room(peers, &SLEEP, LONG).unwrap();
                queue.messages().give_up(peers, Deadline::NEVER, &room);
            })
        };
        let peers = seat(&world, 2);
        queue.put_of(&peers, &SLEEP, LONG, 1).unwrap();
        assert_eq!(queue.get(&peers), Ok(1));
        victim.join().unwrap();
        queue.messages().repair(&peers, token(0), Deadline::NEVER);
        queue.is_whole(&peers);
    });
}

/// A consumer that dies while another takes messages too and a third puts one.
fn a_consumer_dies(redelivery: Redelivery) {
    at_every_death(2, move |k, died| {
        let world = World::new();
        let queue = Queue::new(3, 3, redelivery);
        let peers = seat(&world, 2);
        queue.put(&peers, 1).unwrap();
        queue.put(&peers, 2).unwrap();
        let (shown, got) = (Notes::default(), Notes::default());
        let victim = {
            let (queue, shown) = (queue.clone(), shown.clone());
            mortal(&world, 0, k, died, move |peers| {
                let message = queue.receive(peers, &SLEEP).unwrap();
                shown.push(queue.read(&message));
                queue.messages().release(peers, &message, never);
            })
        };
        let survivor = {
            let (peers, queue, got) = (seat(&world, 1), queue.clone(), got.clone());
            thread::spawn(move || got.push(queue.get(&peers).unwrap()))
        };
        victim.join().unwrap();
        survivor.join().unwrap();
        queue.messages().repair(&peers, token(0), Deadline::NEVER);
        let mut got = got.all();
        got.extend(queue.drain(&peers));
        queue.is_whole(&peers);
        let shown = shown.all();
        let mut all = got.clone();
        all.extend(shown.iter().filter(|item| !got.contains(item)));
        match redelivery {
            // Lost only where it had been shown; twice only to the dead.
            Redelivery::Again => assert_eq!(sorted(all), [1, 2], "{shown:?} {got:?}"),
            Redelivery::Drop => {
                assert!(got.iter().all(|item| !shown.contains(item)));
                assert!(!got.is_empty());
            }
        }
    });
}

#[test]
fn a_consumer_s_message_comes_again_whenever_it_dies() {
    a_consumer_dies(Redelivery::Again);
}

#[test]
fn a_consumer_s_message_is_dropped_where_the_policy_says_so() {
    a_consumer_dies(Redelivery::Drop);
}

#[test]
fn a_waiter_s_death_strands_nobody() {
    at_every_death(1, |k, died| {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let shown = Notes::default();
        let victim = {
            let (queue, shown) = (queue.clone(), shown.clone());
            mortal(&world, 0, k, died, move |peers| {
                let message = queue.receive(peers, &SLEEP).unwrap();
                shown.push(queue.read(&message));
                queue.messages().release(peers, &message, never);
            })
        };
        let survivor = {
            let (peers, queue) = (seat(&world, 1), queue.clone());
            thread::spawn(move || queue.get(&peers).unwrap())
        };
        let peers = seat(&world, 2);
        queue.put_at_once(&peers, 1).unwrap();
        queue.put_at_once(&peers, 2).unwrap();
        victim.join().unwrap();
        let mut got = vec![survivor.join().unwrap()];
        queue.messages().repair(&peers, token(0), Deadline::NEVER);
        got.extend(queue.drain(&peers));
        let mut seen = shown.all();
        seen.retain(|item| !got.contains(item));
        got.extend(seen);
        assert_eq!(sorted(got), [1, 2]);
    });
}

#[test]
fn a_message_is_given_back_or_not_whenever_the_giver_dies() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        queue.put(&seat(&world, 1), 1).unwrap();
        let victim = {
            let queue = queue.clone();
            mortal(&world, 0, k, died, move |peers| {
                // Whoever is faster.
                if let Ok(message) = queue.receive(peers, &TRY) {
                    queue.messages().give_back(peers, &message, Deadline::NEVER);
                }
            })
        };
        let peers = seat(&world, 2);
        assert_eq!(queue.get(&peers), Ok(1));
        victim.join().unwrap();
        queue.messages().repair(&peers, token(0), Deadline::NEVER);
        queue.is_whole(&peers);
    });
}

/// A queue that the participant of seat 0 left by a death at its `j`-th write: a message published
/// or not, another taken or not, a third room reserved; `None` where it does not write so often.
fn after_a_death(world: &Arc<World>, j: usize) -> Option<(Arc<Queue>, Notes)> {
    let queue = Queue::new(3, 4, Redelivery::Again);
    queue.put(&seat(world, 2), 1).unwrap();
    let shown = Notes::default();
    let dead = seat(world, 0);
    let life = || {
        queue.put(&dead, 2).unwrap();
        let message = queue.receive(&dead, &TRY).unwrap();
        shown.push(queue.read(&message));
        queue.messages().release(&dead, &message, never);
        let _room = queue.messages().reserve_room(&dead, &TRY, SHORT);
        crate::sys::crash::point();
    };
    let died = dead.victim(j, life).is_none();
    died.then_some((queue, shown))
}

#[test]
fn an_heir_or_repairer_may_die_too() {
    /// More than that life has writes.
    const MOST: usize = 100;
    static LIVED: StdBool = StdBool::new(false);
    for j in 0..MOST {
        at_every_death(1, move |k, died| {
            let world = World::new();
            if let Some((queue, shown)) = after_a_death(&world, j) {
                // All pairs of deaths one after the other; some with a third beside them.
                heir_dies(&world, &queue, &shown.all(), j % 20 == 7, k, died);
            } else {
                LIVED.store(true, StdOrdering::Relaxed);
                // There is nobody to die: k = 0 is all.
                died.store(k == 0, StdOrdering::Relaxed);
            }
        });
        if LIVED.load(StdOrdering::Relaxed) {
            assert!(j > 20, "a short life: {j}");
            return;
        }
    }
    panic!("the life is long");
}

fn heir_dies(
    world: &Arc<World>,
    queue: &Arc<Queue>,
    shown: &[u32],
    beside: bool,
    k: usize,
    died: &StdArc<StdBool>,
) {
    let heir = {
        let queue = queue.clone();
        mortal(world, 1, k, died, move |peers| {
            queue.messages().repair(peers, token(0), Deadline::NEVER);
        })
    };
    let peers = seat(world, 2);
    let mut heir = Some(heir);
    if !beside {
        heir.take().map(|heir| heir.join().unwrap());
    }
    queue.put(&peers, 3).unwrap();
    let mut got = vec![queue.get(&peers).unwrap()];
    heir.map(|heir| heir.join().unwrap());
    for slot in 0..2 {
        queue
            .messages()
            .repair(&peers, token(slot), Deadline::NEVER);
    }
    got.extend(queue.drain(&peers));
    let mut finished = [1, 3].iter().filter(|item| !shown.contains(item));
    assert!(finished.all(|item| got.contains(item)), "{got:?} {shown:?}");
    let mut once = sorted(got.clone());
    once.dedup();
    assert_eq!(
        once.len(),
        got.len(),
        "delivered twice to the living: {got:?}"
    );
    queue.is_whole(&peers);
}
