//! The line of a condition: a cell for each waiter, and no word on which all of them sleep.
//!
//! Whoever waits takes a free cell while it holds its lock, gives the lock back, sleeps on the
//! cell, takes the lock again, and frees the cell. Whoever notifies picks the cells whose waiters
//! came first. So a notification is always some one waiter's, it is known whose, and it can be
//! handed on.
//!
//! # States of a cell
//!
//! | owner | notified | meaning | who may change it, to what |
//! |---|---|---|---|
//! | 0 | - | free | anyone: its own, waiting |
//! | token | no | a waiter, asleep or about to be | a notifier: notified; its owner, when its time is up: free |
//! | token | yes | it may go; it has not yet acted | its owner: free, with the lock in its hands again |
//! | token of the dead | no | nobody waits | anyone: free |
//! | token of the dead | yes | a notification that nobody acts on | anyone: its own, notified; then it hands on |
//!
//! The head's `arrivals` has two halves: how many waiters ever came, and how many had when a notifier
//! last found nobody waiting. Where they are equal, nobody waits, and to notify is one load.
//!
//! # Invariants
//!
//! 1. A waiter's cell says *waiting* before its arrival is counted, and both come before it gives
//!    its lock back. So whoever takes the lock after it finds the count, and then the cell.
//! 2. The halves become equal by one compare-and-swap from what a notifier saw *before* it looked
//!    at the cells and found none waiting: an arrival in between makes it fail.
//! 3. A cell leaves *waiting* by one compare-and-swap: a notifier and a waiter whose time is up never
//!    both have their way. Each notification is counted by its notifier, and found by its waiter.
//! 4. A notified cell is freed only by whoever acted on it, or after it has been handed on. So the
//!    death of a notified waiter loses nothing. The heir first makes the cell its own, so of
//!    several heirs one hands it on; if that one dies in turn, once more.
//! 5. Cells beyond `reach` were never taken; it rises before the first of them is.
//!
//! # Memory orderings
//!
//! Counting an arrival is Release and pairs with the Acquire of the notifier that looks at the count:
//! the cell is there. Every change of a cell is Release and Acquire: what a notifier wrote before, its
//! waiter sees, with a lock or without. The waiter reads `call`, with Acquire, before the cell; the
//! notifier moves it, with Release, after the cell: so either the notification is seen, or the kernel
//! finds the word moved, or the wake comes later.
//!
//! # If a process dies
//!
//! Waiting: its cell is passed over, since the wake finds nobody asleep and the notifier then asks
//! whether the owner lives. Notified, before it had the lock again and freed its cell: another
//! waiter, after its slice, or the reaper hands the notification on. With the lock: that is the
//! lock's affair. Notifying: some of the waiters are notified, the one that was not woken at the end
//! of its slice. With a cell in hand that it was handing on: its heirs hand it on again.

mod cell;
mod notify;
#[cfg(not(loom))]
mod owners;

#[cfg(not(loom))]
use super::Storage;
use super::{Pace, Peers, Token, Waited};
use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sys::clock::Deadline;

pub(crate) use cell::Cell;
use cell::State;

/// Every cell is some living waiter's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyWaiters;

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The place is still the caller's: [`Line::leave`] or [`Line::hand_on`] is due.
    Notified,
    /// The place is free again.
    TimedOut,
}

/// A waiter's place in the line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    at: u32,
    waiting: State,
}

/// The value of the head's `arrivals`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Arrivals(u64);

impl Arrivals {
    const ONE: u64 = 1 << 32;

    /// How many ever came; it wraps.
    fn count(self) -> u32 {
        u32::try_from(self.0 >> 32).unwrap_or(0)
    }
    /// How many had come when nobody waited.
    fn settled(self) -> u32 {
        u32::try_from(self.0 & u64::from(u32::MAX)).unwrap_or(0)
    }
    #[inline]
    fn is_anybody_there(self) -> bool {
        self.count() != self.settled()
    }
    fn all_settled(self) -> Self {
        Self(u64::from(self.count()) << 32 | u64::from(self.count()))
    }
}

/// The head of the line: 64 bytes.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Head {
    /// Cells in all; set once, read once.
    capacity: AtomicU32,
    reach: AtomicU32,
    arrivals: AtomicU64,
}

impl Head {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            capacity: AtomicU32::new(0),
            reach: AtomicU32::new(0),
            arrivals: AtomicU64::new(0),
        }
    }

    #[inline]
    fn arrivals(&self) -> Arrivals {
        // Acquire: pairs with the Release in `enter`; the cell is there.
        Arrivals(self.arrivals.load(Ordering::Acquire))
    }
}

/// Wakes for nothing before a waiter takes a breath, so that a word that a peer moves without end
/// cannot keep it running.
const WAKES: u32 = 4096;

/// The waiters of one condition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) head: &'a Head,
    pub(crate) cells: &'a [Cell],
}

#[cfg(not(loom))]
impl<'a> Line<'a> {
    /// Bytes that a line of `capacity` waiters needs.
    pub(crate) fn size(capacity: u32) -> usize {
        size_of::<Head>() + capacity as usize * size_of::<Cell>()
    }

