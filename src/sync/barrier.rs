//! [`Barrier`]: a number of parties that go on together.

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::raw::barrier::{Arrival, Barrier as Resident, Passed, Unpassed};
use crate::raw::{Kind, Storage};
use crate::segment::object::{deserialize, serialize};
use crate::segment::{Bound, Object, Seat, Segment, Spec};
use crate::sys::clock::Deadline;

use super::broken::BarrierError;

/// A place where a fixed number of parties wait for each other.
///
/// As Python's `Barrier`: whoever comes waits until all have come, then all go on, each with an
/// [index](BarrierWait::index) of its own, and the barrier is ready for the next turn. A party is a
/// call of [`wait`](Barrier::wait), from whichever process or thread. Where one of them times out,
/// or dies, or somebody [aborts](Barrier::abort) it, the barrier is *broken*: all who wait get an
/// error, and so does who comes, until somebody [resets](Barrier::reset) it.
///
/// A handle is cheap to clone and can be sent to other processes as a few bytes (serde). No lock is
/// taken, so nobody can be stopped inside one. If more come than there are parties, the others wait
/// for the next turn.
///
/// # If a process dies
///
/// Inside [`wait`](Barrier::wait), having arrived, or in the action: the barrier breaks, and the
/// others learn of it, at once where they wait, with [`BarrierError::Broken`] and `crashed`. If all
/// the others arrive before anybody notices, the turn is complete: arriving was all that they asked
/// of it. Before it has arrived, or after its turn is complete: nobody can know that it would have
/// come again, as another process may come in its place. So the others wait on for somebody: **if
/// parties may die between turns, use the timed forms**, which break the barrier, or
/// [`abort`](Barrier::abort) it when the death of a child is seen. A stopped process is not dead.
///
/// # Examples
///
/// ```
/// let barrier = outlive::Barrier::new(2)?;
/// std::thread::scope(|scope| {
///     let other = scope.spawn(|| barrier.wait().unwrap().index());
///     let own = barrier.wait().unwrap().index();
///     assert_eq!(own + other.join().unwrap(), 1);
/// });
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Clone)]
pub struct Barrier(Bound<Resident<'static>>);

/// A turn of a [`Barrier`] is over: all came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BarrierWait {
    index: u32,
    is_leader: bool,
}

impl BarrierWait {
    /// A number below that of the parties, another for each of them; in no order.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Whether this party ended the turn: one of them did, and it ran the action if it had one.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.is_leader
    }
}

const SPEC: Spec = Spec {
    kind: Kind::Barrier,
    fingerprint: 0,
};
/// Most parties.
const MOST: u32 = 1 << 16;

impl Barrier {
    /// Creates a barrier of so many parties in the home segment.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`ErrorKind::Full`]; [`ErrorKind::InvalidInput`] for no parties or
    /// more than 65536.
    pub fn new(parties: u32) -> Result<Self> {
        Self::make(&Segment::home()?, None, parties)
    }

    /// Creates the barrier called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the segment has an object of that name,
    /// [`ErrorKind::Full`] where it has no room; [`ErrorKind::InvalidInput`] as [`Barrier::new`].
    pub fn create(segment: &Segment, name: &str, parties: u32) -> Result<Self> {
        Self::make(segment, Some(name), parties)
    }

