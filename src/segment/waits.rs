//! The table of waits as it is read: by a participant, and by whoever only looks.

use std::collections::HashMap;
use std::time::Duration;

use crate::error::Result;
use crate::raw::lock::LockWord;
use crate::raw::registry::Leases;
use crate::raw::rwlock::RwLock;
use crate::raw::{Kind, Pace, Peers, Storage, Token, waits};
use crate::sys::atomic::Ordering;
use crate::sys::clock::{Deadline, monotonic_nanos};
use crate::sys::{file, thread};

use super::arena::Arena;
use super::block::Block;
use super::circle::{self, Edge};
use super::deadlock::{Deadlock, Holder, Wait};
use super::inner::Inner;
use super::layout::Header;
use super::object::Object;
use super::recovery::Identity;
use super::seat::FileLeases;
use super::view::View;

/// Waits shorter than this make no deadlock: two slices, after which every waiter has looked again.
const SETTLED: u64 = 2 * Pace::MOST;

/// Who looks at a segment, and all that the look takes: nothing is written, nobody is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Witness<'a, L> {
    view: View<'a>,
    arena: Arena<'a>,
    leases: L,
    /// The witness itself, whose lease is not somebody else's; `None` for one that has not joined.
    me: Option<Token>,
}

/// A recorded wait with what the mapping says of it.
#[derive(Debug)]
struct Seen<'a> {
    wait: waits::Wait,
    kind: &'static str,
    block: Option<Block<'a>>,
    offset: u64,
    /// Each of whom has to give way.
    holders: Vec<Token>,
}

impl Seen<'_> {
    fn is_same(&self, other: &Self) -> bool {
        let what = |seen: &Self| (seen.wait.waiter, seen.wait.thread, seen.wait.word);
        what(self) == what(other)
            && self.wait.since == other.wait.since
            && self.holders == other.holders
    }
}

impl Edge for Seen<'_> {
    type Node = Token;

    fn from(&self) -> Token {
        self.wait.waiter
    }
    fn to(&self) -> &[Token] {
        &self.holders
    }
}

impl<'a, L: Leases> Witness<'a, L> {
    pub(crate) fn new(view: View<'a>, leases: L, me: Option<Token>) -> Result<Self> {
        Ok(Self {
            view,
            arena: view.arena()?,
            leases,
            me,
        })
    }

