//! Where the ring lies in its object's bytes.

use crate::raw::Storage;
use crate::sys::atomic::Ordering;
use crate::sys::bytes::words;

use super::{Controls, Redelivery, Slots};

// Three places that nobody writes at the same time, and that the prefetcher fetches in pairs of
// lines.
const CONTROLS: usize = 0;
const TAIL: usize = 128;
const HEAD: usize = 256;
const SLOTS: usize = 384;

/// A line, in words.
const LINE: usize = 8;

/// Words from one slot to the next: whole lines. Small items could lie closer; but then slots that
/// different participants claim at the same time share a line, which costs a quarter of the rate.
fn stride(item_size: usize) -> Option<usize> {
    words(item_size)
        .checked_add(1)?
        .checked_next_multiple_of(LINE)
}

impl<'a> Slots<'a> {
    /// Bytes of a ring for `capacity` items of `item_size` bytes, for one at least; `None` where
    /// positions cannot count so many.
    pub(crate) fn size(capacity: usize, item_size: usize) -> Option<usize> {
        let words = capacity.max(1).checked_mul(stride(item_size)?)?;
        u32::try_from(words).ok()?;
        words.checked_mul(8)?.checked_add(SLOTS)
    }

    /// Makes an empty ring of zeroed bytes; `None` where they do not suffice.
    pub(crate) fn init(
        storage: Storage<'a>,
        capacity: usize,
        item_size: usize,
        redelivery: Redelivery,
    ) -> Option<Self> {
        let controls = storage.get::<Controls>(CONTROLS)?;
        // Relaxed, all three: whoever publishes the object publishes them.
        controls
            .item_size
            .store(item_size.try_into().ok()?, Ordering::Relaxed);
        let redeliver = redelivery == Redelivery::Again;
        controls
            .redeliver
            .store(redeliver.into(), Ordering::Relaxed);
        controls
            .capacity
            .store(capacity.max(1).try_into().ok()?, Ordering::Relaxed);
        Self::attach(storage, item_size)
    }

    /// The ring that lies in `storage`; `None` where there is none for items of this size.
    pub(crate) fn attach(storage: Storage<'a>, item_size: usize) -> Option<Self> {
        let ring = Self::attach_any(storage)?;
        (ring.item_size == item_size).then_some(ring)
    }

    /// The ring that lies in `storage`, whatever its items are: for repairs.
    pub(crate) fn attach_any(storage: Storage<'a>) -> Option<Self> {
        let controls = storage.get::<Controls>(CONTROLS)?;
        // Relaxed, both: they are written once, before the object is published.
        let item_size = controls.item_size.load(Ordering::Relaxed).try_into().ok()?;
        let capacity = controls.capacity.load(Ordering::Relaxed).try_into().ok()?;
        let stride = stride(item_size)?;
        let words = storage.slice(SLOTS, usize::checked_mul(capacity, stride)?)?;
        let (tail, head) = (storage.get(TAIL)?, storage.get(HEAD)?);
        Self::new(controls, tail, head, words, capacity, stride, item_size)
    }

    /// Where the item of the slot that begins `at` lies: as many bytes as an item has, if `at` comes
    /// from a claim.
    #[inline]
    pub(crate) fn item(&self, at: usize) -> *mut u8 {
        self.words
            .as_ptr()
            .wrapping_add(at)
            .wrapping_add(1)
            .cast_mut()
            .cast()
    }
}
