//! Permits in cells: a counting semaphore without a count.
//!
//! # States of a cell
//!
//! | owner | mark | waiters | meaning | who may change it, to what |
//! |---|---|---|---|---|
//! | 0 | no | no | a free permit | anyone: guarded |
//! | token | no | any | a guarded permit | its owner: free, kept, absent; a waiter: sets the flag |
//! | token | yes | any | a kept permit | anyone, inside the gate: free; a waiter: sets the flag |
//! | 0 | yes | any | absent: no permit | anyone, inside the gate: free; a waiter: sets the flag |
//! | token of the dead | any | any | a permit that comes back | anyone: free |
//!
//! The head holds `reach`, below which all cells lie that ever held a permit; a `bell` for those
//! who wait for one permit and a `crowd` bell for those who wait for several; and the `gate`, a
//! lock word. Who takes several permits looks for them inside the gate, so no two of them each hold
//! half of what both need; and nobody holds a permit while waiting for another. What
//! [`super::permits`] calls add happens inside the gate too, so it counts before it changes.
//!
//! # Invariants
//!
//! 1. A cell becomes a participant's by one compare-and-swap from free by itself, and free again by
//!    one from that very token. So there is no instant at which a permit is taken and nobody knows
//!    by whom, and a repair that comes late finds another token and does nothing.
//! 2. Guarded cells of one participant are alike: as many as it has permits out. A guard frees the
//!    cell that it took where that is still its participant's, and another one where not.
//! 3. The flag leaves a cell only when the cell becomes free, and whoever makes it free then rings.
//!    A waiter sleeps only after it has seen each cell not free and flagged it; so the cell whose
//!    release it needs rings. Whoever comes out of a sleep takes cells *with* the flag: others may
//!    sleep still.
//! 4. Cells beyond `reach` are absent. It rises before the first of them becomes free, and that
//!    rings whatever the flags say.
//!
//! # Memory orderings
//!
//! Taking a cell is Acquire and pairs with the Release that freed it. A sleeper reads the bell, with
//! Acquire, before the cells and `reach`: if a ring came before that, what it rang for is seen; if
//! after, the word has moved and the kernel does not let the sleeper sleep. All else is Relaxed:
//! cells are changed by compare-and-swap only, which sees the newest value.
//!
//! # If a process dies
//!
//! Before an exchange: nothing happened. After one that took a cell: a waiter after its slice, or
//! the reaper, makes it free. Between one that freed a cell and the ring: the sleepers' slice ends.
//! A waiter that dies leaves flags, each of which costs one ring for nobody. A gate of the dead is
//! inherited without a word, for each change inside it is whole in itself.

mod cell;
#[cfg(not(loom))]
mod owners;
mod wait;

#[cfg(not(loom))]
use super::Storage;
use super::lock::LockWord;
use super::permits::{Bell, Full, NoneFree, Others};
use super::{Peers, Token};
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::Deadline;

pub(crate) use cell::Cell;
use cell::State;

/// The head of the cells.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Head {
    /// Cells in all; set once, read once.
    capacity: AtomicU32,
    reach: AtomicU32,
    pub(super) bell: Bell,
    pub(super) crowd: Bell,
    gate: LockWord,
}

impl Head {
    #[cfg(loom)]
    pub(crate) fn new(reach: u32) -> Self {
        Self {
            capacity: AtomicU32::new(0),
            reach: AtomicU32::new(reach),
            bell: Bell::new(),
            crowd: Bell::new(),
            gate: LockWord::new(),
        }
    }
}

/// Looks at all cells before the caller's own count as gone; garbage may change without end.
const ROUNDS: u32 = 64;

/// The cells of a semaphore.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cells<'a> {
    pub(crate) head: &'a Head,
    pub(crate) cells: &'a [Cell],
}

#[cfg(not(loom))]
impl<'a> Cells<'a> {
    /// Bytes that `capacity` cells need.
    pub(crate) fn size(capacity: u32) -> usize {
        size_of::<Head>() + capacity as usize * size_of::<Cell>()
    }

