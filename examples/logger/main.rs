//! A log that many processes write through one reader, while any of them may be killed.
//!
//! ```text
//! cargo run --release --example logger -- [--writers N] [--kill K] FILE
//! ```
//!
//! N writers (4) put lines into a queue, one reader takes them out and appends them to FILE. K of
//! them (0) are killed at random, writers and reader alike, and replaced. In the end every line
//! whose `put` has returned must be in the file exactly once, whole, and in its writer's order.
//!
//! # Why it is
//!
//! 1. A line is in the queue when its `put` returns, whatever becomes of its writer; and a writer
//!    that dies in `put` has put all of the line or nothing.
//! 2. The reader takes a line with [`outlive::Queue::receive`] and acknowledges it when the file
//!    has it. Where it dies before that, the same line comes first to its successor.
//! 3. So only the last line of the file is ever in doubt. The successor cuts off half a line, and
//!    does not write a line that comes again if it stands there already: no two lines are alike.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program, which prints"
)]

mod check;
mod crew;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use outlive::queue::messages::GetError;
use outlive::{AtomicArray, Event, Queue, Segment};

use crew::{Crew, Part};

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const USAGE: &str = "usage: logger [--writers N] [--kill K] FILE";

fn main() -> ExitCode {
    run(std::env::args().skip(1))
}

fn run(words: impl Iterator<Item = String>) -> ExitCode {
    let done = Arguments::parse(words).and_then(|arguments| match Part::from_environment() {
        Some(part) => part.play(&arguments.file).map(|()| true),
        None => log(&arguments),
    });
    match done {
        Ok(is_whole) => ExitCode::from(u8::from(!is_whole)),
        Err(error) => {
            eprintln!("logger: {error}");
            ExitCode::from(2)
        }
    }
}

struct Arguments {
    writers: usize,
    kills: usize,
    file: PathBuf,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut writers, mut kills, mut file) = (4, 0, None);
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|word| word.parse().ok()).ok_or(USAGE);
            match word.as_str() {
                "--writers" => writers = number()?,
                "--kill" => kills = number()?,
                option if option.starts_with('-') => return Err(USAGE.into()),
                path => file = Some(path.into()),
            }
        }
        if !(1..=64).contains(&writers) {
            return Err("--writers takes 1 to 64".into());
        }
        let file = file.ok_or(USAGE)?;
        Ok(Self {
            writers,
            kills,
            file,
        })
    }
}

/// The supervisor: has the log written, then reads it; says whether all is as it must be.
fn log(arguments: &Arguments) -> Result<bool> {
    File::create(&arguments.file)?;
    let mut crew = Crew::hire(arguments)?;
    crew.harass()?;
    let outcome = crew.dismiss()?;
    let report = check::check(&arguments.file, &outcome.put)?;
    println!(
        "killed  {} writers, {} readers",
        outcome.killed[0], outcome.killed[1]
    );
    println!("{report}");
    println!("whole: {}", if report.is_whole() { "yes" } else { "no" });
    Ok(report.is_whole())
}

/// Puts lines until it is over, and counts those whose `put` has returned.
fn write(segment: &Segment, writer: usize) -> Result<()> {
    let lines = Queue::<String>::open(segment, "lines")?;
    let put = AtomicArray::<u64>::open(segment, "put")?;
    let over = Event::open(segment, "over")?;
    for number in 1.. {
        if over.is_set() {
            break;
        }
        lines.put(&line(writer, number))?;
        put.set(writer, number)?;
    }
    Ok(())
}

/// Line `number` of `writer`, of a length of its own.
fn line(writer: usize, number: u64) -> String {
    let len = usize::try_from(number.wrapping_mul(7919) % 120).unwrap_or(0);
    format!("writer {writer} line {number} {:.>len$}", len)
}

/// Appends the lines to the file until the queue is closed and empty.
fn read(segment: &Segment, path: &Path) -> Result<()> {
    let lines = Queue::<String>::open(segment, "lines")?;
    let mut file = OpenOptions::new().read(true).append(true).open(path)?;
    let mut last = mend(&file)?;
    loop {
        let line = match lines.receive() {
            Ok(line) => line,
            Err(GetError::Closed) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        // Another reader may have died between writing it and here.
        if line.deliveries() == 1 || *line != last {
            file.write_all(format!("{}\n", *line).as_bytes())?;
        }
        last = line.ack();
    }
}

/// Cuts off what a reader left of a line in whose middle it died; gives the last line.
fn mend(file: &File) -> Result<String> {
    /// More than two lines.
    const END: u64 = 1024;
    let len = file.metadata()?.len();
    let start = len.saturating_sub(END);
    let mut end = vec![0; usize::try_from(len - start)?];
    file.read_exact_at(&mut end, start)?;
    let whole = end
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    file.set_len(start + u64::try_from(whole)?)?;
    let text = String::from_utf8_lossy(&end[..whole]);
    Ok(text.lines().next_back().unwrap_or_default().to_owned())
}
