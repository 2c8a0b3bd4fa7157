//! Contests: contenders in turn, round after round.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::pinning;
use crate::table::Table;

/// How thoroughly to measure.
pub struct Plan {
    pub quick: bool,
    pub rounds: usize,
}

impl Plan {
    pub fn new(quick: bool) -> Self {
        Self {
            quick,
            rounds: if quick { 5 } else { 15 },
        }
    }

    /// `count`, or an eighth of it in a hurry.
    pub fn count(&self, count: u64) -> u64 {
        if self.quick { count / 8 } else { count }
    }
}

/// Nanoseconds of the monotonic clock, the same in every process.
pub fn now() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is ours to write to.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// One sample of a contender: nanoseconds per operation, or why there is none.
pub type Sample<'a> = Box<dyn FnMut() -> Result<f64, String> + 'a>;

/// A contender that does `n` operations when told to, alone on a core.
pub fn alone<'a>(mut body: impl FnMut(u64) + 'a) -> Sample<'a> {
    const ENOUGH: f64 = 10e6;
    let mut count = 64_u64;
    Box::new(move || {
        pinning::pin(0);
        loop {
            let begin = Instant::now();
            body(count);
            let nanos = begin.elapsed().as_nanos() as f64;
            if nanos >= ENOUGH {
                return Ok(nanos / count as f64);
            }
            count *= if nanos < ENOUGH / 16.0 { 8 } else { 2 };
        }
    })
}

/// A contender that does `count` operations when told to, with processes of its own, all on two
/// cores.
pub fn in_company<'a>(
    count: u64,
    mut body: impl FnMut(u64) -> Result<(), String> + 'a,
) -> Sample<'a> {
    Box::new(move || {
        pinning::pin_to_two();
        let begin = Instant::now();
        body(count)?;
        Ok(begin.elapsed().as_nanos() as f64 / count as f64)
    })
}

/// Contenders for one operation.
pub struct Contest<'a> {
    name: &'static str,
    entries: Vec<(&'static str, Sample<'a>)>,
}

impl<'a> Contest<'a> {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            entries: Vec::new(),
        }
    }

    pub fn enter(&mut self, name: &'static str, sample: Sample<'a>) -> &mut Self {
        self.entries.push((name, sample));
        self
    }

    /// Runs every contender once per round and writes the figures into the table.
    pub fn hold(mut self, rounds: usize, table: &mut Table) -> Figures {
        let mut figures = Figures {
            name: self.name,
            of: self
                .entries
                .iter()
                .map(|(name, _)| (*name, Ok(Vec::new())))
                .collect(),
        };
        // The first round warms up and is thrown away.
        for round in 0..=rounds {
            for ((_, sample), (_, kept)) in self.entries.iter_mut().zip(&mut figures.of) {
                let Ok(values) = kept else { continue };
                match sample() {
                    Ok(value) if round > 0 => values.push(value),
                    Ok(_) => {}
                    Err(why) => *kept = Err(why),
                }
            }
        }
        table.figures(&figures);
        figures
    }
}

/// What a contest measured: nanoseconds per operation, one value per round.
pub struct Figures {
    pub name: &'static str,
    pub of: Vec<(&'static str, Result<Vec<f64>, String>)>,
}

impl Figures {
    fn values(&self, contender: &str) -> Result<&[f64], String> {
        match self.of.iter().find(|(name, _)| *name == contender) {
            Some((_, Ok(values))) => Ok(values),
            Some((_, Err(why))) => Err(format!("{contender}: {why}")),
            None => Err(format!("{contender}: not measured")),
        }
    }

    /// `of` over `to`, round by round.
    pub fn ratio(&self, of: &str, to: &str) -> Result<Spread, String> {
        let (of, to) = (self.values(of)?, self.values(to)?);
        Ok(Spread::of(
            of.iter().zip(to).map(|(of, to)| of / to).collect(),
        ))
    }
}

/// A median and what lies round it.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Spread {
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self {
            median: quantile(&values, 0.5),
            least: quantile(&values, 0.0),
            most: quantile(&values, 1.0),
        }
    }

    /// A figure that was measured once.
    pub fn single(value: f64) -> Self {
        Self {
            median: value,
            least: value,
            most: value,
        }
    }

    pub fn is_single(self) -> bool {
        self.least == self.most
    }
}

/// The value below which the part `q` of the sorted values lies.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get((last as f64 * q).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}
