//! Who holds the ends of a ring: claims, departures, deaths.

use super::{End, Head, Post, ROUNDS, Spsc, Stopped, Tail};
use crate::raw::{Peers, Token};
use crate::sys::atomic::Ordering;
use crate::sys::hint;

/// Who holds an end.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Hold(u32);

impl Hold {
    /// The last owner went in order.
    const LEFT: u32 = 1 << 30;
    /// The last owner died, and the reaper has been here.
    const CRASHED: u32 = 1 << 31;

    fn owner(self) -> Option<Token> {
        Token::from_bits(self.0)
    }
    fn by(token: Token) -> u32 {
        token.bits()
    }
}

/// The end is held by a participant that lives, perhaps the caller's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AlreadyHeld;

impl Spsc<'_> {
    /// Whether anybody said that nothing more is to come.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        // Acquire: pairs with the Release in `close`; the closer's items are seen.
        self.fixed.closed.load(Ordering::Acquire) != 0
    }

    /// Says for ever that nothing more is to come, and wakes both ends.
    pub(crate) fn close(&self, peers: &impl Peers) {
        // Release: pairs with the Acquire in `is_closed`.
        self.fixed.closed.store(1, Ordering::Release);
        self.fixed.producer.rouse(peers);
        self.fixed.consumer.rouse(peers);
    }

    /// What is known of the other end of `end`: `Some` where nothing more is to be hoped for.
    ///
    /// Whether an owner lives is asked only with `ask`: a question is a system call. Whatever the
    /// other end published before it went is seen by the caller's next look.
    pub(crate) fn gone(&self, end: End, peers: &impl Peers, ask: bool) -> Option<Stopped> {
        if self.is_closed() {
            return Some(Stopped::Disconnected { crashed: false });
        }
        // Acquire: pairs with the Release in `leave` and `repair`.
        let hold = Hold(self.post(end.other()).hold.load(Ordering::Acquire));
        let crashed = match hold.owner() {
            Some(owner) if ask && peers.is_dead(owner) => true,
            Some(_) => return None,
            None if hold == Hold(Hold::CRASHED) => true,
            None if hold == Hold(Hold::LEFT) => false,
            None => return None,
        };
        Some(Stopped::Disconnected { crashed })
    }

    /// Who has `end`, dead or alive. It may change at once.
    pub(crate) fn owner(&self, end: End) -> Option<Token> {
        // Relaxed: shown to people, and compared with later looks.
        Hold(self.post(end).hold.load(Ordering::Relaxed)).owner()
    }

    /// Takes the producer's end, and finds where the last producer got to.
    pub(crate) fn claim_producer(&self, peers: &impl Peers) -> Result<Tail, AlreadyHeld> {
        self.claim(End::Producer, peers)?;
        // Acquire: pairs with the Release in `consume`, as in `room`.
        let head = self.head.load(Ordering::Acquire);
        // Relaxed: written by owners of this end alone; see the module page on holds.
        let noted = self.tail.load(Ordering::Relaxed);
        let mut tail = self.boundary_after(noted).unwrap_or(noted);
        if tail.wrapping_sub(head) > self.capacity() {
            tail = head;
        }
        // Release: as in `publish`.
        self.tail.store(tail, Ordering::Release);
        Ok(Tail {
            position: tail,
            limit: head.wrapping_add(self.capacity()),
        })
    }

    /// Takes the consumer's end at the first item that nobody has consumed.
    pub(crate) fn claim_consumer(&self, peers: &impl Peers) -> Result<Head, AlreadyHeld> {
        self.claim(End::Consumer, peers)?;
        // Relaxed: written by owners of this end alone; see the module page on holds.
        let position = self.head.load(Ordering::Relaxed);
        let within = |end: u64| end.wrapping_sub(position) <= self.capacity();
        for _ in 0..ROUNDS {
            // Acquire: pairs with the Release in `publish`.
            let noted = self.tail.load(Ordering::Acquire);
            // Behind the head, it is where a batch begins that was consumed in part.
            let end = if within(noted) {
                Some(noted)
            } else {
                self.boundary_after(noted)
            };
            if let Some(published) = end.filter(|end| within(*end)) {
                return Ok(Head {
                    position,
                    published,
                });
            }
            hint::spin();
        }
        Ok(Head {
            position,
            published: position,
        })
    }

    /// Gives `end` back in order, and tells the other end. Nothing where the caller is no owner.
    pub(crate) fn leave(&self, end: End, peers: &impl Peers) {
        self.vacate(end, peers.me(), Hold::LEFT, peers);
    }

    /// Says of `end`, which the caller has made for somebody, that nobody is to come for it. Nothing
    /// where it has been held.
    pub(crate) fn give_up(&self, end: End, peers: &impl Peers) {
        self.free(end, 0, Hold::LEFT, peers);
    }

    /// Does for the dead participant what it can no longer do.
    pub(crate) fn repair(&self, peers: &impl Peers, dead: Token) {
        self.vacate(End::Producer, dead, Hold::CRASHED, peers);
        self.vacate(End::Consumer, dead, Hold::CRASHED, peers);
    }

    fn vacate(&self, end: End, owner: Token, why: u32, peers: &impl Peers) {
        self.free(end, Hold::by(owner), why, peers);
    }

    fn free(&self, end: End, held: u32, why: u32, peers: &impl Peers) {
        // Release: pairs with the Acquire in `claim` and `gone`. Relaxed on failure: somebody
        // else's end is left alone.
        let post = self.post(end);
        let freed = post
            .hold
            .compare_exchange(held, why, Ordering::Release, Ordering::Relaxed);
        if freed.is_ok() {
            post.rouse(peers);
        }
    }

    fn claim(&self, end: End, peers: &impl Peers) -> Result<(), AlreadyHeld> {
        let post = self.post(end);
        let mut seen = Hold(post.hold.load(Ordering::Relaxed));
        for _ in 0..ROUNDS {
            if seen.owner().is_some_and(|owner| !peers.is_dead(owner)) {
                return Err(AlreadyHeld);
            }
            let mine = Hold::by(peers.me());
            // Acquire: pairs with the Release in `vacate`. From the dead, see the module page.
            match post
                .hold
                .compare_exchange(seen.0, mine, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => {
                    // A sleeper is to watch the new owner's life.
                    post.rouse(peers);
                    return Ok(());
                }
                Err(now) => seen = Hold(now),
            }
        }
        Err(AlreadyHeld)
    }

    pub(super) fn post(&self, end: End) -> &Post {
        match end {
            End::Producer => &self.fixed.producer,
            End::Consumer => &self.fixed.consumer,
        }
    }
}
