//! Where the queue lies in its object's bytes, and how messages are copied there and back.

#![expect(
    unsafe_code,
    reason = "messages are copied raw, because another process may write them"
)]

use core::ptr::NonNull;

use crate::raw::Storage;
use crate::raw::journal::copy;
use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering};

use super::block::HEAD;
use super::{Head, Held, Message, Messages, Redelivery, Room, UNIT};

const ORDER: usize = size_of::<Head>();
const UNIT_BYTES: usize = UNIT * 8;

/// Where the area begins, behind an order of so many entries.
fn area(items: usize) -> Option<usize> {
    items
        .checked_mul(size_of::<AtomicU32>())?
        .checked_add(ORDER)?
        .checked_next_multiple_of(UNIT_BYTES)
}

/// Units of an area of so many bytes, of one at least.
fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT_BYTES).max(1)
}

impl<'a> Messages<'a> {
    /// Bytes of a queue of `items` messages, of one at least, in an area of `bytes`; `None` where
    /// blocks cannot count so many.
    pub(crate) fn size(items: usize, bytes: usize) -> Option<usize> {
        let units = units(bytes);
        u32::try_from(units).ok()?;
        units
            .checked_mul(UNIT_BYTES)?
            .checked_add(area(items.max(1))?)
    }

    /// Makes an empty queue of zeroed bytes; `None` where they do not suffice.
    pub(crate) fn init(
        storage: Storage<'a>,
        items: usize,
        bytes: usize,
        redelivery: Redelivery,
    ) -> Option<Self> {
        let head = storage.get::<Head>(0)?;
        let redeliver = redelivery == Redelivery::Again;
        // Relaxed, all three: whoever publishes the object publishes them.
        head.items
            .store(items.max(1).try_into().ok()?, Ordering::Relaxed);
        head.units
            .store(units(bytes).try_into().ok()?, Ordering::Relaxed);
        head.redeliver.store(redeliver.into(), Ordering::Relaxed);
        let queue = Self::attach(storage)?;
        queue.format();
        Some(queue)
    }

    /// The queue that lies in `storage`; `None` where it cannot hold as much as it says.
    pub(crate) fn attach(storage: Storage<'a>) -> Option<Self> {
        let head = storage.get::<Head>(0)?;
        // Relaxed, both: they are written once, before the object is published.
        let items = head.items.load(Ordering::Relaxed).try_into().ok()?;
        let units: usize = head.units.load(Ordering::Relaxed).try_into().ok()?;
        let words = units.checked_mul(UNIT)?;
        let order = storage.slice::<AtomicU32>(ORDER, items)?;
        Self::new(
            head,
            order,
            storage.slice::<AtomicU64>(area(items)?, words)?,
        )
    }

    /// Bytes of the area.
    pub(crate) fn bytes(&self) -> usize {
        self.words.len() * 8
    }

    /// Copies `bytes` to `offset` of the message in `room`; `false` where they do not fit.
    #[inline]
    pub(crate) fn copy_in(&self, room: &Room, offset: usize, bytes: &[u8]) -> bool {
        let fits = ends_within(offset, bytes.len(), room.len);
        let Some(to) = self.place(room.held, offset, bytes.len()).filter(|_| fits) else {
            return false;
        };
        let from = NonNull::from(bytes).cast();
        // SAFETY: (1) `to` is that many bytes inside the area, by `place`, and the caller's slice is
        // not in the mapping, of which nobody has a reference to plain bytes. (2) The reservation
        // makes them the caller's alone. A process that breaks that rule makes a wrong message,
        // which is checked when it is decoded; nothing here borrows them.
        unsafe { copy(from, to, bytes.len()) };
        true
    }

    /// Copies `out.len()` bytes from `offset` of `message`; `false` where there are not so many.
    #[inline]
    pub(crate) fn copy_out(&self, message: &Message, offset: usize, out: &mut [u8]) -> bool {
        let fits = ends_within(offset, out.len(), message.len);
        let Some(from) = self.place(message.held, offset, out.len()).filter(|_| fits) else {
            return false;
        };
        let len = out.len();
        let to = NonNull::from(out).cast();
        // SAFETY: as in `copy_in`; between the claim and its end nobody writes the message. Not
        // through `copy`: what is private is no crash point.
        unsafe { from.copy_to_nonoverlapping(to, len) };
        true
    }

    /// Copies the whole of `message` behind what `out` holds; nothing where it has not the capacity.
    #[inline]
    pub(crate) fn append_to(&self, message: &Message, out: &mut Vec<u8>) {
        let (before, len) = (out.len(), message.len);
        let spare = out.spare_capacity_mut();
        let Some(from) = self
            .place(message.held, 0, len)
            .filter(|_| len <= spare.len())
        else {
            return;
        };
        let to = NonNull::from(spare).cast();
        // SAFETY: as in `copy_out`; the spare capacity is at least `len` bytes.
        unsafe { from.copy_to_nonoverlapping(to, len) };
        // SAFETY: so many bytes of the spare capacity were written.
        unsafe { out.set_len(before + len) };
    }

    /// Where `len` bytes from `offset` of a block's message lie; `None` where they are not all in it.
    #[inline]
    fn place(&self, held: Held, offset: usize, len: usize) -> Option<NonNull<u8>> {
        let first = held.at as usize * UNIT + HEAD;
        let end = (held.at as usize).checked_add(held.units as usize)? * UNIT;
        let words = self.words.get(first..end)?;
        if !ends_within(offset, len, words.len() * 8) {
            return None;
        }
        let first = NonNull::from(words).cast::<u8>();
        // SAFETY: `offset` is at most the length of `words`, checked above.
        Some(unsafe { first.add(offset) })
    }
}

#[inline]
fn ends_within(offset: usize, len: usize, limit: usize) -> bool {
    offset.checked_add(len).is_some_and(|end| end <= limit)
}
