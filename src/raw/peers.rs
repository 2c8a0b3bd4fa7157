//! What a protocol must know of the other participants, as a parameter.

use crate::sys::atomic::AtomicU32;
use crate::sys::clock::Deadline;

use super::Token;
use super::waits::{Note, Wait, Waits};

/// The other participants, and the caller's own place among them.
pub(crate) trait Peers {
    /// The caller's own name.
    fn me(&self) -> Token;

    /// Whether `token` names nobody who lives: its lease is free, its slot has moved on to another
    /// generation, or there is no such slot. Never true of a participant that can still act.
    fn is_dead(&self, token: Token) -> bool;

    /// The one sleep of all protocols: until `word` no longer holds `expected`, somebody wakes it, one
    /// of `owners` dies, the slice of `pace` ends, or `deadline` passes. The caller then looks at
    /// the world again, whatever the answer.
    fn wait<'a>(
        &'a self,
        word: &AtomicU32,
        expected: u32,
        owners: &[Token],
        pace: &mut Pace<'a>,
        deadline: Deadline,
    ) -> Waited;

    /// Sleeps one slice whatever happens: for whoever is kept running by a word that changes
    /// without end.
    fn pause<'a>(&'a self, pace: &mut Pace<'a>, deadline: Deadline) -> Waited {
        let idle = AtomicU32::new(0);
        self.wait(&idle, 0, &[], pace, deadline)
    }

    /// Wakes at most `count` sleepers of `word`; returns how many woke.
    fn wake(&self, word: &AtomicU32, count: u32) -> u32;

    /// Makes what this thread wrote before visible before it reads on, and the same for every
    /// other participant, at the caller's cost alone. `false` where the kernel has no such fence
    /// for all of them.
    fn fence_everywhere(&self) -> bool;
}

/// So that a protocol can take participants by value: small ones in registers, others as references.
impl<P: Peers> Peers for &P {
    #[inline]
    fn me(&self) -> Token {
        (**self).me()
    }
    fn is_dead(&self, token: Token) -> bool {
        (**self).is_dead(token)
    }
    fn wait<'a>(
        &'a self,
        word: &AtomicU32,
        expected: u32,
        owners: &[Token],
        pace: &mut Pace<'a>,
        deadline: Deadline,
    ) -> Waited {
        (**self).wait(word, expected, owners, pace, deadline)
    }
    fn pause<'a>(&'a self, pace: &mut Pace<'a>, deadline: Deadline) -> Waited {
        (**self).pause(pace, deadline)
    }
    fn wake(&self, word: &AtomicU32, count: u32) -> u32 {
        (**self).wake(word, count)
    }
    fn fence_everywhere(&self) -> bool {
        (**self).fence_everywhere()
    }
}

/// How a sleep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// The word changed or was woken.
    Woken,
    /// The slice ended, or a lifeline broke: look at the owners too.
    Slice,
    /// The deadline has passed.
    TimedOut,
}

/// How long the next sleep may be: short at first, longer while nothing happens.
///
/// Every sleep is bounded, so a wake-up that a death has swallowed costs one slice and no more. It
/// lives as long as one wait does, and so does what the wait has entered in the table of waits.
#[derive(Debug)]
pub(crate) struct Pace<'a> {
    slice: u64,
    breath: bool,
    /// When the first sleep began, in nanoseconds of the monotonic clock.
    since: Option<u64>,
    note: Option<Note<'a>>,
}

impl<'a> Pace<'a> {
    /// Longer than a tick of most kernels, 4 ms. Where the end of a slice is the next thing that a
    /// sleeping processor has to wake for, whoever is woken before it first has the processor's
    /// timer set anew: under a hypervisor that makes a hand-over dearer by a fifth.
    const FIRST: u64 = 5_000_000;
    const SHORTEST: u64 = 1_000_000;
    pub(crate) const MOST: u64 = 20_000_000;

    /// 5 ms, to 20 ms.
    pub(crate) fn new() -> Self {
        Self::from(Self::FIRST)
    }

    /// 1 ms, to 20 ms: for whoever is not sure to be woken.
    pub(crate) fn short() -> Self {
        Self::from(Self::SHORTEST)
    }

    fn from(slice: u64) -> Self {
        Self {
            slice,
            breath: true,
            since: None,
            note: None,
        }
    }

    /// Short again, for whoever may be woken by nobody; a breath that was taken stays so.
    pub(crate) fn shorten(&mut self) {
        self.slice = Self::SHORTEST;
    }

    /// Whether a dying owner is to be watched without rest: once in a wait.
    #[cfg(not(loom))]
    pub(crate) fn take_breath(&mut self) -> bool {
        core::mem::take(&mut self.breath)
    }

    /// Says that a sleep begins `now`; gives when the first of this wait began, from the second on.
    #[cfg(not(loom))]
    pub(crate) fn sleeping_since(&mut self, now: u64) -> Option<u64> {
        let since = self.since;
        self.since = since.or(Some(now));
        since
    }

    /// Keeps `wait` in the table until the wait is over, if there is room.
    #[cfg_attr(
        loom,
        expect(dead_code, reason = "models enter their waits themselves")
    )]
    pub(crate) fn record(&mut self, waits: Waits<'a>, wait: Wait) {
        match &mut self.note {
            Some(note) => note.renew(wait),
            None => self.note = waits.enter(&wait),
        }
    }

    /// The next slice in nanoseconds.
    pub(crate) fn next_slice(&mut self) -> u64 {
        let slice = self.slice;
        self.slice = (slice * 2).min(Self::MOST);
        slice
    }
}
