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
    /// Whose deaths would be the thing too.
    pub(crate) owners: &'a [Token],
}

impl Alarm<'_> {
    /// As [`Peers::wait`], until one of `alarms`, or `control`, a word that is no participant's: the
    /// sleep is bounded, and the caller looks at all of them again, whatever the answer.
    ///
    /// The kernel watches 128 words at once. Of more, and of lifelines that have no place any more,
    /// the caller learns when the slice ends, and that is then a short one.
    pub(crate) fn wait_for_any(
        control: Option<(&AtomicU32, u32)>,
        alarms: &[Self],
        pace: &mut Pace,
        deadline: Deadline,
    ) -> Waited {
        let now = monotonic_nanos();
        if deadline.nanos().is_some_and(|at| now >= at) {
            return Waited::TimedOut;
        }
        if alarms.len() + usize::from(control.is_some()) > futex::MOST_WORDS {
            pace.shorten();
        }
        let mut words: Vec<_> = control
            .into_iter()
            .chain(alarms.iter().map(|alarm| (alarm.word, alarm.expected)))
            .take(futex::MOST_WORDS)
            .collect();
        let bells = words.len();
        let mut owners = Vec::new();
        let mut most = u64::MAX;
        let watched = alarms
            .iter()
            .flat_map(|alarm| alarm.owners.iter().map(move |owner| (alarm, *owner)));
        for (alarm, owner) in watched {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segment::{Segment, SegmentOptions};
    use crate::sys::atomic::Ordering;
    use crate::sys::lifeline::DIED;

    /// What the kernel watches at once, and more.
    const COUNTS: [usize; 2] = [1, futex::MOST_WORDS + 1];

    fn segment() -> Segment {
        SegmentOptions::new().lifeline(false).anonymous().unwrap()
    }

    /// How often this thread has slept until now.
    fn sleeps() -> u64 {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    }

    fn wait(segment: &Segment, count: usize, owner: Option<Token>, pace: &mut Pace) -> Waited {
        let idle = AtomicU32::new(0);
        let alarm = || Alarm {
            seat: segment.inner().seat().unwrap(),
            word: &idle,
            expected: 0,
            owners: owner.as_slice(),
        };
        let alarms: Vec<_> = (0..count).map(|_| alarm()).collect();
        Alarm::wait_for_any(None, &alarms, pace, Deadline::NEVER)
    }

    /// One whose lifeline is broken and who takes long to die, as whoever has much memory does.
    #[test]
    fn a_dying_owner_is_watched_without_rest_once_in_a_wait() {
        const ROUNDS: u64 = 20;
        for count in COUNTS {
            let segment = segment();
            let seat = segment.inner().seat().unwrap();
            let slot = seat.registry().slot(seat.me().slot()).unwrap();
            slot.lifeline.store(DIED, Ordering::Release);
            let mut pace = Pace::new();
            assert_eq!(
                wait(&segment, count, Some(seat.me()), &mut pace),
                Waited::Slice
            );
            assert!(!pace.take_breath(), "the breath was taken");
            let before = sleeps();
            for _ in 0..ROUNDS {
                let waited = wait(&segment, count, Some(seat.me()), &mut pace);
                assert_eq!(waited, Waited::Slice);
            }
            let slept = sleeps() - before;
            assert!(slept < 4 * ROUNDS, "{count} ends: {slept} sleeps");
        }
    }

    #[test]
    fn slices_stay_short_where_not_all_are_watched() {
        let segment = segment();
        let next = COUNTS.map(|count| {
            let mut pace = Pace::new();
            for _ in 0..4 {
                assert_eq!(wait(&segment, count, None, &mut pace), Waited::Slice);
            }
            pace.next_slice()
        });
        let after = |mut pace: Pace, sleeps| (0..=sleeps).map(|_| pace.next_slice()).last();
        let expected = [after(Pace::new(), 4), after(Pace::short(), 1)];
        assert_eq!(next.map(Some), expected);
    }
}
