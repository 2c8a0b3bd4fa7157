//! Watchers, which sleep where consumers do and take nothing: a wake that reaches one is handed on.

use loom::sync::Arc;
use loom::thread;

use super::super::world::{World, at_every_death, check, mortal, seat};
use super::{Notes, Ring, sorted};
use crate::raw::mpmc::Redelivery;
use crate::raw::mpmc::Side;
use crate::raw::{Pace, Peers, Waited};
use crate::sys::clock::Deadline;

/// Sleeps until there may be an item.
fn sleep(ring: &Arc<Ring>, peers: &impl Peers) {
    let slots = ring.slots();
    let (word, rung) = (slots.word(Side::Item), slots.lie_down(Side::Item));
    peers.fence_everywhere();
    if !slots.sight(peers, Side::Item, false).is_ready {
        let (owners, mut pace) = ([], Pace::new());
        let waited = peers.wait(word, rung, &owners, &mut pace, Deadline::NEVER);
        if waited != Waited::Woken {
            slots.sight(peers, Side::Item, true);
        }
    }
}

fn hand_on(ring: &Arc<Ring>, peers: &impl Peers) {
    ring.slots().hand_on(peers, Side::Item);
}

fn close(ring: &Arc<Ring>, peers: &impl Peers) {
    ring.slots().close(peers);
}

#[test]
fn a_watcher_hands_on_what_it_was_woken_for() {
    check(2, || {
        let world = World::new();
        let ring = Ring::new(2, Redelivery::Again);
        let watcher = {
            let (peers, ring) = (seat(&world, 0), ring.clone());
            thread::spawn(move || {
                sleep(&ring, &peers);
                hand_on(&ring, &peers);
            })
        };
        let consumer = {
            let (peers, ring) = (seat(&world, 1), ring.clone());
            thread::spawn(move || ring.get(&peers).unwrap())
        };
        let peers = seat(&world, 2);
        ring.put(&peers, 1).unwrap();
        assert_eq!(consumer.join().unwrap(), 1);
        close(&ring, &peers);
        watcher.join().unwrap();
    });
}

/// As futures do it: who is told by a watcher tries, and hands on what it leaves.
#[test]
fn who_takes_after_a_watch_leaves_nobody_asleep_beside_the_rest() {
    check(2, || {
        let world = World::new();
        let ring = Ring::new(2, Redelivery::Again);
        let got = Notes::default();
        let watcher = {
            let (peers, ring, got) = (seat(&world, 0), ring.clone(), got.clone());
            thread::spawn(move || {
                let item = loop {
                    sleep(&ring, &peers);
                    if let Ok(item) = ring.try_get(&peers) {
                        break item;
                    }
                };
                hand_on(&ring, &peers);
                got.push(item);
            })
        };
        let consumer = {
            let (peers, ring, got) = (seat(&world, 1), ring.clone(), got.clone());
            thread::spawn(move || got.push(ring.get(&peers).unwrap()))
        };
        let peers = seat(&world, 2);
        ring.put(&peers, 1).unwrap();
        ring.put(&peers, 2).unwrap();
        watcher.join().unwrap();
        consumer.join().unwrap();
        assert_eq!(sorted(got.all()), [1, 2]);
    });
}

#[test]
fn a_watcher_that_dies_strands_nobody() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let ring = Ring::new(2, Redelivery::Again);
        let victim = {
            let ring = ring.clone();
            mortal(&world, 0, k, died, move |peers| {
                sleep(&ring, peers);
                hand_on(&ring, peers);
            })
        };
        let consumer = {
            let (peers, ring) = (seat(&world, 1), ring.clone());
            thread::spawn(move || ring.get(&peers).unwrap())
        };
        let peers = seat(&world, 2);
        ring.put(&peers, 1).unwrap();
        assert_eq!(consumer.join().unwrap(), 1);
        close(&ring, &peers);
        victim.join().unwrap();
    });
}
