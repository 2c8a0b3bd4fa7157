//! The workers from the parent's side: fed, killed, buried, replaced.
//!
//! A dead worker may have had a batch: on its desk, or taken from the queue and not laid there yet.
//! It is not necessary to know which. After a death, when the queue has run empty, the parent puts
//! in again what is neither in the table nor on a living worker's desk. That may be one that a
//! living worker has just taken and not laid on its desk yet; it is then counted twice, and added
//! once.

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Child;
use std::time::Duration;

use indicatif::ProgressBar;
use outlive::queue::{PutError, mpmc::Mpmc};
use outlive::{AtomicArray, Segment, SegmentOptions};

use crate::Result;
use crate::arguments::Arguments;
use crate::plan::{Plan, index};
use crate::table::Table;
use crate::worker::{self, Desk};

/// All workers, and what they share.
pub(crate) struct Crew<'a> {
    plan: &'a Plan,
    segment: Segment,
    fd: OwnedFd,
    queue: Mpmc<u32>,
    desks: AtomicArray<u32>,
    table: Table,
    workers: Vec<Worker>,
    /// How many batches have been put into the queue.
    fed: usize,
    /// Whether somebody died since the lost batches were put in again.
    is_behind: bool,
    tally: Tally,
    random: Random,
}

struct Worker {
    process: Child,
    /// Whether it was sent SIGKILL.
    is_doomed: bool,
}

/// What happened to the workers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) workers: usize,
    /// How many are to be killed.
    pub(crate) wanted: usize,
    /// How many were.
    pub(crate) killed: usize,
    /// How many of them had a batch on their desk.
    pub(crate) at_work: usize,
    /// How many died of something else.
    pub(crate) lost: usize,
}

/// What the workers leave.
pub(crate) struct Outcome {
    pub(crate) table: Table,
    pub(crate) tally: Tally,
}

/// Batches that wait at the most.
const QUEUE: usize = 1024;
/// Deaths that nobody wanted, after which it is better to give up.
const MOST_LOST: usize = 100;

impl<'a> Crew<'a> {
    pub(crate) fn new(arguments: &Arguments, plan: &'a Plan) -> Result<Self> {
        let workers = arguments.workers;
        // The dead keep their place until they are buried.
        let participants = u32::try_from(2 * workers + 8)?;
        let segment = SegmentOptions::new()
            .size(plan.shared_size() + Table::shared_size(plan) + (4 << 20))
            .participants(participants)
            .label("parent")
            .anonymous()?;
        plan.share(&segment)?;
        Ok(Self {
            plan,
            fd: segment.try_clone_fd()?,
            queue: Mpmc::create(&segment, "queue", QUEUE)?,
            desks: AtomicArray::create(&segment, "desks", workers)?,
            table: Table::create(&segment, plan)?,
            segment,
            workers: Vec::new(),
            fed: 0,
            is_behind: false,
            tally: Tally {
                workers,
                wanted: arguments.kills,
                ..Tally::default()
            },
            random: Random::new(),
        })
    }

    /// Has all batches counted.
    pub(crate) fn run(mut self, bar: &ProgressBar) -> Result<Outcome> {
        let batches = self.plan.batches().len() as u64;
        if batches > 0 {
            for desk in 0..self.tally.workers {
                let worker = self.hire(desk)?;
                self.workers.push(worker);
            }
        }
        loop {
            let [done, bytes] = self.table.progress()?;
            bar.set_position(bytes);
            if done == batches {
                break;
            }
            self.feed()?;
            self.kill(done)?;
            self.bury()?;
            self.put_again()?;
            self.rest();
        }
        self.dismiss()?;
        Ok(Outcome {
            // The workers' own handles are gone; this one keeps the segment.
            table: Table::open(&self.segment)?,
            tally: self.tally,
        })
    }

    fn hire(&self, desk: usize) -> Result<Worker> {
        Desk::Empty.set(&self.desks, desk)?;
        Ok(Worker {
            process: worker::start(&self.fd, desk)?,
            is_doomed: false,
        })
    }

    /// Puts batches in, but none that is to be left for the time after the next kill.
    fn feed(&mut self) -> Result<()> {
        let batches = self.plan.batches().len();
        let end = self.portion_end(self.tally.killed + self.doomed());
        while self.fed < end.clamp(1, batches) && self.put(self.fed)? {
            self.fed += 1;
        }
        Ok(())
    }

