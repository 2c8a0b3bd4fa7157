//! The barrier: all or none, each turn ended once, nobody asleep beside a full one; and the death
//! of a party at every instant.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

use super::world::{Seat, World, at_every_death, check, mortal, seat, token};
use crate::raw::Peers;
use crate::raw::barrier::{Barrier, Cell, Head, Passed, Unpassed};
use crate::sys::clock::Deadline;

/// A barrier, and what its parties do before it.
struct Meeting {
    head: Head,
    cells: Vec<Cell>,
    done: [AtomicU32; 3],
    actions: AtomicU32,
    /// Changed by each before it begins. loom looks for other orders of two threads only where the
    /// last access to an atomic was another's: without this a thread that reads first hides itself.
    begun: AtomicU32,
}

/// How a wait went: the index, and whether it was the last.
type End = Result<(u32, bool), Unpassed>;

impl Meeting {
    fn new(parties: u32) -> Arc<Self> {
        let none = || AtomicU32::new(0);
        Arc::new(Self {
            head: Head::new(),
            cells: (0..parties).map(|_| Cell::new()).collect(),
            done: [none(), none(), none()],
            actions: none(),
            begun: none(),
        })
    }
    fn begin(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }
    fn repair(&self, peers: &Seat) {
        self.begin();
        self.barrier().repair(peers, token(0));
    }
    fn barrier(&self) -> Barrier<'_> {
        Barrier {
            head: &self.head,
            cells: &self.cells,
        }
    }
    fn wait_until(&self, peers: &Seat, deadline: Deadline, acts: bool) -> End {
        self.begin();
        let barrier = self.barrier();
        match barrier.wait(peers, deadline, acts, &mut false) {
            Ok(Passed::Act(arrival)) => {
                self.actions.fetch_add(1, Ordering::Relaxed);
                match barrier.finish(peers, &arrival)? {
                    Passed::Through { index, is_last } => Ok((index, is_last)),
                    Passed::Act(_) => panic!("asked twice"),
                }
            }
            Ok(Passed::Through { index, is_last }) => Ok((index, is_last)),
            Err(why) => Err(why),
        }
    }
    fn wait(&self, peers: &Seat) -> End {
        self.wait_until(peers, Deadline::NEVER, false)
    }
    /// One turn, as one of the first `parties` of the slots; all that was done before is seen.
    fn meet(&self, peers: &Seat, parties: usize, turn: u32) -> u32 {
        // Relaxed: the barrier must publish it.
        self.done[peers.me().slot() as usize].store(turn, Ordering::Relaxed);
        let (index, _) = self.wait(peers).unwrap();
        for done in &self.done[..parties] {
            assert!(done.load(Ordering::Relaxed) >= turn);
        }
        index
    }
}

/// Starts a modelled process on its own thread.
fn start<T: 'static>(
    world: &Arc<World>,
    slot: u32,
    meeting: &Arc<Meeting>,
    life: impl FnOnce(&Seat, &Meeting) -> T + 'static,
) -> thread::JoinHandle<T> {
    let (peers, meeting) = (seat(world, slot), meeting.clone());
    thread::spawn(move || life(&peers, &meeting))
}

#[test]
fn two_go_on_together_with_an_index_each_and_see_what_was_done() {
    check(3, || {
        let world = World::new();
        let meeting = Meeting::new(2);
        let other = start(&world, 1, &meeting, |peers, meeting| {
            meeting.meet(peers, 2, 1)
        });
        let own = meeting.meet(&seat(&world, 0), 2, 1);
        assert_eq!(own + other.join().unwrap(), 1);
    });
}

#[test]
fn two_meet_twice() {
    check(2, || {
        let world = World::new();
        let meeting = Meeting::new(2);
        let other = start(&world, 1, &meeting, |peers, meeting| {
            (1..=2).for_each(|turn| assert!(meeting.meet(peers, 2, turn) < 2));
        });
        let peers = seat(&world, 0);
        (1..=2).for_each(|turn| assert!(meeting.meet(&peers, 2, turn) < 2));
        other.join().unwrap();
        assert_eq!(meeting.barrier().waiting(), 0);
    });
}

