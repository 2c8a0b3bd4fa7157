//! Measures `outlive` beside its peers and beside what the machine allows.
//!
//! `cargo run --release --manifest-path compare/Cargo.toml -- --write` measures everything and writes
//! the README's table, `docs/figures.md` and its plots. Without `--write` it only shows the figures;
//! nouns behind it measure these alone.
//!
//! Every contest runs its contenders in turn, round after round, in this one run, each side pinned
//! to a core of its own, or all to the same two; figures are medians over the rounds, ratios are
//! medians of the ratios within a round. Every contender checks its results: a queue that is fast
//! because it loses items fails. The bars are the project's own aims.

mod array;
mod bare;
mod barrier;
mod condition;
mod contention;
mod death;
mod event;
mod latency;
mod lock;
mod machine;
mod mapping;
mod markdown;
mod matrix;
mod measure;
mod mpmc;
mod numbers;
mod ours;
mod peers;
mod percentiles;
mod pinning;
mod pipe;
mod plot;
mod pool;
mod process;
mod queue;
mod run;
mod rwlock;
mod semaphore;
mod sides;
mod sleepers;
mod spsc;
mod stream;
mod table;
mod terminal;
mod value;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use machine::Machine;
use measure::Plan;
use run::Run;
use table::Table;

type Noun = (&'static str, fn(&Plan, &mut Table));

const NOUNS: [Noun; 17] = [
    ("bare", bare::measure),
    ("lock", lock::measure),
    ("rwlock", rwlock::measure),
    ("semaphore", semaphore::measure),
    ("event", event::measure),
    ("condition", condition::measure),
    ("barrier", barrier::measure),
    ("value", value::measure),
    ("array", array::measure),
    ("spsc", spsc::measure),
    ("mpmc", mpmc::measure),
    ("queue", queue::measure),
    ("pipe", pipe::measure),
    ("process", process::measure),
    ("pool", pool::measure),
    ("latency", latency::measure),
    ("death", death::measure),
];

fn main() -> ExitCode {
    // Of this program it makes processes of its own, which go no further.
    ::procspawn::init();
    match follow(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Measures outlive beside its peers.
#[derive(Parser)]
struct Arguments {
    /// What to measure: all of it where nothing is named
    #[arg(value_name = "NOUN", value_parser = NOUNS.map(|(noun, _)| noun))]
    nouns: Vec<String>,
    /// Fewer rounds, of fewer operations
    #[arg(long)]
    quick: bool,
    /// Saves the run
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Takes a saved run and measures nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["nouns", "quick", "json"])]
    from: Option<PathBuf>,
    /// Writes the README's table, docs/figures.md and its plots: of a full run only
    #[arg(long, conflicts_with_all = ["nouns", "quick"])]
    write: bool,
}

fn follow(arguments: &Arguments) -> Result<(), String> {
    let run = match &arguments.from {
        Some(file) => Run::load(file)?,
        None => measure(arguments),
    };
    terminal::print(&run.table);
    if let Some(file) = &arguments.json {
        run.save(file)?;
    }
    if arguments.write {
        run.publish(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))?;
    }
    Ok(())
}

fn measure(arguments: &Arguments) -> Run {
    let begin = Instant::now();
    let plan = Plan::new(arguments.quick);
    let mut table = Table::default();
    let chosen = &arguments.nouns;
    for (noun, measure) in NOUNS {
        if chosen.is_empty() || chosen.iter().any(|name| name == noun) {
            eprintln!("{:4} s: measuring {noun}", begin.elapsed().as_secs());
            table.begin(noun);
            measure(&plan, &mut table);
        }
    }
    Run {
        machine: Machine::here(begin.elapsed().as_secs(), plan.rounds),
        is_full: chosen.is_empty() && !plan.quick,
        table,
    }
}
