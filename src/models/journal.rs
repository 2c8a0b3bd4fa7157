//! The journal: all of an update or nothing, and open writes that are not forgotten.

use loom::sync::Arc;
use loom::thread;

use super::world::{World, at_every_death, check, mortal, seat, token};
use crate::raw::Peers;
use crate::raw::journal::{Found, Head, Journal, Medium};
use crate::raw::lock::Taken;
use crate::raw::robust_lock::Obituary;
use crate::sys::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sys::clock::Deadline;

/// Two words of data that every update keeps equal, and their shadow.
struct Pair {
    head: Head,
    data: [AtomicU64; 2],
    shadow: [AtomicU64; 2],
}

impl Medium for &Pair {
    fn len(&self) -> usize {
        2
    }
    fn redo(&self, start: usize, len: usize) {
        for at in start..start + len {
            self.data[at].store(self.shadow[at].load(Relaxed), Relaxed);
        }
    }
}

impl Pair {
    fn new() -> Arc<Self> {
        let words = || [AtomicU64::new(0), AtomicU64::new(0)];
        Arc::new(Self {
            head: Head::new(),
            data: words(),
            shadow: words(),
        })
    }
    fn journal(&self) -> Journal<'_, &Self> {
        Journal::new(&self.head, self)
    }
    /// What the holder sees: the number that stands in both words.
    fn whole(&self) -> u64 {
        let [first, second] = [0, 1].map(|at| self.data[at].load(Relaxed));
        assert_eq!(first, second, "torn");
        first
    }
    /// Adds one to both, all or nothing; returns what stood there.
    fn bump(&self, peers: &impl Peers) -> u64 {
        let journal = self.journal();
        assert!(journal.lock(peers, Deadline::NEVER).unwrap().whole);
        let old = self.whole();
        for word in &self.shadow {
            word.store(old + 1, Relaxed);
        }
        journal.commit(0, 2);
        journal.unlock(peers);
        old
    }
    /// Adds one to both, openly; says what was found.
    fn scribble(&self, peers: &impl Peers) -> Found {
        let journal = self.journal();
        let found = journal.lock(peers, Deadline::NEVER).unwrap();
        journal.expose();
        for word in &self.data {
            word.store(word.load(Relaxed) + 1, Relaxed);
        }
        if found.whole {
            journal.settle();
        }
        journal.unlock(peers);
        found
    }
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
        assert_eq!(pair.bump(&peers), 2);
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
        let heir = {
            let (peers, pair) = (seat(&world, 1), pair.clone());
            thread::spawn(move || pair.bump(&peers))
        };
        let peers = seat(&world, 2);
        let mine = pair.bump(&peers);
        let other = heir.join().unwrap();
        dying.join().unwrap();
        assert_ne!(mine, other);
        let last = pair.bump(&peers);
        assert!(last == 2 || last == 3);
    });
}

#[test]
fn an_heir_that_dies_finishing_an_update_leaves_it_to_the_next() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let pair = Pair::new();
        let first = seat(&world, 0);
        // Lock, two words of shadow, two of note, commit, one word of data; dies before the second.
        assert!(first.victim(7, || pair.bump(&first)).is_none());
        let reaper = {
            let pair = pair.clone();
            mortal(&world, 1, k, died, move |peers| {
                pair.journal().repair(peers, token(0), &Obituary::default());
            })
        };
        let peers = seat(&world, 2);
        pair.journal()
            .repair(&peers, token(0), &Obituary::default());
        // The commit stands, however often the copy was begun.
        assert_eq!(pair.bump(&peers), 1);
        reaper.join().unwrap();
        pair.journal()
            .repair(&peers, token(1), &Obituary::default());
        assert!(pair.journal().try_lock(&peers).unwrap().whole);
        assert_eq!(pair.whole(), 2);
    });
}

#[test]
fn data_torn_by_a_death_are_never_called_whole() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let pair = Pair::new();
        let dying = {
            let pair = pair.clone();
            mortal(&world, 0, k, died, move |peers| {
                pair.scribble(peers);
            })
        };
        let heir = {
            let (peers, pair) = (seat(&world, 1), pair.clone());
            // Leaves the mark where it finds one: it says nothing about a repair.
            thread::spawn(move || pair.scribble(&peers))
        };
        let peers = seat(&world, 2);
        let journal = pair.journal();
        let found = journal.lock(&peers, Deadline::NEVER).unwrap();
        if found.whole {
            pair.whole();
        } else {
            assert!(matches!(found.taken, Taken::Marked | Taken::Inherited(_)));
            // Repairs, and says so.
            pair.data.iter().for_each(|word| word.store(0, Relaxed));
            journal.settle();
        }
        journal.unlock(&peers);
        heir.join().unwrap();
        dying.join().unwrap();
        if journal.try_lock(&peers).unwrap().whole {
            pair.whole();
        }
    });
}

#[test]
fn a_death_while_only_looking_leaves_nothing_behind() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let pair = Pair::new();
        let dying = {
            let pair = pair.clone();
            mortal(&world, 0, k, died, move |peers| {
                let journal = pair.journal();
                assert!(journal.lock(peers, Deadline::NEVER).unwrap().whole);
                pair.whole();
                journal.unlock(peers);
            })
        };
        let peers = seat(&world, 1);
        pair.bump(&peers);
        dying.join().unwrap();
        assert_eq!(pair.bump(&peers), 1);
    });
}
