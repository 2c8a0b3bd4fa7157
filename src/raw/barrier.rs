//! A barrier: a number of parties go on together, or none of them does.
//!
//! # States
//!
//! The state word has the number of the turn, a parity that changes with each turn that is
//! completed, a flag and a token. Each party has a cell, with the number of a turn and a token.
//!
//! | broken | token | meaning | who may change it, to what |
//! |---|---|---|---|
//! | no | 0 | parties arrive | who sees all cells of this turn full: completed, or acting; anyone: broken, reset |
//! | no | token | acting: all are here, and one of them runs the action | that one: completed; anyone: broken, reset |
//! | yes | 0 | given up: a timeout, an abort, an action that failed | anyone: reset |
//! | yes | token | the party of that name died | anyone: reset |
//!
//! *Completed* and *reset* both go to the next turn; completed changes the parity too.
//!
//! | turn | token | the cell is | who may change it, to what |
//! |---|---|---|---|
//! | this, or one before | 0 | free | anyone: taken in this turn |
//! | this | token | a party that has arrived | its party, once the turn has ended: free from the next turn on |
//! | another | token | a party that has yet to leave an earlier turn | its party: free |
//! | any | token of the dead | as above | anyone, after breaking its turn if that still is the present one: free |
//!
//! # Invariants
//!
//! 1. The number of the turn only rises, and a turn ends by one change of the state word, which
//!    makes all cells that were taken in it count no more.
//! 2. A cell taken in a turn stays so until the turn has ended or is broken. So whoever sees all
//!    cells taken in the turn of a state word, and then changes that very word, completes it.
//! 3. A cell's turn only rises, and a completed turn has been in each. So a cell that could be
//!    taken in a turn was taken before that turn was completed: the party was counted.
//! 4. While a party has yet to leave its turn, no other turn is completed: its cell is missing. So
//!    it finds the parity changed exactly if its own turn was completed, however late it looks.
//! 5. Who waits announces itself, then looks, and sleeps only then; whoever ends a turn rings after.
//!    Of two who arrive last the second to announce itself sees the other's cell.
//!
//! # Memory orderings
//!
//! Taking a cell is Release, and who finds all cells taken acquires each; the change that ends the
//! turn is Release, and who finds it ended acquires that. So whatever any party did before it
//! arrived is seen by all after. The bells order looks and sleeps: see [`super::permits`].
//!
//! # If a process dies
//!
//! Before its cell is taken: nothing happened, nobody knows that it would have come. After it,
//! while the turn lasts: whoever looks breaks the turn with its name, unless all the others arrive
//! first, and then it counts, for arriving was all that they asked of it. So too inside the action.
//! After the turn has ended: its cell is made free. Between the change that ends a turn and the
//! ring: the sleepers' slice ends. A repair breaks the turn before it frees the cell, so one that
//! dies in between leaves a cell that the next one finds.
//!
//! After 2^31 resets without one completed turn between them no cell counts as free; such a barrier
//! only times out.

#[cfg(not(loom))]
mod owners;
mod state;
mod wait;

#[cfg(not(loom))]
use super::Storage;
use super::permits::{Bell, Others};
use super::{Peers, Token};
use crate::sys::atomic::AtomicU32;
#[cfg(not(loom))]
use crate::sys::atomic::Ordering;

pub(crate) use state::Cell;
use state::{Place, State, StateWord};
pub(crate) use wait::{Arrival, Passed, Unpassed};

/// Changes of a word under our hands before we leave it to a later look; garbage may change without
/// end.
const ROUNDS: u32 = 64;

/// The head of a barrier.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Head {
    state: StateWord,
    /// Set once, read once.
    parties: AtomicU32,
    /// For those who wait for the end of the turn.
    bell: Bell,
    /// For those who wait for a cell.
    room: Bell,
}

impl Head {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            state: StateWord::new(),
            parties: AtomicU32::new(0),
            bell: Bell::new(),
            room: Bell::new(),
        }
    }
}

/// A barrier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Barrier<'a> {
    pub(crate) head: &'a Head,
    pub(crate) cells: &'a [Cell],
}

#[cfg(not(loom))]
impl<'a> Barrier<'a> {
    /// Bytes that a barrier of so many parties needs.
    pub(crate) fn size(parties: u32) -> usize {
        size_of::<Head>() + parties as usize * size_of::<Cell>()
    }

