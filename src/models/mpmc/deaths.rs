//! The same with a death at every shared write: of a producer, a consumer, a waiter, a repairer.

use std::sync::Arc as StdArc;

use loom::sync::Arc;
use loom::thread;

use super::super::world::{World, at_every_death, check, mortal, seat};
use super::{Notes, Ring, sorted, token};
use crate::raw::mpmc::{Met, Redelivery, Refused};
use crate::sys::clock::Deadline;

#[test]
fn a_producer_s_item_exists_or_not_whenever_it_dies() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let ring = Ring::new(2, Redelivery::Again);
        let done = Notes::default();
        let victim = {
            let (ring, done) = (ring.clone(), done.clone());
            mortal(&world, 0, k, died, move |peers| {
                ring.put(peers, 1).unwrap();
                done.push(1);
            })
        };
        // The consumer waits as long as it must for the item that surely comes.
        let peers = seat(&world, 2);
        ring.put(&peers, 10).unwrap();
        let mut got = Vec::new();
        while !got.contains(&10) {
            got.push(ring.get(&peers).unwrap());
        }
        victim.join().unwrap();
        got.extend(ring.drain(&peers));
        got.retain(|item| *item != 10);
        assert!(got.len() >= done.all().len(), "finished and lost");
        assert!(got.is_empty() || got == [1], "{got:?}");
        assert_eq!(ring.slots().len(), 0);
    });
}

/// A consumer that dies at its `k`-th write while another takes items too; returns what the first
/// was shown and what the others got.
fn consumer_dies(
    redelivery: Redelivery,
    k: usize,
    died: &StdArc<std::sync::atomic::AtomicBool>,
) -> (Vec<u32>, Vec<u32>) {
    let world = World::new();
    let ring = Ring::new(2, redelivery);
    let peers = seat(&world, 2);
    ring.put(&peers, 1).unwrap();
    ring.put(&peers, 2).unwrap();
    let (shown, got) = (Notes::default(), Notes::default());
    let victim = {
        let (ring, shown) = (ring.clone(), shown.clone());
        mortal(&world, 0, k, died, move |peers| {
            let read = |index: usize| shown.push(ring.items[index].get());
            ring.slots().get(peers, || Deadline::NEVER, read).unwrap();
        })
    };
    let survivor = {
        let (peers, ring, got) = (seat(&world, 1), ring.clone(), got.clone());
        thread::spawn(move || got.push(ring.get(&peers).unwrap()))
    };
    // A producer that meets the dead claim.
    let put = ring.try_put(&peers, 3);
    victim.join().unwrap();
    survivor.join().unwrap();
    ring.slots().repair(&peers, token(0));
    ring.drain(&peers)
        .into_iter()
        .for_each(|item| got.push(item));
    if put.is_err() {
        got.push(3);
    }
    assert_eq!(ring.slots().len(), 0);
    assert!(!ring.slots().is_full());
    (shown.all(), got.all())
}

#[test]
fn a_consumer_s_item_comes_again_whenever_it_dies() {
    at_every_death(2, |k, died| {
        let (shown, got) = consumer_dies(Redelivery::Again, k, died);
        let missing: Vec<_> = (1..=3).filter(|item| !got.contains(item)).collect();
        assert!(
            missing.iter().all(|item| shown.contains(item)),
            "{shown:?} {got:?}"
        );
        let mut once = sorted(got.clone());
        once.dedup();
        assert_eq!(
            once.len(),
            got.len(),
            "delivered twice to the living: {got:?}"
        );
    });
}

#[test]
fn a_consumer_s_item_is_dropped_where_the_policy_says_so() {
    at_every_death(2, |k, died| {
        let (shown, got) = consumer_dies(Redelivery::Drop, k, died);
        assert!(
            got.iter().all(|item| !shown.contains(item)),
            "{shown:?} {got:?}"
        );
        // A claim that was never shown is dropped all the same; nothing else is.
        assert!(got.len() >= 2, "{shown:?} {got:?}");
    });
}

#[test]
fn a_waiter_s_death_strands_nobody() {
    at_every_death(1, |k, died| {
        let world = World::new();
        let ring = Ring::new(2, Redelivery::Again);
        let shown = Notes::default();
        let victim = {
            let (ring, shown) = (ring.clone(), shown.clone());
            mortal(&world, 0, k, died, move |peers| {
                let read = |index: usize| shown.push(ring.items[index].get());
                ring.slots().get(peers, || Deadline::NEVER, read).unwrap();
            })
        };
        let survivor = {
            let (peers, ring) = (seat(&world, 1), ring.clone());
            thread::spawn(move || ring.get(&peers).unwrap())
        };
        let peers = seat(&world, 2);
        ring.put(&peers, 1).unwrap();
        ring.put(&peers, 2).unwrap();
        victim.join().unwrap();
        let mut got = vec![survivor.join().unwrap()];
        ring.slots().repair(&peers, token(0));
        got.extend(ring.drain(&peers));
        got.extend(shown.except(&got));
        assert_eq!(sorted(got), [1, 2]);
    });
}

