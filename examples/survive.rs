//! Counts primes with a pool whose workers are killed all the time, and gets them right.
//!
//! ```text
//! cargo run --release --example survive -- [--workers N] [--kill K] [LIMIT]
//! ```
//!
//! The numbers below LIMIT (5 million) are cut into tasks for N workers (4). K of these (100) are
//! sent SIGKILL, each at a random instant of a task. What they had is done again by others, since
//! the pool was built with retries; in the end no task is missing and none counts twice. A sieve,
//! in this process alone, says what is right.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program, which prints"
)]

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Range;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use outlive::Pool;
use outlive::process::active_children;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

const USAGE: &str = "usage: survive [--workers N] [--kill K] [LIMIT]";

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)).and_then(|arguments| survive(&arguments)) {
        Ok(report) => {
            println!("{report}");
            ExitCode::from(u8::from(!report.is_right()))
        }
        Err(error) => {
            eprintln!("survive: {error}");
            ExitCode::from(2)
        }
    }
}

struct Arguments {
    workers: usize,
    kills: u32,
    limit: u32,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut workers, mut kills, mut limit) = (4, 100, 5_000_000);
        while let Some(word) = words.next() {
            let mut number = || words.next().ok_or(USAGE);
            match word.as_str() {
                "--workers" => workers = number()?.parse()?,
                "--kill" => kills = number()?.parse()?,
                number => limit = number.parse().map_err(|_| USAGE)?,
            }
        }
        Ok(Self {
            workers,
            kills,
            limit,
        })
    }
}

struct Report {
    tasks: usize,
    killed: u32,
    primes: u32,
    expected: u32,
    time: Duration,
}

fn survive(arguments: &Arguments) -> Result<Report> {
    let Arguments {
        workers,
        kills,
        limit,
    } = *arguments;
    let start = Instant::now();
    let pool = Pool::builder()
        .workers(workers)
        // As if one task were hit by all.
        .retries(kills)
        .build()?;
    // Several for each kill.
    let tasks = parts(limit, kills.saturating_add(1).saturating_mul(4));
    let (mut primes, mut killed) = (0, 0);
    for (done, outcome) in (1..).zip(pool.imap_unordered(count, tasks.iter().cloned())) {
        let (found, worker) = outcome?;
        primes += found;
        let is_due = done * (kills as usize + 1) > (killed as usize + 1) * tasks.len();
        if is_due && kill_soon(worker)? {
            killed += 1;
        }
    }
    Ok(Report {
        tasks: tasks.len(),
        killed,
        primes,
        time: start.elapsed(),
        expected: sieve(limit),
    })
}

/// The numbers below `limit`, in so many parts of about the same length.
fn parts(limit: u32, count: u32) -> Vec<Range<u32>> {
    let length = limit.div_ceil(count).max(1);
    let begins = (0..limit).step_by(length as usize);
    begins
        .map(|begin| begin..limit.min(begin.saturating_add(length)))
        .collect()
}

/// What a worker does: counts the primes, by trying all divisors.
fn count(numbers: Range<u32>) -> (u32, u32) {
    let is_prime = |n: &u32| {
        let n = *n;
        let divisors =
            (2..).take_while(|d: &u32| d.checked_mul(*d).is_some_and(|square| square <= n));
        n > 1 && divisors.into_iter().all(|d| !n.is_multiple_of(d))
    };
    let primes = numbers.filter(is_prime).count();
    (u32::try_from(primes).unwrap_or(0), std::process::id())
}

/// Kills a worker who has just done a task, when it has begun with the next; `false` where it is
/// dead already.
fn kill_soon(worker: u32) -> Result<bool> {
    let children = active_children();
    let Some(worker) = children.iter().find(|child| child.pid() == worker) else {
        return Ok(false);
    };
    let moment = RandomState::new().build_hasher().finish() % 2000;
    #[expect(clippy::disallowed_methods, reason = "nothing is waited for but time")]
    std::thread::sleep(Duration::from_micros(moment));
    worker.kill()?;
    worker.wait()?;
    Ok(true)
}

/// Counts the primes below `limit` in another way.
fn sieve(limit: u32) -> u32 {
    let mut is_composite = vec![false; limit as usize];
    let mut primes = 0;
    for n in 2..limit as usize {
        if !is_composite[n] {
            primes += 1;
            for multiple in (n * n..is_composite.len()).step_by(n) {
                is_composite[multiple] = true;
            }
        }
    }
    primes
}

impl Report {
    fn is_right(&self) -> bool {
        self.primes == self.expected
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tasks,
            killed,
            primes,
            expected,
            time,
        } = self;
        writeln!(f, "tasks   {tasks}")?;
        writeln!(f, "kills   {killed}")?;
        writeln!(f, "seconds {:.3}", time.as_secs_f64())?;
        writeln!(f, "primes  {primes} of {expected}")?;
        write!(f, "right: {}", if self.is_right() { "yes" } else { "no" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_right_however_many_are_killed() {
        for (workers, kills) in [(1, 10), (4, 40)] {
            let report = survive(&Arguments {
                workers,
                kills,
                limit: 200_000,
            })
            .unwrap();
            // As is well known.
            assert_eq!(report.expected, 17_984);
            assert!(report.is_right(), "{report}");
            assert!(report.killed >= kills / 2, "{report}");
        }
    }

    #[test]
    fn parts_leave_no_number_out() {
        for (limit, count) in [(0, 4), (1, 4), (10, 4), (1000, 7), (u32::MAX, 5)] {
            let parts = parts(limit, count);
            assert!(parts.iter().all(|part| !part.is_empty()));
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert_eq!(parts.first().map_or(0, |part| part.start), 0);
            assert_eq!(parts.last().map_or(0, |part| part.end), limit);
        }
    }

    #[test]
    fn words_are_understood_or_refused() {
        let parse = |words: &str| Arguments::parse(words.split(' ').map(str::to_owned));
        let Arguments {
            workers,
            kills,
            limit,
        } = parse("--workers 3 1000 --kill 5").unwrap();
        assert_eq!((workers, kills, limit), (3, 5, 1000));
        for wrong in ["--workers", "--kill x", "many"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
