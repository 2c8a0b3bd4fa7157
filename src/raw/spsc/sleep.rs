//! How an end of a ring waits for the other: the bell that the other one rings.

use super::{End, Head, Side, Spsc, Stopped, Tail};
use crate::raw::{Pace, Peers, Waited};
use crate::sys::atomic::{Ordering, fence, light_fence};
use crate::sys::clock::Deadline;
use crate::sys::hint;

impl Spsc<'_> {
    /// Sleeps until there is room for an item; then how many, up to `wanted`.
    pub(crate) fn wait_for_room(
        &self,
        tail: &mut Tail,
        wanted: u64,
        peers: &impl Peers,
        deadline: Deadline,
    ) -> Result<u64, Stopped> {
        self.wait(End::Producer, || self.room(tail, wanted), peers, deadline)
    }

    /// Sleeps until there is an item; then how many, up to `wanted`.
    pub(crate) fn wait_for_items(
        &self,
        head: &mut Head,
        wanted: u64,
        peers: &impl Peers,
        deadline: Deadline,
    ) -> Result<u64, Stopped> {
        self.wait(End::Consumer, || self.ready(head, wanted), peers, deadline)
    }

    /// Wakes the one who waits for `end`.
    #[cold]
    pub(crate) fn wake(&self, end: End, peers: &impl Peers) {
        self.side(end).wake(peers);
    }

    fn wait(
        &self,
        end: End,
        mut look: impl FnMut() -> u64,
        peers: &impl Peers,
        deadline: Deadline,
    ) -> Result<u64, Stopped> {
        for _ in 0..hint::SPINS {
            match look() {
                0 => hint::spin(),
                found => return Ok(found),
            }
        }
        let bell = &self.side(end.other()).bell;
        let mut pace = Pace::for_owner();
        let mut ask = false;
        loop {
            let stopped = self.gone(end, peers, ask);
            // Only now: whatever was published before the other end went is there.
            match (look(), stopped) {
                (0, None) => {}
                (0, Some(stopped)) => return Err(stopped),
                (found, _) => return Ok(found),
            }
            // Relaxed: ordered by the fence, and compared again by the futex.
            bell.store(Side::SLEEPS, Ordering::Relaxed);
            if !peers.fence_everywhere() {
                pace = Pace::for_owner();
            }
            let mut found = look();
            let mut waited = Waited::Slice;
            if found == 0 && self.gone(end, peers, false).is_none() {
                // Relaxed: a change of owner rings the bell.
                let owner = self.owner(end.other());
                let owner = owner.as_slice();
                waited = peers.wait(bell, Side::SLEEPS, owner, &mut pace, deadline);
                ask |= waited == Waited::Slice;
                found = look();
            }
            if waited != Waited::Woken {
                // Relaxed: spares the other end a wake of nobody, and no more.
                bell.store(0, Ordering::Relaxed);
            }
            match found {
                0 if waited == Waited::TimedOut => return Err(Stopped::TimedOut),
                0 => {}
                found => return Ok(found),
            }
        }
    }
}

impl Side {
    const SLEEPS: u32 = 1;

    /// Whether the other end sleeps, after the store of a tag or of the head.
    #[inline]
    pub(super) fn is_awaited(&self) -> bool {
        // Pairs with `fence_everywhere` in `wait`: invariant 4.
        light_fence();
        self.bell.load(Ordering::Relaxed) != 0
    }

    /// Wakes the other end if it sleeps, after a change of `hold` or of `closed`.
    #[cold]
    pub(super) fn rouse(&self, peers: &impl Peers) {
        // SeqCst: a full fence, which pairs with `fence_everywhere` in `wait`; not the light one,
        // because these changes are rare and this holds on every kernel.
        fence(Ordering::SeqCst);
        if self.bell.load(Ordering::Relaxed) != 0 {
            self.wake(peers);
        }
    }

    #[cold]
    fn wake(&self, peers: &impl Peers) {
        // Relaxed: the futex orders it before the wake. Cleared first, so that of many items only
        // one pays for the wake.
        self.bell.store(0, Ordering::Relaxed);
        peers.wake(&self.bell, 1);
    }
}
