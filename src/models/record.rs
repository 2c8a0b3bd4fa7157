//! The record: never torn, never lost, and unfinished updates never happened.

use loom::sync::Arc;
use loom::thread;

use super::world::{World, at_every_death, check, mortal, seat, token};
use crate::raw::Peers;
use crate::raw::record::{Head, Record};
use crate::sys::atomic::AtomicU64;
use crate::sys::clock::Deadline;

/// A record of two words that every update keeps equal.
struct Pair {
    head: Head,
    copies: [[AtomicU64; 2]; 2],
}

impl Pair {
    fn new() -> Arc<Self> {
        let copy = || [AtomicU64::new(0), AtomicU64::new(0)];
        Arc::new(Self {
            head: Head::new(),
            copies: [copy(), copy()],
        })
    }
    fn record(&self) -> Record<'_> {
        Record::new(&self.head, [&self.copies[0], &self.copies[1]])
    }
    /// What a reader sees: the number that stands in both words.
    fn get(&self, peers: &impl Peers) -> u64 {
        let mut both = [0; 16];
        self.record()
            .read(peers, &mut both, Deadline::NEVER)
            .unwrap();
        whole(both)
    }
    /// Adds one to both; returns what stood there.
    fn bump(&self, peers: &impl Peers) -> u64 {
        let record = self.record();
        record.lock(peers, Deadline::NEVER).unwrap();
        let mut both = [0; 16];
        record.load(&mut both);
        let old = whole(both);
        record.commit(&[(old + 1).to_le_bytes(); 2].concat());
        record.unlock(peers);
        old
    }
}

fn whole(both: [u8; 16]) -> u64 {
    let (first, second) = both.split_at(8);
    assert_eq!(first, second, "torn");
    u64::from_le_bytes(first.try_into().unwrap())
}

#[test]
fn a_reader_sees_no_torn_value_and_never_goes_back() {
    check(3, || {
        let world = World::new();
        let pair = Pair::new();
        let reader = {
            let (peers, pair) = (seat(&world, 0), pair.clone());
            thread::spawn(move || {
                let first = pair.get(&peers);
                assert!(first <= pair.get(&peers));
            })
        };
        let peers = seat(&world, 1);
        // Three updates: two write the same copy, while the reader may be in it. The writer is the
        // thread that loom runs first: a reader that runs before a writer's own load of the same
        // word is a race that loom 0.7 does not look for.
        for _ in 0..3 {
            pair.bump(&peers);
        }
        reader.join().unwrap();
        assert_eq!(pair.get(&peers), 3);
    });
}

#[test]
fn no_update_of_two_writers_is_lost() {
    check(3, || {
        let world = World::new();
        let pair = Pair::new();
        let other = {
            let (peers, pair) = (seat(&world, 0), pair.clone());
            thread::spawn(move || pair.bump(&peers))
        };
        let peers = seat(&world, 1);
        let mine = pair.bump(&peers);
        assert_ne!(mine, other.join().unwrap());
        assert_eq!(pair.get(&peers), 2);
    });
}

#[test]
fn an_update_happened_or_not_whenever_its_writer_dies() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let pair = Pair::new();
        let dying = {
            let pair = pair.clone();
            mortal(&world, 0, k, died, move |peers| {
                pair.bump(peers);
            })
        };
        let reader = {
            let (peers, pair) = (seat(&world, 1), pair.clone());
            thread::spawn(move || pair.get(&peers))
        };
        let peers = seat(&world, 2);
        let seen = pair.bump(&peers);
        let read = reader.join().unwrap();
        dying.join().unwrap();
        let last = pair.get(&peers);
        // The writer's own one is there or not; what was seen of it stays.
        assert!(last == 1 || last == 2);
        assert!(seen < last && read <= last);
    });
}

#[test]
fn a_reader_needs_nobody_after_a_death() {
    at_every_death(3, |k, died| {
        let world = World::new();
        let pair = Pair::new();
        let dying = {
            let pair = pair.clone();
            mortal(&world, 0, k, died, move |peers| {
                pair.bump(peers);
            })
        };
        let reader = {
            let (peers, pair) = (seat(&world, 1), pair.clone());
            thread::spawn(move || {
                let first = pair.get(&peers);
                assert!(first <= pair.get(&peers));
            })
        };
        dying.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn repair_may_race_with_an_heir_and_die_itself() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let pair = Pair::new();
        let first = seat(&world, 0);
        // Dies with the other copy half written: lock, one word, then no more.
        assert!(first.victim(2, || pair.bump(&first)).is_none());
        let dead = token(0);
        let reaper = {
            let pair = pair.clone();
            mortal(&world, 1, k, died, move |peers| {
                pair.record().repair(peers, dead)
            })
        };
        let peers = seat(&world, 2);
        pair.record().repair(&peers, dead);
        assert_eq!(pair.bump(&peers), 0);
        reaper.join().unwrap();
        // Whoever took over and died is dead too: the lock is nobody's for long.
        pair.record().repair(&peers, token(1));
        assert!(pair.record().try_lock(&peers).is_ok());
    });
}
