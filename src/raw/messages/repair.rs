//! What the living do with what the dead have left.

use crate::raw::lock::Taken;
use crate::raw::permits::Others;
use crate::raw::{Peers, Token};
use crate::sys::atomic::Ordering;
use crate::sys::clock::Deadline;

use super::block::{Phase, Word};
use super::{Messages, Redelivery};

impl Messages<'_> {
    /// Gives back what `dead` owned, and wakes whoever waits for it. Idempotent; may race with
    /// itself and with everything else, and may be killed anywhere. A stopped holder of the lock is
    /// waited for until `patience` ends; the repair is then left to the next holder.
    pub(crate) fn repair(&self, peers: &impl Peers, dead: Token, patience: Deadline) {
        self.owe();
        if self.enter(peers, || patience).is_ok() {
            // By name: one that leaves is not dead.
            self.sweep(peers, Some(dead));
            self.leave(peers);
        }
        // The dead may have been about to wake somebody, or have been woken instead of others.
        self.head.not_empty.ring_always(peers, u32::MAX);
        self.head.not_full.ring_always(peers, u32::MAX);
    }

    /// Leaves it to the next holder of the lock to look at all blocks.
    pub(super) fn owe(&self) {
        // Release: pairs with the Acquire in `enter`; whoever sees it sees what was done before.
        self.head.inner.due.store(1, Ordering::Release);
    }

    /// First of all after a death, or where there is a note: with the lock, before anything is looked at.
    #[cold]
    pub(super) fn mend(&self, peers: &impl Peers, taken: Taken) {
        if taken != Taken::Clean {
            self.finish();
        }
        // Before the sweep: a note that comes meanwhile stays. Acquire: what the note that goes is
        // about is seen by the sweep.
        self.head.inner.due.swap(0, Ordering::Acquire);
        self.sweep(peers, None);
    }

    /// Brings up what lags behind a commit of a dead holder; see invariant 2.
    fn finish(&self) {
        if self.queued() == 0 {
            return;
        }
        // Relaxed: the lock orders them, or the kernel after a death.
        let tail = self.head.inner.tail.load(Ordering::Relaxed);
        let last = tail.wrapping_sub(1);
        if let Some(entry) = self.entry(last)
            && let Some(block) = self.block(entry.load(Ordering::Relaxed))
            && block.number() == last
            && let Phase::Reserved(_) = block.word().phase()
        {
            block.set_word(Word::new(block.word().units(), Phase::Ready));
        }
        let head = self.head.inner.head.load(Ordering::Relaxed);
        let waits = self
            .entry(head)
            .and_then(|entry| self.block(entry.load(Ordering::Relaxed)))
            .is_some_and(|block| block.word().phase() == Phase::Ready);
        if !waits {
            // Relaxed: the lock orders it.
            let next = head.wrapping_add(1);
            self.head.inner.head.store(next, Ordering::Relaxed);
        }
    }

    /// Gives back what the dead own, and also what `left` owns; `false` where that is nothing. With
    /// the lock.
    pub(super) fn sweep(&self, peers: &impl Peers, left: Option<Token>) -> bool {
        let mut living = Others::but(peers.me());
        let mut met = false;
        for (block, word) in self.blocks() {
            let Some(owner) = word.phase().owner() else {
                continue;
            };
            if owner
                .is_some_and(|owner| Some(owner) != left && Self::lives(peers, &mut living, owner))
            {
                continue;
            }
            met = true;
            let again =
                matches!(word.phase(), Phase::Claimed(_)) && self.redelivery == Redelivery::Again;
            if again {
                self.raise_returned();
                block.set_word(Word::new(word.units(), Phase::Returned));
            } else {
                block.set_word(Word::new(word.units(), Phase::Free));
            }
        }
        self.recount();
        if met {
            self.head.not_empty.ring(peers, u32::MAX);
            self.head.not_full.ring(peers, u32::MAX);
            // By policy a dead consumer's message is done.
            self.head.all_done.ring(peers, u32::MAX);
        }
        met
    }

    /// Before a message comes again; see invariant 3.
    pub(super) fn raise_returned(&self) {
        let returned = &self.head.inner.returned;
        let others = returned.load(Ordering::Relaxed);
        // Relaxed: the Release of the word that follows keeps the order.
        returned.store(others.saturating_add(1), Ordering::Relaxed);
    }

    /// Whether `owner` lives; who does is asked once.
    fn lives(peers: &impl Peers, living: &mut Others, owner: Token) -> bool {
        if owner == peers.me() || living.list().contains(&owner) {
            return true;
        }
        let lives = !peers.is_dead(owner);
        if lives {
            living.note(owner);
        }
        lives
    }
}
