//! What is done to the arena under its books, with everything that can be done about a full one.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::MutexGuard;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::Peers;
use crate::raw::lock::StillHeld;
use crate::sys::atomic::Ordering;
use crate::sys::clock::Deadline;

use super::arena::{Arena, Fresh};
use super::block::Phase;
use super::inner::Inner;
use super::seat::Seat;

/// How long the books are waited for. Their holders need microseconds: whoever waits so long waits
/// for a stopped process, or for garbage that names a living one. Under the fuzzer nobody else
/// holds them, and garbage is the rule.
const PATIENCE: Duration = if cfg!(fuzzing) {
    Duration::from_micros(200)
} else {
    Duration::from_secs(5)
};

impl Inner {
    /// Takes the books, which `header.books.unlock` gives back. In what state they were left does
    /// not matter: every change of the arena is one store.
    pub(crate) fn lock_books(&self, seat: Seat<'_>) -> Result<()> {
        let books = &self.checked_header()?.books;
        match books.lock(seat, Deadline::after(PATIENCE)) {
            Ok(_) => Ok(()),
            Err(StillHeld) => {
                let holder = books.owner().map(|token| self.identity_of(token).pid);
                let doing = format!(
                    "take the books of segment `{}` from process {}",
                    self.name,
                    holder.unwrap_or(0)
                );
                Err(Error::new(ErrorKind::TimedOut, doing)
                    .advise("if that process is stopped, let it go on or kill it"))
            }
        }
    }

    /// What this process has open, to be changed: before the books are taken, and until the
    /// change is entered here too, as no thread of this process must take the holder's bit out in
    /// between. Waited for as long as the books: one thread may wait for them with this in its
    /// hands.
    pub(crate) fn lock_open(&self) -> Result<MutexGuard<'_, HashMap<u64, usize>>> {
        self.member()?.open.try_lock_for(PATIENCE).ok_or_else(|| {
            let doing = format!("open or give up an object of segment `{}`", self.name);
            Error::new(ErrorKind::TimedOut, doing)
                .advise("another thread of this process waits for the segment's books")
        })
    }

    /// Takes room for an object; where there is none, repairs after the dead and looks once more.
    pub(crate) fn allocate(&self, len: u64, name_room: bool) -> Result<Option<Fresh>> {
        if let Some(fresh) = self.allocate_once(len, name_room)? {
            return Ok(Some(fresh));
        }
        if self.reap()? == 0 {
            return Ok(None);
        }
        self.allocate_once(len, name_room)
    }

    fn allocate_once(&self, len: u64, name_room: bool) -> Result<Option<Fresh>> {
        let seat = self.seat()?;
        let header = self.checked_header()?;
        let arena = self.arena()?;
        // Only a hint: whoever finds it in use does without.
        let room = self.member()?.room.try_lock();
        self.lock_books(seat)?;
        // A remembered place is one of the chain's as long as no blocks were merged since. Relaxed:
        // the lock orders it.
        let merges = || header.merges.load(Ordering::Relaxed);
        let hint = room
            .as_ref()
            .filter(|room| room.1 == merges() && room.0 != 0)
            .map(|room| room.0);
        let fresh = arena.allocate(seat.me(), len, name_room, hint);
        if let (Some(fresh), Some(mut room)) = (&fresh, room) {
            *room = (fresh.offset, merges());
        }
        header.books.unlock(&seat, false);
        Ok(fresh)
    }

    /// Takes the participant in `slot` out of the holders, and frees an object nobody wants.
    pub(crate) fn let_go(&self, offset: u64, slot: u32) -> Result<()> {
        let Some(block) = self.arena()?.block(offset) else {
            return Ok(());
        };
        block.let_go(slot);
        if block.is_wanted() {
            return Ok(());
        }
        self.under_books(|arena| {
            // Only under the books is "nobody wants it" final: opening takes them too.
            if block.word().phase() == Phase::Live && !block.is_wanted() {
                arena.free(block);
            }
        })
    }

    /// Takes an object's name away.
    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        let found = self.under_books(|arena| {
            let found = arena.find(name);
            if let Some(block) = found {
                block.clear_name();
                if !block.is_wanted() {
                    arena.free(block);
                }
            }
            found.is_some()
        })?;
        if found {
            return Ok(());
        }
        let doing = format!("remove `{name}` from segment `{}`", self.name);
        Err(Error::new(ErrorKind::NotFound, doing))
    }

    pub(crate) fn free_bytes(&self) -> Result<u64> {
        self.under_books(Arena::free_bytes)
    }

    /// Does `act` with the books in hand.
    pub(crate) fn under_books<'a, R>(&'a self, act: impl FnOnce(Arena<'a>) -> R) -> Result<R> {
        let seat = self.seat()?;
        let header = self.checked_header()?;
        let arena = self.arena()?;
        self.lock_books(seat)?;
        let done = act(arena);
        header.books.unlock(&seat, false);
        Ok(done)
    }
}
