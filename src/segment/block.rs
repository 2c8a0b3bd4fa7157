//! One block of the arena: its word, its head, who holds it.

use crate::raw::{Kind, Storage, Token};
use crate::sys::atomic::{AtomicU64, Ordering};
use crate::sys::bytes;
use crate::sys::fnv::{FNV_START, fnv};

use super::layout::{BlockHead, NAME_BYTES, UNIT, head_len, holder_words};

/// The value of a block's word: everything that decides what the block is, changed by one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u64);

/// What a block is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nobody's.
    Free,
    /// Being made by this participant: if that dies, the block is free again.
    Building(Option<Token>),
    /// An object.
    Live,
}

impl Word {
    const FREE: u64 = 0;
    const BUILDING: u64 = 1;
    const LIVE: u64 = 2;
    const PHASE_MASK: u64 = 3;

    pub(crate) fn new(units: u64, phase: Phase) -> Self {
        let low = match phase {
            Phase::Free => Self::FREE << Token::BITS,
            Phase::Building(maker) => {
                Self::BUILDING << Token::BITS | u64::from(maker.map_or(0, Token::bits))
            }
            Phase::Live => Self::LIVE << Token::BITS,
        };
        Self(units << 32 | low)
    }

    /// Length in units of the arena.
    pub(crate) fn units(self) -> u64 {
        self.0 >> 32
    }

    /// Garbage reads as an object that nobody holds, which a sweep frees.
    pub(crate) fn phase(self) -> Phase {
        match self.0 >> Token::BITS & Self::PHASE_MASK {
            Self::FREE => Phase::Free,
            Self::BUILDING => Phase::Building(Token::from_bits(low_half(self.0))),
            _ => Phase::Live,
        }
    }
}

fn low_half(word: u64) -> u32 {
    // A mask of 32 bits fits.
    u32::try_from(word & u64::from(u32::MAX)).unwrap_or(0)
}

/// A block at a place that was reached along the chain, or checked against the arena's bounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    /// Bytes from the start of the segment.
    pub(crate) offset: u64,
    pub(crate) head: &'a BlockHead,
    whole: Storage<'a>,
    participants: u32,
}

impl<'a> Block<'a> {
    /// The block at `offset` of the segment; `None` where no head fits there.
    pub(crate) fn at(whole: Storage<'a>, offset: u64, participants: u32) -> Option<Self> {
        let head = whole.get::<BlockHead>(usize::try_from(offset).ok()?)?;
        Some(Self {
            offset,
            head,
            whole,
            participants,
        })
    }

    pub(crate) fn word(self) -> Word {
        // Acquire: pairs with the Release in `set_word`; a phase implies the head that goes with it.
        Word(self.head.word.load(Ordering::Acquire))
    }

    /// Changes what the block is: the one store that makes it so.
    pub(crate) fn set_word(self, units: u64, phase: Phase) {
        // Release: pairs with the Acquire in `word`; publishes the head, the object and, for a
        // longer or shorter block, the word of its neighbour.
        self.head
            .word
            .store(Word::new(units, phase).0, Ordering::Release);
    }

    /// Where the next block begins.
    pub(crate) fn end(self) -> u64 {
        self.offset
            .saturating_add(self.word().units().saturating_mul(UNIT))
    }

