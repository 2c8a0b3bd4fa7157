//! One slot: the word that says whether its participant lives, and what is known of it.

use crate::raw::Token;
use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use super::Leases;

/// The value of a slot's state word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct State(pub(super) u32);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Free,
    Live,
    Doomed,
}

impl State {
    const PHASE_BITS: u32 = 2;

    pub(super) fn new(generation: u32, phase: Phase) -> Self {
        Self((generation & Token::GENERATION_MASK) << Self::PHASE_BITS | phase as u32)
    }
    pub(super) fn generation(self) -> u32 {
        self.0 >> Self::PHASE_BITS & Token::GENERATION_MASK
    }
    /// Garbage reads as doomed: whoever has the lease repairs it.
    pub(super) fn phase(self) -> Phase {
        match self.0 & ((1 << Self::PHASE_BITS) - 1) {
            0 => Phase::Free,
            1 => Phase::Live,
            _ => Phase::Doomed,
        }
    }
}

/// One slot: 128 bytes of the mapping.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Slot {
    pub(super) state: AtomicU32,
    /// Process id, in the namespace of the process itself.
    pub(crate) pid: AtomicU32,
    /// Marked and woken by the kernel when the participant dies; 0 where it has no lifeline.
    pub(crate) lifeline: AtomicU32,
    /// The first generation whose things have not been repaired.
    pub(super) oldest: AtomicU32,
    /// When it joined, in nanoseconds since the Unix epoch.
    pub(crate) since: AtomicU64,
    /// Inode of the process-id namespace in which `pid` means something.
    pub(crate) pid_namespace: AtomicU64,
    /// What the participant calls itself: UTF-8, filled up with zeroes.
    pub(crate) label: [AtomicU64; LABEL_WORDS],
    /// Whoever had the slot before and died in it, its generation plus one; 0 where nobody did.
    former: AtomicU32,
    pub(crate) former_pid: AtomicU32,
    former_label: [AtomicU64; LABEL_WORDS],
    /// Up to the end of a cache line.
    _rest: [AtomicU64; 3],
}

/// Words of a label.
pub(crate) const LABEL_WORDS: usize = 4;
/// Offset of [`Slot::lifeline`] in its slot.
#[cfg(not(loom))]
pub(crate) const LIFELINE_OFFSET: usize = core::mem::offset_of!(Slot, lifeline);

#[cfg(not(loom))]
const _: () = assert!(size_of::<Slot>() == 128 && LIFELINE_OFFSET == 8);

impl Slot {
    pub(super) fn seen(&self) -> State {
        // Acquire: see the module page.
        State(self.state.load(Ordering::Acquire))
    }

    /// The participant of this generation, if it is the last that the slot was joined under.
    pub(super) fn described(&self, generation: u32) -> Option<Description> {
        let is_own = || {
            let seen = self.seen();
            seen.generation() == generation && seen.phase() != Phase::Free
        };
        let copy = is_own().then(|| Description::copy(&self.pid, &self.label))?;
        // Acquire: pairs with the fence of whoever joined since, in `join_in`.
        fence(Ordering::Acquire);
        is_own().then_some(copy)
    }

    /// The participant of this generation, if it died and is the last that another took the slot from.
    pub(super) fn remembered(&self, generation: u32) -> Option<Description> {
        // Acquire: pairs with the Release at the end of `remember`.
        let is_it = || self.former.load(Ordering::Acquire) == generation + 1;
        let copy = is_it().then(|| Description::copy(&self.former_pid, &self.former_label))?;
        // Acquire: pairs with the fence in `remember`.
        fence(Ordering::Acquire);
        is_it().then_some(copy)
    }

    /// Keeps what the slot says of a dead participant. For the holder of the lease.
    pub(super) fn remember(&self, generation: u32) {
        let dead = Description::copy(&self.pid, &self.label);
        // Relaxed, all of them: the fence and the Release at the end order them for `remembered`.
        self.former.store(0, Ordering::Relaxed);
        fence(Ordering::Release);
        self.former_pid.store(dead.pid, Ordering::Relaxed);
        for (to, from) in self.former_label.iter().zip(dead.label) {
            to.store(from, Ordering::Relaxed);
        }
        self.former.store(generation + 1, Ordering::Release);
    }

    /// Takes the lease of this slot, number `index`, if its phase `suits`: then the state given
    /// back is the caller's own to change.
    pub(super) fn take_if(
        &self,
        leases: &impl Leases,
        index: u32,
        suits: impl Fn(Phase) -> bool,
    ) -> Option<State> {
        if !suits(self.seen().phase()) || !leases.try_take(index) {
            return None;
        }
        // What was seen before the lease was taken may be over.
        let seen = self.seen();
        if suits(seen.phase()) {
            return Some(seen);
        }
        leases.give_up(index);
        None
    }

    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU32::new(0),
            pid: AtomicU32::new(0),
            lifeline: AtomicU32::new(0),
            oldest: AtomicU32::new(0),
            since: AtomicU64::new(0),
            pid_namespace: AtomicU64::new(0),
            label: core::array::from_fn(|_| AtomicU64::new(0)),
            former: AtomicU32::new(0),
            former_pid: AtomicU32::new(0),
            former_label: core::array::from_fn(|_| AtomicU64::new(0)),
            _rest: core::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

/// What a slot says of a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Description {
    pub(crate) pid: u32,
    pub(crate) label: [u64; LABEL_WORDS],
}

impl Description {
    fn copy(pid: &AtomicU32, label: &[AtomicU64; LABEL_WORDS]) -> Self {
        // Relaxed: the caller looks before and after at what orders it.
        Self {
            pid: pid.load(Ordering::Relaxed),
            label: core::array::from_fn(|at| label[at].load(Ordering::Relaxed)),
        }
    }
}
