//! The workers: what they do, and what the parent has done and does to them.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use indicatif::ProgressBar;
use outlive::Pool;
use outlive::process::active_children;
use outlive::process::pool::TaskError;

use crate::Result;
use crate::arguments::Arguments;
use crate::plan::{Job, Plan};
use crate::table::Table;
use crate::words::{Counts, count_piece};

/// A worker, with what it needs again and again.
struct Worker {
    table: Table,
    buffer: Vec<u8>,
    counts: Counts,
}

impl Worker {
    fn new(table: Table) -> Self {
        Self {
            table,
            buffer: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Counts a batch, and adds it to the table.
    fn count(&mut self, job: &Job) -> Result<()> {
        self.table.begin(job.number)?;
        if self.table.has(&job.batch)? {
            return Ok(());
        }
        self.counts.clear();
        let mut seen = Vec::new();
        for (path, range) in &job.pieces {
            let (buffer, counts) = (&mut self.buffer, &mut self.counts);
            seen.push(count_piece(path.as_ref(), range.clone(), buffer, counts));
        }
        self.table.add(&job.batch, &seen, &self.counts)
    }
}

/// What happened to the workers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) workers: usize,
    /// How many are to be killed.
    pub(crate) wanted: usize,
    /// How many were.
    pub(crate) killed: usize,
    /// How many batches were begun again, since their worker had died.
    pub(crate) at_work: u64,
}

/// What the workers leave.
pub(crate) struct Outcome {
    pub(crate) table: Table,
    pub(crate) tally: Tally,
}

/// Deaths in the middle of one batch that nobody wanted, after which it is better to give up.
const MOST_LOST: usize = 3;

/// Has all batches counted.
pub(crate) fn count(arguments: &Arguments, plan: &Plan, bar: &ProgressBar) -> Result<Outcome> {
    let mut tally = Tally {
        workers: arguments.workers,
        wanted: arguments.kills,
        ..Tally::default()
    };
    let table = Table::new(plan, tally.workers)?;
    let pool = Pool::builder()
        .workers(tally.workers)
        .retries(u32::try_from(tally.wanted + MOST_LOST)?)
        .initializer(Worker::new, table.clone())
        .build()?;
    let batches = plan.batches().len();
    // Kills come between equal portions of the work: where the portion before one ends.
    let portion_end = |kill: usize| (batches * (kill + 1)).div_ceil(tally.wanted + 1);
    let mut tasks = VecDeque::new();
    let mut fed = 0;
    loop {
        let end = portion_end(tally.killed);
        for number in fed..end {
            let work =
                |worker: &mut Worker, job: Job| worker.count(&job).map_err(|e| e.to_string());
            tasks.push_back(pool.submit_in(work, plan.job(number)?));
        }
        fed = end;
        let Some(task) = tasks.front_mut() else {
            if fed == batches {
                break;
            }
            // The next kill is waited for, and with it the next portion.
            tally.killed += usize::from(kill(&table, None)?);
            continue;
        };
        // A random time, so that kills come at any instant.
        match task.get_timeout(Duration::from_micros(50 + random(200))) {
            Err(TaskError::TimedOut) => {}
            done => {
                done??;
                tasks.pop_front();
            }
        }
        bar.set_position(table.progress()?);
        if tally.killed < tally.wanted {
            let portion = tally.killed.checked_sub(1).map_or(0, portion_end);
            tally.killed += usize::from(kill(&table, Some(portion))?);
        }
    }
    bar.set_position(table.progress()?);
    let (begun, ..) = table.begun()?;
    tally.at_work = begun.saturating_sub(batches as u64);
    Ok(Outcome { table, tally })
}

/// Kills the worker that began last, if that was with batch `from` or one behind; anyone, where
/// nothing is left to begin with. `false` where nobody is to be killed yet.
fn kill(table: &Table, from: Option<usize>) -> Result<bool> {
    let (_, worker, batch) = table.begun()?;
    if from.is_some_and(|from| (batch as usize) < from) {
        return Ok(false);
    }
    let children = active_children();
    let latest = children.iter().find(|child| child.pid() == worker);
    let anyone = || children.first().filter(|_| from.is_none());
    let Some(victim) = latest.or_else(anyone) else {
        return Ok(false);
    };
    victim.kill()?;
    victim.wait()?;
    Ok(true)
}

fn random(end: u64) -> u64 {
    RandomState::new().build_hasher().finish() % end
}
