//! The registry: who takes part, and who has died.
//!
//! A participant owns one slot and, through the kernel, the lease of that slot. The lease says who
//! lives; the slot's state word says in which generation, and whether a death has been noticed.
//!
//! # States
//!
//! | phase | lease | meaning | who may change it, to what |
//! |---|---|---|---|
//! | free | free | nobody | whoever takes the lease: live |
//! | free | held | somebody is about to join, or has just left | the holder: live |
//! | live | held | a participant | the holder: doomed, when it leaves |
//! | live | free | a dead one, not noticed yet | anyone: doomed |
//! | doomed | free | a dead one whose things wait for repair | whoever takes the lease: see below |
//! | doomed | held | under repair, leaving, or about to be joined | the holder: free, in the next generation |
//!
//! Whoever holds the lease of a doomed slot either repairs as another participant and frees the
//! slot, or joins in it, live in the next generation, and repairs as its very first act. It first
//! copies what the slot says of the dead and dooms the slot in that generation, so that who died is
//! known to their heirs, and nobody takes the newcomer for them. `oldest`
//! remembers from which generation on the repair is due, so that a death during either repair
//! leaves nothing behind.
//!
//! # Invariants
//!
//! 1. The lease is taken before the slot becomes live and is never given up while it lives. So
//!    *live* and then *lease free*, looked at in this order, is proof of death.
//! 2. The lease of a slot that looks live is taken by nobody: the death is noticed and the slot
//!    doomed first. So *live*, *lease taken* and *live* again says that the participant lives: a
//!    dead one does not look alive while its slot is taken over.
//! 3. Only the holder of the lease makes a slot live or free. A slot is free only when everything
//!    that its participants owned has been repaired; `oldest` is raised only after a repair.
//! 4. A token of an earlier generation, of a doomed slot or of no slot at all names the dead.
//!
//! # Memory orderings
//!
//! The store of *live* is a Release and pairs with the Acquire of whoever reads the state: the
//! slot's description is there. The store of *free* is a Release and pairs with the Acquire of the
//! next to join: all repairs are there. What a dead participant wrote is ordered by the kernel,
//! which frees a lease after the last store of the process.
//!
//! # If a process dies
//!
//! While joining: its lease goes, and the slot is free or a dead participant's, nothing between.
//! While leaving or repairing: the slot stays doomed, or is live with a free lease, and `oldest`
//! still says what is due: the next to look repairs again from the start.

mod slot;

use crate::sys::atomic::{Ordering, fence};

use super::Token;

#[cfg(not(loom))]
pub(crate) use slot::LIFELINE_OFFSET;
pub(crate) use slot::{Description, LABEL_WORDS, Slot};
use slot::{Phase, State};

/// The kernel's part of the registry: one lease for each slot.
pub(crate) trait Leases {
    /// Takes the lease of `slot`; `false` where somebody else has it.
    fn try_take(&self, slot: u32) -> bool;
    /// Gives up the lease of `slot`.
    fn give_up(&self, slot: u32);
    /// Whether somebody *else* has the lease of `slot`. In doubt, yes.
    fn is_taken(&self, slot: u32) -> bool;
}

/// Generations of one slot that one repair looks after at the most.
const MOST_UNREPAIRED: u32 = 64;

/// All slots of a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Registry<'a>(&'a [Slot]);

impl<'a> Registry<'a> {
    pub(crate) fn new(slots: &'a [Slot]) -> Self {
        Self(slots)
    }

