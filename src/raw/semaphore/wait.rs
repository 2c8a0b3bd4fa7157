//! How permits in cells are looked for and waited for.

use super::cell::State;
use super::{Cells, ROUNDS};
use crate::raw::permits::{NoneFree, Others};
use crate::raw::{Peers, Token};
use crate::sys::clock::Deadline;
use crate::sys::hint;

impl Cells<'_> {
    #[cold]
    pub(super) fn acquire_contended(
        &self,
        peers: &impl Peers,
        start: u32,
        deadline: Deadline,
        met: &mut bool,
    ) -> Result<u32, NoneFree> {
        let me = peers.me();
        // One look at all cells takes as long as many at one.
        for _ in 0..hint::SPINS / (1 + self.reach() / 8) {
            if let Ok(at) = self.take_one(me, start) {
                return Ok(at);
            }
            hint::spin();
        }
        let look = |others: &mut Others, slept| self.take_one_or_flag(me, start, slept, others);
        self.head
            .bell
            .wait_for(peers, deadline, met, look, || self.bury(peers))
    }

    /// Gives back what participants hold that have died; says whether that was anything.
    pub(crate) fn bury(&self, peers: &impl Peers) -> bool {
        let mut asked = Others::but(peers.me());
        let mut met = false;
        for (_, cell) in self.within(0) {
            if let Some(owner) = cell.state().owner()
                && asked.note(owner)
                && peers.is_dead(owner)
            {
                met |= self.repair(peers, owner) > 0;
            }
        }
        met
    }

    /// Takes the first free cell.
    pub(super) fn take_one(&self, me: Token, start: u32) -> Result<u32, NoneFree> {
        self.within(start)
            .find(|(_, cell)| cell.state().is_free() && cell.take(me))
            .map(|(at, _)| at)
            .ok_or(NoneFree)
    }

    /// Takes the first free cell, or flags all of them.
    pub(in crate::raw) fn take_one_or_flag(
        &self,
        me: Token,
        start: u32,
        slept: bool,
        others: &mut Others,
    ) -> Result<u32, NoneFree> {
        let mine = State::guarded(me).with_waiters(slept);
        for (at, cell) in self.within(start) {
            let next = |state: State| {
                Some(if state.is_free() {
                    mine
                } else {
                    state.with_waiters(true)
                })
            };
            match cell.change(next) {
                Some(was) if was.is_free() => return Ok(at),
                was => others.note_some(was.and_then(State::owner)),
            }
        }
        Err(NoneFree)
    }

    /// Takes `count` free cells, or flags all that are not free and takes none.
    pub(super) fn take_many(
        &self,
        peers: &impl Peers,
        count: u32,
        others: &mut Others,
        deadline: Deadline,
    ) -> Result<u32, NoneFree> {
        self.head.gate.lock(peers, deadline).map_err(|_| NoneFree)?;
        let mut taken = Err(NoneFree);
        for _ in 0..ROUNDS {
            if self.count_free_and_flag(others) < count {
                break;
            }
            taken = self.take_counted(peers, count);
            if taken.is_ok() {
                break;
            }
            // Somebody took one for itself between the two passes, so somebody goes on.
        }
        self.head.gate.unlock(peers, false);
        taken
    }

    pub(in crate::raw) fn count_free_and_flag(&self, others: &mut Others) -> u32 {
        let mut free = 0;
        for (_, cell) in self.within(0) {
            match cell.change(|state| (!state.is_free()).then_some(state.with_waiters(true))) {
                None => free += 1,
                held => others.note_some(held.and_then(State::owner)),
            }
        }
        free
    }

    fn take_counted(&self, peers: &impl Peers, count: u32) -> Result<u32, NoneFree> {
        let mut first = None;
        let mut taken = 0;
        for (at, cell) in self.within(0) {
            if taken < count && cell.state().is_free() && cell.take(peers.me()) {
                first.get_or_insert(at);
                taken += 1;
            }
        }
        if taken == count {
            return Ok(first.unwrap_or(0));
        }
        self.release_contended(peers, first.unwrap_or(0), taken);
        Err(NoneFree)
    }
}
