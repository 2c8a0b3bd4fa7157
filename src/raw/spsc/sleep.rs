//! How an end of a ring waits for the other: the bell that the other one rings.

use super::{End, Head, Post, Spsc, Stopped, Tail};
use crate::raw::{Pace, Peers, Waited};
use crate::sys::atomic::{AtomicU32, Ordering, fence, light_fence};
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
        // A closed ring has no room: the wait then ends by what it knows of the other end.
        let look = || {
            if self.is_closed() {
                0
            } else {
                self.room(tail, wanted)
            }
        };
        self.wait(End::Producer, look, peers, deadline)
    }

    /// Sleeps until there is room for `count` items, which the ring can hold.
    pub(crate) fn wait_for_room_of(
        &self,
        tail: &mut Tail,
        count: u64,
        peers: &impl Peers,
        deadline: Deadline,
    ) -> Result<(), Stopped> {
        // As above. Room for fewer is none: whoever consumes rings once more.
        let look = || {
            let is_enough = !self.is_closed() && self.room(tail, count) == count;
            u64::from(is_enough)
        };
        self.wait(End::Producer, look, peers, deadline).map(drop)
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

    /// Lets the other end work between two looks of `end`, which have found nothing.
    ///
    /// A look at the head takes its line from the consumer, which then waits for it with every item
    /// that it consumes: a producer before a full ring looks seldom, and so finds room for many. A
    /// consumer looks often: its look costs the producer little, and its answer may be waited for.
    pub(crate) fn rest(&self, end: End) {
        let turns = match end {
            End::Producer => (self.capacity() / 8).clamp(1, 128),
            End::Consumer => 1,
        };
        for _ in 0..turns {
            hint::spin();
        }
    }

    /// Wakes the one who waits for `end`.
    #[cold]
    pub(crate) fn wake(&self, end: End, peers: &impl Peers) {
        self.post(end).wake(peers);
    }

    /// Says that `end` is about to sleep. Afterwards a full fence ([`Peers::fence_everywhere`]) and
    /// another look are due, and only then the sleep on [`Spsc::bell`].
    pub(crate) fn lie_down(&self, end: End) {
        // Relaxed: ordered by the fence, and compared again by the futex.
        self.bell(end).0.store(Post::SLEEPS, Ordering::Relaxed);
    }

    /// What `end` sleeps on, and the value that it sleeps at.
    pub(crate) fn bell(&self, end: End) -> (&AtomicU32, u32) {
        (&self.post(end.other()).bell, Post::SLEEPS)
    }

    /// After [`Spsc::lie_down`] and whatever came of it.
    pub(crate) fn get_up(&self, end: End) {
        // Relaxed: spares the other end a wake of nobody, and no more.
        self.bell(end).0.store(0, Ordering::Relaxed);
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
                0 => self.rest(end),
                found => return Ok(found),
            }
        }
        let (bell, asleep) = self.bell(end);
        let mut pace = Pace::new();
        let mut ask = false;
        loop {
            let stopped = self.gone(end, peers, ask);
            // Only now: whatever was published before the other end went is there.
            match (look(), stopped) {
                (0, None) => {}
                (0, Some(stopped)) => return Err(stopped),
                (found, _) => return Ok(found),
            }
            self.lie_down(end);
            if !peers.fence_everywhere() {
                pace.shorten();
            }
            let mut found = look();
            let mut waited = Waited::Slice;
            if found == 0 && self.gone(end, peers, false).is_none() {
                // Relaxed: a change of owner rings the bell.
                let owner = self.owner(end.other());
                let owner = owner.as_slice();
                waited = peers.wait(bell, asleep, owner, &mut pace, deadline);
                ask |= waited == Waited::Slice;
                found = look();
            }
            if waited != Waited::Woken {
                self.get_up(end);
            }
            match found {
                0 if waited == Waited::TimedOut => return Err(Stopped::TimedOut),
                0 => {}
                found => return Ok(found),
            }
        }
    }
}

impl Post {
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
