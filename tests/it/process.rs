//! Processes: functions of this test program, in processes of their own.

mod deaths;
mod fork;
mod panics;
mod results;
mod wait;

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use outlive::process::{self, Exit, JoinError, Method, Resource};
use outlive::queue::pipe::Receiver;
use outlive::queue::socket::Fd;
use outlive::{ErrorKind, Event, Lock, Process, Queue, Segment, Value};

use crate::child::{PATIENCE, Role};

pub const ROLES: &[(&str, Role)] = &[deaths::ROLES[0], fork::ROLES[0]];

#[expect(clippy::exit, reason = "one of the ways to end")]
fn exit(code: i32) {
    std::process::exit(code)
}

fn twice(number: u64) -> u64 {
    2 * number
}

#[test]
fn a_function_is_called_in_another_process() {
    let process = Process::spawn(twice, 21).unwrap();
    assert_ne!(process.pid(), std::process::id());
    assert_eq!(process.join().unwrap(), 42);
    let process = Process::spawn(|(): ()| std::process::id(), ()).unwrap();
    let pid = process.pid();
    assert_eq!(process.join().unwrap(), pid);
}

#[test]
fn processes_are_called_as_their_program_is() {
    let program = std::env::current_exe().unwrap();
    let name = program.file_name().unwrap().to_str().unwrap();
    for method in [Method::Server, Method::Execute] {
        let process = Process::builder().method(method);
        let called = |(): ()| std::fs::read_to_string("/proc/self/comm").unwrap();
        let called = process.spawn(called, ()).unwrap().join().unwrap();
        // The kernel keeps 15 bytes.
        assert_eq!(called.trim_end(), name.get(..15).unwrap_or(name));
    }
}

#[test]
fn arguments_and_results_of_any_length_travel() {
    for len in [0, 1, 60_000, 70_000, 4 << 20] {
        let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
        let process = Process::spawn(
            |mut bytes: Vec<u8>| {
                bytes.reverse();
                bytes
            },
            bytes.clone(),
        );
        let mut back = process.unwrap().join().unwrap();
        back.reverse();
        assert_eq!(back, bytes);
    }
}

#[test]
fn handles_travel_and_are_the_same_objects() {
    let segment = Segment::anonymous().unwrap();
    let total = Value::create(&segment, "total", 0_u64).unwrap();
    let lock = Lock::new().unwrap();
    let held = lock.lock().unwrap();
    let add = |(total, lock, amount): (Value<u64>, Lock, u64)| {
        drop(lock.lock().unwrap());
        total.fetch_add(amount).unwrap();
    };
    let adders: Vec<_> = (1..=4)
        .map(|amount| Process::spawn(add, (total.clone(), lock.clone(), amount)).unwrap())
        .collect();
    assert_eq!(total.get().unwrap(), 0);
    drop(held);
    adders.into_iter().for_each(|adder| adder.join().unwrap());
    assert_eq!(total.get().unwrap(), 10);
}

#[test]
fn an_object_that_only_its_handle_keeps_arrives() {
    let process = Process::spawn(|queue: Queue<String>| queue.get().unwrap(), {
        let queue = Queue::new(1).unwrap();
        queue.put(&"kept".to_owned()).unwrap();
        queue
    });
    assert_eq!(process.unwrap().join().unwrap(), "kept");
}

#[test]
fn a_segment_travels_and_so_do_grandchildren() {
    let segment = Segment::anonymous().unwrap();
    let done = Event::create(&segment, "done").unwrap();
    let process = Process::spawn(
        |segment: Segment| {
            let inner = Process::spawn(
                |done: Event| {
                    done.set().unwrap();
                    process::current().name().to_owned()
                },
                Event::open(&segment, "done").unwrap(),
            );
            inner.unwrap().join().unwrap()
        },
        segment,
    );
    let own = process.as_ref().unwrap().name().to_owned();
    assert_eq!(process.unwrap().join().unwrap(), format!("{own}:1"));
    assert!(done.is_set());
}

#[test]
fn descriptors_and_ends_of_pipes_travel_as_arguments() {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let (mut here, there) = outlive::queue::pipe::one_way::<String>().unwrap();
    let process = Process::spawn(
        |(Fd(writer), mut from_parent): (Fd<OwnedFd>, Receiver<String>)| {
            let word = from_parent.recv().unwrap();
            std::fs::File::from(writer)
                .write_all(word.as_bytes())
                .unwrap();
        },
        (Fd(OwnedFd::from(writer)), there),
    );
    here.send(&"through both".to_owned()).unwrap();
    process.unwrap().join().unwrap();
    let mut said = String::new();
    reader.read_to_string(&mut said).unwrap();
    assert_eq!(said, "through both");
}

