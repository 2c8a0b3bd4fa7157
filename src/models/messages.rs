//! Messages between many: each once, in its producer's order, whoever dies when.

mod deaths;
mod join;
mod watch;

use loom::cell::Cell;
use loom::sync::Arc;
use loom::thread;

use super::notes::{Notes, sorted};
use super::world::{World, check, seat, token};
use crate::raw::Peers;
use crate::raw::messages::{Head, Message, Messages, Refused, Room, UNIT, Wait};
use crate::raw::mpmc::Redelivery;
use crate::sys::atomic::{AtomicU32, AtomicU64};
use crate::sys::clock::Deadline;

/// A message of one unit, and one of two.
const SHORT: usize = 8;
const LONG: usize = SHORT + 8 * UNIT;

fn never() -> Deadline {
    Deadline::NEVER
}
type Patience = fn() -> Deadline;
const TRY: Wait<Patience> = Wait::Try(never);
const SLEEP: Wait<Patience> = Wait::Until(Deadline::NEVER);

/// A queue, and what lies in its blocks; loom reports two accesses to a message at once.
struct Queue {
    head: Head,
    order: Vec<AtomicU32>,
    words: Vec<AtomicU64>,
    contents: Vec<Cell<u32>>,
}

impl Queue {
    fn new(items: usize, units: usize, redelivery: Redelivery) -> Arc<Self> {
        let queue = Arc::new(Self {
            head: Head::new(redelivery),
            order: (0..items).map(|_| AtomicU32::new(0)).collect(),
            words: (0..units * UNIT).map(|_| AtomicU64::new(0)).collect(),
            contents: (0..units).map(|_| Cell::new(0)).collect(),
        });
        queue.messages().format();
        queue
    }
    fn messages(&self) -> Messages<'_> {
        Messages::new(&self.head, &self.order, &self.words).unwrap()
    }
    /// Reserves, writes without the lock, publishes.
    fn put_of(
        &self,
        peers: &impl Peers,
        wait: &Wait<Patience>,
        len: usize,
        item: u32,
    ) -> Result<(), Refused> {
        let (room, _) = self.messages().reserve_room(peers, wait, len)?;
        self.contents[room.at()].set(item);
        let published = self.messages().publish_room(peers, Deadline::NEVER, &room);
        published.map(|_| ())
    }
    fn put(&self, peers: &impl Peers, item: u32) -> Result<(), Refused> {
        self.put_of(peers, &SLEEP, SHORT, item)
    }
    fn try_put(&self, peers: &impl Peers, item: u32) -> Result<(), Refused> {
        self.put_of(peers, &TRY, SHORT, item)
    }
    /// All of it with the lock.
    fn put_at_once(&self, peers: &impl Peers, item: u32) -> Result<(), Refused> {
        let write = |room: &Room| self.contents[room.at()].set(item);
        self.messages().put(peers, &SLEEP, SHORT, write).map(|_| ())
    }
    fn receive(&self, peers: &impl Peers, wait: &Wait<Patience>) -> Result<Message, Refused> {
        self.messages().get(peers, wait).map(|(message, _)| message)
    }
    fn read(&self, message: &Message) -> u32 {
        self.contents[message.at()].get()
    }
    fn get_as(&self, peers: &impl Peers, wait: &Wait<Patience>) -> Result<u32, Refused> {
        let message = self.receive(peers, wait)?;
        let item = self.read(&message);
        self.messages().release(peers, &message, never);
        Ok(item)
    }
    fn get(&self, peers: &impl Peers) -> Result<u32, Refused> {
        self.get_as(peers, &SLEEP)
    }
    fn try_get(&self, peers: &impl Peers) -> Result<u32, Refused> {
        self.get_as(peers, &TRY)
    }
    /// All that is left, while nobody else is at it: as many as it says.
    fn drain(&self, peers: &impl Peers) -> Vec<u32> {
        let len = self.messages().len();
        let left: Vec<_> = core::iter::from_fn(|| self.try_get(peers).ok()).collect();
        assert_eq!(left.len(), len);
        left
    }
    /// An empty queue has all of its room in one piece, and all entries of its order.
    fn is_whole(&self, peers: &impl Peers) {
        let messages = self.messages();
        assert_eq!(messages.len(), 0);
        let all = messages.most_bytes();
        let (room, _) = messages.reserve_room(peers, &TRY, all).unwrap();
        messages.give_up(peers, Deadline::NEVER, &room);
        let most = self.order.len().min(self.contents.len());
        for item in 0..most {
            self.try_put(peers, u32::try_from(item).unwrap()).unwrap();
        }
        assert_eq!(self.drain(peers).len(), most);
    }
}

#[test]
fn two_producers_reach_one_consumer_in_their_order() {
    check(2, || {
        let world = World::new();
        let queue = Queue::new(2, 3, Redelivery::Again);
        queue.put(&seat(&world, 0), 10).unwrap();
        let threads: Vec<_> = [(0, 11), (1, 20)]
            .into_iter()
            .map(|(slot, item)| {
                let (peers, queue) = (seat(&world, slot), queue.clone());
                thread::spawn(move || match item {
                    11 => queue.put(&peers, item).unwrap(),
                    _ => queue.put_at_once(&peers, item).unwrap(),
                })
            })
            .collect();
        let peers = seat(&world, 2);
        let got: Vec<_> = (0..3).map(|_| queue.get(&peers).unwrap()).collect();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        let place = |item| got.iter().position(|one| *one == item).unwrap();
        assert!(place(10) < place(11));
        assert_eq!(sorted(got), [10, 11, 20]);
        queue.is_whole(&peers);
    });
}

