//! How readers wait for a writer, and the writer for readers.

use core::cell::Cell;
#[cfg(not(loom))]
use core::mem::offset_of;

#[cfg(not(loom))]
use super::Head;
use super::count::State;
use super::{Found, Look, ROUNDS, Refused, RwLock};
use crate::raw::lock::StillHeld;
use crate::raw::permits::{NoneFree, Others};
use crate::raw::robust_lock::Obituary;
use crate::raw::{Peers, Token};
use crate::sys::atomic::{Ordering, fence, light_fence};
use crate::sys::clock::Deadline;
use crate::sys::hint;

impl RwLock<'_> {
    /// One try to come in as a reader.
    pub(super) fn look(&self, peers: &impl Peers) -> Look {
        let me = peers.me();
        let seen = self.word().seen();
        if seen.owner().is_some() {
            return Look::Writer(seen);
        }
        let entered = self
            .count(me)
            .is_some_and(|count| count.enter(me, || self.extend(me)).is_ok());
        if !entered {
            return Look::NoRoom;
        }
        // As a SeqCst fence under loom; see the module page.
        light_fence();
        let seen = self.word().seen();
        match seen.owner() {
            None if seen.is_marked() => Look::In(Found::Marked),
            None => Look::In(Found::Clean),
            Some(_) => {
                if self.leave(me) {
                    self.wake_writer(peers);
                }
                Look::Writer(seen)
            }
        }
    }

    /// Takes back what [`RwLock::enter`] has counted in vain, when the count `was` this.
    #[cold]
    #[inline(never)]
    pub(super) fn back_out(&self, peers: impl Peers, was: State) {
        // What was added under another name goes away with that name.
        if was.owner() == Some(peers.me()) && self.leave(peers.me()) {
            self.wake_writer(&peers);
        }
    }

    pub(super) fn wait_for_writer(
        &self,
        peers: &impl Peers,
        deadline: Deadline,
        tell: &impl Fn(Token) -> Obituary,
        met: &mut bool,
    ) -> Result<Result<Found, Refused>, NoneFree> {
        for _ in 0..hint::SPINS {
            match self.look(peers) {
                Look::In(found) => return Ok(Ok(found)),
                Look::NoRoom => return Ok(Err(Refused::NoRoom)),
                Look::Writer(_) => hint::spin(),
            }
        }
        let look = |others: &mut Others, _| {
            for _ in 0..ROUNDS {
                match self.look(peers) {
                    Look::In(found) => return Ok(Ok(found)),
                    Look::NoRoom => return Ok(Err(Refused::NoRoom)),
                    Look::Writer(seen) if self.word().announce(seen) => {
                        others.note_some(seen.owner());
                        break;
                    }
                    Look::Writer(_) => {}
                }
            }
            Err(NoneFree)
        };
        let bury = || self.bury_writer(peers, tell);
        self.head.gate.wait_for(peers, deadline, met, look, bury)
    }

    /// Frees the word of a dead writer, marked; `false` where there is none.
    pub(super) fn bury_writer(
        &self,
        peers: &impl Peers,
        tell: &impl Fn(Token) -> Obituary,
    ) -> bool {
        let dead = self.word().owner().filter(|owner| peers.is_dead(*owner));
        if let Some(dead) = dead {
            self.repair(peers, dead, &tell(dead));
        }
        dead.is_some()
    }

    /// The rest of writing, for whoever has the word: comes in where no reader is, or `wait` says
    /// that none is any more. `wait` is given how many counts have been seen empty.
    #[inline]
    pub(super) fn drain(
        &self,
        peers: &impl Peers,
        found: Found,
        wait: impl FnOnce(&Cell<u32>) -> bool,
    ) -> Result<Found, StillHeld> {
        // SeqCst: invariant 1: the word is taken before the counts and their reach are looked at.
        fence(Ordering::SeqCst);
        let turned = Cell::new(0);
        if self.is_drained(&turned) || wait(&turned) {
            return Ok(found);
        }
        self.free(peers);
        Err(StillHeld)
    }

    /// Looks on from the first count that was not empty yet; `true` behind the last.
    pub(super) fn is_drained(&self, turned: &Cell<u32>) -> bool {
        for (slot, count) in self.within(turned.get()) {
            if count.state().reader(slot).is_some() {
                turned.set(slot);
                return false;
            }
        }
        true
    }

    #[cold]
    pub(super) fn wait_for_readers(
        &self,
        turned: &Cell<u32>,
        peers: &impl Peers,
        deadline: Deadline,
        met: &mut bool,
    ) -> bool {
        for _ in 0..hint::SPINS {
            if self.is_drained(turned) {
                return true;
            }
            hint::spin();
        }
        let look = |others: &mut Others, _| {
            if self.is_drained(turned) {
                return Ok(());
            }
            for (slot, count) in self.within(turned.get()) {
                others.note_some(count.state().reader(slot));
            }
            Err(NoneFree)
        };
        let bury = || self.bury_readers(peers);
        let drained = self.head.drained.wait_for(peers, deadline, met, look, bury);
        drained.is_ok() || {
            *met |= self.bury_readers(peers);
            self.is_drained(turned)
        }
    }

    /// Whom somebody waits for who sleeps on the word at `at` of the lock: the writer, or, as the
    /// writer, all readers.
    #[cfg(not(loom))]
    pub(crate) fn awaited(&self, at: usize) -> impl Iterator<Item = Token> {
        let for_writer = at == 0 || at == offset_of!(Head, gate);
        let writer = self.word().owner().filter(|_| for_writer);
        let counts = (at == Self::DRAINED).then(|| self.within(0));
        let readers = counts
            .into_iter()
            .flatten()
            .filter_map(|(slot, count)| count.state().reader(slot));
        writer.into_iter().chain(readers)
    }

    /// Where a writer has slept that found no time to come in: on the word, or for readers.
    #[cfg(not(loom))]
    pub(crate) fn slept_at(&self) -> usize {
        match self.word().owner() {
            Some(_) => 0,
            None => Self::DRAINED,
        }
    }

    #[cfg(not(loom))]
    const DRAINED: usize = offset_of!(Head, drained);

    /// Takes back the read guards of the dead; says whether there were any.
    pub(super) fn bury_readers(&self, peers: &impl Peers) -> bool {
        let mut met = false;
        for (slot, count) in self.within(0) {
            if let Some(reader) = count.state().reader(slot)
                && peers.is_dead(reader)
            {
                met |= count.clear(reader);
            }
        }
        met
    }
}
