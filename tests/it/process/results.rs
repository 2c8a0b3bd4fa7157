//! What comes back from a process, and what becomes of one that nobody asks.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use outlive::process::{Exit, JoinError};
use outlive::queue::messages::PutError;
use outlive::queue::socket::Fd;
use outlive::{ErrorKind, Event, Process, Queue, Value};
use rustix::process::{Pid, Signal, kill_process};

use crate::child::PATIENCE;

/// What travels one way only.
struct OneWay;

impl serde::Serialize for OneWay {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_unit()
    }
}

impl<'de> serde::Deserialize<'de> for OneWay {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(serde::de::Error::custom("it is not to be understood"))
    }
}

#[test]
fn a_result_that_is_not_understood_is_an_error() {
    let process = Process::spawn(|(): ()| OneWay, ()).unwrap();
    assert_eq!(process.wait().unwrap(), Exit::Code(0));
    match process.join() {
        Err(JoinError::Failed(error)) => assert_eq!(error.kind(), ErrorKind::Decode),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it is understood"),
    }
}

#[test]
fn descriptors_come_back_with_the_result() {
    for padding in [0, 100_000] {
        let make = |padding: usize| {
            let pipes = [std::io::pipe().unwrap(), std::io::pipe().unwrap()];
            let readers = (1..).zip(pipes).map(|(number, (reader, mut writer))| {
                writer.write_all(&[number]).unwrap();
                Fd(OwnedFd::from(reader))
            });
            (readers.collect::<Vec<_>>(), vec![7_u8; padding])
        };
        let (readers, filled) = Process::spawn(make, padding).unwrap().join().unwrap();
        assert_eq!(filled.len(), padding);
        for (number, Fd(reader)) in (1..).zip(readers) {
            let mut bytes = Vec::new();
            File::from(reader).read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes, [number]);
        }
    }
}

/// Only the result takes descriptors along, not what the function sends elsewhere meanwhile.
#[test]
fn a_descriptor_does_not_slip_into_other_messages() {
    let process = Process::spawn(
        |(): ()| {
            let queue = Queue::<Fd<OwnedFd>>::new(1).unwrap();
            let own = std::io::stderr().as_fd().try_clone_to_owned().unwrap();
            matches!(queue.put(&Fd(own)), Err(PutError::Unencodable(_)))
        },
        (),
    );
    assert!(process.unwrap().join().unwrap());
}

#[test]
fn too_many_descriptors_are_an_error_and_no_riddle() {
    let process = Process::spawn(
        |(): ()| {
            let own = || std::io::stderr().as_fd().try_clone_to_owned().unwrap();
            (0..300).map(|_| Fd(own())).collect::<Vec<_>>()
        },
        (),
    );
    match process.unwrap().join() {
        Err(JoinError::Failed(error)) => {
            assert!(error.to_string().contains("send what became"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stopped_process_runs_as_long_as_it_has_not_ended() {
    let gate = Event::new().unwrap();
    let mut process = Process::spawn(|gate: Event| gate.wait().unwrap(), gate.clone()).unwrap();
    let pid = Pid::from_raw(process.pid().cast_signed()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    gate.set().unwrap();
    let timed_out = process.join_timeout(Duration::from_millis(50));
    assert!(matches!(timed_out, Err(JoinError::TimedOut)));
    assert!(process.is_alive());
    kill_process(pid, Signal::CONT).unwrap();
    process.join_timeout(PATIENCE).unwrap();
}

fn wait_and_set((gate, done): (Event, Value<u32>)) {
    gate.wait().unwrap();
    done.set(1).unwrap();
}

#[test]
fn one_that_nobody_asks_runs_on_and_is_waited_for_at_the_end() {
    let (gate, done) = (Event::new().unwrap(), Value::new(0_u32).unwrap());
    let parent = Process::spawn(
        |both: (Event, Value<u32>)| drop(Process::spawn(wait_and_set, both).unwrap()),
        (gate.clone(), done.clone()),
    );
    let parent = parent.unwrap();
    assert_eq!(
        parent.wait_timeout(Duration::from_millis(50)).unwrap(),
        None
    );
    gate.set().unwrap();
    assert_eq!(parent.wait().unwrap(), Exit::Code(0));
    assert_eq!(done.get().unwrap(), 1);
}

#[test]
fn a_daemon_is_ended_when_its_parent_is_done() {
    let gate = Event::new().unwrap();
    let parent = Process::spawn(
        |gate: Event| {
            let daemon = Process::builder().daemon(true);
            drop(
                daemon
                    .spawn(|gate: Event| gate.wait().unwrap(), gate)
                    .unwrap(),
            );
        },
        gate.clone(),
    );
    assert_eq!(
        parent.unwrap().wait_timeout(PATIENCE).unwrap(),
        Some(Exit::Code(0))
    );
}
