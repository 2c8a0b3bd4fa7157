//! The reader-writer lock: no reader beside a writer, no lost wake, and a death at every instant.

use loom::cell::Cell;
use loom::sync::Arc;
use loom::thread;

use super::world::{Seat, World, at_every_death, check, mortal, seat, token};
use crate::raw::lock::StillHeld;
use crate::raw::robust_lock::Obituary;
use crate::raw::rwlock::{Count, Found, Head, Refused, RwLock};
use crate::raw::{Peers, Token};
use crate::sys::clock::Deadline;

/// A lock and what it protects; loom reports a change beside any other access.
struct Guarded {
    head: Head,
    counts: [Count; 3],
    /// The two are equal whenever a writer has ended its work.
    data: [Cell<u32>; 2],
}

impl Guarded {
    /// Counts as in a fresh lock: every reader must first make its own its own.
    fn new() -> Arc<Self> {
        Self::within(0, [(); 3].map(|()| Count::new(None, 0)))
    }
    /// Counts that their participants have used before.
    fn used() -> Arc<Self> {
        Self::with([0, 1, 2].map(|slot| Count::new(Some(token(slot)), 0)))
    }
    fn with(counts: [Count; 3]) -> Arc<Self> {
        Self::within(3, counts)
    }
    fn within(reach: u32, counts: [Count; 3]) -> Arc<Self> {
        Arc::new(Self {
            head: Head::new(reach),
            counts,
            data: [Cell::new(0), Cell::new(0)],
        })
    }
    fn lock(&self) -> RwLock<'_> {
        RwLock {
            head: &self.head,
            counts: &self.counts,
        }
    }
    /// As the handle reads.
    fn enter(&self, peers: &Seat, deadline: Deadline) -> Result<Found, Refused> {
        if self.lock().enter(peers) {
            return Ok(Found::Clean);
        }
        self.lock().read(peers, deadline, tell, &mut false)
    }
    fn leave(&self, peers: &Seat) {
        if self.lock().leave(peers.me()) {
            self.lock().wake_writer(peers);
        }
    }
    fn read(&self, peers: &Seat) -> Found {
        let found = self.enter(peers, Deadline::NEVER).unwrap();
        let [a, b] = self.data.each_ref().map(Cell::get);
        assert!(a == b || found == Found::Marked, "torn, and not marked");
        self.leave(peers);
        found
    }
    fn take(&self, peers: &Seat, deadline: Deadline) -> Result<Found, StillHeld> {
        self.lock().write(peers, deadline, tell, &mut false)
    }
    /// Adds one to both, and repairs what it finds torn.
    fn write(&self, peers: &Seat) -> Found {
        let found = self.take(peers, Deadline::NEVER).unwrap();
        let [a, b] = &self.data;
        assert!(a.get() == b.get() || found == Found::Marked);
        a.set(a.get() + 1);
        // Here a victim can die.
        crate::sys::crash::point();
        b.set(a.get());
        if found == Found::Marked {
            self.head.lock.word.clear_mark();
        }
        self.lock().free(peers);
        found
    }
}

fn tell(dead: Token) -> Obituary {
    Obituary {
        pid: dead.bits(),
        ..Obituary::default()
    }
}

/// Starts a modelled process on its own thread.
fn start<R: 'static>(
    world: &Arc<World>,
    slot: u32,
    guarded: &Arc<Guarded>,
    life: impl FnOnce(&Seat, &Guarded) -> R + 'static,
) -> thread::JoinHandle<R> {
    let (peers, guarded) = (seat(world, slot), guarded.clone());
    thread::spawn(move || life(&peers, &guarded))
}

#[test]
fn a_reader_and_a_writer_never_meet_and_no_wake_is_lost() {
    for make in [Guarded::new, Guarded::used] {
        check(3, move || {
            let world = World::new();
            let guarded = make();
            let reader = start(&world, 1, &guarded, |peers, guarded| guarded.read(peers));
            assert_eq!(guarded.write(&seat(&world, 0)), Found::Clean);
            assert_eq!(reader.join().unwrap(), Found::Clean);
            assert_eq!(guarded.lock().readers(), 0);
        });
    }
}

#[test]
fn two_readers_and_a_writer_all_come_through() {
    for make in [Guarded::new, Guarded::used] {
        check(2, move || {
            let world = World::new();
            let guarded = make();
            let readers =
                [1, 2].map(|slot| start(&world, slot, &guarded, |me, guarded| guarded.read(me)));
            guarded.write(&seat(&world, 0));
            for reader in readers {
                assert_eq!(reader.join().unwrap(), Found::Clean);
            }
        });
    }
}

