//! Watchers, which sleep where those sleep who wait for permits, and take nothing.

use loom::sync::Arc;
use loom::thread;

use super::super::world::{World, check, seat};
use super::{Form, Guarded, Make};
use crate::raw::permits::Others;
use crate::raw::{Pace, Peers};
use crate::sys::clock::Deadline;

laws! {
    a_watcher_hands_on_what_it_was_woken_for
    who_takes_after_a_watch_leaves_nobody_asleep_beside_a_permit
}

/// Sleeps until a permit may be free.
fn sleep(guarded: &Arc<Guarded>, peers: &impl Peers) {
    let permits = guarded.permits();
    let rung = permits.lie_down(1);
    let mut others = Others::but(peers.me());
    if !permits.are_free(peers, 1, &mut others, Deadline::NEVER) {
        let (word, mut pace) = (permits.word(1), Pace::new());
        peers.wait(word, rung, others.list(), &mut pace, Deadline::NEVER);
    }
}

fn a_watcher_hands_on_what_it_was_woken_for(make: Make) {
    check(2, move || {
        let world = World::new();
        let guarded = Guarded::new(make(1, 1));
        let holder = seat(&world, 2);
        let at = guarded.take(&holder, 0, 1);
        let watcher = {
            let (peers, guarded) = (seat(&world, 0), guarded.clone());
            thread::spawn(move || {
                sleep(&guarded, &peers);
                guarded.permits().hand_on(&peers, 1, Deadline::NEVER);
            })
        };
        let sleeper = {
            let (peers, guarded) = (seat(&world, 1), guarded.clone());
            thread::spawn(move || guarded.bump(&peers))
        };
        guarded.permits().release(&holder, at, 1);
        sleeper.join().unwrap();
        watcher.join().unwrap();
        assert_eq!(guarded.available(&holder), 1);
    });
}

/// As futures do it: who is told by a watcher tries, and hands on what it leaves.
fn who_takes_after_a_watch_leaves_nobody_asleep_beside_a_permit(make: Make) {
    check(2, move || {
        let world = World::new();
        let guarded = Guarded::new(make(2, 2));
        let holder = seat(&world, 2);
        let held = [guarded.take(&holder, 0, 1), guarded.take(&holder, 1, 1)];
        let watcher = {
            let (peers, guarded) = (seat(&world, 0), guarded.clone());
            thread::spawn(move || {
                let permits = guarded.permits();
                let never = || Deadline::NEVER;
                loop {
                    sleep(&guarded, &peers);
                    let taken = permits.try_acquire_watched(&peers, 0, 1, never, &mut false);
                    if taken.is_ok() {
                        break;
                    }
                }
                permits.hand_on(&peers, 1, Deadline::NEVER);
            })
        };
        let sleeper = {
            let (peers, guarded) = (seat(&world, 1), guarded.clone());
            thread::spawn(move || guarded.take(&peers, 0, 1))
        };
        held.into_iter()
            .for_each(|at| guarded.permits().release(&holder, at, 1));
        sleeper.join().unwrap();
        watcher.join().unwrap();
        assert_eq!(guarded.available(&holder), 0);
    });
}