    /// Makes zeroed storage a line with room for `capacity` waiters.
    pub(crate) fn init(storage: Storage<'a>, capacity: u32) -> Option<Self> {
        // Relaxed: the object is not yet published.
        let head = storage.get::<Head>(0)?;
        head.capacity.store(capacity, Ordering::Relaxed);
        Self::attach(storage)
    }

    /// The line in `storage`; `None` where it cannot hold as many cells as it says.
    pub(crate) fn attach(storage: Storage<'a>) -> Option<Self> {
        let head = storage.get::<Head>(0)?;
        // Relaxed: set before the object was published.
        let capacity = head.capacity.load(Ordering::Relaxed) as usize;
        Some(Self {
            head,
            cells: storage.slice(size_of::<Head>(), capacity)?,
        })
    }

    /// Most waiters at a time.
    pub(crate) fn capacity(&self) -> u32 {
        u32::try_from(self.cells.len()).unwrap_or(u32::MAX)
    }
}

impl<'a> Line<'a> {
    /// Waiters that have not been notified; it may change at once. Whom it counts, a notifier finds:
    /// a waiter that has its cell and has not been counted is not there for either.
    pub(crate) fn waiting(&self) -> u32 {
        if !self.is_anybody_there() {
            return 0;
        }
        let waiting = self.within().filter(|cell| cell.state().is_waiting());
        u32::try_from(waiting.count()).unwrap_or(u32::MAX)
    }

    /// Takes a place. For whoever holds the lock, and before it gives it back.
    pub(crate) fn enter(&self, peers: &impl Peers) -> Result<Place, TooManyWaiters> {
        let me = peers.me();
        self.take(me).or_else(|full| {
            if self.bury(peers, |_| true) {
                self.take(me)
            } else {
                Err(full)
            }
        })
    }

    fn take(&self, me: Token) -> Result<Place, TooManyWaiters> {
        for (at, cell) in (0..).zip(self.cells) {
            let seen = cell.state();
            if seen.owner().is_some() {
                continue;
            }
            if at >= self.reach() {
                // Relaxed: the Release below publishes it.
                self.head.reach.fetch_max(at + 1, Ordering::Relaxed);
            }
            // Those who came before under the same lock are counted in it.
            let waiting = State::waiting(me, self.head.arrivals().count());
            if cell.change(seen, waiting) {
                // Release: pairs with the Acquire in `Head::arrivals`; invariant 1.
                self.head
                    .arrivals
                    .fetch_add(Arrivals::ONE, Ordering::Release);
                return Ok(Place { at, waiting });
            }
        }
        Err(TooManyWaiters)
    }

    /// Sleeps until the place is notified, or the deadline passes. `met` becomes true where a
    /// death was met.
    pub(crate) fn sleep(
        &self,
        peers: &impl Peers,
        place: Place,
        deadline: Deadline,
        met: &mut bool,
    ) -> End {
        let Some(cell) = self.cell(place) else {
            return End::Notified;
        };
        let mut pace = Pace::new();
        let mut wakes = WAKES;
        loop {
            // Acquire: pairs with the Release in `call`; if it has moved, the cell has too.
            let call = cell.call.load(Ordering::Acquire);
            if cell.state() != place.waiting {
                return End::Notified;
            }
            let waited = if wakes > 0 {
                wakes -= 1;
                peers.wait(&cell.call, call, &[], &mut pace, deadline)
            } else {
                wakes = WAKES;
                peers.pause(&mut pace, deadline)
            };
            match waited {
                Waited::Woken => {}
                Waited::Slice => *met |= self.bury(peers, State::is_notified),
                Waited::TimedOut if cell.free(place.waiting) => return End::TimedOut,
                Waited::TimedOut => return End::Notified,
            }
        }
    }

    /// Gives up a notified place. For a waiter that has its lock again.
    pub(crate) fn leave(&self, place: Place) {
        if let Some(cell) = self.cell(place) {
            // Where it holds anything else, somebody has written over it.
            cell.free(place.waiting.notified());
        }
    }

    /// Gives up a place of whatever state, and hands on its notification if it has one. For a
    /// waiter that cannot act on it.
    pub(crate) fn hand_on(&self, peers: &impl Peers, place: Place) {
        if let Some(cell) = self.cell(place)
            && !cell.free(place.waiting)
            && cell.state() == place.waiting.notified()
        {
            self.pass_on(peers, cell, place.waiting.notified());
        }
    }

    /// Whether anybody may wait: where not, there is nobody to notify.
    #[inline]
    pub(crate) fn is_anybody_there(&self) -> bool {
        self.head.arrivals().is_anybody_there()
    }

    fn cell(&self, place: Place) -> Option<&'a Cell> {
        self.cells.get(place.at as usize)
    }

    fn reach(&self) -> u32 {
        // Relaxed: a notifier has read the arrivals, with Acquire, before.
        self.head.reach.load(Ordering::Relaxed)
    }

    /// The cells that were ever taken.
    fn within(&self) -> impl Iterator<Item = &'a Cell> + use<'a> {
        self.cells.iter().take(self.reach() as usize)
    }
}
