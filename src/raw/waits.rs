//! Who waits for what: a table of cells, one for each thread that sleeps.
//!
//! Nothing is decided by it. People look at it, and the search for deadlocks begins there.
//!
//! # States of a cell
//!
//! | token | writing | meaning | who may change it, to what |
//! |---|---|---|---|
//! | 0 | - | free | anyone: its own, being written |
//! | token | yes | its thread is writing the rest | that thread: written |
//! | token | no | the wait that the rest describes | that thread: being written, or free |
//! | token of the dead | any | nothing | the reaper: free |
//!
//! # Invariants
//!
//! 1. Every change of the state raises its version, so a reader that finds the state the same
//!    before and after its copy has copied one wait.
//! 2. The rest of a cell is written only by the thread that made it its own, while it says so.
//!
//! # Memory orderings
//!
//! A sequence lock: the state goes to *writing*, a Release fence, the rest, the state again with
//! Release; a reader looks with Acquire, copies, and looks again behind an Acquire fence. Freeing a
//! cell is Release and taking it Acquire: the writes of two owners never mix.
//!
//! # If a process dies
//!
//! Its cells keep its token, which names a dead one: readers pass over them, and its repair frees
//! them. A cell of garbage is nobody's wait, and is lost to the table.

#[cfg(not(loom))]
use super::Storage;
use super::Token;
use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// A thread that sleeps, and on what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) waiter: Token,
    /// As the kernel numbers it, in the waiter's own process-id namespace.
    pub(crate) thread: u32,
    /// Of the word that it sleeps on, from the start of the segment.
    pub(crate) word: u64,
    /// The only one whose doing ends the wait, as the waiter saw it last; `None` where there are
    /// others, or nobody is known.
    pub(crate) owner: Option<Token>,
    /// How many there are.
    pub(crate) owners: u32,
    /// When the wait began, in nanoseconds of the monotonic clock.
    pub(crate) since: u64,
}

/// The value of a cell's state: a version, the flag, the waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct State(u64);

impl State {
    const WRITING: u64 = 1 << 31;
    const LOW: u64 = (1 << 32) - 1;
    const VERSION: u64 = 1 << 32;

    /// The state after this one.
    fn next(self, low: u64) -> Self {
        Self((self.0 & !Self::LOW).wrapping_add(Self::VERSION) | low)
    }
    fn is_free(self) -> bool {
        self.0 & Self::LOW == 0
    }
    fn waiter(self) -> Option<Token> {
        Token::from_bits(u32::try_from(self.0 & u64::from(Token::MASK)).unwrap_or(0))
    }
    /// Whose wait is described.
    fn described(self) -> Option<Token> {
        self.waiter().filter(|_| self.0 & Self::WRITING == 0)
    }
}

/// A resident cell: 64 bytes.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Cell {
    state: AtomicU64,
    word: AtomicU64,
    since: AtomicU64,
    thread: AtomicU32,
    owner: AtomicU32,
    owners: AtomicU32,
    reserved: AtomicU32,
    rest: [AtomicU64; 3],
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Cell>() == 64);

/// Looks at a cell that changes under our hands before it counts as nobody's.
const ROUNDS: u32 = 4;