    /// Opens the barrier called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no object of that name, [`ErrorKind::WrongType`]
    /// where it is not a barrier.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open(segment, name, SPEC)?)
    }

    /// Opens the barrier called `name`, with the parties that it has, or creates it.
    ///
    /// # Errors
    ///
    /// As [`Barrier::open`] and [`Barrier::create`], but for the two that exclude each other.
    pub fn open_or_create(segment: &Segment, name: &str, parties: u32) -> Result<Self> {
        let len = len(parties)?;
        let init = |storage: Storage<'_>| init(storage, parties);
        Self::bind(Object::open_or_create(segment, name, SPEC, len, init)?)
    }

    /// Arrives, and waits until all have arrived.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel. There is no form that does not wait:
    /// with a limit of zero only the last to come gets through, and any other breaks the barrier.
    ///
    /// # If a process dies
    ///
    /// One that has arrived for this turn: [`BarrierError::Broken`] for all. One that has not: the
    /// others wait for somebody to come in its place; see [`Barrier`].
    ///
    /// # Errors
    ///
    /// [`BarrierError::Broken`] where the barrier is broken, is while this waits, or is reset
    /// meanwhile; [`BarrierError::Unusable`] after a fork, where the child cannot join the segment.
    pub fn wait(&self) -> Result<BarrierWait, BarrierError> {
        self.wait_until(Deadline::NEVER, None::<fn()>)
    }

    /// As [`Barrier::wait`], but not longer than `limit`: then the barrier breaks, for all.
    ///
    /// # Blocking
    ///
    /// As [`Barrier::wait`].
    ///
    /// # If a process dies
    ///
    /// As for [`Barrier::wait`].
    ///
    /// # Errors
    ///
    /// [`BarrierError::TimedOut`] after `limit`, and the barrier is broken; otherwise as
    /// [`Barrier::wait`].
    pub fn wait_timeout(&self, limit: Duration) -> Result<BarrierWait, BarrierError> {
        self.wait_until(Deadline::after(limit), None::<fn()>)
    }

    /// As [`Barrier::wait`], but not beyond `instant`: then the barrier breaks, for all.
    ///
    /// # Blocking
    ///
    /// As [`Barrier::wait`].
    ///
    /// # If a process dies
    ///
    /// As for [`Barrier::wait`].
    ///
    /// # Errors
    ///
    /// [`BarrierError::TimedOut`] at `instant`, and the barrier is broken; otherwise as
    /// [`Barrier::wait`].
    pub fn wait_deadline(&self, instant: Instant) -> Result<BarrierWait, BarrierError> {
        self.wait_until(Deadline::at(instant), None::<fn()>)
    }

    /// As [`Barrier::wait`]; the last to arrive runs `action` before any of them goes on. All
    /// parties should bring the same. One that panics breaks the barrier.
    ///
    /// # Blocking
    ///
    /// As [`Barrier::wait`]. A limit of another party goes on while the action runs.
    ///
    /// # If a process dies
    ///
    /// As for [`Barrier::wait`]; in the action: the barrier breaks, and what the action did is done.
    ///
    /// # Errors
    ///
    /// As [`Barrier::wait`]; so too where the barrier broke while the action ran. In a child forked in
    /// the action, [`BarrierError::Unusable`]: the turn is its parent's.
    pub fn wait_with(&self, action: impl FnOnce()) -> Result<BarrierWait, BarrierError> {
        self.wait_until(Deadline::NEVER, Some(action))
    }

    /// As [`Barrier::wait_with`], but not longer than `limit`, the action not counted.
    ///
    /// # Blocking
    ///
    /// As [`Barrier::wait_with`].
    ///
    /// # If a process dies
    ///
    /// As for [`Barrier::wait_with`].
    ///
    /// # Errors
    ///
    /// As [`Barrier::wait_with`] and [`Barrier::wait_timeout`].
    pub fn wait_with_timeout(
        &self,
        action: impl FnOnce(),
        limit: Duration,
    ) -> Result<BarrierWait, BarrierError> {
        self.wait_until(Deadline::after(limit), Some(action))
    }

    /// As [`Barrier::wait_with`], but not beyond `instant`, the action not counted.
    ///
    /// # Blocking
    ///
    /// As [`Barrier::wait_with`].
    ///
    /// # If a process dies
    ///
    /// As for [`Barrier::wait_with`].
    ///
    /// # Errors
    ///
    /// As [`Barrier::wait_with`] and [`Barrier::wait_deadline`].
    pub fn wait_with_deadline(
        &self,
        action: impl FnOnce(),
        instant: Instant,
    ) -> Result<BarrierWait, BarrierError> {
        self.wait_until(Deadline::at(instant), Some(action))
    }

    /// Breaks the barrier: who waits and who comes gets [`BarrierError::Broken`], until a
    /// [`Barrier::reset`].
    ///
    /// # Errors
    ///
    /// Only after a fork, where the child cannot join the segment.
    pub fn abort(&self) -> Result<()> {
        self.0.view().abort(&self.0.seat()?);
        Ok(())
    }

    /// Makes the barrier as new. Who waits gets [`BarrierError::Broken`]; who comes after that waits
    /// for the next turn.
    ///
    /// # Errors
    ///
    /// As [`Barrier::abort`].
    pub fn reset(&self) -> Result<()> {
        self.0.view().reset(&self.0.seat()?);
        Ok(())
    }

    /// Whether the barrier is broken. It may change at once. A death counts only after somebody met
    /// it: whoever waits, or [`Segment::reap`].
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.0.view().is_broken()
    }

    /// How many have arrived and wait; none where the barrier is broken. It may change at once.
    #[must_use]
    pub fn n_waiting(&self) -> u32 {
        self.0.view().waiting()
    }

    /// How many must come; it never changes.
    #[must_use]
    pub fn parties(&self) -> u32 {
        self.0.view().parties()
    }

    fn wait_until(
        &self,
        deadline: Deadline,
        action: Option<impl FnOnce()>,
    ) -> Result<BarrierWait, BarrierError> {
        let seat = self.0.seat().map_err(BarrierError::Unusable)?;
        let mut met = false;
        let mut end = self
            .0
            .view()
            .wait(&seat, deadline, action.is_some(), &mut met);
        if let Ok(Passed::Act(arrival)) = end {
            let mut acting = Acting {
                barrier: self,
                seat,
                arrival,
                is_done: false,
            };
            action.into_iter().for_each(|action| action());
            acting.is_done = true;
            self.0.still(seat).map_err(BarrierError::Unusable)?;
            end = self.0.view().finish(&seat, &arrival);
        }
        if met {
            self.0.object().reap();
        }
        match end {
            Ok(Passed::Through { index, is_last }) => Ok(BarrierWait {
                index,
                is_leader: is_last,
            }),
            Err(Unpassed::TimedOut) => Err(BarrierError::TimedOut),
            Err(Unpassed::Broken(dead)) => Err(BarrierError::Broken {
                crashed: dead.is_some(),
            }),
            // Nobody is asked to act again.
            Ok(Passed::Act(_)) => Err(BarrierError::Broken { crashed: false }),
        }
    }

    fn make(segment: &Segment, name: Option<&str>, parties: u32) -> Result<Self> {
        let init = |storage: Storage<'_>| init(storage, parties);
        Self::bind(Object::create(segment, name, SPEC, len(parties)?, init)?)
    }

    fn bind(object: Object) -> Result<Self> {
        object.bind(Kind::Barrier, Resident::attach).map(Self)
    }
}

