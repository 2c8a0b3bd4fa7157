//! The ring of many: every item once, in its producer's order, whoever dies when.

mod deaths;
mod watch;

use loom::cell::Cell;
use loom::sync::Arc;
use loom::thread;

use super::notes::{Notes, sorted};
use super::world::{World, check, seat, token};
use crate::raw::Peers;
use crate::raw::mpmc::{Controls, Redelivery, Refused, Slots};
use crate::sys::atomic::AtomicU64;
use crate::sys::clock::Deadline;

/// A ring of words and what lies in its slots; loom reports two accesses to an item at once.
struct Ring {
    controls: Controls,
    tail: AtomicU64,
    head: AtomicU64,
    words: Vec<AtomicU64>,
    items: Vec<Cell<u32>>,
}

impl Ring {
    fn new(capacity: usize, redelivery: Redelivery) -> Arc<Self> {
        Self::after_turns(capacity, redelivery, 0)
    }
    /// A ring that was used before, for so many turns.
    fn after_turns(capacity: usize, redelivery: Redelivery, turns: u32) -> Arc<Self> {
        let position = u64::from(turns) << 32;
        Arc::new(Self {
            controls: Controls::new(redelivery),
            tail: AtomicU64::new(position),
            head: AtomicU64::new(position),
            words: (0..capacity).map(|_| AtomicU64::new(position)).collect(),
            items: (0..capacity).map(|_| Cell::new(0)).collect(),
        })
    }
    fn slots(&self) -> Slots<'_> {
        let Self {
            controls,
            tail,
            head,
            words,
            items,
        } = self;
        Slots::new(controls, tail, head, words, items.len(), 1, 0).unwrap()
    }
    fn put(&self, peers: &impl Peers, item: u32) -> Result<(), Refused> {
        let put = self
            .slots()
            .put(peers, || Deadline::NEVER, |at| self.items[at].set(item));
        put.map(|_| ())
    }
    fn try_put(&self, peers: &impl Peers, item: u32) -> Result<(), Refused> {
        self.slots()
            .try_put(peers, |at| self.items[at].set(item))
            .map(|_| ())
    }
    fn get(&self, peers: &impl Peers) -> Result<u32, Refused> {
        let got = self
            .slots()
            .get(peers, || Deadline::NEVER, |at| self.items[at].get());
        got.map(|(item, _)| item)
    }
    fn try_get(&self, peers: &impl Peers) -> Result<u32, Refused> {
        self.slots()
            .try_get(peers, |at| self.items[at].get())
            .map(|(item, _)| item)
    }
    /// All that is left.
    fn drain(&self, peers: &impl Peers) -> Vec<u32> {
        core::iter::from_fn(|| self.try_get(peers).ok()).collect()
    }
}

#[test]
fn two_producers_reach_one_consumer_in_their_order() {
    check(2, || {
        let world = World::new();
        let ring = Ring::new(2, Redelivery::Again);
        ring.put(&seat(&world, 0), 10).unwrap();
        let threads: Vec<_> = [(0, 11), (1, 20)]
            .into_iter()
            .map(|(slot, item)| {
                let (peers, ring) = (seat(&world, slot), ring.clone());
                thread::spawn(move || ring.put(&peers, item).unwrap())
            })
            .collect();
        let peers = seat(&world, 2);
        let got: Vec<_> = (0..3).map(|_| ring.get(&peers).unwrap()).collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        let place = |item| got.iter().position(|one| *one == item).unwrap();
        assert!(place(10) < place(11));
        assert_eq!(sorted(got), [10, 11, 20]);
        assert_eq!(ring.slots().len(), 0);
    });
}

#[test]
fn one_producer_reaches_two_consumers_once_each() {
    check(2, || {
        let world = World::new();
        let ring = Ring::new(2, Redelivery::Again);
        let got = Notes::default();
        let threads: Vec<_> = (0..2)
            .map(|slot| {
                let (peers, ring, got) = (seat(&world, slot), ring.clone(), got.clone());
                thread::spawn(move || got.push(ring.get(&peers).unwrap()))
            })
            .collect();
        let peers = seat(&world, 2);
        ring.put(&peers, 1).unwrap();
        ring.put(&peers, 2).unwrap();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(sorted(got.all()), [1, 2]);
    });
}

#[test]
fn turns_follow_each_other_over_their_wrap() {
    check(3, || {
        let world = World::new();
        let ring = Ring::after_turns(1, Redelivery::Again, u32::MAX);
        let producer = {
            let (peers, ring) = (seat(&world, 0), ring.clone());
            thread::spawn(move || (1..=3).for_each(|item| ring.put(&peers, item).unwrap()))
        };
        let peers = seat(&world, 1);
        (1..=3).for_each(|item| assert_eq!(ring.get(&peers), Ok(item)));
        producer.join().unwrap();
    });
}

#[test]
fn two_producers_share_one_slot() {
    check(2, || {
        let world = World::new();
        let ring = Ring::new(1, Redelivery::Again);
        let threads: Vec<_> = (0..2)
            .map(|slot| {
                let (peers, ring) = (seat(&world, slot), ring.clone());
                thread::spawn(move || ring.put(&peers, slot).unwrap())
            })
            .collect();
        let peers = seat(&world, 2);
        let got = vec![ring.get(&peers).unwrap(), ring.get(&peers).unwrap()];
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(sorted(got), [0, 1]);
    });
}

#[test]
fn what_was_put_before_a_close_is_got_after_it() {
    check(3, || {
        let world = World::new();
        let ring = Ring::new(2, Redelivery::Again);
        let producer = {
            let (peers, ring) = (seat(&world, 0), ring.clone());
            thread::spawn(move || ring.put(&peers, 1))
        };
        let closer = {
            let (peers, ring) = (seat(&world, 1), ring.clone());
            thread::spawn(move || ring.slots().close(&peers))
        };
        let peers = seat(&world, 2);
        let got: Vec<_> = core::iter::from_fn(|| match ring.get(&peers) {
            Ok(item) => Some(item),
            Err(refused) => {
                assert_eq!(refused, Refused::Closed);
                None
            }
        })
        .collect();
        closer.join().unwrap();
        match producer.join().unwrap() {
            Ok(()) => assert_eq!(got, [1]),
            Err(refused) => assert_eq!((refused, got), (Refused::Closed, vec![])),
        }
        assert_eq!(ring.try_get(&peers), Err(Refused::Closed));
        assert_eq!(ring.try_put(&peers, 2), Err(Refused::Closed));
    });
}

#[test]
fn a_close_wakes_who_waits_for_room() {
    check(2, || {
        let world = World::new();
        let ring = Ring::new(1, Redelivery::Again);
        let peers = seat(&world, 1);
        ring.put(&peers, 1).unwrap();
        let producer = {
            let (peers, ring) = (seat(&world, 0), ring.clone());
            thread::spawn(move || assert_eq!(ring.put(&peers, 2), Err(Refused::Closed)))
        };
        ring.slots().close(&peers);
        producer.join().unwrap();
        assert_eq!(ring.drain(&peers), [1]);
    });
}
