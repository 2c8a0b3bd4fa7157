//! Finds files that are there more than once, with worker processes that may be killed.
//!
//! ```text
//! cargo run --release --example pool_map -- [--workers N] [--kill K] [PATH..]
//! ```
//!
//! Looks through the paths, or the repository that it was built from, and leaves out what is hidden
//! and what says that it can be made again, as `target`. Only files as long as another one are
//! read: each is a task for one of N workers (as many as there are processors), who gives its
//! SHA-256. [`outlive::Pool::imap_unordered`] takes a file when a worker will soon have time for
//! it, and gives what has been read, in whatever order, which moves the bar. `--kill K` SIGKILLs K
//! workers while they read.
//!
//! # Why a kill does no harm
//!
//! Who reads a file changes nothing, so it can be read again, which is what the pool is told with
//! [`retries`](outlive::process::pool::PoolBuilder::retries). It knows which file a dead worker
//! had, gives that to another, and starts a new worker; the loop over the results sees nothing of
//! it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program, which prints"
)]

mod duplicates;
#[cfg(test)]
mod tests;
mod tree;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const USAGE: &str = "usage: pool_map [--workers N] [--kill K] [PATH..]";

fn main() -> ExitCode {
    let found = Arguments::parse(std::env::args().skip(1)).and_then(|arguments| {
        let start = Instant::now();
        let found = duplicates::find(&arguments)?;
        print!("{found}");
        println!("seconds  {:.3}", start.elapsed().as_secs_f64());
        Ok(())
    });
    match found {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pool_map: {error}");
            ExitCode::from(2)
        }
    }
}

struct Arguments {
    workers: usize,
    kills: u32,
    paths: Vec<PathBuf>,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = Self {
            workers: outlive::process::parallelism(),
            kills: 0,
            paths: Vec::new(),
        };
        while let Some(word) = words.next() {
            let mut number = || words.next().ok_or(USAGE);
            match word.as_str() {
                "--workers" => arguments.workers = number()?.parse()?,
                "--kill" => arguments.kills = number()?.parse()?,
                option if option.starts_with('-') => return Err(USAGE.into()),
                path => arguments.paths.push(path.into()),
            }
        }
        if arguments.paths.is_empty() {
            arguments.paths.push(env!("CARGO_MANIFEST_DIR").into());
        }
        Ok(arguments)
    }
}