#[test]
fn two_writers_and_a_reader_all_come_through() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::used();
        let reader = start(&world, 1, &guarded, |peers, guarded| guarded.read(peers));
        let writer = start(&world, 2, &guarded, |peers, guarded| guarded.write(peers));
        guarded.write(&seat(&world, 0));
        reader.join().unwrap();
        writer.join().unwrap();
        assert_eq!(guarded.data[1].get(), 2);
    });
}

#[test]
fn two_threads_of_one_reader_share_its_count() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new();
        let threads =
            [1, 1].map(|slot| start(&world, slot, &guarded, |me, guarded| guarded.read(me)));
        guarded.write(&seat(&world, 0));
        for reader in threads {
            assert_eq!(reader.join().unwrap(), Found::Clean);
        }
        assert_eq!(guarded.lock().readers(), 0);
    });
}

#[test]
fn what_a_dead_participant_counted_in_the_slot_counts_for_nobody() {
    check(2, || {
        let world = World::new();
        // Of an earlier generation, and not repaired.
        let guarded = Guarded::with([0, 1, 2].map(|slot| Count::new(Some(Token::new(0, slot)), 2)));
        let other = seat(&world, 2);
        let reader = start(&world, 1, &guarded, |peers, guarded| guarded.read(peers));
        let thread = start(&world, 1, &guarded, |peers, guarded| guarded.read(peers));
        guarded
            .lock()
            .repair(&other, Token::new(0, 1), &tell(other.me()));
        reader.join().unwrap();
        thread.join().unwrap();
        guarded
            .lock()
            .repair(&other, Token::new(0, 0), &tell(other.me()));
        guarded
            .lock()
            .repair(&other, Token::new(0, 2), &tell(other.me()));
        assert_eq!(guarded.lock().readers(), 0);
        assert_eq!(guarded.write(&other), Found::Clean);
    });
}

#[test]
fn a_repair_that_comes_late_takes_no_guard_of_the_living() {
    check(2, || {
        let world = World::new();
        let old = Token::new(0, 1);
        let names = [token(0), old, token(2)];
        let guarded = Guarded::with(names.map(|owner| Count::new(Some(owner), 0)));
        let reader = start(&world, 1, &guarded, |peers, guarded| guarded.read(peers));
        let reaper = start(&world, 2, &guarded, move |peers, guarded| {
            guarded.lock().repair(peers, old, &tell(old));
        });
        assert_eq!(guarded.write(&seat(&world, 0)), Found::Clean);
        assert_eq!(reader.join().unwrap(), Found::Clean);
        reaper.join().unwrap();
        assert_eq!(guarded.lock().readers(), 0);
    });
}

#[test]
fn a_writer_that_gives_up_lets_the_readers_in() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::used();
        let me = seat(&world, 0);
        assert_eq!(guarded.enter(&me, Deadline::NEVER), Ok(Found::Clean));
        let writer = start(&world, 1, &guarded, |peers, guarded| {
            assert_eq!(guarded.take(peers, Deadline::PAST), Err(StillHeld));
        });
        let reader = start(&world, 2, &guarded, |peers, guarded| guarded.read(peers));
        writer.join().unwrap();
        reader.join().unwrap();
        guarded.leave(&me);
        guarded.write(&me);
    });
}

#[test]
fn a_reader_that_gives_up_holds_up_no_writer() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::used();
        let reader = start(&world, 1, &guarded, |peers, guarded| {
            if guarded.enter(peers, Deadline::PAST).is_ok() {
                guarded.leave(peers);
            }
        });
        let writer = start(&world, 2, &guarded, |peers, guarded| guarded.write(peers));
        guarded.write(&seat(&world, 0));
        reader.join().unwrap();
        writer.join().unwrap();
    });
}