impl Cell {
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU64::new(0),
            word: AtomicU64::new(0),
            since: AtomicU64::new(0),
            thread: AtomicU32::new(0),
            owner: AtomicU32::new(0),
            owners: AtomicU32::new(0),
            reserved: AtomicU32::new(0),
            rest: core::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Takes a free cell for `waiter`.
    fn claim(&self, waiter: Token) -> Option<State> {
        let seen = State(self.state.load(Ordering::Relaxed));
        let mine = seen.next(u64::from(waiter.bits()) | State::WRITING);
        // Acquire: pairs with the Release in `free`, so that what the last owner wrote here is over.
        let taken = seen.is_free()
            && self
                .state
                .compare_exchange(seen.0, mine.0, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        taken.then_some(mine)
    }

    /// Writes the rest of a cell that is being written, and says so.
    fn describe(&self, writing: State, wait: &Wait) -> State {
        // Release: a reader that sees any of the rest sees "writing" on its second look.
        fence(Ordering::Release);
        self.word.store(wait.word, Ordering::Relaxed);
        self.since.store(wait.since, Ordering::Relaxed);
        self.thread.store(wait.thread, Ordering::Relaxed);
        let owner = wait.owner.map_or(0, Token::bits);
        self.owner.store(owner, Ordering::Relaxed);
        self.owners.store(wait.owners, Ordering::Relaxed);
        let described = writing.next(u64::from(wait.waiter.bits()));
        // Release: pairs with the Acquire in `read`.
        self.state.store(described.0, Ordering::Release);
        described
    }

    /// The wait that the cell describes.
    fn read(&self) -> Option<Wait> {
        for _ in 0..ROUNDS {
            // Acquire: pairs with the Release in `describe`.
            let seen = State(self.state.load(Ordering::Acquire));
            if seen.is_free() {
                return None;
            }
            let Some(waiter) = seen.described() else {
                continue;
            };
            let wait = Wait {
                waiter,
                thread: self.thread.load(Ordering::Relaxed),
                word: self.word.load(Ordering::Relaxed),
                owner: Token::from_bits(self.owner.load(Ordering::Relaxed)),
                owners: self.owners.load(Ordering::Relaxed),
                since: self.since.load(Ordering::Relaxed),
            };
            // Acquire: the copy above comes before the second look.
            fence(Ordering::Acquire);
            if self.state.load(Ordering::Relaxed) == seen.0 {
                return Some(wait);
            }
        }
        None
    }

    /// Frees the cell if it is still as `seen`.
    fn free(&self, seen: State) {
        // Release: what was written here comes before the next owner's. Failed: it is not ours any
        // more, through garbage or a repair.
        let _ = self.state.compare_exchange(
            seen.0,
            seen.next(0).0,
            Ordering::Release,
            Ordering::Relaxed,
        );
    }
}

/// The table of one segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits<'a>(&'a [Cell]);

/// Cells of each participant; its further threads use those of others that are free.
pub(crate) const CELLS: u32 = 4;
/// Cells that one thread looks at, in search of a free one.
const REACH: usize = 64;

impl<'a> Waits<'a> {
    #[cfg(loom)]
    pub(crate) fn new(cells: &'a [Cell]) -> Self {
        Self(cells)
    }

    /// Bytes of the table of so many participants.
    #[cfg(not(loom))]
    pub(crate) const fn size(participants: u32) -> usize {
        participants as usize * CELLS as usize * size_of::<Cell>()
    }

    /// The table in `storage`: as many cells as fit.
    #[cfg(not(loom))]
    pub(crate) fn attach(storage: Storage<'a>) -> Self {
        let count = storage.len() / size_of::<Cell>();
        Self(storage.slice(0, count).unwrap_or_default())
    }

    /// Enters a wait; `None` where no cell is free.
    pub(crate) fn enter(self, wait: &Wait) -> Option<Note<'a>> {
        let home = (wait.waiter.slot() as usize).wrapping_mul(CELLS as usize);
        let start = home.checked_rem(self.0.len())?;
        let (before, from) = self.0.split_at_checked(start)?;
        from.iter().chain(before).take(REACH).find_map(|cell| {
            let writing = cell.claim(wait.waiter)?;
            Some(Note {
                cell,
                state: cell.describe(writing, wait),
                wait: *wait,
            })
        })
    }

    /// All waits, the dead's among them.
    pub(crate) fn list(self) -> impl Iterator<Item = Wait> {
        self.0.iter().filter_map(Cell::read)
    }

    /// After the death of `dead`: frees its cells.
    pub(crate) fn repair(self, dead: Token) {
        for cell in self.0 {
            let seen = State(cell.state.load(Ordering::Relaxed));
            if seen.waiter() == Some(dead) {
                cell.free(seen);
            }
        }
    }
}

/// An entry in the table; dropping it takes it out.
#[derive(Debug)]
pub(crate) struct Note<'a> {
    cell: &'a Cell,
    state: State,
    wait: Wait,
}

impl Note<'_> {
    /// The wait goes on, perhaps for somebody else.
    pub(crate) fn renew(&mut self, wait: Wait) {
        if self.wait == wait {
            return;
        }
        let writing = self
            .state
            .next(u64::from(wait.waiter.bits()) | State::WRITING);
        // Relaxed: the fence in `describe` comes before what it allows. Failed: it is not ours any more.
        let ours = self.cell.state.compare_exchange(
            self.state.0,
            writing.0,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if ours.is_ok() {
            self.state = self.cell.describe(writing, &wait);
            self.wait = wait;
        }
    }
}

impl Drop for Note<'_> {
    fn drop(&mut self) {
        self.cell.free(self.state);
    }
}
