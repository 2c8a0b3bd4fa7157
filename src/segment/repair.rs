//! Repair after a death: structure is restored by whoever meets it.
//!
//! Every step is idempotent, so a repairer may be killed anywhere and the next begins again.

use std::time::Duration;

use crate::error::Result;
use crate::raw::barrier::Barrier;
use crate::raw::condition::Line;
use crate::raw::journal::Journal;
use crate::raw::lock::LockWord;
use crate::raw::messages::Messages;
use crate::raw::mpmc::Slots;
use crate::raw::permits::Permits;
use crate::raw::robust_lock::{Obituary, RobustLock};
use crate::raw::rwlock::RwLock;
use crate::raw::spsc::Spsc;
use crate::raw::waits::Waits;
use crate::raw::{Kind, Peers, Storage, Token, record};
use crate::sys::clock::{self, Deadline};

use super::block::{Block, Phase};
use super::inner::Inner;
use super::recovery::label_words;
use super::seat::Seat;

/// How long a repair waits for somebody who stopped inside a short lock of an object, before it
/// leaves the rest to whoever comes after that one. Under the fuzzer nobody does.
const PATIENCE: Duration = if cfg!(fuzzing) {
    Duration::from_micros(200)
} else {
    Duration::from_millis(20)
};

impl Inner {
    /// Repairs after every participant that is dead; returns how many there were.
    pub(crate) fn reap(&self) -> Result<usize> {
        let Some(_alone) = self.member()?.reaping.try_lock() else {
            return Ok(0);
        };
        let seat = self.seat()?;
        let me = seat.me().slot();
        let leases = self.leases();
        let mut count = 0;
        for index in self.registry().indices().filter(|index| *index != me) {
            let Some(token) = self.registry().condemn(&leases, index) else {
                continue;
            };
            for dead in self.registry().unrepaired(token).chain([token]) {
                let repaired = self.repair_after(seat, dead);
                repaired.inspect_err(|_| self.registry().postpone(&leases, token))?;
            }
            self.registry().retire(&leases, token);
            count += 1;
        }
        Ok(count)
    }

    /// Lets every object repair what `dead` left, and frees what nobody wants any more. Whoever
    /// leaves repairs after itself.
    pub(crate) fn repair_after(&self, seat: Seat<'_>, dead: Token) -> Result<()> {
        let header = self.checked_header()?;
        let (arena, ring) = (self.arena()?, self.ring()?);
        let known = self.identity_of(dead);
        let died = dead != seat.me();
        let when = clock::unix_nanos();
        let obituary = Obituary {
            pid: known.pid,
            when,
            label: label_words(&known.label),
            heir: 0,
        };
        let mut objects = 0;
        // The books stand still meanwhile: the chain must not change under the walk. They may be
        // inherited from the dead themselves; every change of the arena is one store.
        self.lock_books(seat)?;
        for block in arena.chain() {
            match block.word().phase() {
                Phase::Free => {}
                Phase::Building(Some(maker)) if maker != dead => {}
                Phase::Building(_) => arena.free(block),
                Phase::Live => {
                    objects += u32::from(block.let_go(dead.slot()));
                    self.repair_object(block, &seat, dead, &obituary);
                    if !block.is_wanted() {
                        arena.free(block);
                    }
                }
            }
        }
        if died {
            ring.enter(dead, &known, std::process::id(), objects);
        }
        header.books.unlock(&seat, false);
        if died {
            log::info!(
                "segment `{}`: repaired after the death of process {} `{}`, which had {objects} \
                 objects open",
                self.name,
                known.pid,
                known.label
            );
        }
        Ok(())
    }

    fn repair_object(&self, block: Block<'_>, seat: &Seat<'_>, dead: Token, died: &Obituary) {
        let Some(kind) = Kind::from_number(block.kind()) else {
            return;
        };
        let Some(storage) = self.object_storage(block) else {
            return;
        };
        repair(kind, storage, seat, dead, died);
    }

    /// The bytes of the object in `block`.
    pub(crate) fn object_storage(&self, block: Block<'_>) -> Option<Storage<'_>> {
        self.arena().ok()?.storage(block)
    }
}

/// What each kind of object does after a death. Bytes that make no sense are left alone.
fn repair(kind: Kind, storage: Storage<'_>, seat: &Seat<'_>, dead: Token, died: &Obituary) {
    match kind {
        Kind::Lock | Kind::RLock => {
            if let Some(lock) = storage.get::<RobustLock>(0) {
                lock.repair(seat, dead, died);
            }
        }
        Kind::Value => {
            if let Some(lock) = storage.get::<LockWord>(0) {
                record::repair(lock, seat, dead);
            }
        }
        Kind::Array => {
            if let Some(journal) = Journal::attach(storage) {
                journal.repair(seat, dead, died);
            }
        }
        // Each change is one step, and nobody owns anything.
        Kind::AtomicArray | Kind::Event => {}
        // A pipe is a ring of frames.
        Kind::Spsc | Kind::Pipe => {
            if let Some((ring, _)) = Spsc::attach(storage) {
                ring.repair(seat, dead);
            }
        }
        Kind::Semaphore => {
            if let Some(permits) = Permits::attach(storage) {
                permits.repair(seat, dead);
            }
        }
        Kind::Barrier => {
            if let Some(barrier) = Barrier::attach(storage) {
                barrier.repair(seat, dead);
            }
        }
        Kind::Condition => {
            if let Some(line) = Line::attach(storage) {
                line.repair(seat, dead);
            }
        }
        Kind::Mpmc => {
            if let Some(slots) = Slots::attach_any(storage) {
                slots.repair(seat, dead);
            }
        }
        Kind::RwLock => {
            if let Some(lock) = RwLock::attach(storage) {
                lock.repair(seat, dead, died);
            }
        }
        Kind::Waits => Waits::attach(storage).repair(dead),
        Kind::Queue => {
            if let Some(messages) = Messages::attach(storage) {
                messages.repair(seat, dead, Deadline::after(PATIENCE));
            }
        }
    }
}