#[test]
fn three_go_on_together_and_one_of_them_is_the_last() {
    check(2, || {
        let world = World::new();
        let meeting = Meeting::new(3);
        let others = [1, 2].map(|slot| {
            start(&world, slot, &meeting, |peers, meeting| {
                meeting.wait(peers).unwrap()
            })
        });
        let own = meeting.wait(&seat(&world, 0)).unwrap();
        let mut all = others.map(|other| other.join().unwrap()).to_vec();
        all.push(own);
        assert_eq!(all.iter().filter(|(_, last)| *last).count(), 1);
        all.sort_unstable();
        let indices: Vec<_> = all.iter().map(|(index, _)| *index).collect();
        assert_eq!(indices, [0, 1, 2]);
    });
}

/// More come than there are parties: the third waits for room, and then for somebody else.
#[test]
fn whoever_finds_no_room_takes_part_in_the_next_turn() {
    check(2, || {
        let world = World::new();
        let meeting = Meeting::new(1);
        let others = [1, 2].map(|slot| {
            start(&world, slot, &meeting, |peers, meeting| {
                meeting.wait(peers).unwrap()
            })
        });
        for other in others {
            assert_eq!(other.join().unwrap(), (0, true));
        }
    });
}

#[test]
fn the_action_is_run_once_before_anybody_goes_on() {
    check(2, || {
        let world = World::new();
        let meeting = Meeting::new(2);
        let act = |peers: &Seat, meeting: &Meeting| {
            let (_, is_last) = meeting.wait_until(peers, Deadline::NEVER, true).unwrap();
            assert_eq!(meeting.actions.load(Ordering::Relaxed), 1);
            is_last
        };
        let other = start(&world, 1, &meeting, act);
        let own = act(&seat(&world, 0), &meeting);
        assert_ne!(own, other.join().unwrap());
    });
}

#[test]
fn a_timeout_breaks_it_for_all_or_comes_too_late() {
    check(3, || {
        let world = World::new();
        let meeting = Meeting::new(2);
        let other = start(&world, 1, &meeting, |peers, meeting| meeting.wait(peers));
        let own = meeting.wait_until(&seat(&world, 0), Deadline::PAST, false);
        let other = other.join().unwrap();
        if own.is_ok() {
            assert!(other.is_ok());
            assert!(!meeting.barrier().is_broken());
        } else {
            assert_eq!((own, other), (Err(Unpassed::TimedOut), BROKEN));
            assert!(meeting.barrier().is_broken());
        }
    });
}

const BROKEN: End = Err(Unpassed::Broken(None));

#[test]
fn an_abort_reaches_who_waits_and_who_comes() {
    check(2, || {
        let world = World::new();
        let meeting = Meeting::new(3);
        let others =
            [1, 2].map(|slot| start(&world, slot, &meeting, |peers, meeting| meeting.wait(peers)));
        meeting.barrier().abort(&seat(&world, 0));
        for other in others {
            assert_eq!(other.join().unwrap(), BROKEN);
        }
        assert_eq!(meeting.barrier().waiting(), 0);
    });
}

/// However late one of them looks, each turn is over for all its parties or for none: two meet, and
/// one of them resets the barrier as soon as it has passed.
#[test]
fn a_reset_after_a_turn_undoes_nothing_of_it() {
    check(3, || {
        let world = World::new();
        let meeting = Meeting::new(2);
        let other = start(&world, 1, &meeting, |peers, meeting| meeting.wait(peers));
        let peers = seat(&world, 0);
        meeting.wait(&peers).unwrap();
        meeting.barrier().abort(&peers);
        meeting.barrier().reset(&peers);
        assert!(other.join().unwrap().is_ok());
        assert!(!meeting.barrier().is_broken());
    });
}

