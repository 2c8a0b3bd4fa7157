//! Who waits for whom, and in a circle: what is told of it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// A process that holds what another one waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Holder {
    /// Process id, in the process's own process-id namespace.
    pub pid: u32,
    /// What the process calls itself.
    pub label: String,
}

/// A thread that sleeps, and what it waits for. [`Deadlock`] says which sleeps are recorded.
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
    /// How many processes hold it; where they are more than a sleeper can watch at once (127), perhaps
    /// fewer than there are.
    pub holders: usize,
}

/// Processes that wait for each other in a circle, so that none of them goes on by itself.
///
/// It is found in a segment that was made with [`SegmentOptions::detect_deadlocks`]. Such a segment
/// has a table in which each thread that sleeps enters what it waits for. [`Segment::waits`] lists
/// the entries and [`Segment::deadlocks`] the circles in them; whoever only looks finds both in a
/// [`Snapshot`](crate::inspect::Snapshot). The timed forms of locks say [`LockError::Deadlock`] in
/// place of [`LockError::TimedOut`] where they time out in a circle.
///
/// A deadlock is told, and nothing else is done about it: no wait ends sooner, and no lock is taken
/// from its owner. One of the waiters has to give up, so use the timed forms where there may be
/// deadlocks.
///
/// # What is recorded
///
/// A sleep in an object of the segment, when it has lasted some 5 ms; those for messages, permits
/// and events too. Not recorded are
///
/// - sleeps in futures, and at several objects at once ([`queue::wait`](crate::queue::wait())), as
///   those wait for any of several things;
/// - threads that find the table full, which has room for four times as many as the segment has for
///   participants;
/// - sockets, and what is `remote`.
///
/// # What makes a circle
///
/// What is held by processes that are known: [`Lock`](crate::Lock), [`RLock`](crate::RLock),
/// [`RwLock`](crate::RwLock), [`Value`](crate::Value) and [`Array`](crate::Array). Permits,
/// messages, events, barriers and conditions do not, as anybody can bring those.
///
/// Each of the waits has lasted 40 ms at least; who waits no longer than that is only told that the
/// time is over. Who waits, and who holds what is waited for, is read from the words themselves, and
/// twice: there was an instant at which all of it was so.
///
/// All the same, another thread may yet open the circle. A lock belongs to a process and not to a
/// thread, so a circle is one of processes, and where one of them has other threads, one of those
/// may free what the circle waits for. A process that waits for a lock of its own makes a circle
/// only where it has no second thread, as seen from its own process-id namespace, and with an
/// `RLock` never.
///
/// The age of a wait is of the monotonic clock: processes in time namespaces with another offset see
/// each other's waits too old or too young, and may miss a circle.
///
/// # Cost
///
/// None where nobody sleeps, and none for a sleep that is over before it is recorded. Then one entry
/// is written for each wait.
///
/// # If a process dies
///
/// Its waits are shown no longer, and a circle with it is none: whoever waits for what it held gets
/// that.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use outlive::sync::LockError;
/// use outlive::{Lock, Process, SegmentOptions};
///
/// let segment = SegmentOptions::new().detect_deadlocks(true).anonymous()?;
/// let (a, b) = (Lock::create(&segment, "a")?, Lock::create(&segment, "b")?);
/// let mine = a.lock().map_err(outlive::Error::from)?;
/// let other = Process::spawn(
///     |(a, b): (Lock, Lock)| {
///         let _theirs = b.lock().unwrap();
///         drop(a.lock().unwrap()); // ours
///     },
///     (a.clone(), b.clone()),
/// )?;
/// # while !b.is_locked() {
/// #     std::thread::yield_now();
/// # }
/// let circle = loop {
///     match b.lock_timeout(Duration::from_millis(100)) {
///         Err(LockError::Deadlock(circle)) => break circle,
///         Err(LockError::TimedOut) => {} // it may just wait for something else
///         _ => panic!("the other has it for as long as we have `a`"),
///     }
/// };
/// assert_eq!(circle.waits().len(), 2);
/// assert_eq!(circle.waits()[0].name.as_deref(), Some("b"));
/// println!("{circle}");
/// drop(mine); // we give way, and the other goes on
/// other.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`SegmentOptions::detect_deadlocks`]: crate::SegmentOptions::detect_deadlocks
/// [`Segment::waits`]: crate::Segment::waits
/// [`Segment::deadlocks`]: crate::Segment::deadlocks
/// [`LockError::Deadlock`]: crate::sync::LockError::Deadlock
/// [`LockError::TimedOut`]: crate::sync::LockError::TimedOut
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
