//! `Barrier` between processes that die.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use outlive::sync::BarrierError;
use outlive::{AtomicArray, Barrier, ErrorKind, Event, Segment};
use rustix::process::Signal;

use super::child::{Child, PATIENCE, Role, pause, say};
use super::deed::until;
use super::fork::in_fork;

pub const ROLES: &[(&str, Role)] = &[
    ("wait at a barrier", |segment, name| {
        let barrier = Barrier::open(segment, name).unwrap();
        say("waiting");
        say(&told(&barrier.wait_timeout(PATIENCE)));
        pause();
    }),
    ("stay in the action", |segment, name| {
        let barrier = Barrier::open(segment, name).unwrap();
        let end = barrier.wait_with(|| {
            say("acting");
            pause();
        });
        say(&told(&end));
        pause();
    }),
    ("meet many times", |segment, word| {
        let (me, turns) = word.split_once(' ').unwrap();
        let (me, turns): (usize, u64) = (me.parse().unwrap(), turns.parse().unwrap());
        let barrier = Barrier::open(segment, "barrier").unwrap();
        let counts = AtomicArray::<u64>::open(segment, "counts").unwrap();
        for turn in 1..=turns {
            counts.set(me, turn).unwrap();
            barrier.wait_timeout(PATIENCE).unwrap();
            // All are here, and none is more than one turn ahead.
            let all = counts.to_vec().unwrap();
            assert!(all.iter().all(|count| (turn..=turn + 1).contains(count)));
        }
    }),
];

fn told(end: &Result<outlive::sync::BarrierWait, BarrierError>) -> String {
    match end {
        Ok(_) => "through".to_owned(),
        Err(BarrierError::Broken { crashed: true }) => "crashed".to_owned(),
        Err(BarrierError::Broken { crashed: false }) => "broken".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn barrier_in(segment: &Segment, parties: u32) -> Barrier {
    Barrier::create(segment, "barrier", parties).unwrap()
}

/// Children that have arrived.
fn waiters(segment: &Segment, barrier: &Barrier, count: u32) -> Vec<Child> {
    let children: Vec<_> = (0..count)
        .map(|_| {
            let child = Child::start(segment, "wait at a barrier", "barrier");
            child.expect("waiting");
            child
        })
        .collect();
    until(|| barrier.n_waiting() == count);
    children
}

#[test]
fn all_go_on_together_each_with_an_index_of_its_own() {
    const PARTIES: u32 = 5;
    let barrier = Barrier::new(PARTIES).unwrap();
    let before = AtomicU32::new(0);
    for _ in 0..10 {
        before.store(0, Ordering::SeqCst);
        let mut all: Vec<_> = std::thread::scope(|scope| {
            let start = || {
                scope.spawn(|| {
                    before.fetch_add(1, Ordering::SeqCst);
                    let end = barrier.wait_timeout(PATIENCE).unwrap();
                    assert_eq!(before.load(Ordering::SeqCst), PARTIES);
                    (end.index(), end.is_leader())
                })
            };
            let threads: Vec<_> = (0..PARTIES).map(|_| start()).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        all.sort_unstable();
        assert!(all.iter().map(|(index, _)| *index).eq(0..PARTIES));
        assert_eq!(all.iter().filter(|(_, is_leader)| *is_leader).count(), 1);
    }
    assert_eq!((barrier.n_waiting(), barrier.is_broken()), (0, false));
}

#[test]
fn processes_meet_many_times_in_step() {
    const TURNS: u64 = 500;
    let segment = Segment::anonymous().unwrap();
    let _barrier = barrier_in(&segment, 3);
    let _counts = AtomicArray::<u64>::create(&segment, "counts", 3).unwrap();
    let start = |me| Child::start(&segment, "meet many times", &format!("{me} {TURNS}"));
    let children = [0, 1, 2].map(start);
    children.into_iter().for_each(Child::finish);
}

#[test]
fn one_party_never_waits() {
    let barrier = Barrier::new(1).unwrap();
    for _ in 0..3 {
        let end = barrier.wait().unwrap();
        assert_eq!((end.index(), end.is_leader()), (0, true));
        barrier.wait_timeout(Duration::ZERO).unwrap();
        barrier.wait_deadline(Instant::now()).unwrap();
    }
}

/// With Python's, the others wait past their own limits for ever (gh-123899).
#[test]
fn the_death_of_one_that_has_arrived_breaks_it_for_all_who_wait() {
    let segment = Segment::anonymous().unwrap();
    let barrier = barrier_in(&segment, 4);
    for _ in 0..5 {
        let mut all = waiters(&segment, &barrier, 3);
        let start = Instant::now();
        all[0].kill();
        all[1..].iter().for_each(|other| other.expect("crashed"));
        assert!(start.elapsed() < Duration::from_secs(1));
        assert!(barrier.is_broken());
        assert_eq!(barrier.n_waiting(), 0);
        // So it stays, until it is reset.
        let end = barrier.wait();
        assert!(
            matches!(end, Err(BarrierError::Broken { crashed: true })),
            "{end:?}"
        );
        assert_eq!(
            outlive::Error::from(end.unwrap_err()).kind(),
            ErrorKind::PeerDied
        );
        barrier.reset().unwrap();
    }
    let all = waiters(&segment, &barrier, 3);
    barrier.wait_timeout(PATIENCE).unwrap();
    all.iter().for_each(|other| other.expect("through"));
}

#[test]
fn a_death_that_nobody_waits_to_see_is_found_by_reaping_or_does_not_matter() {
    let segment = Segment::anonymous().unwrap();
    let barrier = barrier_in(&segment, 2);
    let mut child = waiters(&segment, &barrier, 1).remove(0);
    child.kill();
    assert_eq!(segment.reap().unwrap(), 1);
    assert!(barrier.is_broken());
    barrier.reset().unwrap();
    // Who has arrived has done what was asked of it, if the others are there before anybody looks.
    let mut child = waiters(&segment, &barrier, 1).remove(0);
    child.kill();
    barrier.wait_timeout(PATIENCE).unwrap();
    segment.reap().unwrap();
    assert!(!barrier.is_broken());
    assert_eq!(barrier.n_waiting(), 0);
}

#[test]
fn a_death_in_the_action_breaks_it() {
    let segment = Segment::anonymous().unwrap();
    let barrier = barrier_in(&segment, 3);
    let others = waiters(&segment, &barrier, 2);
    let mut actor = Child::start(&segment, "stay in the action", "barrier");
    actor.expect("acting");
    actor.kill();
    others.iter().for_each(|other| other.expect("crashed"));
    barrier.reset().unwrap();
    assert!(!barrier.is_broken());
}

#[test]
fn the_last_runs_the_action_before_anybody_goes_on() {
    let barrier = Barrier::new(3).unwrap();
    let runs = AtomicU32::new(0);
    for turn in 1..=20 {
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let action = || {
                        runs.fetch_add(1, Ordering::SeqCst);
                    };
                    barrier.wait_with_timeout(action, PATIENCE).unwrap();
                    assert_eq!(runs.load(Ordering::SeqCst), turn);
                });
            }
        });
    }
}