/// Breaks the barrier where an action panics.
struct Acting<'a> {
    barrier: &'a Barrier,
    seat: Seat<'a>,
    arrival: Arrival,
    is_done: bool,
}

impl Drop for Acting<'_> {
    fn drop(&mut self) {
        // In a child forked in the action the turn is still its parent's.
        if !self.is_done && self.barrier.0.still(self.seat).is_ok() {
            self.barrier.0.view().give_up(&self.seat, &self.arrival);
        }
    }
}

/// Bytes of a barrier of so many parties.
fn len(parties: u32) -> Result<usize> {
    let advice = match parties {
        0 => "nobody could ever wait at it",
        1..=MOST => return Ok(Resident::size(parties)),
        _ => "a barrier has at most 65536 parties",
    };
    let doing = format!("create a barrier of {parties} parties");
    Err(Error::new(ErrorKind::InvalidInput, doing).advise(advice))
}

fn init(storage: Storage<'_>, parties: u32) {
    // The storage is as long as `len` says; if not, opening it says so.
    let _ = Resident::init(storage, parties);
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("at", self.0.object())
            .field("parties", &self.parties())
            .field("n_waiting", &self.n_waiting())
            .field("is_broken", &self.is_broken())
            .finish()
    }
}

impl Serialize for Barrier {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.0.object(), to)
    }
}

impl<'de> Deserialize<'de> for Barrier {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(SPEC, from, Self::bind)
    }
}
