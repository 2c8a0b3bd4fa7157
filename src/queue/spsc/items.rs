//! The slots of a ring as items of one type: copied in, copied out, never borrowed.

#![expect(
    unsafe_code,
    reason = "payloads are copied raw, because another process may write them"
)]

use std::alloc::Layout;
use std::marker::PhantomData;

use bytemuck::Pod;

use crate::raw::Storage;
use crate::raw::spsc::{Spsc, payload};

/// A ring whose slots hold a `T` each.
pub(crate) struct Items<T> {
    /// Its geometry is that of a `T`; checked in `attach`.
    ring: Spsc<'static>,
    of: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Items<T> {
    fn clone(&self) -> Self {
        Self {
            ring: self.ring,
            of: PhantomData,
        }
    }
}

impl<T> Items<T> {
    #[inline]
    pub(crate) fn ring(&self) -> &Spsc<'static> {
        &self.ring
    }
}

impl<T: Pod> Items<T> {
    /// From a tag to the item behind it.
    const PAYLOAD: usize = payload(Layout::new::<T>());
    /// Objects begin at a multiple of this.
    const MOST_ALIGNED: usize = 64;

    /// The ring in `storage`; `None` where it is none of this type.
    pub(crate) fn attach(storage: Storage<'static>) -> Option<Self> {
        const {
            assert!(
                align_of::<T>() <= Self::MOST_ALIGNED,
                "items of at most 64-byte alignment"
            )
        };
        let (ring, geometry) = Spsc::attach(storage)?;
        let items = Self {
            ring,
            of: PhantomData,
        };
        let is_aligned = items.slot(0).is_aligned();
        (geometry.item() == Layout::new::<T>() && is_aligned).then_some(items)
    }

    /// Where the item of `position` lies: in bounds for every position, and aligned, since the
    /// first one is and the stride is a multiple of the alignment.
    #[inline]
    pub(crate) fn slot(&self, position: u64) -> *mut T {
        self.ring.slot(position).wrapping_add(Self::PAYLOAD).cast()
    }

    /// Copies `item` into the slot of `position`, which the caller's end must have.
    #[inline]
    pub(crate) fn write(&self, position: u64, item: &T) {
        // SAFETY: the slot is mapped, in bounds and aligned (see `slot`); between room and
        // publication it is the producer's alone. A process that breaks that rule makes a wrong
        // item: any bytes are a `T`, and nothing here borrows them.
        unsafe { self.slot(position).copy_from_nonoverlapping(item, 1) };
    }

    /// Copies the item out of the slot of `position`, which the caller's end must have.
    #[inline]
    pub(crate) fn read(&self, position: u64) -> T {
        // SAFETY: as in `write`; between publication and consumption nobody writes the slot.
        unsafe { self.slot(position).read() }
    }

    /// As [`Items::read`], into a place of the caller's.
    #[inline]
    pub(crate) fn read_into(&self, position: u64, item: &mut T) {
        // SAFETY: as in `read`; `item` is exclusive, so it does not overlap the mapping.
        unsafe { self.slot(position).copy_to_nonoverlapping(item, 1) };
    }
}

/// A count of items, which is at most the capacity and that came from a `usize`.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "at most a capacity, which was a usize"
)]
pub(super) fn count(count: u64) -> usize {
    count as usize
}
