//! Waiting for the first of several ends that has something to receive.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::raw::spsc::{End, Spsc};
use crate::raw::{Pace, Peers, Waited};
use crate::segment::{Alarm, Bound, Object, Seat};
use crate::sys::clock::Deadline;

/// What can be waited for among others: [`pipe::Connection`](super::pipe::Connection),
/// [`pipe::Receiver`](super::pipe::Receiver) and [`spsc::Consumer`](super::spsc::Consumer). They may
/// lie in different segments.
pub trait Waitable: Sleeper {}

/// How to wait for it; of this crate alone.
#[expect(unnameable_types, reason = "nobody else can implement it")]
pub trait Sleeper {
    /// Whether there is something to receive, the end of file counted; where that takes a question
    /// to the kernel, only with `ask`.
    fn is_ready(&mut self, ask: bool) -> Result<bool>;

    /// Where its bell is.
    fn berth(&self) -> Result<Berth<'_>>;
}

/// The bell of a consumer's end, and who is to ring it.
#[expect(unnameable_types, reason = "as above")]
#[derive(Debug)]
pub struct Berth<'a> {
    object: &'a Object,
    seat: Seat<'a>,
    ring: &'a Spsc<'static>,
}

impl<'a> Berth<'a> {
    pub(super) fn of<V>(bound: &'a Bound<V>, ring: &'a Spsc<'static>) -> Result<Self> {
        Ok(Self {
            object: bound.object(),
            seat: bound.seat()?,
            ring,
        })
    }

    fn alarm(&self) -> Alarm<'a> {
        let (word, expected) = self.ring.bell(End::Consumer);
        Alarm {
            seat: self.seat,
            word,
            expected,
            owner: self.ring.owner(End::Producer),
        }
    }
}

/// Waits until at least one of `ends` has something to receive; returns which, in their order. The
/// end of file counts, as in [`Receiver::poll`](super::pipe::Receiver::poll).
///
/// # Blocking
///
/// Sleeps in the kernel for all of them at once. For more than 128 of them, some with slices of a
/// millisecond.
///
/// # If a process dies
///
/// The one at the other end of one of them: that one is ready.
///
/// # Errors
///
/// Those of [`Receiver::poll`](super::pipe::Receiver::poll).
///
/// # Examples
///
/// ```
/// use outlive::queue::{self, pipe::one_way};
///
/// let (_first, mut from_first) = one_way::<u64>()?;
/// let (mut second, mut from_second) = one_way::<String>()?;
/// second.send(&"now".to_owned())?;
/// let ready = queue::wait(&mut [&mut from_first, &mut from_second])?;
/// assert_eq!(ready, [1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn wait(ends: &mut [&mut dyn Waitable]) -> Result<Vec<usize>> {
    wait_until(ends, Deadline::NEVER)
}

/// Which of `ends` have something to receive now.
///
/// # Errors
///
/// As [`wait`].
pub fn try_wait(ends: &mut [&mut dyn Waitable]) -> Result<Vec<usize>> {
    ready(ends, true)
}

/// As [`wait`], but sleeps no longer than `limit`; then the answer is empty.
///
/// # Blocking
///
/// As [`wait`].
///
/// # If a process dies
///
/// As [`wait`].
///
/// # Errors
///
/// As [`wait`].
pub fn wait_timeout(ends: &mut [&mut dyn Waitable], limit: Duration) -> Result<Vec<usize>> {
    wait_until(ends, Deadline::after(limit))
}

/// As [`wait`], but sleeps not beyond `instant`; then the answer is empty.
///
/// # Blocking
///
/// As [`wait`].
///
/// # If a process dies
///
/// As [`wait`].
///
/// # Errors
///
/// As [`wait`].
pub fn wait_deadline(ends: &mut [&mut dyn Waitable], instant: Instant) -> Result<Vec<usize>> {
    wait_until(ends, Deadline::at(instant))
}

fn ready(ends: &mut [&mut dyn Waitable], ask: bool) -> Result<Vec<usize>> {
    let mut ready = Vec::new();
    for (index, end) in ends.iter_mut().enumerate() {
        if end.is_ready(ask)? {
            ready.push(index);
        }
    }
    Ok(ready)
}

fn wait_until(ends: &mut [&mut dyn Waitable], deadline: Deadline) -> Result<Vec<usize>> {
    let mut pace = Pace::new();
    let mut ask = false;
    loop {
        let found = ready(ends, ask)?;
        // Of nothing, nothing is to be hoped for.
        if !found.is_empty() || ends.is_empty() {
            return Ok(found);
        }
        {
            let berths = berths_of(ends)?;
            for berth in &berths {
                berth.ring.lie_down(End::Consumer);
            }
            if !fence_everywhere(&berths) {
                pace.shorten();
            }
        }
        // Whoever sends from now on sees the bells.
        let found = ready(ends, false);
        let berths = berths_of(ends)?;
        let waited = match &found {
            Ok(found) if found.is_empty() => {
                let alarms: Vec<_> = berths.iter().map(Berth::alarm).collect();
                Alarm::wait_for_any(&alarms, &mut pace, deadline)
            }
            _ => Waited::Woken,
        };
        for berth in &berths {
            berth.ring.get_up(End::Consumer);
        }
        let found = found?;
        if !found.is_empty() {
            return Ok(found);
        }
        ask = waited != Waited::Woken;
        if waited == Waited::TimedOut {
            return ready(ends, ask);
        }
    }
}

fn berths_of<'a>(ends: &'a [&mut dyn Waitable]) -> Result<Vec<Berth<'a>>> {
    ends.iter().map(|end| end.berth()).collect()
}

/// Once for each segment.
fn fence_everywhere(berths: &[Berth<'_>]) -> bool {
    let mut fenced = true;
    for (nth, berth) in berths.iter().enumerate() {
        let earlier = berths.iter().take(nth);
        if !earlier
            .clone()
            .any(|other| other.object.is_beside(berth.object))
        {
            fenced &= berth.seat.fence_everywhere();
        }
    }
    fenced
}
