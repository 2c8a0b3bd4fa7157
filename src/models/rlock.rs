//! The recursive lock: levels, exclusion, and a death at every level.

use loom::cell::Cell;
use loom::sync::Arc;
use loom::thread;

use super::world::{Seat, World, at_every_death, check, note_death, seat};
use crate::raw::lock::{LockWord, NotOwner, Taken};
use crate::raw::rlock::{Entered, Left, Recursion};
use crate::sys::clock::Deadline;

struct Guarded {
    word: LockWord,
    recursion: Recursion,
    sum: Cell<u32>,
}

impl Guarded {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            word: LockWord::new(),
            recursion: Recursion::new(),
            sum: Cell::new(0),
        })
    }
    /// Two levels, one step of work on each.
    fn bump(&self, peers: &Seat, thread: u32) -> Taken {
        let lock = || {
            self.recursion
                .lock(&self.word, peers, thread, Deadline::NEVER)
                .unwrap()
        };
        let unlock = || {
            if self.recursion.unlock(&self.word, peers, thread).unwrap() == Left::OthersWait {
                self.word.wake_one(peers);
            }
        };
        let Entered::First(taken) = lock() else {
            panic!("entered a lock that is not held")
        };
        self.sum.set(self.sum.get() + 1);
        assert_eq!(lock(), Entered::Again);
        assert_eq!(self.recursion.depth(), 2);
        self.sum.set(self.sum.get() + 1);
        unlock();
        unlock();
        taken
    }
}

#[test]
fn threads_of_one_process_exclude_each_other_at_every_level() {
    check(3, || {
        let world = World::new();
        let guarded = Guarded::new();
        let other = {
            let (peers, guarded) = (seat(&world, 0), guarded.clone());
            thread::spawn(move || guarded.bump(&peers, 2))
        };
        let peers = seat(&world, 0);
        assert_eq!(guarded.bump(&peers, 1), Taken::Clean);
        assert_eq!(other.join().unwrap(), Taken::Clean);
        assert_eq!(guarded.sum.get(), 4);
        assert_eq!(
            guarded.recursion.unlock(&guarded.word, &peers, 1),
            Err(NotOwner)
        );
    });
}

#[test]
fn an_heir_starts_at_the_first_level() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::new();
        let victim = {
            let (peers, guarded, died) = (seat(&world, 0), guarded.clone(), died.clone());
            // The same thread number as the heir's: numbers mean nothing across processes.
            thread::spawn(move || {
                let end = peers.victim(k, || guarded.bump(&peers, 1));
                note_death(&end, &died);
            })
        };
        let heir = {
            let (peers, guarded) = (seat(&world, 1), guarded.clone());
            thread::spawn(move || guarded.bump(&peers, 1))
        };
        victim.join().unwrap();
        let taken = heir.join().unwrap();
        assert_ne!(taken, Taken::Marked);
        guarded.bump(&seat(&world, 2), 1);
    });
}

#[test]
fn all_levels_are_given_up_at_once_and_taken_again() {
    check(3, || {
        let world = World::new();
        let guarded = Guarded::new();
        let other = {
            let (peers, guarded) = (seat(&world, 1), guarded.clone());
            thread::spawn(move || guarded.bump(&peers, 1))
        };
        let peers = seat(&world, 0);
        let Guarded {
            word, recursion, ..
        } = &*guarded;
        for _ in 0..2 {
            recursion.lock(word, &peers, 1, Deadline::NEVER).unwrap();
        }
        let (depth, left) = recursion.unlock_all(word, &peers, 1).unwrap();
        assert_eq!(depth, 2);
        if left == Left::OthersWait {
            word.wake_one(&peers);
        }
        let again = recursion.unlock_all(word, &peers, 1);
        assert_eq!(again, Err(NotOwner));
        recursion.lock(word, &peers, 1, Deadline::NEVER).unwrap();
        recursion.deepen(depth);
        guarded.sum.set(guarded.sum.get() + 1);
        assert_eq!(recursion.unlock(word, &peers, 1), Ok(Left::Done));
        if recursion.unlock(word, &peers, 1) == Ok(Left::OthersWait) {
            word.wake_one(&peers);
        }
        other.join().unwrap();
        assert_eq!(guarded.sum.get(), 3);
    });
}