    /// The slot with this index.
    pub(crate) fn slot(self, index: u32) -> Option<&'a Slot> {
        self.0.get(index as usize)
    }

    /// Indices of all slots.
    pub(crate) fn indices(self) -> impl Iterator<Item = u32> {
        (0..).take(self.0.len())
    }

    /// Joins in a free slot, looking from `start` on, or else in that of a dead participant.
    ///
    /// `describe` writes what others may read of the participant. Before it does anything else the
    /// participant must repair what [`Registry::unrepaired`] names and then call
    /// [`Registry::settle`]. `None` where every slot is taken.
    pub(crate) fn join(
        self,
        leases: &impl Leases,
        start: u32,
        describe: impl Fn(&Slot),
    ) -> Option<Token> {
        let count = self.indices().last().map_or(1, |last| last + 1);
        let in_turn = || (0..count).map(|step| (start % count + step) % count);
        in_turn()
            .find_map(|index| self.join_in(leases, index, true, &describe))
            .or_else(|| in_turn().find_map(|index| self.join_in(leases, index, false, &describe)))
    }

    fn join_in(
        self,
        leases: &impl Leases,
        index: u32,
        only_free: bool,
        describe: &impl Fn(&Slot),
    ) -> Option<Token> {
        let slot = self.slot(index)?;
        let suits = |phase| phase == Phase::Free || phase == Phase::Doomed && !only_free;
        if !only_free {
            self.notice_death(leases, index, slot);
        }
        let seen = slot.take_if(leases, index, suits)?;
        let generation = match seen.phase() {
            Phase::Free => seen.generation(),
            // The last participant is dead: its tokens must not become ours, nor our description
            // its own.
            Phase::Live | Phase::Doomed => {
                slot.remember(seen.generation());
                let next = State::new(seen.generation().wrapping_add(1), Phase::Doomed);
                // Release: pairs with the Acquire of whoever reads the state; publishes the copy.
                slot.state.store(next.0, Ordering::Release);
                // Release: pairs with the fence in `described`: no new description under the old state.
                fence(Ordering::Release);
                next.generation()
            }
        };
        describe(slot);
        // Release: pairs with the Acquire of whoever reads the state; publishes `describe`.
        slot.state
            .store(State::new(generation, Phase::Live).0, Ordering::Release);
        // Release: pairs with the fence in `is_dead`: no word names the participant before it lives.
        fence(Ordering::Release);
        Some(Token::new(generation, index))
    }

    /// The dead of `token`'s slot, before `token`, whose things have not been repaired.
    pub(crate) fn unrepaired(self, token: Token) -> impl Iterator<Item = Token> {
        let end = token.generation();
        // Relaxed: changed only by holders of the lease, one after the other.
        let oldest = self
            .slot(token.slot())
            .map_or(end, |s| s.oldest.load(Ordering::Relaxed));
        let due = end.wrapping_sub(oldest) & Token::GENERATION_MASK;
        // More deaths than this in one slot without a single repair are garbage.
        let due = due.min(MOST_UNREPAIRED);
        (0..due).map(move |back| Token::new(end.wrapping_sub(due - back), token.slot()))
    }

    /// Notes that the dead before `token` in its slot have been repaired. For the lease's holder.
    pub(crate) fn settle(self, token: Token) {
        if let Some(slot) = self.slot(token.slot()) {
            // Release: pairs with the Acquire of the state by the next holder of the lease; the
            // repairs come first.
            slot.oldest.store(token.generation(), Ordering::Release);
        }
    }

    /// Whether `token` names nobody who lives. The caller's own token must not be asked for: its
    /// lease is not somebody else's.
    pub(crate) fn is_dead(self, leases: &impl Leases, token: Token) -> bool {
        // Acquire: pairs with the Release of whoever stored the token in the word where the caller
        // read it, and so with the Release of "live" before that.
        fence(Ordering::Acquire);
        let Some(slot) = self.slot(token.slot()) else {
            return true;
        };
        let alive = State::new(token.generation(), Phase::Live);
        if slot.seen() != alive {
            return true;
        }
        // Invariant 1: first the state, then the lease.
        if leases.is_taken(token.slot()) {
            // Invariant 2: unless the slot has been doomed since, it is the participant's own.
            return slot.seen() != alive;
        }
        self.doom(slot, alive);
        true
    }

    /// The same without a trace: for whoever only looks.
    pub(crate) fn looks_dead(self, leases: &impl Leases, token: Token) -> bool {
        self.slot(token.slot()).is_none_or(|slot| {
            slot.seen() != State::new(token.generation(), Phase::Live)
                || !leases.is_taken(token.slot())
        })
    }

    /// What `token` is or was, as far as its slot still says it.
    pub(crate) fn description(self, token: Token) -> Option<Description> {
        let slot = self.slot(token.slot())?;
        slot.described(token.generation())
            .or_else(|| slot.remembered(token.generation()))
    }

    /// The participant in the slot with this index, if it is live or its death not yet noticed.
    pub(crate) fn occupant(self, index: u32) -> Option<Token> {
        let seen = self.slot(index)?.seen();
        (seen.phase() == Phase::Live).then(|| Token::new(seen.generation(), index))
    }

    /// Takes the slot with this index over for repair, if its participant is dead.
    ///
    /// Of several who try, one gets the token; until it calls [`Registry::retire`] the slot stays
    /// doomed. The caller's own slot must not be asked for.
    pub(crate) fn condemn(self, leases: &impl Leases, index: u32) -> Option<Token> {
        let slot = self.slot(index)?;
        self.notice_death(leases, index, slot);
        let now = slot.take_if(leases, index, |phase| phase == Phase::Doomed)?;
        Some(Token::new(now.generation(), index))
    }

    /// Leaves the repair after `token` to somebody else: gives up the lease of its doomed slot.
    pub(crate) fn postpone(self, leases: &impl Leases, token: Token) {
        leases.give_up(token.slot());
    }

    /// Begins to leave: from now on everybody may treat the caller's `token` as dead.
    pub(crate) fn resign(self, token: Token) {
        if let Some(slot) = self.slot(token.slot()) {
            self.doom(slot, State::new(token.generation(), Phase::Live));
        }
    }

    /// Frees the slot of a participant whose things are all repaired, and its lease. Only the
    /// holder of the lease may call this.
    pub(crate) fn retire(self, leases: &impl Leases, token: Token) {
        if let Some(slot) = self.slot(token.slot()) {
            let next = Token::new(token.generation().wrapping_add(1), token.slot());
            // Relaxed: nobody waits on the lifeline of a slot that is not live.
            slot.lifeline.store(0, Ordering::Relaxed);
            // Release: pairs with the Acquire in `join`; publishes the repairs.
            self.settle(next);
            slot.state.store(
                State::new(next.generation(), Phase::Free).0,
                Ordering::Release,
            );
        }
        leases.give_up(token.slot());
    }

    /// Dooms the slot if its participant has died.
    fn notice_death(self, leases: &impl Leases, index: u32, slot: &Slot) {
        let seen = slot.seen();
        if seen.phase() == Phase::Live && !leases.is_taken(index) {
            self.doom(slot, seen);
        }
    }

    fn doom(self, slot: &Slot, seen: State) {
        let doomed = State::new(seen.generation(), Phase::Doomed);
        // Where this fails, somebody else has doomed it, or more. AcqRel: what the finder of the
        // death knows goes with the word, and whoever comes later knows it too.
        let _ = slot
            .state
            .compare_exchange(seen.0, doomed.0, Ordering::AcqRel, Ordering::Relaxed);
    }
}
