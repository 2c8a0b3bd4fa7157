//! The table of waits: nobody reads half a wait, two never have one cell, the dead keep none.

use loom::sync::Arc;
use loom::thread;

use super::world::{World, at_every_death, check, mortal, token};
use crate::raw::waits::{Cell, Wait, Waits};

/// A wait whose parts all say the same number.
fn wait(slot: u32, number: u32) -> Wait {
    Wait {
        waiter: token(slot),
        thread: number,
        word: u64::from(number),
        owner: Some(token(number)),
        owners: number,
        since: u64::from(number),
    }
}

fn is_whole(seen: &Wait) -> bool {
    (0..3).any(|slot| *seen == wait(slot, seen.thread))
}

#[test]
fn a_reader_never_sees_half_a_wait() {
    check(3, || {
        let cells = Arc::new([Cell::new()]);
        let writer = {
            let cells = cells.clone();
            thread::spawn(move || {
                let table = Waits::new(&cells[..]);
                let mut note = table.enter(&wait(0, 1)).unwrap();
                note.renew(wait(0, 2));
            })
        };
        for seen in Waits::new(&cells[..]).list() {
            assert!(is_whole(&seen), "{seen:?}");
        }
        writer.join().unwrap();
        assert_eq!(Waits::new(&cells[..]).list().count(), 0);
    });
}

#[test]
fn two_who_enter_never_share_a_cell() {
    check(3, || {
        let cells = Arc::new([Cell::new(), Cell::new()]);
        let enter = |slot| {
            let cells = cells.clone();
            thread::spawn(move || {
                let table = Waits::new(&cells[..]);
                let note = table.enter(&wait(slot, slot + 1));
                let mut seen = table.list();
                assert!(note.is_none() || seen.any(|seen| seen == wait(slot, slot + 1)));
            })
        };
        let threads = [enter(0), enter(1)];
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(Waits::new(&cells[..]).list().count(), 0);
    });
}

#[test]
fn who_dies_leaves_a_cell_that_its_repair_frees_and_nothing_half() {
    at_every_death(2, |k, died| {
        let cells = Arc::new([Cell::new()]);
        let world = World::new();
        let victim = {
            let cells = cells.clone();
            mortal(&world, 1, k, died, move |_| {
                let table = Waits::new(&cells[..]);
                if let Some(mut note) = table.enter(&wait(1, 1)) {
                    note.renew(wait(1, 2));
                }
            })
        };
        let table = Waits::new(&cells[..]);
        for seen in table.list() {
            assert!(is_whole(&seen), "{seen:?}");
        }
        victim.join().unwrap();
        // Two repairers at once, one of them the second time.
        let other = {
            let cells = cells.clone();
            thread::spawn(move || Waits::new(&cells[..]).repair(token(1)))
        };
        table.repair(token(1));
        let note = table.enter(&wait(0, 1));
        other.join().unwrap();
        assert!(note.is_some(), "the cell is free");
        assert_eq!(table.list().collect::<Vec<_>>(), [wait(0, 1)]);
    });
}