    /// Makes zeroed storage a barrier of so many parties; `None` where it is too small.
    pub(crate) fn init(storage: Storage<'a>, parties: u32) -> Option<Self> {
        let head = storage.get::<Head>(0)?;
        // Relaxed: the object is not yet published.
        head.parties.store(parties, Ordering::Relaxed);
        Self::attach(storage)
    }

    /// The barrier in `storage`; `None` where it cannot hold as many parties as it says, or none.
    pub(crate) fn attach(storage: Storage<'a>) -> Option<Self> {
        let head = storage.get::<Head>(0)?;
        // Relaxed: set before the object was published.
        let parties = head.parties.load(Ordering::Relaxed) as usize;
        let cells = storage.slice(size_of::<Head>(), parties)?;
        (parties > 0).then_some(Self { head, cells })
    }
}

impl Barrier<'_> {
    /// How many must arrive.
    pub(crate) fn parties(&self) -> u32 {
        u32::try_from(self.cells.len()).unwrap_or(u32::MAX)
    }

    /// How many have arrived; none where the barrier is broken. It may change at once.
    pub(crate) fn waiting(&self) -> u32 {
        let state = self.head.state.get();
        if state.is_broken() {
            return 0;
        }
        let arrived = |cell: &&Cell| cell.get().has_arrived(state.turn());
        u32::try_from(self.cells.iter().filter(arrived).count()).unwrap_or(u32::MAX)
    }

    /// Whether the barrier is broken at this moment.
    pub(crate) fn is_broken(&self) -> bool {
        self.head.state.get().is_broken()
    }

    /// Breaks the barrier: who waits and who comes finds it so, until somebody resets it.
    pub(crate) fn abort(&self, peers: &impl Peers) {
        self.change(peers, |state| {
            (!state.is_broken()).then(|| state.broken_by(None))
        });
    }

    /// Makes the barrier as new; who waits finds it broken. Where nobody waits and nothing is
    /// broken there is nothing to do.
    pub(crate) fn reset(&self, peers: &impl Peers) {
        self.change(peers, |state| {
            let arrived = |cell: &Cell| cell.get().has_arrived(state.turn());
            let used = state.is_broken() || self.cells.iter().any(arrived);
            used.then(|| state.next())
        });
    }

    /// Changes the state as `next` says, if it says something, and wakes whom that concerns.
    fn change(&self, peers: &impl Peers, next: impl Fn(State) -> Option<State>) {
        for _ in 0..ROUNDS {
            let state = self.head.state.get();
            let Some(next) = next(state) else { return };
            if self.head.state.change(state, next) {
                self.ring(peers);
                return;
            }
        }
    }

    /// Wakes all who wait, for whatever it is.
    fn ring(&self, peers: &impl Peers) {
        self.head.bell.ring(peers, u32::MAX);
        self.head.room.ring(peers, u32::MAX);
    }

    /// Sees to all parties that have died; says whether there were any.
    fn bury(&self, peers: &impl Peers) -> bool {
        let mut asked = Others::but(peers.me());
        let mut met = false;
        let parties = self.cells.iter().filter_map(|cell| cell.get().party());
        let actor = self.head.state.get().actor();
        for party in parties.map(|(party, _)| party).chain(actor) {
            if asked.note(party) && peers.is_dead(party) {
                self.repair(peers, party);
                met = true;
            }
        }
        met
    }

    /// Breaks the turn for which `dead` had arrived, if that still is the present one, and frees its
    /// cells.
    pub(crate) fn repair(&self, peers: &impl Peers, dead: Token) {
        if self.head.state.get().actor() == Some(dead) {
            self.change(peers, |state| {
                (state.actor() == Some(dead)).then(|| state.broken_by(Some(dead)))
            });
        }
        for cell in self.cells {
            let place = cell.get();
            if let Some((party, turn)) = place.party()
                && party == dead
            {
                self.change(peers, |state| {
                    let concerns = state.turn() == turn && !state.is_broken();
                    concerns.then(|| state.broken_by(Some(dead)))
                });
                cell.change(place, place.left());
            }
        }
        // Perhaps it died before it rang itself.
        self.ring(peers);
    }
}
