//! Processes whose neighbours, servers and parents die.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use outlive::process::{self, Exit, JoinError};
use outlive::{AtomicArray, Event, Pool, Process, Queue};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getppid, kill_process, pidfd_open};

use crate::child::{Child, PATIENCE, Role, pause, say};
use crate::deed::{is_gone, sleep, until};
use crate::fork::{forked, in_fork};

use super::exit;

pub const ROLES: &[(&str, Role)] = &[("start workers", |_, count| {
    let workers: Vec<_> = (0..count.parse().unwrap())
        .map(|_| Process::spawn(nest, ()).unwrap())
        .collect();
    for worker in &workers {
        say(&worker.pid().to_string());
    }
    pause();
})];

/// Runs until it is killed, and so does what it has started.
fn nest((): ()) {
    let _inner = Process::spawn(sleep, ()).unwrap();
    sleep(());
}

/// The server of the process that calls.
fn server((): ()) -> i32 {
    getppid().unwrap().as_raw_nonzero().get()
}

pub fn by_descriptor(pid: u32) -> OwnedFd {
    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
    pidfd_open(pid, PidfdFlags::empty()).unwrap()
}

fn ends_within(process: &OwnedFd, tv_sec: i64) -> bool {
    let limit = Timespec { tv_sec, tv_nsec: 0 };
    let mut polled = [PollFd::new(process, PollFlags::IN)];
    poll(&mut polled, Some(&limit)).unwrap() == 1
}

pub fn ends(process: &OwnedFd) {
    assert!(ends_within(process, 20), "it lives on");
}

pub fn lives(process: &OwnedFd) {
    assert!(!ends_within(process, 0), "it has ended");
}

/// Processes that this one has started and those have, by the kernel's lists.
fn descendants(pid: u32) -> Vec<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let own = std::fs::read_to_string(path).unwrap_or_default();
    let own: Vec<u32> = own
        .split_ascii_whitespace()
        .map(|pid| pid.parse().unwrap())
        .collect();
    own.iter()
        .flat_map(|pid| descendants(*pid))
        .chain(own.iter().copied())
        .collect()
}

#[test]
fn the_death_of_the_parent_takes_its_line_with_it() {
    let segment = outlive::Segment::anonymous().unwrap();
    for _ in 0..3 {
        let mut parent = Child::start(&segment, "start workers", "3");
        let workers: Vec<u32> = (0..3).map(|_| parent.hears().parse().unwrap()).collect();
        // Its server, the workers, their servers, and their workers.
        let grandchildren = || workers.iter().flat_map(|pid| descendants(*pid)).count();
        until(|| grandchildren() >= 6);
        let line: Vec<_> = workers
            .iter()
            .flat_map(|pid| descendants(*pid).into_iter().chain([*pid]))
            .map(by_descriptor)
            .collect();
        parent.kill();
        line.iter().for_each(ends);
    }
}

#[test]
fn a_killed_server_takes_its_workers_and_the_next_start_begins_another() {
    // In a process of its own: the others' server is not to die.
    let fates = Process::spawn(
        |(): ()| {
            let first_server = Process::spawn(server, ()).unwrap().join().unwrap();
            let victim = Process::spawn(sleep, ()).unwrap();
            kill_process(Pid::from_raw(first_server).unwrap(), Signal::KILL).unwrap();
            let exit = victim.wait().unwrap();
            let second_server = Process::spawn(server, ()).unwrap().join().unwrap();
            (exit, first_server == second_server)
        },
        (),
    );
    let (exit, is_same) = fates.unwrap().join().unwrap();
    assert!(matches!(exit, Exit::Signal(9) | Exit::Unknown), "{exit}");
    assert!(!is_same);
}

/// Starts a program in its group, and one in a session of its own.
fn grow((queue, seen): (Queue<u32>, Event)) {
    for program in [&["sleep", "600"][..], &["setsid", "sleep", "600"]] {
        let branch = std::process::Command::new(program[0])
            .args(&program[1..])
            .spawn();
        queue.put(&branch.unwrap().id()).unwrap();
    }
    seen.wait().unwrap();
}

