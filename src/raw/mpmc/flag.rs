//! A flag that cannot be lowered over the head of somebody who raises it.

use crate::raw::Peers;
use crate::sys::atomic::{AtomicU32, Ordering};

/// Changes of a flag under our hands before we give up on raising it exactly.
const ROUNDS: u32 = 4096;

/// What a flag held when it was looked at: one bit, and a number that every change moves on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen(u32);

impl Seen {
    const RAISED: u32 = 1;
    /// One change, above the flag bit.
    const STEP: u32 = 2;

    pub(super) fn is_raised(self) -> bool {
        self.0 & Self::RAISED != 0
    }
    fn raised(self) -> Self {
        Self(self.0.wrapping_add(Self::STEP) | Self::RAISED)
    }
    fn lowered(self) -> Self {
        Self(self.0 & !Self::RAISED)
    }
    /// As the futex compares it.
    pub(super) fn bits(self) -> u32 {
        self.0
    }
}

/// A resident flag.
///
/// The number makes a lowering exact: it happens only if nobody raised the flag since it was
/// looked at. A raise that 2^31 others follow before one lowering counts as none of them.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Flag(AtomicU32);

impl Flag {
    /// Lowered.
    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    #[inline]
    pub(super) fn load(&self, order: Ordering) -> Seen {
        Seen(self.0.load(order))
    }

    /// Raises the flag; returns what it holds now.
    pub(super) fn raise(&self) -> Seen {
        let mut seen = self.load(Ordering::Relaxed);
        for _ in 0..ROUNDS {
            let raised = seen.raised();
            // Release: pairs with the Acquire of whoever sees the flag, and shows why it was
            // raised. Acquire: pairs with `bump`, and shows what was made before it.
            let change =
                self.0
                    .compare_exchange(seen.0, raised.0, Ordering::AcqRel, Ordering::Relaxed);
            match change {
                Ok(_) => return raised,
                Err(now) => seen = Seen(now),
            }
        }
        // Somebody writes garbage without end: a flag is all that can be had. Orders as above.
        Seen(self.0.fetch_or(Seen::RAISED, Ordering::AcqRel) | Seen::RAISED)
    }

    /// Lowers the flag, unless it was raised since it was `seen`.
    pub(super) fn lower(&self, seen: Seen) {
        // Relaxed: publishes nothing, and the comparison says all.
        let _ = self.0.compare_exchange(
            seen.0,
            seen.lowered().0,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }

    /// Moves the number on, so that nobody falls asleep over what was `seen` before.
    fn bump(&self) -> Seen {
        // Release: pairs with the Acquire in `raise`, and shows the sleeper-to-be what was made.
        Seen(
            self.0
                .fetch_add(Seen::STEP, Ordering::AcqRel)
                .wrapping_add(Seen::STEP),
        )
    }
}

/// Where one side sleeps and the other wakes it: a flag that sleepers raise.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Bell(Flag);

impl Bell {
    /// Lowered.
    #[cfg(loom)]
    pub(super) fn new() -> Self {
        Self(Flag::new())
    }

    /// Announces a sleeper; what the word must hold for the sleep to begin.
    pub(super) fn announce(&self) -> u32 {
        self.0.raise().bits()
    }

    /// What a sleeper sleeps on.
    pub(super) fn word(&self) -> &AtomicU32 {
        &self.0.0
    }

    /// Wakes one sleeper, if any is announced.
    #[inline]
    pub(super) fn ring(&self, peers: impl Peers + Copy) {
        // SeqCst: the load half of Dekker's pair whose store half is the claim before it; see the
        // module's page.
        if self.0.load(Ordering::SeqCst).is_raised() {
            self.wake_one(peers);
        }
    }

    #[cold]
    fn wake_one(&self, peers: impl Peers + Copy) {
        let rung = self.0.bump();
        // The flag stays up while there are sleepers, so that the next ring wakes the next one,
        // whatever became of this one. Nobody in the kernel: who announced itself before the bump
        // finds the number changed, and who comes after changes it.
        if peers.wake(&self.0.0, 1) == 0 {
            self.0.lower(rung);
        }
    }

    /// Wakes all sleepers, announced or not.
    pub(super) fn ring_all(&self, peers: impl Peers + Copy) {
        self.0.bump();
        peers.wake(&self.0.0, u32::MAX);
    }
}