#[test]
fn one_producer_reaches_two_consumers_once_each() {
    check(2, || {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let got = Notes::default();
        let threads: Vec<_> = (0..2)
            .map(|slot| {
                let (peers, queue, got) = (seat(&world, slot), queue.clone(), got.clone());
                thread::spawn(move || got.push(queue.get(&peers).unwrap()))
            })
            .collect();
        let peers = seat(&world, 2);
        queue.put_at_once(&peers, 1).unwrap();
        queue.put_at_once(&peers, 2).unwrap();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(sorted(got.all()), [1, 2]);
    });
}

#[test]
fn two_producers_share_one_unit() {
    check(2, || {
        let world = World::new();
        let queue = Queue::new(2, 1, Redelivery::Again);
        let threads: Vec<_> = (0..2)
            .map(|slot| {
                let (peers, queue) = (seat(&world, slot), queue.clone());
                thread::spawn(move || queue.put_at_once(&peers, slot).unwrap())
            })
            .collect();
        let peers = seat(&world, 2);
        let got = vec![queue.get(&peers).unwrap(), queue.get(&peers).unwrap()];
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(sorted(got), [0, 1]);
    });
}

#[test]
fn a_long_message_waits_for_the_room_of_two() {
    check(2, || {
        let world = World::new();
        let queue = Queue::new(3, 2, Redelivery::Again);
        let peers = seat(&world, 1);
        queue.put(&peers, 1).unwrap();
        queue.put(&peers, 2).unwrap();
        let producer = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            thread::spawn(move || queue.put_of(&peers, &SLEEP, LONG, 3).unwrap())
        };
        (1..=3).for_each(|item| assert_eq!(queue.get(&peers), Ok(item)));
        producer.join().unwrap();
        queue.is_whole(&peers);
    });
}

#[test]
fn a_message_that_is_held_is_in_nobody_s_way() {
    check(2, || {
        let world = World::new();
        let queue = Queue::new(1, 2, Redelivery::Again);
        let peers = seat(&world, 1);
        queue.put(&peers, 1).unwrap();
        let held = queue.receive(&peers, &TRY).unwrap();
        let producer = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            thread::spawn(move || (2..=3).for_each(|item| queue.put(&peers, item).unwrap()))
        };
        (2..=3).for_each(|item| assert_eq!(queue.get(&peers), Ok(item)));
        assert_eq!(queue.read(&held), 1);
        queue.messages().release(&peers, &held, never);
        producer.join().unwrap();
        queue.is_whole(&peers);
    });
}

fn comes_back(patience: Deadline) {
    check(2, move || {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let peers = seat(&world, 1);
        queue.put(&peers, 1).unwrap();
        let message = queue.receive(&peers, &TRY).unwrap();
        assert_eq!(message.deliveries(), 1);
        let consumer = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            thread::spawn(move || {
                let message = queue.receive(&peers, &SLEEP).unwrap();
                assert_eq!((message.deliveries(), queue.read(&message)), (2, 1));
                queue.messages().release(&peers, &message, never);
            })
        };
        queue.messages().give_back(&peers, &message, patience);
        consumer.join().unwrap();
        queue.is_whole(&peers);
    });
}

#[test]
fn what_is_given_back_reaches_who_waits() {
    comes_back(Deadline::NEVER);
}

#[test]
fn what_is_given_back_without_the_lock_reaches_who_waits() {
    comes_back(Deadline::PAST);
}

#[test]
fn what_was_put_before_a_close_is_got_after_it() {
    check(2, || {
        let world = World::new();
        let queue = Queue::new(2, 2, Redelivery::Again);
        let producer = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            thread::spawn(move || queue.put(&peers, 1))
        };
        let closer = {
            let (peers, queue) = (seat(&world, 1), queue.clone());
            thread::spawn(move || queue.messages().close(&peers))
        };
        let peers = seat(&world, 2);
        let got: Vec<_> = core::iter::from_fn(|| match queue.get(&peers) {
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
        assert_eq!(queue.try_get(&peers), Err(Refused::Closed));
        assert_eq!(queue.try_put(&peers, 2), Err(Refused::Closed));
    });
}

#[test]
fn a_close_wakes_who_waits_for_room() {
    check(2, || {
        let world = World::new();
        let queue = Queue::new(1, 2, Redelivery::Again);
        let peers = seat(&world, 1);
        queue.put(&peers, 1).unwrap();
        let producer = {
            let (peers, queue) = (seat(&world, 0), queue.clone());
            thread::spawn(move || assert_eq!(queue.put(&peers, 2), Err(Refused::Closed)))
        };
        queue.messages().close(&peers);
        producer.join().unwrap();
        assert_eq!(queue.drain(&peers), [1]);
    });
}
