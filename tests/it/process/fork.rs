//! Processes forked from the one that calls.

#![expect(unsafe_code, reason = "fork")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

use outlive::process::{self, Exit, JoinError};
use outlive::queue::socket::Fd;
use outlive::{ErrorKind, Event, Pool, Process, Value};
use rustix::process::{Pid, Signal, getpgrp, getpid, kill_process};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::deaths::{by_descriptor, ends, lives};
use super::{exit, twice};
use crate::child::{Child, PATIENCE, Role, pause, say};
use crate::deed::{is_gone, sleep, until};

pub const ROLES: &[(&str, Role)] = &[("fork children", |_, count| {
    let children: Vec<_> = (0..count.parse().unwrap())
        .map(|_| std::thread::spawn(|| fork(|| sleep(()))).join().unwrap())
        .collect();
    for child in &children {
        say(&child.pid().to_string());
    }
    pause();
})];

fn fork<R: Serialize + DeserializeOwned>(closure: impl FnOnce() -> R) -> Process<R> {
    // SAFETY: whoever calls it is alone in its process, but for threads of this crate that sleep.
    unsafe { Process::fork(closure) }.unwrap()
}

/// Runs a test in a process that has no other thread of its own.
#[track_caller]
fn alone(life: fn(())) {
    if let Err(error) = Process::spawn(life, ()).unwrap().join() {
        panic!("{error}");
    }
}

fn kill_self(signal: Signal) {
    kill_process(getpid(), signal).unwrap();
}

#[test]
fn a_closure_captures_anything_and_its_result_comes_back() {
    alone(|(): ()| {
        let words = HashMap::from([("a", 1_u64), ("b", 2)]);
        let add: Box<dyn Fn(u64) -> u64> = Box::new(|x| x + words.values().sum::<u64>());
        let process = fork(|| (add(4), std::process::id()));
        let pid = process.pid();
        assert_eq!(process.join().unwrap(), (7, pid));
        for len in [0, 60_000, 4 << 20] {
            let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let back = fork(|| bytes.iter().rev().copied().collect::<Vec<_>>());
            let mut back = back.join().unwrap();
            back.reverse();
            assert_eq!(back, bytes);
        }
    });
}

#[test]
fn descriptors_come_back_with_the_result() {
    alone(|(): ()| {
        let process = fork(|| {
            let (reader, mut writer) = std::io::pipe().unwrap();
            writer.write_all(b"from the dead").unwrap();
            Fd(OwnedFd::from(reader))
        });
        let Fd(reader) = process.join().unwrap();
        let mut said = String::new();
        std::fs::File::from(reader)
            .read_to_string(&mut said)
            .unwrap();
        assert_eq!(said, "from the dead");
    });
}

#[test]
fn every_end_is_told_apart() {
    alone(|(): ()| {
        let ended = |process: Process<()>, expected| match process.join().unwrap_err() {
            JoinError::Ended { exit, .. } => assert_eq!(exit, expected),
            other => panic!("{other}"),
        };
        ended(fork(|| exit(7)), Exit::Code(7));
        ended(fork(|| exit(0)), Exit::Code(0));
        ended(fork(|| exit(137)), Exit::Code(137));
        ended(fork(|| std::process::abort()), Exit::Signal(6));
        ended(fork(|| kill_self(Signal::KILL)), Exit::Signal(9));
        ended(fork(|| kill_self(Signal::TERM)), Exit::Signal(15));
        let process = fork(|| assert_eq!(1, 2, "odd"));
        let name = process.name().to_owned();
        assert_eq!(process.wait().unwrap(), Exit::Code(101));
        match process.join().unwrap_err() {
            JoinError::Panicked(panicked) => {
                assert!(panicked.message().contains("odd"), "{panicked}");
                assert_eq!(panicked.process(), name);
                assert!(panicked.location().unwrap().0.ends_with("fork.rs"));
            }
            other => panic!("{other}"),
        }
    });
}

