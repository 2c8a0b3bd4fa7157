//! Processes that are killed while they log, writers that are stopped, readers that do not read.

use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use log::LevelFilter;
use outlive::{AtomicArray, Process};
use rustix::process::{Signal, kill_process};

use super::{Stage, log_of};

pub const SCENES: &[(&str, fn())] = &[
    ("crowd", crowd),
    ("stopped", stopped),
    ("flood", flood),
    ("slow", slow),
];

const WRITERS: usize = 8;
/// All of them fit into the queue, so that nothing is lost however slow the machine is.
const LINES: u32 = 120;

/// Letters of a line, at most.
const MOST: usize = 3000;

/// A line that shows whether it is whole: its length comes first.
fn long_line(number: u32) -> String {
    let len = 1 + number as usize * 7919 % MOST;
    let letter = char::from(b'a' + (number % 26) as u8);
    format!("{number} {len} {}", letter.to_string().repeat(len))
}

/// The number of a line of [`long_line`].
fn number_of_whole(line: &str) -> u32 {
    let mut parts = line.splitn(3, ' ');
    let number: u32 = parts.next().unwrap().parse().unwrap();
    assert_eq!(line, long_line(number), "torn");
    number
}

fn say_many((me, done): (usize, AtomicArray<u32>)) {
    for number in 0..LINES {
        log::info!(target: "crowd", "{}", long_line(number));
        done.set(me, number + 1).unwrap();
    }
}

/// Every other one is killed in the midst.
fn crowd() {
    outlive::log_to_stderr(LevelFilter::Info).unwrap();
    let done = AtomicArray::new(WRITERS).unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|me| {
            let builder = Process::builder().name(format!("writer-{me}"));
            builder.spawn(say_many, (me, done.clone())).unwrap()
        })
        .collect();
    let victims = |me: usize| me % 2 == 1;
    let mut enough = 0;
    for (me, writer) in writers.iter().enumerate().filter(|(me, _)| victims(*me)) {
        enough += LINES / 5;
        while done.get(me).unwrap() < enough {
            std::thread::sleep(Duration::from_micros(50));
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
    }
    for (me, writer) in writers.into_iter().enumerate() {
        assert!(writer.join().is_ok() || victims(me));
    }
    for me in 0..WRITERS {
        log::info!(target: "crowd", "done {me} {}", done.get(me).unwrap());
    }
}

#[test]
fn lines_are_whole_and_in_order_whoever_is_killed() {
    let mut seen = [0; WRITERS];
    let mut done = 0;
    for line in log_of("crowd") {
        let (head, said) = line.split_once("] ").unwrap();
        if let Some(count) = said.strip_prefix("done ") {
            let (me, count) = count.split_once(' ').unwrap();
            let (me, count): (usize, u32) = (me.parse().unwrap(), count.parse().unwrap());
            // One may have been put and not been counted any more.
            assert!(
                [count, count + 1].contains(&seen[me]),
                "{me}: {count}, {}",
                seen[me]
            );
            assert!(me % 2 == 1 || count == LINES);
            done += 1;
        } else if let Some(me) = head.strip_prefix("[INFO/writer-")
            && said.starts_with(|c: char| c.is_ascii_digit())
        {
            let me: usize = me.parse().unwrap();
            assert_eq!(number_of_whole(said), seen[me], "of {me}");
            seen[me] += 1;
        }
    }
    assert_eq!(done, WRITERS);
}

/// More than the queue holds.
const FLOOD: u32 = 4_000;

fn pour((): ()) {
    for number in 0..FLOOD {
        log::warn!("{}", long_line(number));
    }
    let mut stdout = std::io::stdout();
    stdout.write_all(b"\npoured\n").unwrap();
}

fn slow() {
    outlive::log_to_stderr(LevelFilter::Warn).unwrap();
    Process::spawn(pour, ()).unwrap().join().unwrap();
}

#[test]
fn a_slow_reader_slows_those_who_log_and_nothing_is_lost() {
    let mut stage = Stage::begin("slow");
    let said = stage.output();
    let log = BufReader::with_capacity(64 << 10, stage.0.stderr.take().unwrap());
    let mut next = 0;
    for line in log.lines().map(Result::unwrap) {
        assert_eq!(
            number_of_whole(line.strip_prefix("[WARN/Process-1] ").unwrap()),
            next
        );
        next += 1;
        if next % 100 == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    assert_eq!(next, FLOOD);
    said.until("poured");
    assert!(stage.status().success());
}

/// Says all that it can while its parent is stopped.
fn stopped() {
    outlive::log_to_stderr(LevelFilter::Warn).unwrap();
    let child = Process::spawn(
        |(): ()| {
            let parent = rustix::process::Pid::from_raw(
                outlive::process::current()
                    .parent()
                    .unwrap()
                    .pid()
                    .cast_signed(),
            );
            kill_process(parent.unwrap(), Signal::STOP).unwrap();
            pour(());
        },
        (),
    );
    child.unwrap().join().unwrap();
    log::warn!("over");
}

#[test]
fn a_stopped_writer_holds_nobody_up_and_the_lost_are_counted() {
    let mut stage = Stage::begin("stopped");
    let said = stage.output();
    said.until("poured");
    stage.signal(Signal::CONT);
    let log = stage.log();
    let (mut lost, mut seen) = (0, Vec::new());
    for line in &log {
        if let Some(said) = line.strip_prefix("[WARN/Process-1] ") {
            seen.push(number_of_whole(said));
        } else if let Some((count, _)) = line.split_once(" records were lost") {
            let count = count.strip_prefix("[WARN/MainProcess] ").unwrap();
            lost += count.parse::<usize>().unwrap();
        }
    }
    assert!(seen.is_sorted());
    assert!(lost > 0, "of {}", seen.len());
    assert_eq!(seen.len() + lost, FLOOD as usize);
    assert!(
        log.iter().any(|line| line == "[WARN/MainProcess] over"),
        "{:?}",
        log.last()
    );
}

fn flood() {
    outlive::log_to_stderr(LevelFilter::Warn).unwrap();
    pour(());
    Process::spawn(pour, ()).unwrap().join().unwrap();
}

#[test]
fn a_standard_error_that_nobody_reads_holds_nobody_up() {
    let mut stage = Stage::begin("flood");
    let said = stage.output();
    said.until("poured");
    said.until("poured");
    assert!(stage.status().success());
}

#[test]
fn a_standard_error_that_is_closed_ends_nobody() {
    let mut stage = Stage::begin("flood");
    drop(stage.0.stderr.take());
    let said = stage.output();
    said.until("poured");
    said.until("poured");
    assert!(stage.status().success());
}
