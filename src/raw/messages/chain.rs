//! The chain of blocks: walked, joined, split. All of it with the lock.

use crate::raw::Token;
use crate::raw::permits::Others;
use crate::sys::atomic::Ordering;

use super::block::{Block, HEAD, Phase, Word};
use super::{Held, Message, Messages, UNIT};

/// Blocks that are looked at for whom to watch.
const MOST_WATCHED: usize = 256;

impl<'a> Messages<'a> {
    /// Bytes of the longest message.
    pub(crate) fn most_bytes(&self) -> usize {
        (self.units as usize * UNIT - HEAD) * 8
    }

    /// Units of a block for a message of `len` bytes; `None` where they cannot be counted.
    #[inline]
    pub(super) fn units_of(len: usize) -> Option<u32> {
        let words = len.div_ceil(8).checked_add(HEAD)?;
        u32::try_from(words.div_ceil(UNIT)).ok()
    }

    /// The block at unit `at`; `None` where no head fits there.
    #[inline]
    pub(super) fn block(&self, at: u32) -> Option<Block<'a>> {
        let from = usize::try_from(at).ok()?.checked_mul(UNIT)?;
        let head = self.words.get(from..)?.first_chunk()?;
        Some(Block { at, head })
    }

    /// Where the next block begins; `None` where the word makes no sense.
    #[inline]
    pub(super) fn end(&self, at: u32, word: Word) -> Option<u32> {
        let end = at.checked_add(word.units())?;
        (end > at && end <= self.units).then_some(end)
    }

    /// The blocks from `start` on, joined where neighbours are free, with their words.
    fn blocks_from(&self, start: u32) -> impl Iterator<Item = (Block<'a>, Word)> {
        let chain = *self;
        let mut next = start;
        core::iter::from_fn(move || {
            if next >= chain.units {
                return None;
            }
            let block = chain.block(next)?;
            let mut word = block.word();
            let mut end = chain.end(next, word)?;
            if word.phase() == Phase::Free {
                (word, end) = chain.merge(block, word, end);
            }
            next = end;
            Some((block, word))
        })
    }

    /// All blocks.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (Block<'a>, Word)> {
        self.blocks_from(0)
    }

    /// Joins a free block with the free ones behind it.
    #[inline]
    fn merge(&self, block: Block<'_>, word: Word, end: u32) -> (Word, u32) {
        let cursor = &self.head.inner.cursor;
        let mut joined = (word, end);
        while joined.1 < self.units
            && let Some(next) = self.block(joined.1)
            && next.word().phase() == Phase::Free
            && let Some(end) = self.end(joined.1, next.word())
        {
            if cursor.load(Ordering::Relaxed) == u64::from(next.at) {
                // Relaxed: invariant 5; the Release of the word keeps the order.
                cursor.store(block.at.into(), Ordering::Relaxed);
            }
            joined = (Word::new(end - block.at, Phase::Free), end);
            block.set_word(joined.0);
        }
        joined
    }

    /// A free block of `wanted` units, looked for from the cursor on and then from the start.
    #[inline]
    pub(super) fn find_room(&self, wanted: u32) -> Option<u32> {
        if wanted > self.units {
            return None;
        }
        // Relaxed: the lock orders it.
        let cursor = self.head.inner.cursor.load(Ordering::Relaxed);
        let cursor = u32::try_from(cursor).unwrap_or(0);
        let fits = |(block, word): (Block<'_>, Word)| {
            (word.phase() == Phase::Free && word.units() >= wanted).then_some(block.at)
        };
        self.blocks_from(cursor)
            .find_map(fits)
            .or_else(|| self.blocks().find_map(fits))
    }

    /// Makes the first `wanted` units of the free block at `at` a reservation.
    #[inline]
    pub(super) fn take(&self, at: u32, wanted: u32, me: Token) -> Option<()> {
        let block = self.block(at)?;
        let whole = self.end(at, block.word())?;
        let end = at.checked_add(wanted)?;
        if whole > end {
            // Inside the free block, where nobody looks until its word is shorter.
            self.block(end)?
                .set_word(Word::new(whole - end, Phase::Free));
        }
        block.set_word(Word::new(wanted, Phase::Reserved(Some(me))));
        let next = if end < self.units { end } else { 0 };
        // Release: after the word that makes it the beginning of a block.
        self.head.inner.cursor.store(next.into(), Ordering::Release);
        Some(())
    }

    /// Makes a ready block the caller's; `None` where it holds no message.
    #[inline]
    pub(super) fn claim_block(&self, block: Block<'a>, word: Word, me: Token) -> Option<Message> {
        self.end(block.at, word)?;
        let (len, before) = block.len();
        if Self::units_of(len)? > word.units() {
            return None;
        }
        let deliveries = before.saturating_add(1);
        block.set_len(len, deliveries);
        block.set_word(Word::new(word.units(), Phase::Claimed(Some(me))));
        let held = Held {
            at: block.at,
            units: word.units(),
            owner: me,
        };
        Some(Message {
            held,
            len,
            deliveries,
        })
    }

    /// Takes the oldest of the messages that come again.
    #[cold]
    pub(super) fn claim_returned(&self, me: Token) -> Option<Message> {
        let mut count: u64 = 0;
        let mut oldest: Option<(Block<'_>, Word)> = None;
        for (block, word) in self.blocks() {
            if word.phase() != Phase::Returned {
                continue;
            }
            count += 1;
            // By their distance: numbers may wrap.
            let before =
                |other: &Block<'_>| block.number().wrapping_sub(other.number()) > u64::MAX / 2;
            if oldest.is_none_or(|(other, _)| before(&other)) {
                oldest = Some((block, word));
            }
        }
        let message = oldest.and_then(|(block, word)| self.claim_block(block, word, me));
        // Release: after the word; invariant 3.
        let left = count.saturating_sub(message.is_some().into());
        self.head.inner.returned.store(left, Ordering::Release);
        message
    }

    /// Counts what is reserved and what is returned; whether there is an entry for one more.
    #[cold]
    pub(super) fn recount(&self) -> bool {
        let (mut reserved, mut returned) = (0, 0);
        for (_, word) in self.blocks() {
            match word.phase() {
                Phase::Reserved(_) => reserved += 1,
                Phase::Returned => returned += 1,
                Phase::Free | Phase::Ready | Phase::Claimed(_) => {}
            }
        }
        // Relaxed: the lock orders them.
        self.head.inner.reserved.store(reserved, Ordering::Relaxed);
        self.head.inner.returned.store(returned, Ordering::Relaxed);
        !self.is_full()
    }

    /// Notes the owners of blocks: what they hold comes back if they die.
    pub(super) fn note_owners(&self, others: &mut Others) {
        for (_, word) in self.blocks().take(MOST_WATCHED) {
            others.note_some(word.phase().owner().flatten());
        }
    }
}