#[test]
fn it_can_be_asked_again_until_it_has_ended() {
    alone(|(): ()| {
        let gate = Event::new().unwrap();
        let mut process = fork(|| gate.wait().map(|()| 3_u8).unwrap());
        let short = Duration::from_millis(5);
        let timed_out = |process: &mut Process<u8>| {
            assert!(matches!(
                process.join_timeout(short),
                Err(JoinError::TimedOut)
            ));
            assert!(process.is_alive());
            assert_eq!(process.exit(), None);
        };
        timed_out(&mut process);
        let pid = Pid::from_raw(process.pid().cast_signed()).unwrap();
        kill_process(pid, Signal::STOP).unwrap();
        gate.set().unwrap();
        timed_out(&mut process);
        kill_process(pid, Signal::CONT).unwrap();
        assert_eq!(process.join_timeout(PATIENCE).unwrap(), 3);
        assert!(matches!(
            process.join_timeout(PATIENCE),
            Err(JoinError::Taken)
        ));
        process.kill().unwrap();
        // A shell starts what it does not wait for with SIGINT ignored.
        // SAFETY: sets no handler.
        unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
        for (end, signal) in [
            (process::Child::terminate as fn(&_) -> _, 15),
            (process::Child::kill, 9),
            (process::Child::interrupt, 2),
        ] {
            let process = fork(|| sleep(()));
            end(&process).unwrap();
            assert_eq!(process.wait().unwrap(), Exit::Signal(signal));
        }
    });
}

#[test]
fn it_knows_who_it_is_and_starts_processes_of_its_own() {
    alone(|(): ()| {
        let running = Process::spawn(sleep, ()).unwrap();
        let process = fork(|| {
            let current = process::current();
            let children = process::active_children().len();
            let spawned = Process::spawn(|(): ()| process::current().name().to_owned(), ());
            let forked = fork(|| process::current().name().to_owned());
            (
                (current.name().to_owned(), current.parent().unwrap().pid()),
                current.parent().unwrap().is_alive(),
                (children, getpgrp() == getpid()),
                (spawned.unwrap().join().unwrap(), forked.join().unwrap()),
            )
        });
        let name = process.name().to_owned();
        let is_it = |child: &process::Child| child.pid() == process.pid();
        assert!(process::active_children().iter().any(is_it));
        let (who, parent_lives, (children, leads), names) = process.join().unwrap();
        assert_eq!(who, (name.clone(), std::process::id()));
        assert!(parent_lives && leads);
        assert_eq!(children, 0);
        assert_eq!(names, (format!("{name}:1"), format!("{name}:2")));
        running.kill().unwrap();
    });
}

#[test]
fn no_zombie_is_left_whoever_asks_or_not() {
    alone(|(): ()| {
        let (quiet, dropped) = (fork(|| ()), fork(|| ()).pid());
        until(|| is_gone(quiet.pid()) && is_gone(dropped));
        assert_eq!(quiet.exit(), Some(Exit::Code(0)));
        quiet.join().unwrap();
    });
}

#[test]
fn it_takes_no_status_from_other_children_and_loses_none_to_them() {
    alone(|(): ()| {
        for code in 0..40 {
            let mut other = std::process::Command::new("sh");
            let mut other = other.args(["-c", &format!("exit {code}")]).spawn().unwrap();
            let process = fork(|| exit(code + 100));
            assert_eq!(process.wait().unwrap(), Exit::Code(code + 100));
            assert_eq!(other.wait().unwrap().code(), Some(code));
        }
    });
}

#[test]
fn it_lives_on_when_the_thread_ends_that_forked_and_dies_with_the_process() {
    let segment = outlive::Segment::anonymous().unwrap();
    for is_stopped in [false, true] {
        let mut parent = Child::start(&segment, "fork children", "3");
        let children: Vec<_> = (0..3).map(|_| parent.hears().parse().unwrap()).collect();
        let by_descriptor: Vec<_> = children.iter().copied().map(by_descriptor).collect();
        for pid in &children {
            // It leads its group when a death is to wake it.
            let pid = pid.cast_signed();
            // SAFETY: takes no pointer. The group before may have no number here: 0, no `Pid`.
            until(|| unsafe { libc::getpgid(pid) } == pid);
            let pid = Pid::from_raw(pid).unwrap();
            if is_stopped {
                kill_process(pid, Signal::STOP).unwrap();
            }
        }
        by_descriptor.iter().for_each(lives);
        parent.kill();
        by_descriptor.iter().for_each(ends);
    }
}