    /// All waits of the living, in the order of what they wait for; none where there is no table.
    pub(crate) fn waits(&self) -> Vec<Wait> {
        let now = monotonic_nanos();
        let shown = |seen: &Seen<'_>| {
            let owner = match seen.holders[..] {
                [] => seen.wait.owner,
                [only] => Some(only),
                _ => None,
            };
            let known = seen.holders.len().max(seen.wait.owners as usize);
            self.tell(seen, owner, known, now)
        };
        self.look(None).iter().map(shown).collect()
    }

    /// All circles of waits that stood still while they were looked at.
    pub(crate) fn deadlocks(&self) -> Vec<Deadlock> {
        let first = self.settled(None);
        let circles = circle::all(&first);
        if circles.is_empty() {
            return Vec::new();
        }
        let second = self.settled(None);
        let stood = |circle: &Vec<usize>| self.standing(circle, &first, &second);
        circles.iter().filter_map(stood).collect()
    }

    /// The circle that `own` wait is in, which perhaps no cell records.
    pub(crate) fn deadlock_of(&self, own: waits::Wait) -> Option<Deadlock> {
        let first = self.settled(Some(own));
        let begin = first.iter().position(|seen| seen.wait == own)?;
        let circle = circle::through(&first, begin)?;
        self.standing(&circle, &first, &self.settled(Some(own)))
    }

    /// A `circle` among the `first` that is there on the second look too.
    fn standing(
        &self,
        circle: &[usize],
        first: &[Seen<'_>],
        second: &[Seen<'_>],
    ) -> Option<Deadlock> {
        if let [only] = circle
            && !first.get(*only).is_some_and(|seen| self.is_alone(seen))
        {
            // One of its other threads may hold the lock, and open the circle.
            return None;
        }
        let now = monotonic_nanos();
        let after = circle.iter().cycle().skip(1);
        let waits = circle.iter().zip(after).map(|(at, next)| {
            let (seen, next) = (first.get(*at)?, first.get(*next)?);
            let stood = second.iter().any(|again| again.is_same(seen));
            stood.then(|| self.tell(seen, Some(next.wait.waiter), seen.holders.len(), now))
        });
        waits.collect::<Option<_>>().map(Deadlock::new)
    }

    /// What is waited for by a thread that will not be served at once, and held by somebody.
    fn settled(&self, own: Option<waits::Wait>) -> Vec<Seen<'a>> {
        let now = monotonic_nanos();
        let mut seen = self.look(own);
        seen.retain(|seen| !seen.holders.is_empty() && age(&seen.wait, now) >= SETTLED);
        seen
    }

    /// The recorded waits of the living, and `own`.
    fn look(&self, own: Option<waits::Wait>) -> Vec<Seen<'a>> {
        let Some(table) = self.arena.waits() else {
            return Vec::new();
        };
        let mut alive = HashMap::new();
        let mut waits: Vec<_> = own
            .into_iter()
            .chain(table.list())
            .filter(|wait| {
                *alive
                    .entry(wait.waiter)
                    .or_insert_with(|| self.is_alive(wait.waiter))
            })
            .collect();
        waits.sort_unstable_by_key(|wait| wait.word);
        let mut blocks = self.arena.objects().peekable();
        waits
            .into_iter()
            .filter_map(|wait| {
                if let Some(holder) = self.arena.books_holder(wait.word) {
                    return Some(Seen {
                        wait,
                        kind: "segment",
                        block: None,
                        offset: 0,
                        holders: holder.into_iter().collect(),
                    });
                }
                // Both are in the order of their offsets.
                while blocks.next_if(|block| block.end() <= wait.word).is_some() {}
                self.resolve(wait, *blocks.peek()?)
            })
            .collect()
    }

    fn resolve(&self, wait: waits::Wait, block: Block<'a>) -> Option<Seen<'a>> {
        let range = block.object()?;
        let at = wait
            .word
            .checked_sub(range.at)
            .filter(|at| *at < range.len)?;
        let kind = Kind::from_number(block.kind())?;
        let storage = self.arena.storage(block)?;
        let at = usize::try_from(at).ok()?;
        let mut holders = holders(kind, storage, at);
        // Another thread of the waiter's: its own would only count one level more.
        holders.retain(|holder| kind != Kind::RLock || *holder != wait.waiter);
        Some(Seen {
            wait,
            kind: kind.name(),
            block: Some(block),
            offset: range.at,
            holders,
        })
    }

    fn is_alive(&self, token: Token) -> bool {
        self.me == Some(token) || !self.view.registry().looks_dead(&self.leases, token)
    }

    /// Whether the waiter is a process of one thread: known within the same process-id namespace.
    fn is_alone(&self, seen: &Seen<'_>) -> bool {
        let waiter = seen.wait.waiter;
        let registry = self.view.registry();
        let namespace = registry.slot(waiter.slot()).map(|slot| {
            // Relaxed: written before the waiter joined.
            slot.pid_namespace.load(Ordering::Relaxed)
        });
        namespace == Some(file::pid_namespace()) && thread::is_alone(self.view.identity(waiter).pid)
    }

    fn tell(&self, seen: &Seen<'_>, holder: Option<Token>, holders: usize, now: u64) -> Wait {
        let Identity { pid, label } = self.view.identity(seen.wait.waiter);
        let holder = holder.map(|token| {
            let Identity { pid, label } = self.view.identity(token);
            Holder { pid, label }
        });
        Wait {
            pid,
            label,
            thread: seen.wait.thread,
            name: seen.block.and_then(Block::name),
            kind: seen.kind,
            offset: seen.offset,
            age: Duration::from_nanos(age(&seen.wait, now)),
            holder,
            holders,
        }
    }
}

fn age(wait: &waits::Wait, now: u64) -> u64 {
    now.saturating_sub(wait.since)
}

/// Who holds what a sleeper on the word at `at` of an object waits for, each of whom has to give
/// way; nobody where others may bring it.
fn holders(kind: Kind, storage: Storage<'_>, at: usize) -> Vec<Token> {
    match kind {
        Kind::Lock | Kind::RLock | Kind::Value | Kind::Array if at == 0 => {
            let word = storage.get::<LockWord>(0);
            word.and_then(LockWord::owner).into_iter().collect()
        }
        Kind::RwLock => RwLock::attach(storage)
            .map(|lock| lock.awaited(at).collect())
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

impl Inner {
    /// This process as a witness.
    pub(crate) fn witness(&self) -> Result<Witness<'_, FileLeases<'_>>> {
        Witness::new(self.view(), self.leases(), self.token())
    }
}

impl Object {
    /// The circle that the caller is in, who has just waited in vain, until `deadline`, for the
    /// word at `at` of the object.
    #[cold]
    pub(crate) fn deadlock(&self, at: usize, deadline: Deadline) -> Option<Deadlock> {
        let inner = self.inner();
        let table = inner.waits()?;
        let seat = inner.seat().ok()?;
        let own = waits::Wait {
            waiter: seat.me(),
            thread: thread::id(),
            word: self.word_at(at),
            owner: None,
            owners: 0,
            since: deadline.set(),
        };
        if age(&own, monotonic_nanos()) < SETTLED {
            return None;
        }
        // The others who time out at the same instant must see it still.
        let _note = table.enter(&own);
        let witness = inner.witness().ok()?;
        witness.deadlock_of(own).or_else(|| {
            // They may just have been between their sleep and this.
            seat.pause(&mut Pace::short(), Deadline::NEVER);
            witness.deadlock_of(own)
        })
    }
}

impl Arena<'_> {
    /// Who holds the books, where they are what is slept on at `word`.
    fn books_holder(self, word: u64) -> Option<Option<Token>> {
        let at = core::mem::offset_of!(Header, books) as u64;
        (word == at).then(|| self.header().books.owner())
    }
}
