//! Arriving, waiting for the others, going on.

use super::{Barrier, Place, ROUNDS, State};
use crate::raw::permits::{NoneFree, Others};
use crate::raw::{Peers, Token};
use crate::sys::clock::Deadline;
use crate::sys::hint;

/// A party that has arrived and not left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    turn: u32,
    parity: bool,
    at: usize,
    party: Token,
}

/// All have arrived.
#[derive(Debug)]
pub(crate) enum Passed {
    /// The turn is over, and this party was number `index` in it.
    Through { index: u32, is_last: bool },
    /// This party is the last: it runs the action, and then calls [`Barrier::finish`], or
    /// [`Barrier::give_up`].
    Act(Arrival),
}

/// The turn was not completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unpassed {
    /// The barrier is broken, or was reset; by the death of this party, where it names one.
    Broken(Option<Token>),
    /// The deadline passed, and so this party broke it.
    TimedOut,
}

type End = Result<Passed, Unpassed>;

impl Arrival {
    fn place(&self) -> Place {
        Place::taken(self.turn, self.party)
    }

    fn through(&self, is_last: bool) -> End {
        let index = u32::try_from(self.at).unwrap_or(u32::MAX);
        Ok(Passed::Through { index, is_last })
    }

    /// How the turn ended, if it has.
    fn end(&self, state: State) -> Option<End> {
        let is_over = state.turn() != self.turn;
        if is_over && state.parity() != self.parity {
            return Some(self.through(false));
        }
        let is_lost = is_over || state.is_broken();
        // Whose death it was is known as long as nobody has reset it.
        let dead = state.dead().filter(|_| !is_over);
        is_lost.then_some(Err(Unpassed::Broken(dead)))
    }
}