    /// Makes zeroed storage hold `value` free permits and room for `capacity`.
    pub(crate) fn init(storage: Storage<'a>, capacity: u32, value: u32) -> Option<Self> {
        let head = storage.get::<Head>(0)?;
        // Relaxed: the object is not yet published.
        head.capacity.store(capacity, Ordering::Relaxed);
        head.reach.store(value, Ordering::Relaxed);
        let all = Self::attach(storage)?;
        all.cells
            .iter()
            .skip(value as usize)
            .for_each(Cell::init_absent);
        Some(all)
    }

    /// The cells in `storage`; `None` where it cannot hold as many as it says.
    pub(crate) fn attach(storage: Storage<'a>) -> Option<Self> {
        let head = storage.get::<Head>(0)?;
        // Relaxed: set before the object was published.
        let capacity = head.capacity.load(Ordering::Relaxed) as usize;
        Some(Self {
            head,
            cells: storage.slice(size_of::<Head>(), capacity)?,
        })
    }
}

impl<'a> Cells<'a> {
    /// Permits in all places.
    #[inline]
    pub(crate) fn capacity(&self) -> u32 {
        u32::try_from(self.cells.len()).unwrap_or(u32::MAX)
    }

    /// Free permits; it may change at once.
    pub(crate) fn available(&self) -> u32 {
        let free = self
            .cells
            .iter()
            .filter(|cell| cell.state().is_free())
            .count();
        u32::try_from(free).unwrap_or(u32::MAX)
    }

    /// Takes the cell `at` if it is free and nobody ever waited for it.
    #[inline]
    pub(crate) fn take(&self, me: Token, at: u32) -> bool {
        self.cells
            .get(at as usize)
            .is_some_and(|cell| cell.take(me))
    }

    /// Frees the cell `at` if the caller guards it and nobody waits for it.
    #[inline]
    pub(crate) fn free(&self, me: Token, at: u32) -> bool {
        self.cells
            .get(at as usize)
            .is_some_and(|cell| cell.free_unheard(me))
    }

    /// Takes a permit if one is free; looks at the cell `start` first. Gives the cell.
    pub(crate) fn try_acquire(&self, peers: &impl Peers, start: u32) -> Result<u32, NoneFree> {
        if self.take(peers.me(), start) {
            Ok(start)
        } else {
            self.take_one(peers.me(), start)
        }
    }

    /// Takes a permit, sleeping until one is free, an owner dies, or the deadline passes.
    pub(crate) fn acquire(
        &self,
        peers: &impl Peers,
        start: u32,
        deadline: Deadline,
        met: &mut bool,
    ) -> Result<u32, NoneFree> {
        if self.take(peers.me(), start) {
            Ok(start)
        } else {
            self.acquire_contended(peers, start, deadline, met)
        }
    }

    /// Takes `count` permits if as many are free; waits for the gate until `patience` ends.
    pub(crate) fn try_acquire_many(
        &self,
        peers: &impl Peers,
        count: u32,
        patience: Deadline,
    ) -> Result<u32, NoneFree> {
        self.take_many(peers, count, &mut Others::but(peers.me()), patience)
    }

    /// Takes `count` permits at once, sleeping until as many are free or the deadline passes.
    pub(crate) fn acquire_many(
        &self,
        peers: &impl Peers,
        count: u32,
        deadline: Deadline,
        met: &mut bool,
    ) -> Result<u32, NoneFree> {
        let look = |others: &mut Others, _| self.take_many(peers, count, others, deadline);
        self.head
            .crowd
            .wait_for(peers, deadline, met, look, || self.bury(peers))
    }

    /// Gives back `count` permits that the caller acquired, `at` being the cell of the first.
    pub(crate) fn release(&self, peers: &impl Peers, at: u32, count: u32) {
        if count != 1 || !self.free(peers.me(), at) {
            self.release_contended(peers, at, count);
        }
    }

    /// Makes `count` permits that the caller acquired kept.
    pub(crate) fn keep(&self, peers: &impl Peers, at: u32, count: u32) {
        self.change_own(peers.me(), at, count, State::kept);
    }

    /// Makes `count` permits that the caller acquired absent.
    pub(crate) fn forget(&self, peers: &impl Peers, at: u32, count: u32) {
        let absent = |state: State| State::ABSENT.with_waiters(state.has_waiters());
        self.change_own(peers.me(), at, count, absent);
    }

