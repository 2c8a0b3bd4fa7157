//! Joining: waiting until nothing that was put is unfinished.
//!
//! What is unfinished stands in the chain alone, so that no death makes it wrong: a producer that
//! dies leaves nothing that counts, and a dead consumer's message counts until another is done with
//! it or, by policy, until it is dropped.
//!
//! With the lock messages only become fewer, so a look with the lock that finds none is the truth.
//! Messages end without the lock, all but those that are dropped for the dead, by the free word of
//! their block. Whoever stores it passes a fence next, and then looks whether anybody joins; a joiner
//! announces itself, passes a fence, and looks. So either the look sees the end of the message, or
//! who ended it sees the announcement, by one load. That one then looks as well, with the lock: of
//! two that end the last messages at once, the later sees that nothing is left, and wakes.

use crate::raw::Peers;
use crate::sys::clock::Deadline;

use super::block::{Phase, Word};
use super::wait::Side;
use super::{Attempt, Messages, Met, Refused, Wait};

/// Whether a block in `phase` is a message that was put and is not done.
fn is_unfinished(phase: Phase) -> bool {
    match phase {
        Phase::Ready | Phase::Returned | Phase::Claimed(_) => true,
        Phase::Free | Phase::Reserved(_) => false,
    }
}

impl Messages<'_> {
    /// Waits until nothing is unfinished.
    pub(crate) fn join(
        &self,
        peers: &impl Peers,
        wait: &Wait<impl Fn() -> Deadline>,
    ) -> Result<Met, Refused> {
        let look = || match self.is_done() {
            true => Ok(()),
            false => Err(Attempt::Idle),
        };
        self.act(peers, wait, Side::End, look).map(|((), met)| met)
    }

    /// Messages that were put and are not done; it may change at once. Where the lock cannot be had
    /// until `patience` ends, or without `peers`, others may be changing the chain meanwhile.
    pub(crate) fn unfinished<P: Peers>(&self, peers: Option<&P>, patience: Deadline) -> usize {
        let entered = peers.filter(|peers| self.enter(peers, || patience).is_ok());
        let mut next = 0;
        // Nothing is joined on the way: perhaps it is somebody else's to change.
        let words = core::iter::from_fn(|| {
            let word = self.block(next)?.word();
            next = self.end(next, word)?;
            Some(word)
        });
        let count = words.filter(|word| is_unfinished(word.phase())).count();
        if let Some(peers) = entered {
            self.leave(peers);
        }
        count
    }

    /// With the lock.
    fn is_done(&self) -> bool {
        let is_left = |(_, word): (_, Word)| is_unfinished(word.phase());
        self.queued() == 0 && !self.blocks().any(is_left)
    }

    /// After a message was ended, and the fence behind that.
    #[inline]
    pub(super) fn tell_joiners(&self, peers: &impl Peers, patience: impl FnOnce() -> Deadline) {
        if self.head.all_done.is_heard() {
            self.wake_joiners(peers, patience());
        }
    }

    #[cold]
    fn wake_joiners(&self, peers: &impl Peers, patience: Deadline) {
        if self.enter(peers, || patience).is_ok() {
            let is_done = self.is_done();
            self.leave(peers);
            if !is_done {
                return;
            }
        }
        // Also where the lock was not to be had: they look for themselves.
        self.head.all_done.ring(peers, u32::MAX);
    }
}
