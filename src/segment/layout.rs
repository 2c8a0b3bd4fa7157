//! Every offset and size of a segment: the code twin of `docs/segment-format.md`.

#![expect(unsafe_code, reason = "promises about the layout of three types")]

use crate::raw::lock::LockWord;
use crate::raw::registry::Slot;
use crate::raw::waits::Waits;
use crate::raw::{Kind, Resident, Token};
use crate::sys::atomic::{AtomicU32, AtomicU64};
use crate::sys::fnv::{FNV_START, fnv};

/// "outlive" and a zero, read as a little-endian word.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"outlive\0");
/// Raised with every change of the bytes; also in the changelog.
const FORMAT: u64 = 1;

/// Everything in the arena begins at a multiple of this, and is a multiple of it long.
pub(crate) const UNIT: u64 = 64;
/// Entries of the ring of recoveries.
pub(crate) const RECOVERIES: usize = 32;
/// Where the ring of recoveries begins.
pub(crate) const RECOVERIES_AT: u64 = size_of::<Header>() as u64;
/// Where the registry begins.
pub(crate) const REGISTRY_AT: u64 =
    RECOVERIES_AT + (RECOVERIES * size_of::<RecoveryEntry>()) as u64;

/// Most participants of a segment.
pub(crate) const MOST_PARTICIPANTS: u32 = Token::MOST_SLOTS;
/// Bytes that a name may have.
pub(crate) const NAME_BYTES: usize = 64;

/// The first bytes of a segment.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Header {
    /// [`MAGIC`], stored last when a segment is made.
    pub(crate) magic: AtomicU64,
    /// [`layout_hash`] of the build that made it.
    pub(crate) layout: AtomicU64,
    /// Bytes of the whole segment.
    pub(crate) size: AtomicU64,
    pub(crate) participants: AtomicU32,
    pub(crate) reserved: AtomicU32,
    /// Random name of the segment, for handles that travel.
    pub(crate) id: [AtomicU64; 2],
    /// Nanoseconds since the Unix epoch.
    pub(crate) created: AtomicU64,
    pub(crate) creator: AtomicU32,
    /// Not zero once a participant joined that cannot receive the asymmetric fence.
    pub(crate) unfenced: AtomicU32,
    /// Held to change the arena, the names in it, and the ring of recoveries.
    pub(crate) books: LockWord,
    /// Where the next participant begins to look for a slot.
    pub(crate) next_slot: AtomicU32,
    /// Raised before blocks of the arena are merged.
    pub(crate) merges: AtomicU64,
    /// Above this offset the arena has never been written.
    pub(crate) untouched: AtomicU64,
    /// Recoveries ever entered in the ring.
    pub(crate) recoveries: AtomicU64,
    /// Objects ever made, or begun.
    pub(crate) made: AtomicU64,
    /// Offset of the block with the table of waits; 0 where there is none.
    pub(crate) waits: AtomicU64,
    pub(crate) spare: [AtomicU64; 2],
}

/// One death that was repaired.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct RecoveryEntry {
    /// Number of the recovery, from 1; 0 while the entry is written.
    pub(crate) number: AtomicU64,
    pub(crate) token: AtomicU32,
    pub(crate) pid: AtomicU32,
    pub(crate) when: AtomicU64,
    pub(crate) label: [AtomicU64; 4],
    pub(crate) by: AtomicU32,
    pub(crate) objects: AtomicU32,
}

/// What stands before every object and every free stretch of the arena.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct BlockHead {
    /// Length, phase and maker: see [`super::block::Word`].
    pub(crate) word: AtomicU64,
    /// Number of the object in the segment, from 1, so a handle of an earlier one is known.
    pub(crate) generation: AtomicU32,
    pub(crate) kind: AtomicU32,
    pub(crate) fingerprint: AtomicU64,
    /// Bytes of the object itself.
    pub(crate) len: AtomicU64,
    /// Bytes of the name; 0 for an object without one.
    pub(crate) name_len: AtomicU32,
    pub(crate) name_hash: AtomicU32,
    // One bit per participant follows, then the name, then the object.
}

// SAFETY: `repr(C)` over facade atomics and residents.
unsafe impl Resident for Header {}
// SAFETY: as above.
unsafe impl Resident for RecoveryEntry {}
// SAFETY: as above.
unsafe impl Resident for BlockHead {}