fn grow_and_stay(both: (Queue<u32>, Event)) {
    grow(both);
    sleep(());
}

#[test]
fn a_tree_is_killed_where_that_was_asked_for() {
    for (kills_tree, is_killed) in [(true, false), (true, true), (false, true)] {
        let (queue, seen) = (Queue::new(2).unwrap(), Event::new().unwrap());
        let life = if is_killed { grow_and_stay } else { grow };
        let process = Process::builder()
            .kill_tree(kills_tree)
            .spawn(life, (queue.clone(), seen.clone()));
        let process = process.unwrap();
        let branches = [queue.get().unwrap(), queue.get().unwrap()].map(by_descriptor);
        seen.set().unwrap();
        if is_killed {
            process.kill().unwrap();
        }
        process.wait().unwrap();
        if kills_tree {
            branches.iter().for_each(ends);
        } else {
            for branch in &branches {
                rustix::process::pidfd_send_signal(branch, Signal::KILL).expect("it lives on");
            }
        }
    }
}

#[test]
fn what_a_process_leaves_behind_is_no_zombie_when_it_ends() {
    let process = Process::spawn(
        |(): ()| {
            // Not waited for: it outlives the process.
            let sleep = std::process::Command::new("sleep").arg("0.3").spawn();
            sleep.unwrap().id()
        },
        (),
    );
    let sleeper = process.unwrap().join().unwrap();
    until(|| is_gone(sleeper));
}

