//! A main program with processes, grandchildren, pools and names, that is killed at any moment.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use outlive::{Lock, Pool, Process, Queue, Segment};

use crate::family::{living_with, soon};
use crate::pressure::Span;
use crate::random::Random;
use crate::size;

/// In the environment of a main program, and of all that it starts: which one it is.
pub const ROLE: &str = "OUTLIVE_MAIN_PROGRAM";

pub const LAW: crate::Law = ("processes::a_killed_main_program_takes_all_with_it", || {
    let mut random = Random::new(29);
    let before = names();
    for round in 0..size::of(100, 12) {
        let role = format!("{}-{round}", std::process::id());
        let mut program = Command::new("/proc/self/exe")
            .env(ROLE, &role)
            .process_group(0)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(random.below(250_000)));
        program.kill().unwrap();
        program.wait().unwrap();
        let variable = format!("{ROLE}={role}");
        soon("all ended", || living_with(&variable).is_empty());
        // What was made to stay stays, whole, with whoever has died in it.
        let span = Span::start();
        match Segment::open(&name(&role)) {
            Ok(segment) => {
                segment.reap().unwrap();
                if let Ok(lock) = Lock::open(&segment, "lock") {
                    drop(lock.lock().or_else(|e| e.repair(|_| {})).unwrap());
                }
                assert_eq!(segment.participants().len(), 1);
                segment.unlink().unwrap();
            }
            Err(error) => assert_eq!(error.kind(), outlive::ErrorKind::NotFound, "{error}"),
        }
        assert!(
            span.elapsed() < Duration::from_secs(1),
            "{:?}",
            span.elapsed()
        );
        let more: Vec<_> = names().difference(&before).cloned().collect();
        assert!(
            !more.iter().any(|name| name.contains(&role)),
            "{more:?} are left"
        );
    }
});

/// The one name that it makes on purpose.
fn name(role: &str) -> String {
    format!("outlive-main-{role}")
}

fn names() -> BTreeSet<String> {
    let all = fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    all.map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Starts one after another of everything, until it is killed.
pub fn main_program(role: &str) {
    let segment = Segment::create(&name(role)).unwrap();
    let lock = Lock::create(&segment, "lock").unwrap();
    let queue = Queue::<u32>::create(&segment, "queue", 8).unwrap();
    let mut processes = Vec::new();
    for at in 0_u32.. {
        processes.push(Process::spawn(busy, (lock.clone(), queue.clone())).unwrap());
        if processes.len() > 3 {
            let first: Process<()> = processes.remove(0);
            first.kill().unwrap();
            first.wait().unwrap();
        }
        let pool = Pool::new(2).unwrap();
        let squares = pool.map(nested, [at, at + 1, at + 2]).unwrap();
        assert_eq!(squares, [at * at, (at + 1) * (at + 1), (at + 2) * (at + 2)]);
        let _ = queue.try_put(&at);
    }
}

/// Goes on until it is killed, and so does what it has started.
fn busy((lock, queue): (Lock, Queue<u32>)) {
    let _inner = Process::spawn(asleep, ()).unwrap();
    loop {
        if let Ok(guard) = lock.lock().or_else(|e| e.repair(|_| {})) {
            let _ = queue.try_get();
            drop(guard);
        }
        let _ = queue.put_timeout(&1, Duration::from_millis(1));
    }
}

fn asleep((): ()) {
    std::thread::sleep(Duration::from_secs(600));
}

fn nested(number: u32) -> u32 {
    let process = Process::spawn(|number: u32| number * number, number).unwrap();
    process.join().unwrap()
}
