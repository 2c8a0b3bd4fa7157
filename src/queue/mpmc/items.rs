//! The slots of a ring as items of one type: copied in, copied out, never borrowed.

#![expect(
    unsafe_code,
    reason = "items are copied raw, because another process may write them"
)]

use std::marker::PhantomData;

use bytemuck::Pod;

use crate::raw::Storage;
use crate::raw::mpmc::Slots;

/// A ring whose slots hold a `T` each.
#[derive(Debug)]
pub(crate) struct Items<T> {
    /// Its items have the size of a `T`; checked in `attach`.
    slots: Slots<'static>,
    of: PhantomData<fn(T) -> T>,
}

impl<T> Clone for Items<T> {
    fn clone(&self) -> Self {
        Self {
            slots: self.slots,
            of: PhantomData,
        }
    }
}

impl<T> Items<T> {
    #[inline]
    pub(super) fn slots(&self) -> &Slots<'static> {
        &self.slots
    }
}

impl<T: Pod> Items<T> {
    /// The ring in `storage`; `None` where it is none of this type.
    pub(super) fn attach(storage: Storage<'static>) -> Option<Self> {
        let slots = Slots::attach(storage, size_of::<T>())?;
        Some(Self {
            slots,
            of: PhantomData,
        })
    }

    /// Copies `item` into the slot that begins `at`, which the caller must have claimed.
    #[inline]
    pub(super) fn write(&self, at: usize, item: &T) {
        // SAFETY: (1) `at` comes from a claim on these slots, so there is room for a `T`, by the
        // check in `attach`; the copy asks for no alignment. (2) The claim makes it the caller's
        // alone, and the words of slots are not touched. A process that breaks that rule makes a
        // wrong item: any bytes are a `T`, and nothing here borrows them.
        unsafe { self.slots.item(at).cast::<T>().write_unaligned(*item) };
    }

    /// Copies the item out of the slot that begins `at`, which the caller must have claimed.
    #[inline]
    pub(super) fn read(&self, at: usize) -> T {
        // SAFETY: as in `write`; between the claim and its end nobody writes the item.
        unsafe { self.slots.item(at).cast::<T>().read_unaligned() }
    }
}