#[test]
fn a_reset_lets_go_who_waits_and_the_next_turn_is_whole() {
    check(2, || {
        let world = World::new();
        let meeting = Meeting::new(2);
        // Waits until it gets through: whoever reset it comes after that.
        let other = start(&world, 1, &meeting, |peers, meeting| {
            while let Err(why) = meeting.wait(peers) {
                assert_eq!(why, Unpassed::Broken(None));
            }
        });
        let peers = seat(&world, 0);
        meeting.barrier().reset(&peers);
        meeting.wait(&peers).unwrap();
        other.join().unwrap();
    });
}

#[test]
fn a_party_that_dies_breaks_the_turn_or_has_arrived() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let meeting = Meeting::new(2);
        let victim = {
            let meeting = meeting.clone();
            mortal(&world, 0, k, died, move |peers| {
                let _ = meeting.wait(peers);
            })
        };
        let other = start(&world, 1, &meeting, |peers, meeting| {
            // It may die before anybody knows of it: then the limit is what helps.
            let mut met = false;
            let first = meeting
                .barrier()
                .wait(peers, Deadline::PAST, false, &mut met);
            first.map(drop)
        });
        victim.join().unwrap();
        let other = other.join().unwrap();
        let last = seat(&world, 2);
        meeting.repair(&last);
        assert!(other.is_ok() || matches!(other, Err(Unpassed::TimedOut | Unpassed::Broken(_))));
        // Whatever it left, after a reset and a repair two others meet.
        meeting.barrier().reset(&last);
        let again = start(&world, 1, &meeting, |peers, meeting| meeting.wait(peers));
        assert!(meeting.wait(&last).is_ok());
        assert!(again.join().unwrap().is_ok());
    });
}

/// Waits without a limit with one that has arrived and dies; a third never comes.
#[test]
fn those_who_wait_with_one_that_dies_learn_of_it() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let meeting = Meeting::new(3);
        let victim = {
            let meeting = meeting.clone();
            // It arrives for certain, and dies at some later write, or in the end.
            mortal(&world, 0, k + 1, died, move |peers| {
                let _ = meeting.wait_until(peers, Deadline::PAST, false);
            })
        };
        let other = start(&world, 1, &meeting, |peers, meeting| meeting.wait(peers));
        victim.join().unwrap();
        match other.join().unwrap() {
            Err(Unpassed::Broken(dead)) => assert!(dead.is_none_or(|dead| dead == token(0))),
            other => panic!("{other:?}"),
        }
        assert!(meeting.barrier().is_broken());
    });
}

#[test]
fn whoever_dies_in_the_action_breaks_it() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let meeting = Meeting::new(2);
        let first = start(&world, 1, &meeting, |peers, meeting| meeting.wait(peers));
        let victim = {
            let meeting = meeting.clone();
            mortal(&world, 0, k, died, move |peers| {
                let _ = meeting.wait_until(peers, Deadline::NEVER, true);
            })
        };
        victim.join().unwrap();
        let peers = seat(&world, 2);
        if !meeting.barrier().is_broken() {
            // It may have died before it arrived, which nobody can know.
            meeting.repair(&peers);
            meeting.barrier().abort(&peers);
        }
        let end = first.join().unwrap();
        assert!(!matches!(end, Err(Unpassed::TimedOut)));
    });
}

#[test]
fn repairs_that_race_and_die_free_every_cell() {
    at_every_death(2, |k, died| {
        let world = World::new();
        let meeting = Meeting::new(2);
        let dead = seat(&world, 0);
        // It dies having arrived: its next write would announce it.
        assert!(dead.victim(1, || meeting.wait(&dead)).is_none());
        let victim = {
            let meeting = meeting.clone();
            mortal(&world, 1, k, died, move |peers| {
                meeting.repair(peers);
            })
        };
        let peers = seat(&world, 2);
        meeting.repair(&peers);
        assert!(meeting.barrier().is_broken());
        victim.join().unwrap();
        meeting.barrier().reset(&peers);
        assert_eq!(meeting.barrier().waiting(), 0);
        let other = start(&world, 2, &meeting, |peers, meeting| meeting.wait(peers));
        assert!(meeting.wait(&peers).is_ok());
        assert!(other.join().unwrap().is_ok());
    });
}
