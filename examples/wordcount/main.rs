//! Counts the words of text files with worker processes that may be killed at any instant.
//!
//! ```text
//! cargo run --release --example wordcount -- [--workers N] [--kill K] [PATH..]
//! ```
//!
//! A word is a run of letters and digits (Unicode's alphanumeric), in lower case. Files are cut
//! into pieces between words, and pieces put together into batches, once, by the parent. Each batch
//! is a task of an [`outlive::Pool`]; a worker counts it by itself, and adds the result to the table
//! that all share. `--kill K` SIGKILLs K workers while there is work; the pool replaces them. Then
//! the parent counts the same pieces alone, and compares every word.
//!
//! # Why the count is exact
//!
//! 1. *A batch is counted at most once.* A worker adds a batch under one [`outlive::Lock`]. It
//!    writes all new values (of the words, and what became of the batch's pieces) to a log, commits
//!    the log with one store, and copies the values to their places. Before the commit nothing was
//!    counted. After it, the lock's heir finds the log and copies again: values, not differences,
//!    so that twice is once. A batch that the table has already is left alone: see [`table`].
//! 2. *A batch is counted at least once.* The pool knows which task a dead worker had, and has
//!    another do it again. Nobody has to know whether the dead one had added it, because of 1.
//!
//! Files that are empty, unreadable or not UTF-8 are skipped and counted, by piece where a file has
//! several. What a worker saw of a piece is in the table too, as a hash: if the parent sees
//! something else later, the file has changed or vanished meanwhile; both counts are then repeated
//! without it, so that what is compared is always the same input.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program, which prints"
)]

mod arguments;
mod crew;
mod plan;
mod report;
mod table;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use indicatif::{ProgressBar, ProgressStyle};

use arguments::Arguments;
use plan::Plan;
use report::Report;
use words::Counts;

/// What may go wrong here is for the user to read, not for the program to tell apart.
type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// How often a count is repeated because files change.
const ATTEMPTS: u32 = 10;

fn main() -> ExitCode {
    run(std::env::args_os().skip(1))
}

fn run(words: impl Iterator<Item = OsString>) -> ExitCode {
    count(words).unwrap_or_else(|error| {
        eprintln!("wordcount: {error}");
        ExitCode::from(2)
    })
}

fn count(words: impl Iterator<Item = OsString>) -> Result<ExitCode> {
    let Some(arguments) = Arguments::parse(words)? else {
        println!("{}", arguments::USAGE);
        return Ok(ExitCode::SUCCESS);
    };
    let mut without = HashSet::new();
    for _ in 0..ATTEMPTS {
        let begun = SystemTime::now();
        let plan = Plan::new(&arguments, &without)?;
        let report = count_twice(&arguments, &plan)?;
        let changed = report.changed(&plan, begun);
        if changed.is_empty() {
            report.print(&plan, without.len());
            let is_match = report.is_match();
            println!("match: {}", if is_match { "yes" } else { "no" });
            return Ok(ExitCode::from(u8::from(!is_match)));
        }
        eprintln!(
            "wordcount: files changed meanwhile ({}), once more without them",
            changed.len()
        );
        without.extend(changed);
    }
    Err("the files change all the time".into())
}

/// Has the plan carried out by the workers, and then by this process alone.
fn count_twice(arguments: &Arguments, plan: &Plan) -> Result<Report> {
    let bar = progress(plan.bytes(), "workers");
    let start = Instant::now();
    let outcome = crew::count(arguments, plan, &bar)?;
    let shared = start.elapsed();
    bar.finish_and_clear();

    let bar = progress(plan.bytes(), "alone");
    let start = Instant::now();
    let (counts, seen) = count_alone(plan, &bar);
    let alone = start.elapsed();
    bar.finish_and_clear();
    Report::new(outcome, &counts, seen, [shared, alone])
}

fn count_alone(plan: &Plan, bar: &ProgressBar) -> (Counts, Vec<words::Seen>) {
    let mut counts = Counts::default();
    let mut buffer = Vec::new();
    let seen = plan
        .pieces()
        .map(|(path, range)| {
            bar.inc(range.end - range.start);
            words::count_piece(path, range, &mut buffer, &mut counts)
        })
        .collect();
    (counts, seen)
}

fn progress(bytes: u64, who: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(bytes);
    let style = "{msg:8} [{bar:40}] {bytes}/{total_bytes} {bytes_per_sec}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar.with_message(who)
}