    /// One bit for each participant that has the object open; `None` where they do not fit.
    fn holders(self) -> Option<&'a [AtomicU64]> {
        let at = usize::try_from(self.offset).ok()? + size_of::<BlockHead>();
        self.whole.slice(at, holder_words(self.participants))
    }

    fn holder_bit(self, slot: u32) -> Option<(&'a AtomicU64, u64)> {
        Some((self.holders()?.get(slot as usize / 64)?, 1 << (slot % 64)))
    }

    /// Enters the participant in `slot` as a holder.
    pub(crate) fn hold(self, slot: u32) {
        if let Some((word, bit)) = self.holder_bit(slot) {
            // Release: pairs with the Acquire in `has_holders`.
            word.fetch_or(bit, Ordering::Release);
        }
    }

    /// Takes the participant in `slot` out; `true` where it was a holder.
    pub(crate) fn let_go(self, slot: u32) -> bool {
        self.holder_bit(slot).is_some_and(|(word, bit)| {
            // AcqRel: what this holder did comes before the freeing by whoever sees no holder.
            word.load(Ordering::Relaxed) & bit != 0
                && word.fetch_and(!bit, Ordering::AcqRel) & bit != 0
        })
    }

    /// Slots of the participants that have the object open.
    pub(crate) fn holder_slots(self) -> impl Iterator<Item = u32> {
        let words = self.holders().unwrap_or_default();
        (0..self.participants).filter(move |slot| {
            words
                .get(*slot as usize / 64)
                .is_some_and(|word| word.load(Ordering::Acquire) >> (slot % 64) & 1 != 0)
        })
    }

    pub(crate) fn has_holders(self) -> bool {
        self.holders()
            .is_some_and(|words| words.iter().any(|w| w.load(Ordering::Acquire) != 0))
    }

    /// Whether somebody wants the object to stay: a holder, a name, or the segment itself.
    pub(crate) fn is_wanted(self) -> bool {
        self.is_named() || self.has_holders() || self.kind() == Kind::Waits as u32
    }

    pub(crate) fn is_named(self) -> bool {
        self.head.name_len.load(Ordering::Acquire) != 0
    }

    fn name_words(self) -> Option<&'a [AtomicU64]> {
        let at = usize::try_from(self.offset + head_len(self.participants)).ok()?;
        self.whole.slice(at, bytes::words(NAME_BYTES))
    }

    /// The object's name; `None` where it has none, or its bytes are no name.
    pub(crate) fn name(self) -> Option<String> {
        let len = self.head.name_len.load(Ordering::Acquire) as usize;
        if len == 0 || len > NAME_BYTES {
            return None;
        }
        let mut name = vec![0; len];
        bytes::load(self.name_words()?, &mut name);
        String::from_utf8(name).ok()
    }

    /// Whether this is the object called `name`.
    pub(crate) fn is_called(self, name: &str) -> bool {
        self.is_named()
            // Relaxed: the Acquire of the length orders it.
            && self.head.name_hash.load(Ordering::Relaxed) == name_hash(name)
            && self.name().as_deref() == Some(name)
    }

    /// Writes the name of an object that is being made.
    pub(crate) fn set_name(self, name: &str) {
        if let Some(words) = self.name_words() {
            bytes::store(words, name.as_bytes());
        }
        self.head
            .name_hash
            .store(name_hash(name), Ordering::Relaxed);
        // Release: pairs with the Acquire in `name`.
        self.head
            .name_len
            .store(u32::try_from(name.len()).unwrap_or(0), Ordering::Release);
    }

    /// Takes the name away.
    pub(crate) fn clear_name(self) {
        // Release: whoever then frees the object does so after the name is gone.
        self.head.name_len.store(0, Ordering::Release);
    }

    /// Where the object itself begins. A named object has its name before it.
    fn object_at(self, named: bool) -> u64 {
        self.offset + head_len(self.participants) + if named { NAME_BYTES as u64 } else { 0 }
    }

    /// The object's bytes, as far as the block reaches.
    ///
    /// Whether there is room for a name is `kept` in the kind's high bit, and not read from the
    /// name itself, which can be removed while the object is in use.
    pub(crate) fn object(self) -> Option<Range> {
        let at = self.object_at(self.has_name_room());
        let len = self.head.len.load(Ordering::Relaxed);
        let end = at.checked_add(len)?;
        (end <= self.end() && end <= self.whole.len() as u64).then_some(Range { at, len })
    }

    const NAME_ROOM: u32 = 1 << 31;

    fn has_name_room(self) -> bool {
        self.head.kind.load(Ordering::Relaxed) & Self::NAME_ROOM != 0
    }

    /// The number of the object's kind.
    pub(crate) fn kind(self) -> u32 {
        // Relaxed: the Acquire of the word that said "object" orders it.
        self.head.kind.load(Ordering::Relaxed) & !Self::NAME_ROOM
    }

    /// Writes what the object is, before it is one.
    pub(crate) fn describe(
        self,
        kind: u32,
        fingerprint: u64,
        len: u64,
        name_room: bool,
        made: u64,
    ) {
        // Relaxed: the Release of the word that makes it an object publishes all of this.
        let room = if name_room { Self::NAME_ROOM } else { 0 };
        self.head.kind.store(kind | room, Ordering::Relaxed);
        self.head.fingerprint.store(fingerprint, Ordering::Relaxed);
        self.head.len.store(len, Ordering::Relaxed);
        self.head.name_len.store(0, Ordering::Relaxed);
        self.head
            .generation
            .store(low_half(made.wrapping_add(1)), Ordering::Relaxed);
        for word in self.holders().unwrap_or_default() {
            word.store(0, Ordering::Relaxed);
        }
    }
}

/// Bytes of the segment: where they begin and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) at: u64,
    pub(crate) len: u64,
}

fn name_hash(name: &str) -> u32 {
    let hash = fnv(FNV_START, name.as_bytes());
    low_half(hash ^ hash >> 32)
}
