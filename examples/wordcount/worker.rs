//! A worker: takes a batch, counts it, adds it to the table; until the queue is closed.

use std::fs::OpenOptions;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::{Child, Command};

use outlive::queue::{GetError, mpmc::Mpmc};
use outlive::{AtomicArray, Segment, SegmentOptions};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use crate::Result;
use crate::plan::SharedPlan;
use crate::table::Table;
use crate::words::{Counts, count_piece};

const PARENT: &str = "WORDCOUNT_PARENT";
const SEGMENT: &str = "WORDCOUNT_SEGMENT";
const DESK: &str = "WORDCOUNT_DESK";

/// What lies on the desk of a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Desk {
    /// The worker has not come yet.
    Empty,
    /// The worker waits for the queue.
    Waiting,
    /// This batch.
    Batch(u32),
}

impl Desk {
    pub(crate) fn get(desks: &AtomicArray<u32>, desk: usize) -> Result<Self> {
        Ok(match desks.get(desk)? {
            0 => Self::Empty,
            1 => Self::Waiting,
            batch => Self::Batch(batch - 2),
        })
    }

    pub(crate) fn set(self, desks: &AtomicArray<u32>, desk: usize) -> Result<()> {
        let word = match self {
            Self::Empty => 0,
            Self::Waiting => 1,
            Self::Batch(batch) => batch + 2,
        };
        Ok(desks.set(desk, word)?)
    }
}

/// What a worker is told by its parent, through the environment.
#[derive(Debug)]
pub(crate) struct Post {
    parent: String,
    segment: String,
    desk: usize,
}

/// Starts a worker at `desk`; it opens the segment through the parent's descriptor `fd`.
pub(crate) fn start(fd: &OwnedFd, desk: usize) -> Result<Child> {
    let parent = std::process::id();
    let segment = format!("/proc/{parent}/fd/{}", fd.as_raw_fd());
    // This program, even if its file was replaced meanwhile. Called as the parent was, for whoever
    // looks at a list of processes; it does not read that.
    let child = Command::new("/proc/self/exe")
        .args(std::env::args_os().skip(1))
        .env(PARENT, parent.to_string())
        .env(SEGMENT, segment)
        .env(DESK, desk.to_string())
        .spawn()?;
    Ok(child)
}

impl Post {
    /// `None` in the parent.
    pub(crate) fn from_environment() -> Option<Self> {
        Some(Self {
            parent: std::env::var(PARENT).ok()?,
            segment: std::env::var(SEGMENT).ok()?,
            desk: std::env::var(DESK).ok()?.parse().ok()?,
        })
    }

    pub(crate) fn work(self) -> Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid().is_none_or(|pid| pid.to_string() != self.parent) {
            return Err("the parent of this worker is gone".into());
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&self.segment)?;
        let segment = SegmentOptions::new().label("worker").from_fd(file.into())?;
        self.work_in(&segment)
    }

    fn work_in(&self, segment: &Segment) -> Result<()> {
        let desks = AtomicArray::open(segment, "desks")?;
        let queue = Mpmc::<u32>::open(segment, "queue")?;
        let plan = SharedPlan::open(segment)?;
        let table = Table::open(segment)?;
        let mut buffer = Vec::new();
        let mut counts = Counts::default();
        loop {
            Desk::Waiting.set(&desks, self.desk)?;
            let number = match queue.get() {
                Ok(number) => number,
                Err(GetError::Closed) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            Desk::Batch(number).set(&desks, self.desk)?;
            let batch = plan.batch(number)?;
            if table.has(&batch)? {
                continue;
            }
            counts.clear();
            let pieces = plan.pieces(&batch)?.into_iter();
            let seen: Vec<_> = pieces
                .map(|(path, range)| count_piece(&path, range, &mut buffer, &mut counts))
                .collect();
            table.add(&batch, &seen, &counts)?;
        }
    }
}
