//! What a pool and its workers have in shared memory: two queues, the slots of chunks that are out,
//! and for each worker what it has finished of its chunk.
//!
//! # States of a slot
//!
//! The upper half is the slot's turn, the lower half says who has the chunk: nobody yet, nobody ever
//! (it was cancelled), or the worker of a seat. It is taken by one compare-and-swap, so a chunk that
//! a queue delivers again after a death is worked on once. Only the pool gives a slot its next turn.
//!
//! # If a process dies
//!
//! A worker without a chunk: nothing has happened. One that has just received a chunk: the queue
//! delivers it again. One that has taken it: the pool finds the slot taken by the dead one's seat,
//! what that had finished in its scratch, and the number of the task that it was at.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::queue::messages::{ByteQueue, Queue, Raw};
use crate::segment::Segment;
use crate::shared::AtomicArray;

use super::wire::{self, Ticket};

/// Words of results that a worker collects before it sends them.
const SCRATCH: usize = 8 << 10;

/// Words of a worker's progress.
const PROGRESS: usize = 3;
/// The chunk: its ticket, as of a slot.
const CHUNK: usize = 0;
/// The first task whose outcome lies in the scratch, and how many do.
const FINISHED: usize = 1;
/// The task that is being called, and one; 0 between tasks.
const CALLED: usize = 2;

/// Who has a chunk, in the lower half of a slot.
const QUEUED: u32 = 1;
const CANCELLED: u32 = 2;
const FIRST_SEAT: u32 = 3;

/// The shared part of a pool, as a handle that travels.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Shared {
    pub(super) tasks: ByteQueue,
    pub(super) news: ByteQueue,
    slots: AtomicArray<u64>,
    progress: AtomicArray<u64>,
    scratch: AtomicArray<u64>,
}

/// What a dead worker had of a chunk.
#[derive(Debug)]
pub(super) struct Remains {
    pub(super) ticket: Ticket,
    /// The first task of those in `outcomes`.
    pub(super) first: u32,
    pub(super) outcomes: Vec<u8>,
    /// The task that it was at.
    pub(super) called: Option<u32>,
}

fn word(ticket: Ticket, who: u32) -> u64 {
    u64::from(ticket.turn) << 32 | u64::from(who)
}

fn halves(word: u64) -> (u32, u32) {
    let low = u32::try_from(word & u64::from(u32::MAX)).unwrap_or(0);
    (u32::try_from(word >> 32).unwrap_or(0), low)
}

impl Shared {
    /// Room for `slots` chunks that are out and `seats` workers, with `bytes` for each queue.
    pub(super) fn new(segment: &Segment, slots: usize, seats: usize, bytes: usize) -> Result<Self> {
        let queue = |name| {
            Queue::options(slots)
                .bytes(bytes)
                .codec::<Raw>()
                .create(segment, name)
        };
        Ok(Self {
            tasks: queue("tasks")?,
            news: queue("news")?,
            slots: AtomicArray::create(segment, "slots", slots)?,
            progress: AtomicArray::create(segment, "progress", seats * PROGRESS)?,
            scratch: AtomicArray::create(segment, "scratch", seats * SCRATCH)?,
        })
    }

    /// The pool: puts a chunk out.
    pub(super) fn put_out(&self, ticket: Ticket) -> Result<()> {
        self.slots.set(ticket.slot as usize, word(ticket, QUEUED))
    }

    /// The pool: takes back a chunk that no worker has taken; `false` where one has.
    pub(super) fn cancel(&self, ticket: Ticket) -> Result<bool> {
        let (queued, cancelled) = (word(ticket, QUEUED), word(ticket, CANCELLED));
        let slot = ticket.slot as usize;
        Ok(self
            .slots
            .compare_exchange(slot, queued, cancelled)?
            .is_ok())
    }

