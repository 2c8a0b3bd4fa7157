//! Processes that end in every way, whose servers are killed, and whose main program is.

mod main_program;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use outlive::Process;
use outlive::process::{Exit, JoinError};
use rustix::process::{Signal, getpid, kill_process};

use crate::family::{becomes, children, descriptors, is_dead, server, signal, soon, zombies};
use crate::random::Random;
use crate::size;

pub use main_program::{ROLE, main_program};

pub const LAWS: &[crate::Law] = &[
    ("processes::every_fate_is_reported_right", || {
        // The server, and what it keeps ready.
        assert_eq!(judged(4), Fate::Right);
        let server = server().unwrap();
        let before = (descriptors(std::process::id()), descriptors(server));
        let each = size::of(500, 60);
        std::thread::scope(|scope| {
            for thread in 0..8 {
                scope.spawn(move || {
                    for number in thread * each..(thread + 1) * each {
                        assert_eq!(judged(number), Fate::Right, "{number}");
                    }
                });
            }
        });
        // The first may have been closing its own still.
        soon("all descriptors closed", || {
            descriptors(std::process::id()) <= before.0 && descriptors(server) <= before.1
        });
        assert_eq!(zombies(), [], "zombies");
        // The one that waits for its order.
        becomes(&1, || children(server).len());
    }),
    (
        "processes::nobody_is_left_of_a_process_that_had_its_own",
        || {
            for _ in 0..size::of(50, 10) {
                let nested = |(): ()| Process::spawn(|(): ()| (), ()).unwrap().join().unwrap();
                Process::spawn(nested, ()).unwrap().join().unwrap();
            }
            let left = || server().map(|server| children(server).len());
            becomes(&(Vec::new(), Some(1)), || (zombies(), left()));
        },
    ),
    (
        "processes::a_killed_server_costs_its_workers_and_no_more",
        || {
            let is_over = AtomicBool::new(false);
            let each = size::of(500, 80);
            std::thread::scope(|scope| {
                let threads = [0, 1, 2, 3].map(|thread| {
                    let all = thread * each..(thread + 1) * each;
                    scope.spawn(move || all.filter(|number| judged(*number) == Fate::Lost).count())
                });
                let killer = scope.spawn(|| {
                    let mut random = Random::new(23);
                    let mut kills = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        std::thread::sleep(Duration::from_micros(5000 + random.below(40_000)));
                        if let Some(server) = server() {
                            signal(server, Signal::KILL);
                            // Or the last of them would be in the way of what comes then.
                            soon("dead", || is_dead(server));
                            kills += 1;
                        }
                    }
                    kills
                });
                let lost: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
                is_over.store(true, Ordering::Relaxed);
                let kills = killer.join().unwrap();
                let lost: usize = lost.into_iter().map(Result::unwrap).sum();
                println!("{lost} of {} lost with {kills} servers", 4 * each);
                assert!(kills > 0);
                assert!(lost <= 4 * kills, "{lost} lost, {kills} kills");
            });
            assert_eq!(judged(5), Fate::Right);
            assert_eq!(zombies(), [], "zombies");
        },
    ),
    main_program::LAW,
];

/// Whether the end of a process was told as it was.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Right,
    /// Killed with its server.
    Lost,
}

#[expect(
    clippy::disallowed_methods,
    clippy::exit,
    reason = "one of the ways to end"
)]
fn end(number: u32) -> u32 {
    match number % 40 {
        0..=2 => {
            // Thousands of panics would be all that is to be seen.
            std::panic::resume_unwind(Box::new(number));
        }
        3..=5 => std::process::abort(),
        6..=8 => kill_process(getpid(), Signal::KILL).unwrap(),
        9..=11 => std::process::exit(5),
        _ => {}
    }
    number
}

/// Starts a process that ends as its number says, and waits for it.
fn judged(number: u32) -> Fate {
    let joined = Process::spawn(end, number).unwrap().join();
    match (number % 40, joined) {
        (0..3, Err(JoinError::Panicked(_))) => Fate::Right,
        (12.., Ok(back)) if back == number => Fate::Right,
        (at, Err(JoinError::Ended { exit, .. })) => match (at, exit) {
            (3..6, Exit::Signal(6)) | (6..9, Exit::Signal(9)) | (9..12, Exit::Code(5)) => {
                Fate::Right
            }
            (_, Exit::Signal(9) | Exit::Unknown) => Fate::Lost,
            (_, other) => panic!("{number}: {other}"),
        },
        (_, other) => panic!("{number}: {other:?}"),
    }
}
