//! Permits in either form: never one too many, none lost, nobody asleep beside a free one.

use std::sync::Arc as StdArc;
use std::sync::atomic::{AtomicBool, Ordering};

use loom::cell::Cell as Exclusive;
use loom::sync::Arc;
use loom::thread;

use super::world::{Seat, World, at_every_death, check, note_death, seat, token};
use crate::raw::Peers;
use crate::raw::ledger::{self, Entry, Ledger};
use crate::raw::permits::{Full, NoneFree, Permits};
use crate::raw::semaphore::{self, Cell, Cells};
use crate::sys::clock::Deadline;

/// Runs each of the laws on permits in cells and on permits in a ledger.
macro_rules! laws {
    ($($law:ident)*) => {
        mod in_cells {
            $(#[test] fn $law() { super::$law(super::Form::cells) })*
        }
        mod in_a_ledger {
            $(#[test] fn $law() { super::$law(super::Form::ledger) })*
        }
    };
}

laws! {
    the_single_permit_excludes_and_no_wake_is_lost
    three_for_one_permit_never_lose_a_wake
    those_who_take_several_do_not_block_each_other
    one_permit_and_several_are_waited_for_side_by_side
    two_singles_and_one_for_several_all_come_through
    an_added_permit_wakes_whoever_slept_before_there_was_room
    two_added_permits_wake_whoever_needs_both
    two_sleepers_are_woken_by_two_releases_however_close
    two_who_add_never_pass_the_bound
    the_permit_of_the_dead_comes_back_whenever_it_dies
    whoever_gives_back_for_the_dead_hands_on_what_they_wrote
    several_permits_of_the_dead_come_back_whenever_it_dies
    recoveries_that_race_double_no_permit
    a_death_while_adding_makes_no_permit_of_nothing
    a_death_while_forgetting_or_keeping_loses_only_what_was_forgotten
}

mod watch;

/// What the permits lie in.
enum Form {
    Cells(semaphore::Head, Vec<Cell>),
    Ledger(ledger::Head, [Entry; 3], u32),
}

/// Makes so many free permits, and room for so many in all.
type Make = fn(u32, u32) -> Form;

impl Form {
    fn cells(value: u32, capacity: u32) -> Self {
        let cells = (0..capacity).map(|at| Cell::new(at >= value)).collect();
        Self::Cells(semaphore::Head::new(value), cells)
    }
    fn ledger(value: u32, capacity: u32) -> Self {
        let entries = [Entry::new(), Entry::new(), Entry::new()];
        Self::Ledger(ledger::Head::new(value.into()), entries, capacity)
    }
    fn permits(&self) -> Permits<'_> {
        match self {
            Self::Cells(head, cells) => Permits::Cells(Cells { head, cells }),
            Self::Ledger(head, entries, capacity) => Permits::Ledger(Ledger {
                head,
                entries,
                capacity: *capacity,
            }),
        }
    }
}

/// A semaphore, and something that its single permit protects.
struct Guarded {
    form: Form,
    sum: Exclusive<u32>,
}

impl Guarded {
    fn new(form: Form) -> Arc<Self> {
        Arc::new(Self {
            form,
            sum: Exclusive::new(0),
        })
    }
    fn permits(&self) -> Permits<'_> {
        self.form.permits()
    }
    fn available(&self, peers: &impl Peers) -> u32 {
        self.permits().available(peers, || Deadline::NEVER)
    }
    /// Takes permits, looking for them from `start` on where they lie in cells.
    fn take(&self, peers: &impl Peers, start: u32, count: u32) -> u32 {
        self.permits()
            .acquire(peers, start, count, Deadline::NEVER, &mut false)
            .unwrap()
    }
    /// Takes one if it is there, and asks nobody for signs of life.
    fn try_take(&self, peers: &impl Peers, start: u32) -> Result<u32, NoneFree> {
        match self.permits() {
            Permits::Cells(cells) => cells.try_acquire(peers, start),
            Permits::Ledger(ledger) => ledger.try_acquire(peers, 1, Deadline::NEVER).map(|()| 0),
        }
    }
    fn bump(&self, peers: &impl Peers) {
        let at = self.take(peers, 0, 1);
        self.sum.set(self.sum.get() + 1);
        self.permits().release(peers, at, 1);
    }
    fn pass(&self, peers: &impl Peers, count: u32) {
        let at = self.take(peers, 1, count);
        self.permits().release(peers, at, count);
    }
}

/// Starts a modelled process on its own thread.
fn start(
    world: &Arc<World>,
    slot: u32,
    guarded: &Arc<Guarded>,
    life: impl FnOnce(&Seat, &Guarded) + 'static,
) -> thread::JoinHandle<()> {
    let (peers, guarded) = (seat(world, slot), guarded.clone());
    thread::spawn(move || life(&peers, &guarded))
}