#[test]
fn an_action_that_panics_breaks_it() {
    let barrier = Barrier::new(1).unwrap();
    let action = std::panic::AssertUnwindSafe(|| {
        let _ = barrier.wait_with(|| panic!("on purpose"));
    });
    assert!(std::panic::catch_unwind(action).is_err());
    assert!(barrier.is_broken());
    assert!(barrier.wait().is_err());
    barrier.reset().unwrap();
    assert!(barrier.wait_with(|| {}).is_ok());
}

#[test]
fn a_timeout_breaks_it_for_all() {
    let segment = Segment::anonymous().unwrap();
    let barrier = barrier_in(&segment, 4);
    let others = waiters(&segment, &barrier, 2);
    let limit = Duration::from_millis(50);
    let start = Instant::now();
    let end = barrier.wait_timeout(limit);
    assert!(matches!(end, Err(BarrierError::TimedOut)), "{end:?}");
    assert!(start.elapsed() >= limit);
    others.iter().for_each(|other| other.expect("broken"));
    assert!(barrier.is_broken());
    let end = barrier.wait_deadline(Instant::now() + PATIENCE);
    let error = outlive::Error::from(end.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Broken);
}

#[test]
fn a_stopped_party_is_not_dead() {
    let segment = Segment::anonymous().unwrap();
    let barrier = barrier_in(&segment, 2);
    let stopped = waiters(&segment, &barrier, 1).remove(0);
    stopped.signal(Signal::STOP);
    barrier.wait_timeout(PATIENCE).unwrap();
    // It has yet to leave, and nobody can take its place.
    let end = barrier.wait_timeout(Duration::from_millis(100));
    assert!(matches!(end, Err(BarrierError::TimedOut)), "{end:?}");
    barrier.reset().unwrap();
    stopped.signal(Signal::CONT);
    // Whatever became of the barrier since: its turn was complete.
    stopped.expect("through");
    let _other = waiters(&segment, &barrier, 1);
    barrier.wait_timeout(PATIENCE).unwrap();
}