    /// A worker: takes a chunk; `false` where it is not to be worked on any more.
    pub(super) fn take(&self, ticket: Ticket, seat: u32) -> Result<bool> {
        // First, so that whoever finds the slot taken finds the progress of this chunk.
        self.set(seat, CALLED, 0)?;
        self.set(seat, FINISHED, 0)?;
        self.set(seat, CHUNK, word(ticket, ticket.slot))?;
        let (queued, taken) = (word(ticket, QUEUED), word(ticket, FIRST_SEAT + seat));
        let slot = ticket.slot as usize;
        Ok(self.slots.compare_exchange(slot, queued, taken)?.is_ok())
    }

    /// The pool: the worker that has the chunk.
    pub(super) fn taker(&self, ticket: Ticket) -> Option<u32> {
        let (turn, who) = halves(self.slots.get(ticket.slot as usize).ok()?);
        (turn == ticket.turn).then(|| who.checked_sub(FIRST_SEAT))?
    }

    /// A worker: begins with a task.
    pub(super) fn call(&self, seat: u32, task: u32) -> Result<()> {
        self.set(seat, CALLED, u64::from(task) + 1)
    }

    /// A worker: has the outcomes of `count` tasks from `first` on in its scratch, of which the last
    /// is `outcome`, from the word `at` on. Says where the next would begin, or nothing where it
    /// does not fit.
    pub(super) fn keep(
        &self,
        seat: u32,
        (first, count): (u32, u32),
        at: usize,
        outcome: &[u8],
    ) -> Result<Option<usize>> {
        // Each begins on a word of its own.
        let end = at + outcome.len().div_ceil(8);
        if end > SCRATCH {
            return Ok(None);
        }
        for (at, chunk) in (seat as usize * SCRATCH + at..).zip(outcome.chunks(8)) {
            let mut whole = [0; 8];
            whole[..chunk.len()].copy_from_slice(chunk);
            self.scratch.set(at, u64::from_le_bytes(whole))?;
        }
        let finished = u64::from(first) << 32 | u64::from(count);
        self.set(seat, FINISHED, finished)?;
        Ok(Some(end))
    }

    /// A worker: has sent the outcomes of all tasks before `next`.
    pub(super) fn sent(&self, seat: u32, next: u32) -> Result<()> {
        self.set(seat, FINISHED, u64::from(next) << 32)
    }

    /// A worker: has done all of its chunk.
    pub(super) fn rest(&self, seat: u32) -> Result<()> {
        self.set(seat, CALLED, 0)
    }

    /// The pool: the chunk and the task that a worker is at, as numbers to compare.
    pub(super) fn called(&self, seat: u32) -> Option<(u64, u64)> {
        let get = |at| self.progress.get(seat as usize * PROGRESS + at).ok();
        let (called, chunk) = (get(CALLED)?, get(CHUNK)?);
        (called > 0).then_some((chunk, called))
    }

    /// The pool: what the dead worker of a seat had, where it had taken a chunk.
    pub(super) fn remains(&self, seat: u32) -> Result<Option<Remains>> {
        let get = |at| self.progress.get(seat as usize * PROGRESS + at);
        let (turn, slot) = halves(get(CHUNK)?);
        let ticket = Ticket { slot, turn };
        if self.taker(ticket) != Some(seat) {
            return Ok(None);
        }
        let (first, count) = halves(get(FINISHED)?);
        let called = get(CALLED)?;
        let mut outcomes = Vec::new();
        let mut at = seat as usize * SCRATCH;
        let end = at + SCRATCH;
        for _ in 0..count {
            // One after the other: each begins on a word of its own.
            let [a, b, c, d, ..] = self.scratch.get(at)?.to_le_bytes();
            let len = wire::framed_len([a, b, c, d]);
            let words = len.div_ceil(8);
            if at + words > end {
                break;
            }
            let start = outcomes.len();
            for word in at..at + words {
                outcomes.extend_from_slice(&self.scratch.get(word)?.to_le_bytes());
            }
            outcomes.truncate(start + len);
            at += words;
        }
        Ok(Some(Remains {
            ticket,
            first,
            outcomes,
            called: u32::try_from(called.wrapping_sub(1)).ok(),
        }))
    }

    fn set(&self, seat: u32, at: usize, value: u64) -> Result<()> {
        self.progress.set(seat as usize * PROGRESS + at, value)
    }
}