#[test]
fn a_writer_that_turns_reader_lets_readers_in_and_writers_wait() {
    check(2, || {
        let world = World::new();
        let guarded = Guarded::new();
        let writer = start(&world, 1, &guarded, |peers, guarded| guarded.write(peers));
        let reader = start(&world, 2, &guarded, |peers, guarded| guarded.read(peers));
        let me = seat(&world, 0);
        guarded.take(&me, Deadline::NEVER).unwrap();
        let before = guarded.data[0].get();
        guarded.data.iter().for_each(|half| half.set(before + 1));
        assert!(guarded.lock().downgrade(&me));
        assert_eq!(guarded.data[0].get(), before + 1, "a writer came between");
        guarded.leave(&me);
        writer.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn the_death_of_a_reader_frees_the_writer_and_marks_nothing() {
    for make in [Guarded::new, Guarded::used] {
        at_every_death(2, move |k, died| {
            let world = World::new();
            let guarded = make();
            let theirs = guarded.clone();
            let victim = mortal(&world, 1, k, died, move |peers| _ = theirs.read(peers));
            let other = start(&world, 2, &guarded, |peers, guarded| guarded.read(peers));
            assert_eq!(guarded.write(&seat(&world, 0)), Found::Clean);
            victim.join().unwrap();
            assert_eq!(other.join().unwrap(), Found::Clean);
        });
    }
}

#[test]
fn the_death_of_a_writer_is_told_to_all_until_one_repairs() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::used();
        let theirs = guarded.clone();
        let victim = mortal(&world, 1, k, died, move |peers| _ = theirs.write(peers));
        let reader = start(&world, 2, &guarded, |peers, guarded| {
            let found = guarded.enter(peers, Deadline::NEVER).unwrap();
            let [a, b] = guarded.data.each_ref().map(Cell::get);
            // Told by whoever has met the death: nobody else is to be blamed for it.
            let told = guarded.head.lock.obituary().pid == token(1).bits();
            assert!(found == Found::Clean && a == b || found == Found::Marked && told);
            guarded.leave(peers);
        });
        victim.join().unwrap();
        let last = seat(&world, 0);
        guarded.write(&last);
        reader.join().unwrap();
        assert_eq!(guarded.write(&last), Found::Clean);
        assert!(!guarded.head.lock.word.owner().is_some());
    });
}

#[test]
fn a_writer_that_dies_beside_a_waiting_one_is_told_to_that() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::used();
        let theirs = guarded.clone();
        let victim = mortal(&world, 1, k, died, move |peers| _ = theirs.write(peers));
        let reader = start(&world, 2, &guarded, |peers, guarded| guarded.read(peers));
        guarded.write(&seat(&world, 0));
        victim.join().unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn the_death_of_one_that_frees_the_word_of_the_dead_is_repaired_too() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::used();
        let first = seat(&world, 0);
        // Its first write takes the word, its second would be the second half of its work.
        assert!(first.victim(1, || guarded.write(&first)).is_none());
        let theirs = guarded.clone();
        // Reads, and so frees the word; dies at any instant of that.
        let heir = mortal(&world, 1, k, died, move |peers| _ = theirs.read(peers));
        let last = seat(&world, 2);
        guarded.write(&last);
        heir.join().unwrap();
        guarded.lock().repair(&last, token(0), &tell(token(0)));
        guarded.lock().repair(&last, token(1), &tell(token(1)));
        guarded.write(&last);
        assert_eq!(guarded.read(&last), Found::Clean);
        assert_eq!(guarded.lock().readers(), 0);
    });
}

#[test]
fn repairs_that_race_and_die_take_nothing_from_the_living() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::used();
        let first = seat(&world, 0);
        // Dies with a read guard: its second write would take that back.
        assert!(first.victim(1, || guarded.read(&first)).is_none());
        let theirs = guarded.clone();
        let reaper = mortal(&world, 1, k, died, move |peers| {
            theirs.lock().repair(peers, token(0), &tell(token(0)));
            theirs.read(peers);
        });
        let last = seat(&world, 2);
        guarded.lock().repair(&last, token(0), &tell(token(0)));
        assert_eq!(guarded.write(&last), Found::Clean);
        reaper.join().unwrap();
        guarded.lock().repair(&last, token(1), &tell(token(1)));
        assert_eq!(guarded.lock().readers(), 0);
        assert_eq!(guarded.write(&last), Found::Clean);
    });
}

#[test]
fn the_death_of_a_writer_that_turns_reader_leaves_a_lock_for_all() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let guarded = Guarded::new();
        let theirs = guarded.clone();
        let victim = mortal(&world, 1, k, died, move |peers| {
            theirs.take(peers, Deadline::NEVER).unwrap();
            assert!(theirs.lock().downgrade(peers));
            theirs.leave(peers);
        });
        let reader = start(&world, 2, &guarded, |peers, guarded| guarded.read(peers));
        let last = seat(&world, 0);
        guarded.write(&last);
        victim.join().unwrap();
        reader.join().unwrap();
        guarded.write(&last);
        assert_eq!(guarded.read(&last), Found::Clean);
    });
}