const _: () = assert!(size_of::<Header>() == 128);
const _: () = assert!(size_of::<RecoveryEntry>() == 64);
const _: () = assert!(size_of::<BlockHead>() == 40);
const _: () = assert!(size_of::<Slot>() == 128);

/// Words that hold one bit for each participant.
pub(crate) const fn holder_words(participants: u32) -> usize {
    participants.div_ceil(64) as usize
}

/// Bytes from the start of a block to its name, or to its object where it has none.
pub(crate) const fn head_len(participants: u32) -> u64 {
    ((size_of::<BlockHead>() + 8 * holder_words(participants)) as u64).next_multiple_of(UNIT)
}

/// Where the arena begins.
pub(crate) const fn arena_at(participants: u32) -> u64 {
    (REGISTRY_AT + participants as u64 * size_of::<Slot>() as u64).next_multiple_of(UNIT)
}

/// The smallest segment with so many participants: room for one small object.
pub(crate) const fn smallest(participants: u32) -> u64 {
    arena_at(participants) + head_len(participants) + NAME_BYTES as u64 + UNIT
}

/// The smallest segment with so many participants and a table of their waits.
pub(crate) const fn smallest_with_waits(participants: u32) -> u64 {
    smallest(participants) + waits_len(participants)
}

/// Bytes of the block with the table of waits.
pub(crate) const fn waits_len(participants: u32) -> u64 {
    (head_len(participants) + Waits::size(participants) as u64).next_multiple_of(UNIT)
}

/// A number that two builds share exactly when they agree on every byte of a segment.
pub(crate) fn layout_hash() -> u64 {
    let facts = [
        FORMAT,
        size_of::<usize>() as u64,
        u64::from(cfg!(target_endian = "little")),
        size_of::<Header>() as u64,
        size_of::<RecoveryEntry>() as u64,
        RECOVERIES as u64,
        size_of::<Slot>() as u64,
        size_of::<BlockHead>() as u64,
        UNIT,
        NAME_BYTES as u64,
        u64::from(Token::BITS),
        u64::from(Token::MOST_SLOTS),
        Kind::ALL.len() as u64,
    ];
    facts
        .iter()
        .fold(FNV_START, |hash, fact| fnv(hash, &fact.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_where_the_format_says() {
        use core::mem::offset_of;
        // `docs/segment-format.md`, diagram by diagram.
        assert_eq!(
            (RECOVERIES_AT, REGISTRY_AT, arena_at(64)),
            (128, 2176, 10_368)
        );
        assert_eq!(offset_of!(Header, participants), 24);
        assert_eq!(offset_of!(Header, id), 32);
        assert_eq!(offset_of!(Header, creator), 56);
        assert_eq!(offset_of!(Header, books), 64);
        assert_eq!(offset_of!(Header, merges), 72);
        assert_eq!(offset_of!(Header, recoveries), 88);
        assert_eq!(offset_of!(Header, made), 96);
        assert_eq!(offset_of!(Header, waits), 104);
        assert_eq!(offset_of!(RecoveryEntry, when), 16);
        assert_eq!(offset_of!(RecoveryEntry, by), 56);
        assert_eq!(offset_of!(Slot, pid), 4);
        assert_eq!(offset_of!(Slot, since), 16);
        assert_eq!(offset_of!(Slot, label), 32);
        assert_eq!(offset_of!(Slot, former_pid), 68);
        assert_eq!(offset_of!(BlockHead, kind), 12);
        assert_eq!(offset_of!(BlockHead, len), 24);
        assert_eq!(offset_of!(BlockHead, name_hash), 36);
        assert_eq!((head_len(192), head_len(193)), (64, 128));
    }

    #[test]
    fn the_parts_of_a_segment_do_not_overlap() {
        for participants in [1, 2, 63, 64, 65, MOST_PARTICIPANTS] {
            assert!(arena_at(participants) >= REGISTRY_AT + u64::from(participants) * 128);
            assert_eq!(arena_at(participants) % UNIT, 0);
            assert!(head_len(participants) >= 40 + u64::from(participants).div_ceil(8));
        }
    }
}
