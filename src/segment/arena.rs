//! The arena: objects come and go, and every change of it is one store.
//!
//! The arena is a chain of blocks without a gap, each as long as its word says. A block is split,
//! freed, merged with its neighbour or made an object by storing one word, after everything that
//! the new word implies has been written where nobody looks yet. So there is no state between, and
//! whoever inherits the books of a dead participant has nothing to repair. Names are in the blocks
//! too: an object and its name appear and disappear together.
//!
//! Only the holder of the books, [`Header::books`], changes the chain. What it reads in the mapping
//! is checked all the same: a chain of garbage ends early and never leads out of the arena.
//!
//! # If a process dies
//!
//! Holding the books: the next inherits them, the chain is whole. Making an object: the block is
//! still *building* under the dead one's token, and its repair frees it. Between letting go of an
//! object as its last holder and freeing it: the sweep that follows every death frees it.

use crate::raw::waits::Waits;
use crate::raw::{Kind, Storage, Token};
use crate::sys::atomic::{AtomicU64, Ordering};
use crate::sys::crash;

use super::block::{Block, Phase};
use super::layout::{Header, NAME_BYTES, UNIT, arena_at, head_len, waits_len};

/// The arena of one segment; its changes are for the holder of the books.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arena<'a> {
    whole: Storage<'a>,
    header: &'a Header,
    participants: u32,
    end: u64,
}

/// A block just allocated: the allocating participant's to fill.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fresh {
    pub(crate) offset: u64,
    /// How far, in bytes from the block's start, it may hold what an earlier object left.
    used: u64,
}

impl<'a> Arena<'a> {
    /// The arena behind `header`; `participants` and the length of `whole` were checked on open.
    pub(crate) fn new(whole: Storage<'a>, header: &'a Header, participants: u32) -> Self {
        let end = whole.len() as u64 / UNIT * UNIT;
        Self {
            whole,
            header,
            participants,
            end,
        }
    }