/// A ring of two slots: the participant of seat 0 died taking item 1 out, and item 2 waits.
fn after_a_consumer_s_death(world: &Arc<World>) -> Arc<Ring> {
    let ring = Ring::new(2, Redelivery::Again);
    let dead = seat(world, 0);
    ring.put(&dead, 1).unwrap();
    ring.put(&dead, 2).unwrap();
    // Its third write would give the slot back.
    assert!(dead.victim(2, || ring.get(&dead)).is_none());
    ring
}

#[test]
fn an_item_comes_back_once_whenever_its_repairer_dies() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let ring = after_a_consumer_s_death(&world);
        let repairer = {
            let ring = ring.clone();
            mortal(&world, 1, k, died, move |peers| {
                ring.slots().repair(peers, token(0))
            })
        };
        let peers = seat(&world, 2);
        let got = vec![ring.get(&peers).unwrap(), ring.get(&peers).unwrap()];
        repairer.join().unwrap();
        assert_eq!(sorted(got), [1, 2]);
        ring.slots().repair(&peers, token(0));
        assert_eq!(ring.drain(&peers), []);
    });
}

#[test]
fn two_consumers_and_a_repair_share_what_comes_back() {
    check(2, || {
        let world = World::new();
        let ring = after_a_consumer_s_death(&world);
        let repairer = {
            let (peers, ring) = (seat(&world, 1), ring.clone());
            thread::spawn(move || ring.slots().repair(&peers, token(0)))
        };
        let consumer = {
            let (peers, ring) = (seat(&world, 1), ring.clone());
            thread::spawn(move || ring.try_get(&peers).ok())
        };
        let peers = seat(&world, 2);
        let mut got: Vec<_> = ring.try_get(&peers).into_iter().collect();
        repairer.join().unwrap();
        got.extend(consumer.join().unwrap());
        got.extend(ring.drain(&peers));
        assert_eq!(sorted(got), [1, 2]);
    });
}

#[test]
fn a_consumer_of_what_came_back_may_die_too() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let ring = after_a_consumer_s_death(&world);
        let shown = Notes::default();
        let heir = {
            let (ring, shown) = (ring.clone(), shown.clone());
            mortal(&world, 1, k, died, move |peers| {
                ring.slots().repair(peers, token(0));
                let read = |index: usize| shown.push(ring.items[index].get());
                let _ = ring.slots().try_get(peers, read);
            })
        };
        let peers = seat(&world, 2);
        let mut got = vec![ring.get(&peers).unwrap()];
        heir.join().unwrap();
        ring.slots().repair(&peers, token(0));
        ring.slots().repair(&peers, token(1));
        got.extend(ring.drain(&peers));
        got.extend(shown.except(&got));
        assert_eq!(sorted(got), [1, 2]);
    });
}

#[test]
fn a_dead_producer_s_claim_is_passed_whenever_its_repairer_dies() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let ring = Ring::new(2, Redelivery::Again);
        let dead = seat(&world, 0);
        // Its third write would publish the item.
        assert!(dead.victim(2, || ring.put(&dead, 1)).is_none());
        let repairer = {
            let ring = ring.clone();
            mortal(&world, 1, k, died, move |peers| {
                ring.slots().repair(peers, token(0));
                ring.put(peers, 2).unwrap();
            })
        };
        let peers = seat(&world, 2);
        ring.put(&peers, 3).unwrap();
        let mut got = vec![ring.get(&peers).unwrap()];
        repairer.join().unwrap();
        ring.slots().repair(&peers, token(1));
        got.extend(ring.drain(&peers));
        got.retain(|item| *item != 2);
        assert_eq!(got, [3]);
        // The slot is of use again: both can be filled.
        ring.try_put(&peers, 4).unwrap();
        ring.try_put(&peers, 5).unwrap();
        assert_eq!(ring.try_put(&peers, 6), Err(Refused::Blocked(Met(false))));
        assert_eq!((ring.slots().len(), ring.slots().is_full()), (2, true));
        assert_eq!(ring.drain(&peers), [4, 5]);
    });
}