    /// Kills come between equal portions of the work: where the portion before kill `kill` ends.
    fn portion_end(&self, kill: usize) -> usize {
        let batches = self.plan.batches().len();
        (batches * (kill + 1)).div_ceil(self.tally.wanted + 1)
    }

    fn put(&self, batch: usize) -> Result<bool> {
        match self.queue.try_put(u32::try_from(batch)?) {
            Ok(()) => Ok(true),
            Err(PutError::Full) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn doomed(&self) -> usize {
        self.workers
            .iter()
            .filter(|worker| worker.is_doomed)
            .count()
    }

    /// Kills a random worker when the portion before that is being counted, or has been.
    fn kill(&mut self, done: u64) -> Result<()> {
        let kill = self.tally.killed + self.doomed();
        if kill >= self.tally.wanted {
            return Ok(());
        }
        let begin = if kill == 0 {
            0
        } else {
            self.portion_end(kill - 1)
        };
        let mut at_work = Vec::new();
        let mut waiting = Vec::new();
        for (desk, worker) in self.workers.iter().enumerate() {
            match Desk::get(&self.desks, desk)? {
                _ if worker.is_doomed => {}
                Desk::Batch(batch) if index(batch.into()) >= begin => at_work.push(desk),
                Desk::Batch(_) | Desk::Waiting => waiting.push(desk),
                Desk::Empty => {}
            }
        }
        // Nobody is seen at work where a portion takes less time than a look.
        let is_over = done >= self.fed as u64;
        let victims = if is_over && at_work.is_empty() {
            &waiting
        } else {
            &at_work
        };
        if victims.is_empty() {
            return Ok(());
        }
        let victim = victims[self.random.below(victims.len())];
        self.workers[victim].process.kill()?;
        self.workers[victim].is_doomed = true;
        self.tally.at_work += usize::from(!at_work.is_empty());
        Ok(())
    }

    /// Waits for those that are dead, and replaces them.
    fn bury(&mut self) -> Result<()> {
        for desk in 0..self.workers.len() {
            let worker = &mut self.workers[desk];
            let Some(status) = worker.process.try_wait()? else {
                continue;
            };
            if worker.is_doomed && status.signal() == Some(libc::SIGKILL) {
                self.tally.killed += 1;
            } else {
                self.tally.lost += 1;
            }
            if self.tally.lost > MOST_LOST {
                return Err(
                    format!("the workers die by themselves; the last one: {status}").into(),
                );
            }
            self.segment.reap()?;
            self.workers[desk] = self.hire(desk)?;
            self.is_behind = true;
        }
        Ok(())
    }

    fn put_again(&mut self) -> Result<()> {
        if !self.is_behind || !self.queue.is_empty() {
            return Ok(());
        }
        let desks = (0..self.workers.len()).map(|desk| Desk::get(&self.desks, desk));
        let desks = desks.collect::<Result<Vec<_>>>()?;
        for (number, batch) in self.plan.batches()[..self.fed].iter().enumerate() {
            let is_on_a_desk = || {
                desks
                    .iter()
                    .any(|desk| matches!(desk, Desk::Batch(on) if index((*on).into()) == number))
            };
            if !self.table.has(batch)? && !is_on_a_desk() && !self.put(number)? {
                return Ok(());
            }
        }
        self.is_behind = false;
        Ok(())
    }

    /// A random time, so that kills come at any instant; short while kills are to come.
    fn rest(&mut self) {
        let most = if self.tally.killed < self.tally.wanted {
            200
        } else {
            2000
        };
        let time = Duration::from_micros(50 + self.random.below(most) as u64);
        #[expect(
            clippy::disallowed_methods,
            reason = "a supervisor that looks after many things"
        )]
        std::thread::sleep(time);
    }

    /// Sends everybody home.
    fn dismiss(&mut self) -> Result<()> {
        self.queue.close()?;
        for worker in &mut self.workers {
            let status = worker.process.wait()?;
            self.tally.killed += usize::from(worker.is_doomed && !status.success());
        }
        self.workers.clear();
        Ok(())
    }
}

impl Drop for Crew<'_> {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            // They may be gone already.
            let _ = worker.process.kill();
            let _ = worker.process.wait();
        }
    }
}

/// Xorshift: enough to choose victims.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let time = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        Self(u64::from(time.subsec_nanos()) << 20 | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        index(self.0 % end.max(1) as u64)
    }
}
