//! Who is notified, and who inherits it.

use super::cell::{Cell, State};
use super::{Arrivals, Line};
use crate::raw::permits::Others;
use crate::raw::{Peers, Token};
use crate::sys::atomic::Ordering;

impl<'a> Line<'a> {
    /// Notifies up to `count` waiters, those first that came first; says how many. `met` becomes
    /// true where a death was met.
    pub(crate) fn notify(&self, peers: &impl Peers, count: u32, met: &mut bool) -> u32 {
        let seen = self.head.arrivals();
        if !seen.is_anybody_there() {
            return 0;
        }
        // Read after the arrivals: the cells of all of them lie within.
        let reach = self.reach();
        if count >= reach {
            return self.notify_each(peers, reach, seen, met);
        }
        for told in 0..count {
            if !self.notify_oldest(peers, met) {
                self.settle(seen);
                return told;
            }
        }
        count
    }

    /// Frees what `dead` left, and hands on what it was notified of; says how many cells.
    pub(crate) fn repair(&self, peers: &impl Peers, dead: Token) -> u32 {
        let mut freed = 0;
        for cell in self.cells {
            let state = cell.state();
            if state.owner() == Some(dead) && state.is_waiting() && cell.free(state) {
                freed += 1;
            }
        }
        for cell in self.cells {
            let state = cell.state();
            let mine = state.with_owner(peers.me());
            if state.owner() == Some(dead) && cell.change(state, mine) {
                freed += 1;
                self.pass_on(peers, cell, mine);
            }
        }
        freed
    }

    /// Repairs after the dead whose cells `suit`; says whether there were any.
    #[cold]
    pub(super) fn bury(&self, peers: &impl Peers, suit: impl Fn(State) -> bool) -> bool {
        let mut asked = Others::but(peers.me());
        let mut met = false;
        for cell in self.within() {
            let state = cell.state();
            if let Some(owner) = state.owner()
                && suit(state)
                && asked.note(owner)
                && peers.is_dead(owner)
            {
                met |= self.repair(peers, owner) > 0;
            }
        }
        met
    }

    /// Hands on the notification in `cell`, which the caller has made its own.
    pub(super) fn pass_on(&self, peers: &impl Peers, cell: &Cell, mine: State) {
        // In this order: a death between the two hands it on twice, and never not at all.
        self.notify_oldest(peers, &mut false);
        cell.free(mine);
    }

    /// Notifies whoever waits in the first `reach` cells.
    fn notify_each(&self, peers: &impl Peers, reach: u32, seen: Arrivals, met: &mut bool) -> u32 {
        let mut told = 0;
        for cell in self.cells.iter().take(reach as usize) {
            let waiting = cell.state();
            let is_told = waiting.is_waiting()
                && cell.change(waiting, waiting.notified())
                && self.call(peers, cell, waiting, met);
            told += u32::from(is_told);
        }
        self.settle(seen);
        told
    }

    /// `false` where nobody waits.
    fn notify_oldest(&self, peers: &impl Peers, met: &mut bool) -> bool {
        // More failures than there are cells come with new arrivals only, or of garbage.
        for _ in 0..=self.cells.len() {
            let Some((cell, waiting)) = self.oldest() else {
                return false;
            };
            if cell.change(waiting, waiting.notified()) && self.call(peers, cell, waiting, met) {
                return true;
            }
        }
        false
    }

    fn oldest(&self) -> Option<(&'a Cell, State)> {
        let now = self.head.arrivals().count();
        // Whoever came after `now` was read is the youngest, as is one that has let 2^31 others
        // come since: it has its turn all the same, only not before them.
        let age = |state: State| now.wrapping_sub(state.ticket()).cast_signed();
        self.within()
            .map(|cell| (cell, cell.state()))
            .filter(|(_, state)| state.is_waiting())
            .max_by_key(|(_, state)| age(*state))
    }

    /// Wakes the waiter of a cell that was `waiting` and is now notified; `false` where it is dead
    /// and the notification in the caller's hand again.
    fn call(&self, peers: &impl Peers, cell: &Cell, waiting: State, met: &mut bool) -> bool {
        // Release: pairs with the Acquire in `sleep`.
        cell.call.fetch_add(1, Ordering::Release);
        // Who is asleep lives. The question is a system call, and seldom needed.
        if peers.wake(&cell.call, 1) > 0 || !waiting.owner().is_some_and(|who| peers.is_dead(who)) {
            return true;
        }
        *met = true;
        // Where this fails, somebody else has met the death and hands it on.
        !cell.free(waiting.notified())
    }

    /// Says that nobody waits, if nobody has come since `seen`.
    fn settle(&self, seen: Arrivals) {
        // Relaxed: publishes nothing, and keeps the release sequence of the arrivals.
        let _ = self.head.arrivals.compare_exchange(
            seen.0,
            seen.all_settled().0,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
    }
}