#[test]
fn abort_and_reset_reach_who_waits() {
    let segment = Segment::anonymous().unwrap();
    let barrier = barrier_in(&segment, 3);
    let others = waiters(&segment, &barrier, 2);
    barrier.abort().unwrap();
    others.iter().for_each(|other| other.expect("broken"));
    assert!(barrier.is_broken());
    barrier.reset().unwrap();
    assert!(!barrier.is_broken());
    let others = waiters(&segment, &barrier, 2);
    barrier.reset().unwrap();
    others.iter().for_each(|other| other.expect("broken"));
    assert!(!barrier.is_broken());
    let others = waiters(&segment, &barrier, 2);
    barrier.wait_timeout(PATIENCE).unwrap();
    others.iter().for_each(|other| other.expect("through"));
}

#[test]
fn more_than_the_parties_take_turns() {
    let barrier = Barrier::new(2).unwrap();
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads = [(); 5].map(|()| {
            scope.spawn(|| {
                let mut turns = 0_u32;
                while !over.load(Ordering::SeqCst) {
                    match barrier.wait_timeout(PATIENCE) {
                        Ok(_) => turns += 1,
                        // One is left over at the end.
                        Err(_) => assert!(over.load(Ordering::SeqCst)),
                    }
                }
                turns
            })
        });
        std::thread::sleep(Duration::from_millis(200));
        over.store(true, Ordering::SeqCst);
        barrier.abort().unwrap();
        let turns = threads.map(|thread| thread.join().unwrap());
        assert_eq!(turns.iter().sum::<u32>() % 2, 0, "{turns:?}");
        assert_ne!(turns.iter().sum::<u32>(), 0, "{turns:?}");
    });
}

#[test]
fn a_forked_child_is_a_party_of_its_own() {
    let segment = Segment::anonymous().unwrap();
    let barrier = barrier_in(&segment, 2);
    let there = Event::create(&segment, "there").unwrap();
    std::thread::scope(|scope| {
        let own = scope.spawn(|| barrier.wait_timeout(PATIENCE).unwrap().index());
        until(|| barrier.n_waiting() == 1);
        let code = in_fork(|| {
            there.set().unwrap();
            u8::try_from(barrier.wait_timeout(PATIENCE).unwrap().index()).unwrap()
        });
        assert_eq!(u32::try_from(code).unwrap() + own.join().unwrap(), 1);
    });
    assert!(there.is_set());
}

#[test]
fn numbers_out_of_range_and_other_types_are_refused() {
    let segment = Segment::anonymous().unwrap();
    let kind = |made: outlive::Result<Barrier>| made.map(drop).map_err(|e| e.kind());
    for parties in [0, 65_537, u32::MAX] {
        let made = Barrier::create(&segment, "barrier", parties);
        assert_eq!(kind(made), Err(ErrorKind::InvalidInput));
    }
    let found = Barrier::open(&segment, "barrier");
    assert_eq!(kind(found), Err(ErrorKind::NotFound));
    let barrier = Barrier::open_or_create(&segment, "barrier", 3).unwrap();
    let again = Barrier::open_or_create(&segment, "barrier", 5).unwrap();
    assert_eq!((barrier.parties(), again.parties()), (3, 3));
    let event = Event::open(&segment, "barrier").map(drop);
    assert_eq!(event.unwrap_err().kind(), ErrorKind::WrongType);
    assert!(format!("{barrier:?}").contains("n_waiting: 0"));
}

#[test]
fn a_handle_travels_as_a_few_bytes() {
    let barrier = Barrier::new(2).unwrap();
    let bytes = postcard::to_allocvec(&barrier).unwrap();
    assert!(bytes.len() <= 40, "{}", bytes.len());
    let other: Barrier = postcard::from_bytes(&bytes).unwrap();
    other.abort().unwrap();
    assert!(barrier.is_broken());
    assert!(postcard::from_bytes::<Event>(&bytes).is_err());
}
