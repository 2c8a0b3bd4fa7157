//! What each kind of object says of itself.

use std::time::SystemTime;

use serde::Serialize;

use super::{Holder, Who};
use crate::segment::seconds;

/// The state of an object at one moment.
///
/// *Waiters* says that somebody may be asleep at the object: a flag that is set before a sleep, and
/// stays until the next wake-up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum State {
    /// Of a [`Lock`](crate::Lock).
    #[non_exhaustive]
    Lock {
        /// Who holds it.
        owner: Option<Who>,
        /// Somebody may sleep at it.
        waiters: bool,
        /// A death left the data, and nobody has said since that they are repaired.
        marked: bool,
        /// The last owner that died with it, if one did.
        died: Option<Died>,
    },
    /// Of an [`RLock`](crate::RLock).
    #[non_exhaustive]
    RLock {
        /// Who holds it.
        owner: Option<Who>,
        /// How many times.
        depth: u32,
        /// Somebody may sleep at it.
        waiters: bool,
        /// A death left the data, and nobody has said since that they are repaired.
        marked: bool,
        /// The last owner that died with it, if one did.
        died: Option<Died>,
    },
    /// Of an [`RwLock`](crate::RwLock).
    #[non_exhaustive]
    RwLock {
        /// Who writes, or waits for the readers to leave.
        writer: Option<Who>,
        /// Who reads, with how many guards.
        readers: Vec<Holder>,
        /// Somebody may sleep at it.
        waiters: bool,
        /// A writer's death left the data, and nobody has said since that they are repaired.
        marked: bool,
        /// The last writer that died with it, if one did.
        died: Option<Died>,
    },
    /// Of a [`Semaphore`](crate::Semaphore) or a [`BoundedSemaphore`](crate::BoundedSemaphore).
    #[non_exhaustive]
    Semaphore {
        /// The most permits that there can ever be: what a bounded one was made with, and of a plain
        /// one the room for more, at least 256, whatever it was made with.
        capacity: u32,
        /// How many nobody has.
        free: u64,
        /// Who has the others.
        permits: Vec<Holder>,
    },
    /// Of an [`Event`](crate::Event).
    #[non_exhaustive]
    Event {
        /// Whether it is set.
        is_set: bool,
        /// Somebody may sleep at it.
        waiters: bool,
    },
    /// Of a [`Barrier`](crate::Barrier).
    #[non_exhaustive]
    Barrier {
        /// How many must arrive.
        parties: u32,
        /// Who has.
        arrived: Vec<Who>,
        /// Whether it is broken.
        is_broken: bool,
        /// Whose death broke it.
        broken_by: Option<Who>,
    },
    /// Of a [`Condition`](crate::Condition).
    #[non_exhaustive]
    Condition {
        /// Who waits to be notified.
        waiting: Vec<Who>,
        /// Who has been, and not gone on yet.
        notified: Vec<Who>,
    },
    /// Of a [`Value`](crate::Value).
    #[non_exhaustive]
    Value {
        /// Who changes it under its lock.
        owner: Option<Who>,
        /// Somebody may sleep at it.
        waiters: bool,
    },
    /// Of an [`Array`](crate::Array).
    #[non_exhaustive]
    Array {
        /// Who holds it.
        owner: Option<Who>,
        /// Somebody may sleep at it.
        waiters: bool,
        /// A death left the elements, and nobody has said since that they are repaired.
        marked: bool,
        /// The last owner that died with it, if one did.
        died: Option<Died>,
    },
    /// Of an [`AtomicArray`](crate::AtomicArray), which nobody can hold.
    #[non_exhaustive]
    AtomicArray {},
    /// Of an [`Spsc`](crate::queue::spsc::Spsc), in items, or of a
    /// [`Pipe`](crate::queue::pipe::Pipe), in frames of up to 55 bytes.
    #[non_exhaustive]
    Ring {
        /// How many it can hold.
        capacity: u64,
        /// How many it holds.
        depth: u64,
        /// How many ever came, and wrap.
        put: u64,
        /// How many ever went, and wrap.
        taken: u64,
        /// The end that puts.
        producer: End,
        /// The end that takes.
        consumer: End,
        /// Nothing more is to come.
        is_closed: bool,
    },
    /// Of an [`Mpmc`](crate::queue::mpmc::Mpmc), in items, or of a [`Queue`](crate::Queue) or a
    /// [`JoinableQueue`](crate::JoinableQueue), in messages.
    #[non_exhaustive]
    Queue {
        /// How many it can hold.
        capacity: u64,
        /// How many wait to be taken.
        depth: u64,
        /// How many ever came, and wrap.
        put: u64,
        /// How many ever went, and wrap.
        taken: u64,
        /// Who is putting one in.
        putting: Vec<Holder>,
        /// Who is taking one out, or has taken one that is not dealt with.
        taking: Vec<Holder>,
        /// Nothing more may be put.
        is_closed: bool,
    },
    /// Its bytes make no sense, or its kind is not known.
    #[non_exhaustive]
    Unknown {},
}

/// One end of a ring.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct End {
    /// Who has it.
    pub who: Option<Who>,
}

/// A death in the possession of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Died {
    /// Process id of the dead.
    pub pid: u32,
    /// What it called itself.
    pub label: String,
    /// When the death was noticed.
    #[serde(serialize_with = "seconds")]
    pub at: SystemTime,
    /// Process id of whoever took the object over; none where a repair freed it first, for anybody.
    pub heir: Option<u32>,
}