impl Barrier<'_> {
    /// Arrives, and waits until all have, the barrier breaks, or the deadline passes, which breaks
    /// it. The last to come is asked to act if it `acts`. `met` becomes true where a death was met.
    pub(crate) fn wait(
        &self,
        peers: &impl Peers,
        deadline: Deadline,
        acts: bool,
        met: &mut bool,
    ) -> End {
        let arrival = self.arrive(peers, deadline, met)?;
        let end = self.await_end(peers, &arrival, deadline, acts, met);
        if !matches!(end, Ok(Passed::Act(_))) {
            self.leave(peers, &arrival);
        }
        end
    }

    /// Says that the action was done.
    pub(crate) fn finish(&self, peers: &impl Peers, arrival: &Arrival) -> End {
        let mut end = Err(Unpassed::Broken(None));
        for _ in 0..ROUNDS {
            let state = self.head.state.get();
            if let Some(broken) = arrival.end(state) {
                end = broken;
                break;
            }
            if self.head.state.change(state, state.completed()) {
                self.head.bell.ring(peers, u32::MAX);
                end = arrival.through(true);
                break;
            }
        }
        self.leave(peers, arrival);
        end
    }

    /// Breaks the barrier, as the action was not done.
    pub(crate) fn give_up(&self, peers: &impl Peers, arrival: &Arrival) {
        // However the turn ended: the caller knows that the action was not done.
        let _ = self.break_turn(peers, arrival);
        self.leave(peers, arrival);
    }

    /// Takes a cell, sleeping until one is free.
    fn arrive(
        &self,
        peers: &impl Peers,
        deadline: Deadline,
        met: &mut bool,
    ) -> Result<Arrival, Unpassed> {
        let me = peers.me();
        if let Ok(arrived) = self.take_cell(me, &mut Others::but(me)) {
            return arrived;
        }
        let look = |others: &mut Others, _| self.take_cell(me, others);
        let bury = || self.bury(peers);
        self.head
            .room
            .wait_for(peers, deadline, met, look, bury)
            .unwrap_or_else(|NoneFree| {
                self.abort(peers);
                Err(Unpassed::TimedOut)
            })
    }

    /// Takes a cell if one is free.
    fn take_cell(
        &self,
        me: Token,
        others: &mut Others,
    ) -> Result<Result<Arrival, Unpassed>, NoneFree> {
        for _ in 0..ROUNDS {
            let state = self.head.state.get();
            let (turn, parity) = (state.turn(), state.parity());
            if state.is_broken() {
                return Ok(Err(Unpassed::Broken(state.dead())));
            }
            let mut is_behind = false;
            for at in self.from(me.slot()) {
                let Some(cell) = self.cells.get(at) else {
                    continue;
                };
                let place = cell.get();
                if place.is_free(turn) && cell.change(place, Place::taken(turn, me)) {
                    let party = me;
                    return Ok(Ok(Arrival {
                        turn,
                        parity,
                        at,
                        party,
                    }));
                }
                match place.party() {
                    Some((party, _)) => others.note_some(Some(party)),
                    // Lost to another, or the turn has moved on.
                    None => is_behind = true,
                }
            }
            if !is_behind {
                break;
            }
        }
        Err(NoneFree)
    }

    /// All cells, each process beginning elsewhere.
    fn from(&self, slot: u32) -> impl Iterator<Item = usize> {
        let count = self.cells.len();
        let first = slot as usize % count.max(1);
        (first..count).chain(0..first)
    }

    /// Waits for the end of the turn.
    fn await_end(
        &self,
        peers: &impl Peers,
        arrival: &Arrival,
        deadline: Deadline,
        acts: bool,
        met: &mut bool,
    ) -> End {
        let look = |others: &mut Others, _| self.look(peers, arrival, acts, others);
        if let Ok(end) = look(&mut Others::but(arrival.party), false) {
            return end;
        }
        for _ in 0..hint::SPINS {
            hint::spin();
            if let Some(end) = arrival.end(self.head.state.get()) {
                return end;
            }
        }
        let bury = || self.bury(peers);
        self.head
            .bell
            .wait_for(peers, deadline, met, look, bury)
            .unwrap_or_else(|NoneFree| self.break_turn(peers, arrival))
    }

    /// One look at the turn: ends it where all are here; notes whom it still waits with.
    fn look(
        &self,
        peers: &impl Peers,
        arrival: &Arrival,
        acts: bool,
        others: &mut Others,
    ) -> Result<End, NoneFree> {
        let state = self.head.state.get();
        if let Some(end) = arrival.end(state) {
            return Ok(end);
        }
        let mut is_full = state.actor().is_none();
        for cell in self.cells {
            let place = cell.get();
            is_full &= place.has_arrived(arrival.turn);
            others.note_some(place.party().map(|(party, _)| party));
        }
        let next = if acts {
            state.acted_by(arrival.party)
        } else {
            state.completed()
        };
        if !is_full {
            return Err(NoneFree);
        }
        if !self.head.state.change(state, next) {
            // Whoever changed it rings, if that was the end.
            return arrival.end(self.head.state.get()).ok_or(NoneFree);
        }
        if acts {
            return Ok(Ok(Passed::Act(*arrival)));
        }
        self.head.bell.ring(peers, u32::MAX);
        Ok(arrival.through(true))
    }

    /// Breaks the turn, if it has not ended: then that is how it went.
    fn break_turn(&self, peers: &impl Peers, arrival: &Arrival) -> End {
        for _ in 0..ROUNDS {
            let state = self.head.state.get();
            if let Some(end) = arrival.end(state) {
                return end;
            }
            if self.head.state.change(state, state.broken_by(None)) {
                self.ring(peers);
                break;
            }
        }
        Err(Unpassed::TimedOut)
    }

    /// Leaves a turn that has ended.
    fn leave(&self, peers: &impl Peers, arrival: &Arrival) {
        let place = arrival.place();
        if let Some(cell) = self.cells.get(arrival.at)
            && cell.change(place, place.left())
        {
            self.head.room.ring(peers, u32::MAX);
        }
    }
}