fn the_single_permit_excludes_and_no_wake_is_lost(make: Make) {
    check(3, move || {
        let world = World::new();
        let guarded = Guarded::new(make(1, 1));
        let other = start(&world, 1, &guarded, |peers, guarded| guarded.bump(peers));
        guarded.bump(&seat(&world, 0));
        other.join().unwrap();
        assert_eq!(guarded.sum.get(), 2);
        assert_eq!(guarded.available(&seat(&world, 2)), 1);
    });
}

fn three_for_one_permit_never_lose_a_wake(make: Make) {
    check(2, move || {
        let world = World::new();
        let guarded = Guarded::new(make(1, 1));
        let others =
            [1, 2].map(|slot| start(&world, slot, &guarded, |peers, guarded| guarded.bump(peers)));
        guarded.bump(&seat(&world, 0));
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(guarded.available(&seat(&world, 2)), 1);
    });
}

fn those_who_take_several_do_not_block_each_other(make: Make) {
    check(2, move || {
        let world = World::new();
        let guarded = Guarded::new(make(2, 2));
        let other = start(&world, 1, &guarded, |peers, guarded| guarded.pass(peers, 2));
        guarded.pass(&seat(&world, 0), 2);
        other.join().unwrap();
        assert_eq!(guarded.available(&seat(&world, 2)), 2);
    });
}

fn one_permit_and_several_are_waited_for_side_by_side(make: Make) {
    check(2, move || {
        let world = World::new();
        let guarded = Guarded::new(make(2, 2));
        let single = start(&world, 1, &guarded, |peers, guarded| guarded.pass(peers, 1));
        guarded.pass(&seat(&world, 0), 2);
        single.join().unwrap();
        assert_eq!(guarded.available(&seat(&world, 2)), 2);
    });
}

fn two_singles_and_one_for_several_all_come_through(make: Make) {
    check(1, move || {
        let world = World::new();
        let guarded = Guarded::new(make(2, 2));
        let others = [1, 2].map(|slot| {
            start(&world, slot, &guarded, |peers, guarded| {
                guarded.pass(peers, 1)
            })
        });
        guarded.pass(&seat(&world, 0), 2);
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(guarded.available(&seat(&world, 2)), 2);
    });
}

fn an_added_permit_wakes_whoever_slept_before_there_was_room(make: Make) {
    check(3, move || {
        let world = World::new();
        let guarded = Guarded::new(make(0, 1));
        let adder = start(&world, 1, &guarded, |peers, guarded| {
            assert_eq!(guarded.permits().add(peers, 1), Ok(()));
        });
        let me = seat(&world, 0);
        let at = guarded.take(&me, 0, 1);
        adder.join().unwrap();
        // Guarded: there is nothing to release.
        assert_eq!(guarded.permits().add(&me, 1), Err(Full));
        guarded.permits().keep(&me, at, 1);
        assert_eq!(guarded.permits().add(&me, 1), Ok(()));
    });
}