/// In a process of its own: it ends as its handlers say.
#[test]
fn the_handlers_of_the_parents_exit_do_not_run() {
    alone(|(): ()| {
        extern "C" fn handler() {
            // SAFETY: ends the process.
            unsafe { libc::_exit(77) }
        }
        let life = |(): ()| {
            // SAFETY: the handler does not unwind.
            unsafe { libc::atexit(handler) };
            let process = fork(|| 5);
            (process.wait().unwrap(), process.join().unwrap())
        };
        let mut process = Process::spawn(life, ()).unwrap();
        let inner = process.join_timeout(PATIENCE).unwrap();
        assert_eq!(inner, (Exit::Code(0), 5));
        assert_eq!(
            process.exit(),
            Some(Exit::Code(77)),
            "the handler was there"
        );
    });
}

#[test]
fn what_is_not_written_yet_is_written_once() {
    alone(|(): ()| {
        let (mut output, stdout) = std::io::pipe().unwrap();
        let life = |(): ()| {
            write!(std::io::stdout(), "half ").unwrap();
            let child = fork(|| write!(std::io::stdout(), "a line").unwrap());
            child.join().unwrap();
        };
        let process = Process::builder().stdout(stdout).spawn(life, ()).unwrap();
        process.join().unwrap();
        let mut written = String::new();
        output.read_to_string(&mut written).unwrap();
        assert_eq!(written, "half a line");
    });
}

#[test]
fn the_parents_children_are_none_of_its_business() {
    alone(|(): ()| {
        let gate = Event::new().unwrap();
        let wait = |gate: Event| gate.wait().map(|()| 4_u8).unwrap();
        let running = Process::spawn(wait, gate.clone()).unwrap();
        let ended = Process::spawn(twice, 4).unwrap();
        ended.wait().unwrap();
        let child = fork(|| {
            let refused = running.wait().unwrap_err().kind();
            let is_refused = refused == ErrorKind::NotOwner;
            let exits = (running.exit(), ended.exit());
            (is_refused, running.is_alive(), exits)
        });
        let exits = (None, Some(Exit::Code(0)));
        assert_eq!(child.join().unwrap(), (true, true, exits));
        // By whatever way it leaves, it does not wait for them.
        assert_eq!(fork(|| exit(3)).wait().unwrap(), Exit::Code(3));
        gate.set().unwrap();
        assert_eq!(running.join().unwrap(), 4);
        assert_eq!(ended.join().unwrap(), 8);
    });
}

#[test]
fn it_waits_for_its_own_children() {
    alone(|(): ()| {
        let (gate, done) = (Event::new().unwrap(), Value::new(0_u32).unwrap());
        let child = fork(|| {
            let life = |(gate, done): (Event, Value<u32>)| {
                gate.wait().unwrap();
                done.set(1).unwrap();
            };
            Process::spawn(life, (gate.clone(), done.clone())).unwrap();
        });
        assert_eq!(child.wait_timeout(Duration::from_millis(50)).unwrap(), None);
        gate.set().unwrap();
        assert_eq!(child.wait().unwrap(), Exit::Code(0));
        assert_eq!(done.get().unwrap(), 1);
        child.join().unwrap();
    });
}

#[test]
fn a_pool_of_the_parents_does_nothing_there() {
    alone(|(): ()| {
        let pool = Pool::new(1).unwrap();
        assert_eq!(pool.apply(twice, 4).unwrap(), 8);
        let child = fork(|| {
            let refused = pool.apply(twice, 5).is_err();
            pool.close();
            pool.terminate();
            refused && pool.join_timeout(Duration::ZERO)
        });
        assert!(child.join().unwrap());
        let child = fork(|| {
            // SAFETY: the child's copy; nobody else there has it.
            drop(unsafe { std::ptr::read(&raw const pool) });
        });
        child.join().unwrap();
        assert_eq!(pool.apply(twice, 6).unwrap(), 12);
    });
}
