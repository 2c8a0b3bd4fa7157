//! Sleeping for one of several things, which may lie in different segments.

use crate::raw::{Pace, Peers, Token, Waited};
use crate::sys::atomic::AtomicU32;
use crate::sys::clock::{Deadline, monotonic_nanos};
use crate::sys::futex;

use super::seat::{LAST_BREATH, Seat};

/// One of the things.
#[derive(Debug)]
pub(crate) struct Alarm<'a> {
    pub(crate) seat: Seat<'a>,
    /// Woken, or no longer of the value, when the thing may have happened.
    pub(crate) word: &'a AtomicU32,
    pub(crate) expected: u32,
    /// Whose death would be the thing too.
    pub(crate) owner: Option<Token>,
}

impl Alarm<'_> {
    /// As [`Peers::wait`], until one of `alarms`: the sleep is bounded, and the caller looks at all
    /// of them again, whatever the answer.
    ///
    /// The kernel watches 128 words at once. Of more, and of lifelines that have no place any more,
    /// the caller learns when the slice ends, and that is then a short one.
    pub(crate) fn wait_for_any(alarms: &[Self], pace: &mut Pace, deadline: Deadline) -> Waited {
        let now = monotonic_nanos();
        if deadline.nanos().is_some_and(|at| now >= at) {
            return Waited::TimedOut;
        }
        if alarms.len() > futex::MOST_WORDS {
            *pace = Pace::new();
        }
        let mut words: Vec<_> = alarms
            .iter()
            .map(|alarm| (alarm.word, alarm.expected))
            .take(futex::MOST_WORDS)
            .collect();
        let bells = words.len();
        let mut owners = Vec::new();
        let mut most = u64::MAX;
        for alarm in alarms {
            let Some(owner) = alarm.owner else { continue };
            let Some((lifeline, value)) = alarm.seat.lifeline(owner) else {
                continue;
            };
            if super::seat::is_broken(value) {
                if pace.take_breath() {
                    alarm.seat.await_last_breath(owner, deadline);
                    return Waited::Slice;
                }
                most = LAST_BREATH;
            } else if words.len() < futex::MOST_WORDS {
                words.push((lifeline, value));
                owners.push((alarm, owner));
            }
        }
        let slice_end = now.saturating_add(pace.next_slice().min(most));
        let until = deadline.nanos().map_or(slice_end, |at| at.min(slice_end));
        match futex::wait(&words, until) {
            futex::Woken::Word => Waited::Woken,
            futex::Woken::Other(index) => {
                let broken = index.checked_sub(bells).and_then(|nth| owners.get(nth));
                let Some((alarm, owner)) = broken else {
                    return Waited::Woken;
                };
                if let Some((lifeline, _)) = words.get(index) {
                    // The kernel wakes one watcher: whoever that is wakes the others.
                    alarm.seat.wake(lifeline, u32::MAX);
                }
                if pace.take_breath() {
                    alarm.seat.await_last_breath(*owner, deadline);
                }
                Waited::Slice
            }
            futex::Woken::Time if deadline.is_past() => Waited::TimedOut,
            futex::Woken::Time => Waited::Slice,
        }
    }
}