fn two_added_permits_wake_whoever_needs_both(make: Make) {
    check(2, move || {
        let world = World::new();
        let guarded = Guarded::new(make(0, 2));
        let others = [1, 2].map(|slot| {
            start(&world, slot, &guarded, |peers, guarded| {
                assert_eq!(guarded.permits().add(peers, 1), Ok(()));
            })
        });
        guarded.pass(&seat(&world, 0), 2);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
}

fn two_sleepers_are_woken_by_two_releases_however_close(make: Make) {
    check(2, move || {
        let world = World::new();
        let guarded = Guarded::new(make(0, 2));
        let sleepers = [1, 2].map(|slot| {
            start(&world, slot, &guarded, |peers, guarded| {
                guarded.take(peers, 0, 1);
            })
        });
        let me = seat(&world, 0);
        assert_eq!(guarded.permits().add(&me, 1), Ok(()));
        assert_eq!(guarded.permits().add(&me, 1), Ok(()));
        sleepers
            .into_iter()
            .for_each(|sleeper| sleeper.join().unwrap());
    });
}

fn two_who_add_never_pass_the_bound(make: Make) {
    check(3, move || {
        let world = World::new();
        let guarded = Guarded::new(make(1, 2));
        let other = start(&world, 1, &guarded, |peers, guarded| {
            let _ = guarded.permits().add(peers, 1);
        });
        let added = guarded.permits().add(&seat(&world, 0), 2);
        other.join().unwrap();
        assert_eq!(added, Err(Full));
        assert_eq!(guarded.available(&seat(&world, 2)), 2);
    });
}

fn the_permit_of_the_dead_comes_back_whenever_it_dies(make: Make) {
    at_every_death(2, move |k, died| {
        let world = World::new();
        let guarded = Guarded::new(make(1, 1));
        let died = died.clone();
        let victim = start(&world, 0, &guarded, move |peers, guarded| {
            note_death(&peers.victim(k, || guarded.bump(peers)), &died);
        });
        let heir = start(&world, 1, &guarded, |peers, guarded| guarded.bump(peers));
        guarded.bump(&seat(&world, 2));
        victim.join().unwrap();
        heir.join().unwrap();
        guarded.permits().repair(&seat(&world, 2), token(0));
        assert_eq!(guarded.available(&seat(&world, 2)), 1);
    });
}

fn whoever_gives_back_for_the_dead_hands_on_what_they_wrote(make: Make) {
    at_every_death(2, move |k, died| {
        let world = World::new();
        let guarded = Guarded::new(make(1, 1));
        let died = died.clone();
        let victim = start(&world, 0, &guarded, move |peers, guarded| {
            note_death(&peers.victim(k, || guarded.bump(peers)), &died);
        });
        let reaper = start(&world, 1, &guarded, |peers, guarded| {
            if peers.is_dead(token(0)) {
                guarded.permits().repair(peers, token(0));
            }
        });
        let me = seat(&world, 2);
        if let Ok(at) = guarded.try_take(&me, 0) {
            guarded.sum.set(guarded.sum.get() + 1);
            guarded.permits().release(&me, at, 1);
        }
        victim.join().unwrap();
        reaper.join().unwrap();
    });
}

fn several_permits_of_the_dead_come_back_whenever_it_dies(make: Make) {
    at_every_death(2, move |k, died| {
        let world = World::new();
        let guarded = Guarded::new(make(2, 2));
        let died = died.clone();
        let victim = start(&world, 0, &guarded, move |peers, guarded| {
            note_death(&peers.victim(k, || guarded.pass(peers, 2)), &died);
        });
        guarded.pass(&seat(&world, 1), 2);
        victim.join().unwrap();
        guarded.permits().repair(&seat(&world, 1), token(0));
        assert_eq!(guarded.available(&seat(&world, 2)), 2);
    });
}

fn recoveries_that_race_double_no_permit(make: Make) {
    at_every_death(2, move |k, died| {
        let world = World::new();
        let guarded = Guarded::new(make(1, 1));
        let first = seat(&world, 0);
        assert!(first.victim(1, || guarded.bump(&first)).is_none());
        let died = died.clone();
        // This one repairs, takes, and dies at any instant of both.
        let reaper = start(&world, 1, &guarded, move |peers, guarded| {
            let life = || {
                guarded.permits().repair(peers, token(0));
                guarded.bump(peers);
            };
            note_death(&peers.victim(k, life), &died);
        });
        let last = seat(&world, 2);
        guarded.bump(&last);
        reaper.join().unwrap();
        guarded.permits().repair(&last, token(0));
        guarded.permits().repair(&last, token(1));
        assert_eq!(guarded.available(&seat(&world, 2)), 1);
    });
}

fn a_death_while_adding_makes_no_permit_of_nothing(make: Make) {
    at_every_death(2, move |k, died| {
        let world = World::new();
        let guarded = Guarded::new(make(0, 2));
        let died = died.clone();
        let victim = start(&world, 0, &guarded, move |peers, guarded| {
            let end = peers.victim(k, || guarded.permits().add(peers, 2));
            note_death(&end, &died);
        });
        // Another adds too: with both alive one of them is refused.
        let me = seat(&world, 1);
        let added = guarded.permits().add(&me, 1);
        victim.join().unwrap();
        guarded.permits().repair(&me, token(0));
        let free = guarded.available(&seat(&world, 2));
        assert!(free <= 2 && (added.is_err() || free >= 1));
    });
}

fn a_death_while_forgetting_or_keeping_loses_only_what_was_forgotten(make: Make) {
    at_every_death(2, move |k, died| {
        let world = World::new();
        let guarded = Guarded::new(make(2, 2));
        let died = died.clone();
        let forgotten = StdArc::new(AtomicBool::new(false));
        let forgot = forgotten.clone();
        let victim = start(&world, 0, &guarded, move |peers, guarded| {
            let life = || {
                let one = guarded.take(peers, 0, 1);
                guarded.permits().forget(peers, one, 1);
                forgot.store(true, Ordering::Relaxed);
                let two = guarded.take(peers, 0, 1);
                guarded.permits().keep(peers, two, 1);
            };
            note_death(&peers.victim(k, life), &died);
        });
        let me = seat(&world, 1);
        if let Ok(at) = guarded.try_take(&me, 1) {
            guarded.permits().release(&me, at, 1);
        }
        victim.join().unwrap();
        guarded.permits().repair(&me, token(0));
        let free = guarded.available(&seat(&world, 2));
        assert!(match guarded.form {
            // The victim's second write is the forget's.
            Form::Cells(..) => free == if k <= 1 { 2 } else { 1 },
            _ if forgotten.load(Ordering::Relaxed) => free == 1,
            // Before its fifth write the victim cannot have forgotten anything.
            Form::Ledger(..) => free == 2 || k > 4,
        });
    });
}