    pub(crate) fn header(self) -> &'a Header {
        self.header
    }

    /// Makes the whole arena one free block.
    pub(crate) fn format(self) {
        let start = arena_at(self.participants);
        // Release: in its place in the order of `header::format`.
        self.header.untouched.store(start, Ordering::Release);
        if let Some(first) = self.block(start) {
            first.set_word((self.end - start) / UNIT, Phase::Free);
        }
    }

    /// Makes a table of waits the first object of an arena that nobody else uses yet. It has no
    /// name and no holder, and stays.
    pub(crate) fn format_waits(self) {
        let start = arena_at(self.participants);
        let end = start + waits_len(self.participants);
        let blocks = self.block(start).zip(self.block(end));
        let Some((table, rest)) = blocks.filter(|_| end + UNIT <= self.end) else {
            return;
        };
        // Release: in its place in the order of `header::format`.
        let written = end + head_len(self.participants);
        self.header.untouched.store(written, Ordering::Release);
        rest.set_word((self.end - end) / UNIT, Phase::Free);
        let bytes = Waits::size(self.participants) as u64;
        table.describe(Kind::Waits as u32, 0, bytes, false, 0);
        table.set_word((end - start) / UNIT, Phase::Live);
        // Release: the table comes first.
        self.header.waits.store(start, Ordering::Release);
    }

    /// The table of waits; `None` where the segment has none, or what it says of it makes no sense.
    pub(crate) fn waits(self) -> Option<Waits<'a>> {
        // Acquire: pairs with the Release in `format_waits`.
        let block = self.block(self.header.waits.load(Ordering::Acquire))?;
        let is_table = block.word().phase() == Phase::Live && block.kind() == Kind::Waits as u32;
        let storage = self.storage(block).filter(|_| is_table)?;
        // A block that says it is longer says nothing of it.
        let bytes = storage.len().min(Waits::size(self.participants));
        Some(Waits::attach(storage.part(0, bytes)?))
    }

    /// The bytes of the object in `block`.
    pub(crate) fn storage(self, block: Block<'_>) -> Option<Storage<'a>> {
        let range = block.object()?;
        self.whole.part(
            usize::try_from(range.at).ok()?,
            usize::try_from(range.len).ok()?,
        )
    }

    /// The block at `offset`, if a head fits there.
    pub(crate) fn block(self, offset: u64) -> Option<Block<'a>> {
        if offset < arena_at(self.participants)
            || !offset.is_multiple_of(UNIT)
            || offset >= self.end
        {
            return None;
        }
        Block::at(self.whole, offset, self.participants)
    }

    /// All blocks from `start` on, in their order; ends early where a word makes no sense.
    pub(crate) fn chain_from(self, start: u64) -> impl Iterator<Item = Block<'a>> {
        let mut next = start;
        core::iter::from_fn(move || {
            let block = self.block(next)?;
            let units = block.word().units();
            let end = next.checked_add(units.checked_mul(UNIT)?)?;
            if units == 0 || end > self.end {
                next = self.end;
                return None;
            }
            next = end;
            Some(block)
        })
    }

    /// All blocks.
    pub(crate) fn chain(self) -> impl Iterator<Item = Block<'a>> {
        self.chain_from(arena_at(self.participants))
    }

    /// Bytes that a block for an object of `len` bytes takes; `None` where no block is so long.
    fn block_len(self, len: u64, name_room: bool) -> Option<u64> {
        let name = if name_room { NAME_BYTES as u64 } else { 0 };
        let bytes = head_len(self.participants)
            .checked_add(name)?
            .checked_add(len)?;
        let bytes = bytes.checked_next_multiple_of(UNIT)?;
        (bytes / UNIT <= u64::from(u32::MAX)).then_some(bytes)
    }

    /// Takes room for an object of `len` bytes in the name of `maker`, looking from the block at
    /// `hint` on and then from the start. Only for the holder of the books.
    pub(crate) fn allocate(
        self,
        maker: Token,
        len: u64,
        name_room: bool,
        hint: Option<u64>,
    ) -> Option<Fresh> {
        let wanted = self.block_len(len, name_room)?;
        let fits = |block: &Block<'_>| {
            let word = block.word();
            word.phase() == Phase::Free && word.units() * UNIT >= wanted
        };
        let from_hint = hint.and_then(|at| self.chain_from(at).find(fits));
        let block = from_hint.or_else(|| self.chain().find(fits)).or_else(|| {
            self.merge();
            self.chain().find(fits)
        })?;
        let (units, wanted) = (block.word().units(), wanted / UNIT);
        let end = block.offset + wanted * UNIT;
        let untouched = self.header.untouched.load(Ordering::Relaxed);
        if untouched < end + size_of::<AtomicU64>() as u64 {
            // Before the head of the remainder is written there: whoever makes an object over it
            // after our death must know to clear it. Relaxed: the Release of that head comes after.
            let written = end + head_len(self.participants);
            self.header.untouched.store(written, Ordering::Relaxed);
        }
        if units > wanted {
            // Inside the free block, where nobody looks until its word is shorter.
            self.block(end)?.set_word(units - wanted, Phase::Free);
        }
        block.set_word(wanted, Phase::Building(Some(maker)));
        let used = untouched.saturating_sub(block.offset).min(wanted * UNIT);
        Some(Fresh {
            offset: block.offset,
            used,
        })
    }

    /// Fills the object's bytes with zeroes, as far as an earlier object has used them.
    pub(crate) fn clear(self, fresh: Fresh, object: super::block::Range) {
        let used_end = (fresh.offset + fresh.used).min(object.at + object.len);
        // Heads of free blocks are words too: whatever lies above was never anything else.
        let count = used_end.saturating_sub(object.at).div_ceil(8);
        let words = usize::try_from(object.at)
            .ok()
            .zip(usize::try_from(count).ok())
            .and_then(|(at, count)| self.whole.slice::<AtomicU64>(at, count));
        crash::point();
        for word in words.unwrap_or_default() {
            // Relaxed: the Release that makes the block an object publishes it.
            word.store(0, Ordering::Relaxed);
        }
    }

    /// Gives a block back. Only for the holder of the books.
    pub(crate) fn free(self, block: Block<'_>) {
        block.set_word(block.word().units(), Phase::Free);
    }

    /// Joins neighbouring free blocks.
    fn merge(self) {
        // Before the first merge: whoever remembers a place in the chain must forget it. Relaxed:
        // read and written by holders of the books only.
        self.header.merges.fetch_add(1, Ordering::Relaxed);
        let mut free: Option<Block<'_>> = None;
        for block in self.chain() {
            free = match (free, block.word().phase()) {
                (Some(before), Phase::Free) => {
                    let units = before.word().units() + block.word().units();
                    before.set_word(units, Phase::Free);
                    Some(before)
                }
                (None, Phase::Free) => Some(block),
                _ => None,
            };
        }
    }

    /// The objects, in the order in which they lie, but for the segment's own table of waits.
    pub(crate) fn objects(self) -> impl Iterator<Item = Block<'a>> {
        self.chain().filter(|block| {
            block.word().phase() == Phase::Live && block.kind() != Kind::Waits as u32
        })
    }

    /// The object called `name`.
    pub(crate) fn find(self, name: &str) -> Option<Block<'a>> {
        self.chain()
            .find(|block| block.word().phase() == Phase::Live && block.is_called(name))
    }

    /// Bytes in free blocks.
    pub(crate) fn free_bytes(self) -> u64 {
        self.chain()
            .filter(|block| block.word().phase() == Phase::Free)
            .map(|block| block.word().units() * UNIT)
            .sum()
    }
}