#[test]
fn a_panic_is_told_with_its_message_and_place() {
    let process = Process::spawn(|number: u32| assert_eq!(number, 7, "odd"), 8).unwrap();
    match process.join().unwrap_err() {
        JoinError::Panicked(panicked) => {
            assert!(panicked.message().contains("odd"), "{panicked}");
            let (file, line, _) = panicked.location().unwrap();
            assert!(file.ends_with("process.rs") && line > 0);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn every_end_is_told_apart() {
    type Ending = fn(());
    let endings: [(Ending, Exit); 5] = [
        (|()| exit(7), Exit::Code(7)),
        (|()| std::process::abort(), Exit::Signal(6)),
        (
            |()| {
                rustix::process::kill_process(
                    rustix::process::getpid(),
                    rustix::process::Signal::KILL,
                )
                .unwrap()
            },
            Exit::Signal(9),
        ),
        (
            |()| {
                rustix::process::kill_process(
                    rustix::process::getpid(),
                    rustix::process::Signal::TERM,
                )
                .unwrap()
            },
            Exit::Signal(15),
        ),
        (|()| exit(0), Exit::Code(0)),
    ];
    for method in [Method::Server, Method::Execute] {
        for (ending, expected) in endings {
            let process = Process::builder().method(method).spawn(ending, ()).unwrap();
            let pid = process.pid();
            assert_eq!(process.wait().unwrap(), expected);
            match process.join().unwrap_err() {
                JoinError::Ended {
                    exit, pid: told, ..
                } => {
                    assert_eq!((exit, told), (expected, pid));
                }
                other => panic!("{other}"),
            }
        }
    }
}

#[test]
fn it_can_be_asked_again_until_it_has_ended() {
    let gate = Event::new().unwrap();
    let mut process = Process::spawn(
        |gate: Event| {
            gate.wait().unwrap();
            3_u8
        },
        gate.clone(),
    )
    .unwrap();
    let short = Duration::from_millis(5);
    assert!(matches!(
        process.join_timeout(short),
        Err(JoinError::TimedOut)
    ));
    assert!(process.is_alive());
    assert_eq!(process.exit(), None);
    assert!(
        process::active_children()
            .iter()
            .any(|child| child.pid() == process.pid())
    );
    gate.set().unwrap();
    assert_eq!(process.join_timeout(PATIENCE).unwrap(), 3);
    assert!(!process.is_alive());
    assert!(matches!(
        process.join_timeout(PATIENCE),
        Err(JoinError::Taken)
    ));
    assert_eq!(process.exit(), Some(Exit::Code(0)));
    process.kill().unwrap();
    process.terminate().unwrap();
}

/// A variable, whether another is there, the folder, processors, files, and who it is.
type Built = (
    Option<String>,
    bool,
    PathBuf,
    usize,
    Option<u64>,
    (String, bool, u32),
);

#[test]
fn it_is_what_the_builder_said() {
    let folder = std::env::temp_dir().canonicalize().unwrap();
    let (mut output, stdout) = std::io::pipe().unwrap();
    let (stdin, mut input) = std::io::pipe().unwrap();
    for method in [Method::Server, Method::Execute] {
        input.write_all(b"word\n").unwrap();
        let process = Process::builder()
            .name("built")
            .method(method)
            .env("OUTLIVE_BUILT", "yes")
            .env_remove("PATH")
            .current_dir(&folder)
            .stdin(stdin.try_clone().unwrap())
            .stdout(stdout.try_clone().unwrap())
            .affinity([0])
            .limit(Resource::OpenFiles, 77)
            .daemon(true)
            .spawn(
                |(): ()| {
                    let mut line = String::new();
                    std::io::stdin().read_line(&mut line).unwrap();
                    write!(std::io::stdout(), "said {line}").unwrap();
                    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
                    let current = process::current();
                    let parent = current.parent().unwrap();
                    assert!(parent.is_alive());
                    assert!(!parent.join_timeout(Duration::from_millis(1)).unwrap());
                    assert!(!parent.join_deadline(Instant::now()).unwrap());
                    (
                        std::env::var("OUTLIVE_BUILT").ok(),
                        std::env::var_os("PATH").is_some(),
                        std::env::current_dir().unwrap(),
                        std::thread::available_parallelism().unwrap().get(),
                        limit.current,
                        (current.name().to_owned(), current.is_daemon(), parent.pid()),
                    )
                },
                (),
            );
        let process = process.unwrap();
        assert!(process.is_daemon());
        let built: Built = process.join().unwrap();
        let (env, path, cwd, processors, files, (name, is_daemon, parent)) = built;
        assert_eq!(env.as_deref(), Some("yes"));
        assert!(!path);
        assert_eq!(cwd, folder);
        assert_eq!((processors, files), (1, Some(77)));
        assert_eq!((name.as_str(), is_daemon), ("built", true));
        assert_eq!(parent, std::process::id());
        let mut said = [0; 10];
        output.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"said word\n");
    }
}

#[test]
fn a_worker_inherits_no_descriptor_of_its_neighbours() {
    let open = |(): ()| std::fs::read_dir("/proc/self/fd").unwrap().count();
    let alone = Process::spawn(open, ()).unwrap().join().unwrap();
    let gate = Event::new().unwrap();
    let neighbours: Vec<_> = (0..8)
        .map(|_| Process::spawn(|gate: Event| gate.wait().unwrap(), gate.clone()).unwrap())
        .collect();
    let among = Process::spawn(open, ()).unwrap().join().unwrap();
    assert_eq!(alone, among);
    gate.set().unwrap();
    neighbours.into_iter().for_each(|one| one.join().unwrap());
}

#[test]
fn a_result_that_cannot_be_encoded_is_an_error_and_not_a_hang() {
    #[derive(serde::Deserialize)]
    struct Unsendable;
    impl serde::Serialize for Unsendable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    let process = Process::spawn(|(): ()| Unsendable, ()).unwrap();
    let error = process.join().err().unwrap();
    assert!(error.to_string().contains("encode a result"), "{error}");
    let refused = Process::spawn(|_: Unsendable| (), Unsendable).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Encode);
}
