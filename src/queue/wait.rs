//! Waiting for the first of several things that has something to take.

use std::fmt;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::raw::{Pace, Waited};
use crate::segment::{Alarm, Berth, Look, Seat, fence_everywhere};
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::Deadline;

/// What can be waited for among others: [`pipe::Connection`](super::pipe::Connection),
/// [`pipe::Receiver`](super::pipe::Receiver), [`spsc::Consumer`](super::spsc::Consumer),
/// [`mpmc::Mpmc`](super::mpmc::Mpmc), [`Queue`](crate::Queue) and
/// [`JoinableQueue`](crate::JoinableQueue), which may lie in different segments; and, for its end,
/// a [`Process`](../struct.Process.html) that this one has started.
pub trait Waitable: Sleeper {}

/// How to wait for it; of this crate alone.
#[expect(unnameable_types, reason = "nobody else can implement it")]
pub trait Sleeper {
    /// Whether there is something to take, the end counted; where that takes a question to the
    /// kernel, only with `ask`.
    fn is_ready(&mut self, ask: bool) -> Result<bool>;

    /// Where it sleeps.
    fn berth(&self) -> Result<Place>;
}

/// Where a thing to wait for sleeps.
#[expect(unnameable_types, reason = "as above")]
pub struct Place(Kind);

enum Kind {
    Berth(Box<dyn Berth>),
    /// A word that is no participant's, moved and woken when the thing may have happened. All such
    /// things have the same: the kernel watches a few words only.
    Word(&'static AtomicU32),
}

impl Place {
    pub(super) fn at(berth: impl Berth + 'static) -> Self {
        Self(Kind::Berth(Box::new(berth)))
    }

    pub(crate) fn at_word(word: &'static AtomicU32) -> Self {
        Self(Kind::Word(word))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut place = f.debug_tuple("Place");
        match &self.0 {
            Kind::Berth(berth) => place.field(berth.object()),
            Kind::Word(word) => place.field(word),
        };
        place.finish()
    }
}

/// Waits until at least one of `ends` has something to take; returns which, in their order. The end
/// counts too: the end of file, as in [`Receiver::poll`](super::pipe::Receiver::poll), that a
/// queue was closed, and that a process has ended.
///
/// Nothing is taken. What lies in a queue of many consumers may be gone when the caller tries to
/// take it: use the `try_` form, and wait again.
///
/// # Blocking
///
/// Sleeps in the kernel for all of them at once. For more than 128 of them, some with slices of a
/// millisecond.
///
/// # If a process dies
///
/// The one at the other end of one of them: that one is ready. A consumer of a queue, taking
/// something: it is there again. Waiting here: whatever it was woken for reaches another within
/// 20 ms.
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
    let found = ready(ends, false)?;
    // Of nothing, nothing is to be hoped for.
    if !found.is_empty() || ends.is_empty() {
        return Ok(found);
    }
    let (mut berths, mut control) = (Vec::new(), None);
    for end in ends.iter() {
        match end.berth()?.0 {
            Kind::Berth(berth) => berths.push(berth),
            Kind::Word(word) => control = Some(word),
        }
    }
    let end = sleep_at(control, &berths, ends, deadline);
    for berth in &berths {
        if let Ok(seat) = berth.object().seat() {
            berth.get_up(seat);
        }
    }
    end
}

fn sleep_at(
    control: Option<&AtomicU32>,
    berths: &[Box<dyn Berth>],
    ends: &mut [&mut dyn Waitable],
    deadline: Deadline,
) -> Result<Vec<usize>> {
    let objects: Vec<_> = berths.iter().map(|berth| berth.object()).collect();
    let mut pace = Pace::new();
    loop {
        // Acquire: pairs with the Release of whoever moves it, after the thing has happened.
        let control = control.map(|word| (word, word.load(Ordering::Acquire)));
        let bells: Vec<_> = berths.iter().map(|berth| berth.lie_down()).collect();
        if !fence_everywhere(&objects)? {
            pace.shorten();
        }
        // Whoever sends from now on sees the bells.
        let found = ready(ends, false)?;
        if !found.is_empty() {
            return Ok(found);
        }
        let seats = berths.iter().map(|berth| berth.object().seat());
        let seats = seats.collect::<Result<Vec<Seat<'_>>>>()?;
        let places = berths.iter().zip(&seats);
        let looks: Vec<Look> = places
            .clone()
            .map(|(berth, seat)| berth.look(*seat, false))
            .collect();
        let alarms: Vec<_> = (places.zip(&bells).zip(&looks))
            .map(|(((berth, seat), rung), look)| Alarm {
                seat: *seat,
                word: berth.word(),
                expected: *rung,
                owners: &look.owners,
            })
            .collect();
        let waited = Alarm::wait_for_any(control, &alarms, &mut pace, deadline);
        let found = ready(ends, waited != Waited::Woken)?;
        if !found.is_empty() || waited == Waited::TimedOut {
            return Ok(found);
        }
    }
}