#[test]
fn what_a_living_process_leaves_behind_is_no_zombie_either() {
    // In a process of its own: so that the server has nobody else.
    let nested = Process::spawn(
        |(): ()| {
            let leave = |(): ()| {
                for _ in 0..10 {
                    let mut shell = std::process::Command::new("sh");
                    assert!(shell.args(["-c", "true &"]).status().unwrap().success());
                }
                let until = Instant::now() + PATIENCE;
                let server = server(()).unsigned_abs();
                // This one, and another that may wait for an order.
                while descendants(server).len() > 2 {
                    if until < Instant::now() {
                        return descendants(server).len();
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
                0
            };
            Process::spawn(leave, ()).unwrap().join().unwrap()
        },
        (),
    );
    assert_eq!(nested.unwrap().join().unwrap(), 0);
}

#[test]
fn a_killed_server_keeps_nobody_waiting_for_what_its_workers_have_forked() {
    let nested = Process::spawn(
        |begun: Event| {
            let server = Process::spawn(server, ()).unwrap().join().unwrap();
            let fork = |begun: Event| {
                // Has a copy of the worker's line.
                let _child = forked(|| {
                    std::thread::sleep(PATIENCE / 2);
                    0
                });
                begun.set().unwrap();
                sleep(());
            };
            let worker = Process::spawn(fork, begun.clone()).unwrap();
            assert!(begun.wait_timeout(PATIENCE).unwrap());
            kill_process(Pid::from_raw(server).unwrap(), Signal::KILL).unwrap();
            worker.wait_timeout(PATIENCE / 4).unwrap()
        },
        Event::new().unwrap(),
    );
    let exit = nested.unwrap().join().unwrap();
    assert!(
        matches!(exit, Some(Exit::Signal(9) | Exit::Unknown)),
        "{exit:?}"
    );
}

#[test]
fn a_pool_whose_server_is_stopped_can_be_asked_and_ended() {
    let nested = Process::spawn(
        |(): ()| {
            let pool = Pool::new(2).unwrap();
            let server = Pid::from_raw(pool.apply(server, ()).unwrap()).unwrap();
            kill_process(server, Signal::STOP).unwrap();
            for pid in pool.pids() {
                let pid = Pid::from_raw(pid.cast_signed()).unwrap();
                kill_process(pid, Signal::KILL).unwrap();
            }
            // Whose workers cannot be started either.
            let other = Pool::new(4).unwrap();
            std::thread::sleep(Duration::from_millis(50));
            let _ = other.pids();
            let is_over = other.join_timeout(Duration::from_millis(20));
            let before = Instant::now();
            drop(pool);
            let took = before.elapsed();
            kill_process(server, Signal::CONT).unwrap();
            (is_over, took)
        },
        (),
    );
    let (is_over, took) = nested.unwrap().join_timeout(PATIENCE).unwrap();
    assert!(!is_over);
    assert!(took < PATIENCE / 4, "{took:?}");
}

#[test]
fn a_pool_that_can_never_have_workers_says_so() {
    // As in a program whose constructors did not run.
    let nested = Process::builder().env("OUTLIVE_ROLE", "none").spawn(
        |(): ()| {
            let pool = Pool::new(1).unwrap();
            let task = pool.submit(server, ());
            task.get().map_err(|error| error.to_string())
        },
        (),
    );
    let said = nested.unwrap().join_timeout(PATIENCE).unwrap();
    assert!(said.clone().unwrap_err().contains("init"), "{said:?}");
}

#[test]
fn a_forked_child_starts_processes_of_its_own() {
    let first = Process::spawn(|number: u32| number + 1, 1).unwrap();
    assert_eq!(first.join().unwrap(), 2);
    in_fork(|| {
        let process = Process::spawn(|number: u32| number + 1, 2);
        u8::from(process.unwrap().join().unwrap() != 3)
    });
}

#[test]
fn every_fate_is_reported_right_whoever_asks() {
    const THREADS: u32 = 4;
    const EACH: u32 = 30;
    fn fate(number: u32) -> u32 {
        match number % 10 {
            0 => panic!("{number}"),
            1 => std::process::abort(),
            2 => kill_process(rustix::process::getpid(), Signal::KILL).unwrap(),
            3 => exit(5),
            _ => {}
        }
        number
    }
    let judge = |number: u32| {
        let joined = Process::spawn(fate, number).unwrap().join();
        match (number % 10, joined) {
            (0, Err(JoinError::Panicked(panicked))) => {
                assert_eq!(panicked.message(), number.to_string());
            }
            (1, Err(JoinError::Ended { exit, .. })) => assert_eq!(exit, Exit::Signal(6)),
            (2, Err(JoinError::Ended { exit, .. })) => assert_eq!(exit, Exit::Signal(9)),
            (3, Err(JoinError::Ended { exit, .. })) => assert_eq!(exit, Exit::Code(5)),
            (4.., Ok(back)) => assert_eq!(back, number),
            (_, other) => panic!("{number}: {other:?}"),
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || (0..EACH).for_each(|at| judge(thread * EACH + at)));
        }
    });
}

#[test]
fn two_threads_that_join_one_process_hear_the_same() {
    for _ in 0..30 {
        let process = Process::spawn(exit, 9).unwrap();
        std::thread::scope(|scope| {
            let waiters = [0, 1].map(|_| scope.spawn(|| (process.wait().unwrap(), process.exit())));
            for waiter in waiters {
                let heard = waiter.join().unwrap();
                assert_eq!(heard, (Exit::Code(9), Some(Exit::Code(9))));
            }
        });
    }
}

#[test]
fn a_worker_that_dies_with_objects_leaves_them_to_the_others() {
    let (done, turns) = (Event::new().unwrap(), AtomicArray::<u64>::new(1).unwrap());
    let workers: Vec<_> = (0..4)
        .map(|_| {
            Process::spawn(
                |(done, turns): (Event, AtomicArray<u64>)| {
                    while !done.is_set() {
                        turns.fetch_add(0, 1).unwrap();
                    }
                },
                (done.clone(), turns.clone()),
            )
            .unwrap()
        })
        .collect();
    workers[0].kill().unwrap();
    assert_eq!(workers[0].wait().unwrap(), Exit::Signal(9));
    done.set().unwrap();
    for worker in &workers[1..] {
        assert_eq!(worker.wait().unwrap(), Exit::Code(0));
    }
    assert!(
        process::active_children()
            .iter()
            .all(|child| child.pid() != workers[0].pid())
    );
}
