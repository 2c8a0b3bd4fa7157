//! Measures `outlive` beside its peers and beside what the machine allows.
//!
//! `cargo run --release --manifest-path compare/Cargo.toml -- [--quick] [--json] [noun..]`
//!
//! Every contest runs its contenders in turn, round after round, in this one run, each side pinned
//! to a core of its own, or all to the same two; figures are medians over the rounds, ratios are medians of the ratios
//! within a round. Every contender checks its results: a queue that is fast because it loses items
//! fails. The last table holds the project's bars.

mod array;
mod bare;
mod barrier;
mod condition;
mod contention;
mod death;
mod event;
mod lock;
mod mapping;
mod measure;
mod mpmc;
mod ours;
mod peers;
mod pinning;
mod pipe;
mod pool;
mod process;
mod queue;
mod rwlock;
mod semaphore;
mod sides;
mod sleepers;
mod spsc;
mod stream;
mod table;
mod value;

use std::process::ExitCode;

use measure::Plan;
use table::Table;

type Noun = (&'static str, fn(&Plan, &mut Table));

const NOUNS: [Noun; 16] = [
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
    ("death", death::measure),
];

fn main() -> ExitCode {
    // Of this program it makes processes of its own, which go no further.
    ::procspawn::init();
    let mut quick = false;
    let mut json = false;
    let mut chosen = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => quick = true,
            "--json" => json = true,
            name if NOUNS.iter().any(|(noun, _)| *noun == name) => chosen.push(argument),
            other => {
                let nouns: Vec<_> = NOUNS.iter().map(|(noun, _)| *noun).collect();
                eprintln!("{other}? usage: [--quick] [--json] [{}]", nouns.join("|"));
                return ExitCode::from(2);
            }
        }
    }
    let plan = Plan::new(quick);
    let mut table = Table::default();
    for (noun, measure) in NOUNS {
        if chosen.is_empty() || chosen.iter().any(|name| name == noun) {
            eprintln!("measuring {noun}");
            measure(&plan, &mut table);
        }
    }
    if json {
        println!("{}", table.json())
    } else {
        table.print()
    }
    ExitCode::SUCCESS
}
