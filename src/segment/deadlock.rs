//! Who waits for whom, and in a circle.
//!
//! A segment that was made with [`SegmentOptions::detect_deadlocks`] has a table in which each
//! thread that sleeps enters what it waits for. [`Segment::waits`] reads it, [`Segment::deadlocks`]
//! finds the circles, and the timed forms of locks say [`LockError::Deadlock`] in place of
//! [`LockError::TimedOut`] where they time out in one.
//!
//! # What is recorded
//!
//! Every sleep in an object, from its second slice on, after some 5 ms; also those for messages,
//! permits and events. Not recorded: sleeping at several objects at once
//! ([`queue::wait`](crate::queue::wait())) and in futures, as those wait for any of several things; a thread that
//! finds the table full; sockets and `remote`.
//!
//! # What is certain
//!
//! Who waits, and who holds what is waited for: both are read from the words themselves, twice, so
//! there was an instant at which all of it was so. Only what is held by processes that are known
//! makes a circle: [`Lock`](crate::Lock), [`RLock`](crate::RLock), [`RwLock`](crate::RwLock),
//! [`Value`](crate::Value) and [`Array`](crate::Array); not permits, messages, events, barriers or
//! conditions, which anybody can bring.
//!
//! A lock belongs to a process and not to a thread, so a circle is one of processes. Where one of
//! them has other threads, one of those may yet open it. Nothing is cut short, therefore: only who
//! times out anyway is told. A process that waits for a lock of its own makes a circle only where it
//! has no second thread, as seen from its own process-id namespace, and with an `RLock` never.
//!
//! The age of a wait is of the monotonic clock: processes in time namespaces with another offset see
//! each other's waits too old or too young, and may miss a circle.
//!
//! # Cost
//!
//! None where nobody sleeps, and none for a sleep of one slice. From then on one cell is written
//! for each wait, not for each slice.
//!
//! [`SegmentOptions::detect_deadlocks`]: crate::SegmentOptions::detect_deadlocks
//! [`Segment::waits`]: crate::Segment::waits
//! [`Segment::deadlocks`]: crate::Segment::deadlocks
//! [`LockError::Deadlock`]: crate::sync::LockError::Deadlock
//! [`LockError::TimedOut`]: crate::sync::LockError::TimedOut

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// A process that holds what another waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Holder {
    /// Process id, in the process's own process-id namespace.
    pub pid: u32,
    /// What the process calls itself.
    pub label: String,
}

/// A thread that sleeps, and what it waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Wait {
    /// Process id of the waiter, in its own process-id namespace.
    pub pid: u32,
    /// What the waiting process calls itself.
    pub label: String,
    /// Number of its thread, as the kernel counts them.
    pub thread: u32,
    /// Name of the object that is waited for, if it has one.
    pub name: Option<String>,
    /// Its kind, as its handle type is called; `segment` for the segment's own books.
    pub kind: &'static str,
    /// Where the object begins in the segment.
    pub offset: u64,
    /// How long the wait has lasted.
    pub age: Duration,
    /// Who holds the object, or what the waiter needs of it, where that is one process. In a
    /// [`Deadlock`], who comes next in the circle.
    pub holder: Option<Holder>,
    /// How many processes hold it; of more than the kernel watches at once, some.
    pub holders: usize,
}

/// Processes that wait for each other in a circle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deadlock {
    waits: Vec<Wait>,
}

impl Deadlock {
    pub(super) fn new(waits: Vec<Wait>) -> Self {
        Self { waits }
    }

    /// The circle: each waits for what the next one holds, and the last for the first.
    #[must_use]
    pub fn waits(&self) -> &[Wait] {
        &self.waits
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "process {} `{}` (thread {}) waits {:.1} s for {} ",
            self.pid,
            self.label,
            self.thread,
            self.age.as_secs_f64(),
            self.kind
        )?;
        match &self.name {
            Some(name) => write!(f, "`{name}`")?,
            None => write!(f, "{:#x}", self.offset)?,
        }
        match &self.holder {
            Some(holder) => write!(f, ", which process {} `{}` holds", holder.pid, holder.label),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, wait) in self.waits.iter().enumerate() {
            let between = if nth == 0 { "" } else { "; " };
            write!(f, "{between}{wait}")?;
        }
        Ok(())
    }
}