    /// Makes `count` kept or absent permits free, or, where there are fewer, none.
    ///
    /// If a keeper dies meanwhile, what its death gives back counts as released.
    pub(crate) fn add(&self, peers: &impl Peers, count: u32) -> Result<(), Full> {
        // Without a deadline the lock is taken, and its owner's death inside changes nothing.
        let _ = self.head.gate.lock(peers, Deadline::NEVER);
        // Inside the gate their number falls by the death of a keeper alone.
        let spare = self.cells.iter().filter(|cell| cell.state().is_marked());
        let enough = spare.take(count as usize).count() == count as usize;
        let heard = if enough {
            self.free_spare(peers.me(), count)
        } else {
            0
        };
        self.head.gate.unlock(peers, false);
        self.ring(peers, heard);
        if enough { Ok(()) } else { Err(Full) }
    }

    /// Gives back what `dead` held; says how many permits.
    pub(crate) fn repair(&self, peers: &impl Peers, dead: Token) -> u32 {
        let (mut freed, mut heard) = (0, 0);
        for cell in self.cells {
            let owned = |state: State| (state.owner() == Some(dead)).then_some(State::FREE);
            if let Some(was) = cell.change(owned) {
                freed += 1;
                heard += u32::from(was.has_waiters());
            }
        }
        self.ring(peers, heard);
        freed
    }

    #[cold]
    fn release_contended(&self, peers: &impl Peers, at: u32, count: u32) {
        let heard = self.change_own(peers.me(), at, count, |_| State::FREE);
        self.ring(peers, heard);
    }

    /// Changes `count` cells that the caller guards; says how many of them had the flag.
    fn change_own(&self, me: Token, at: u32, count: u32, to: impl Fn(State) -> State) -> u32 {
        let (mut left, mut heard) = (count, 0);
        // Others of the caller's process may exchange cells with it under a look.
        for _ in 0..ROUNDS {
            for (_, cell) in self.within(at) {
                if left == 0 {
                    return heard;
                }
                let next = |state: State| state.is_guarded_by(me).then(|| to(state));
                if let Some(was) = cell.change(next) {
                    left -= 1;
                    heard += u32::from(was.has_waiters());
                }
            }
        }
        heard
    }

    /// Frees `count` kept or absent cells; says how many of them somebody may wait for.
    fn free_spare(&self, me: Token, count: u32) -> u32 {
        let own = |state: State| state.keeper() == Some(me);
        let kept = |state: State| state.keeper().is_some();
        let choices: [&dyn Fn(State) -> bool; 3] = [&own, &kept, &State::is_absent];
        let (mut left, mut heard) = (count, 0);
        for fits in choices {
            for (at, cell) in (0..).zip(self.cells) {
                if left == 0 {
                    return heard;
                }
                if !fits(cell.state()) {
                    continue;
                }
                let grown = self.extend(at);
                if let Some(was) = cell.change(|state| fits(state).then_some(State::FREE)) {
                    left -= 1;
                    heard += u32::from(was.has_waiters() || grown);
                }
            }
        }
        heard
    }

    /// Brings the cell `at` within reach; says whether it was beyond.
    fn extend(&self, at: u32) -> bool {
        // Relaxed: the Release of the ring that follows publishes it.
        at >= self.reach()
            && self
                .head
                .reach
                .fetch_max(at.wrapping_add(1), Ordering::Relaxed)
                <= at
    }

    /// Wakes those who wait for `heard` cells that have become free.
    fn ring(&self, peers: &impl Peers, heard: u32) {
        if heard > 0 {
            self.head.bell.ring_always(peers, heard);
            self.head.crowd.ring(peers, u32::MAX);
        }
    }

    fn reach(&self) -> u32 {
        // Relaxed: a sleeper has read the bell, with Acquire, before.
        self.head.reach.load(Ordering::Relaxed).min(self.capacity())
    }

    /// The cells within reach, from `start` on and round.
    fn within(&self, start: u32) -> impl Iterator<Item = (u32, &'a Cell)> {
        let reach = self.reach();
        let all = self.cells.get(..reach as usize).unwrap_or_default();
        let start = if start < reach { start } else { 0 };
        let (before, after) = all.split_at_checked(start as usize).unwrap_or((&[], all));
        (start..).zip(after).chain((0..).zip(before))
    }
}
