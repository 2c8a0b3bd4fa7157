//! A participant's seat: its token, and how it learns of the others' deaths and sleeps.

use std::os::fd::BorrowedFd;

use crate::raw::registry::{Leases, Registry};
use crate::raw::waits::Wait;
use crate::raw::{Pace, Peers, Token, Waited};
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::{Deadline, monotonic_nanos};
use crate::sys::{futex, lease, lifeline, membarrier, thread};

use crate::sys::slack::ExactSleep;

use super::inner::Inner;

/// This process as a participant of one segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seat<'a> {
    token: Token,
    inner: &'a Inner,
}

/// The kernel's leases, as seen through one open file description.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileLeases<'a>(pub(crate) Option<BorrowedFd<'a>>);

impl Leases for FileLeases<'_> {
    fn try_take(&self, slot: u32) -> bool {
        self.0
            .is_some_and(|fd| lease::try_take(fd, slot).unwrap_or(false))
    }
    fn give_up(&self, slot: u32) {
        if let Some(fd) = self.0 {
            lease::give_up(fd, slot);
        }
    }
    fn is_taken(&self, slot: u32) -> bool {
        // In doubt alive: a death that is noticed late does no harm, a false one does.
        self.0
            .is_none_or(|fd| lease::is_taken(fd, slot).unwrap_or(true))
    }
}

/// How long the lease of a process whose lifeline broke is watched without rest: its last threads are
/// on their way out. One with much memory takes longer; then slices of this length go on.
pub(super) const LAST_BREATH: u64 = 2_000_000;
/// Between two looks at the lease of a dying process.
const BREATH: u64 = 20_000;

impl<'a> Seat<'a> {
    #[inline]
    pub(crate) fn new(token: Token, inner: &'a Inner) -> Self {
        Self { token, inner }
    }

    pub(crate) fn registry(&self) -> Registry<'a> {
        self.inner.registry()
    }

    /// The lifelines of `owners` that a sleep can watch, with their present values.
    fn lifelines(&self, owners: &[Token]) -> Watch<'a> {
        let mut watch = Watch {
            words: [None; futex::MOST_WORDS],
            broken: None,
        };
        let mut free = watch.words.iter_mut();
        for owner in owners {
            let Some((word, value)) = self.lifeline(*owner) else {
                continue;
            };
            if is_broken(value) {
                watch.broken = Some(*owner);
            } else if let Some(place) = free.next() {
                *place = Some((word, value, *owner));
            }
        }
        watch
    }

    /// The lifeline of `owner` with its present value; `None` where it has none.
    pub(super) fn lifeline(&self, owner: Token) -> Option<(&'a AtomicU32, u32)> {
        let word = &self.registry().slot(owner.slot())?.lifeline;
        // Acquire: pairs with the Release that tied the lifeline.
        let value = word.load(Ordering::Acquire);
        (value != 0).then_some((word, value))
    }

    /// Enters the wait for `word` in the segment's table, if it has one: from the second sleep on,
    /// so that what is over soon costs nothing.
    #[inline]
    fn record(&self, word: &AtomicU32, owners: &[Token], pace: &mut Pace<'a>, now: u64) {
        let Some(waits) = self.inner.waits() else {
            return;
        };
        let Some(since) = pace.sleeping_since(now) else {
            return;
        };
        // Elsewhere lies only what nobody waits for.
        let Some(offset) = self.inner.whole().offset_of(word) else {
            return;
        };
        let wait = Wait {
            waiter: self.token,
            thread: thread::id(),
            word: offset as u64,
            owner: match owners {
                [owner] => Some(*owner),
                _ => None,
            },
            owners: u32::try_from(owners.len()).unwrap_or(u32::MAX),
            since,
        };
        pace.record(waits, wait);
    }

    /// Waits for the lease of a process whose lifeline broke, which is a matter of microseconds.
    pub(super) fn await_last_breath(&self, owner: Token, deadline: Deadline) {
        let idle = AtomicU32::new(0);
        let _exact = ExactSleep::begin();
        let until = monotonic_nanos().saturating_add(LAST_BREATH);
        let until = deadline.nanos().map_or(until, |at| until.min(at));
        loop {
            let now = monotonic_nanos();
            if now >= until || self.is_dead(owner) {
                return;
            }
            futex::wait(&[(&idle, 0)], now + BREATH);
        }
    }
}

/// Whether the kernel has marked the lifeline that has this value.
pub(super) fn is_broken(lifeline: u32) -> bool {
    lifeline & lifeline::DIED != 0
}

/// Lifelines under watch.
struct Watch<'a> {
    words: [Option<(&'a AtomicU32, u32, Token)>; futex::MOST_WORDS],
    broken: Option<Token>,
}

impl Peers for Seat<'_> {
    #[inline]
    fn me(&self) -> Token {
        self.token
    }

    fn is_dead(&self, token: Token) -> bool {
        if token == self.token {
            return self.inner.is_leaving;
        }
        self.registry().is_dead(&self.inner.leases(), token)
    }

    fn wait<'p>(
        &'p self,
        word: &AtomicU32,
        expected: u32,
        owners: &[Token],
        pace: &mut Pace<'p>,
        deadline: Deadline,
    ) -> Waited {
        let now = monotonic_nanos();
        if deadline.nanos().is_some_and(|at| now >= at) {
            return Waited::TimedOut;
        }
        self.record(word, owners, pace, now);
        let watch = self.lifelines(owners);
        let mut slice = pace.next_slice();
        if let Some(owner) = watch.broken {
            if pace.take_breath() {
                self.await_last_breath(owner, deadline);
                return Waited::Slice;
            }
            slice = slice.min(LAST_BREATH);
        }
        let slice_end = now.saturating_add(slice);
        let until = deadline.nanos().map_or(slice_end, |at| at.min(slice_end));
        let mut words = [(word, expected); futex::MOST_WORDS];
        let mut count = 1;
        for (place, (lifeline, value, _)) in words[1..]
            .iter_mut()
            .zip(watch.words.iter().map_while(|watched| watched.as_ref()))
        {
            *place = (lifeline, *value);
            count += 1;
        }
        match futex::wait(&words[..count], until) {
            futex::Woken::Word => Waited::Woken,
            futex::Woken::Other(index) => {
                if let Some((lifeline, _, owner)) = watch.words.get(index - 1).copied().flatten() {
                    // The kernel wakes one watcher: whoever that is wakes the others.
                    futex::wake(lifeline, u32::MAX);
                    if pace.take_breath() {
                        self.await_last_breath(owner, deadline);
                    }
                }
                Waited::Slice
            }
            futex::Woken::Time if deadline.is_past() => Waited::TimedOut,
            futex::Woken::Time => Waited::Slice,
        }
    }

    fn wake(&self, word: &AtomicU32, count: u32) -> u32 {
        futex::wake(word, count)
    }

    fn fence_everywhere(&self) -> bool {
        // Relaxed: whoever joins unfenced says so before it touches any object.
        let fenced = self
            .inner
            .header()
            .is_some_and(|header| header.unfenced.load(Ordering::Relaxed) == 0);
        if fenced {
            membarrier::everywhere();
        }
        fenced
    }
}
