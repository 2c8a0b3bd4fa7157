//! The parts of a ring built by value, for models.

use super::{Fixed, Side, Spsc};
use crate::sys::atomic::{AtomicU32, AtomicU64};

impl Fixed {
    pub(crate) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        let (capacity, item_size, item_align) = (zero(), zero(), zero());
        let zero = || AtomicU32::new(0);
        let (producer, consumer, closed) = (zero(), zero(), zero());
        Self { capacity, item_size, item_align, producer, consumer, closed }
    }
}

impl Side {
    pub(crate) fn new() -> Self {
        Self { position: AtomicU64::new(0), bell: AtomicU32::new(0) }
    }
}

impl<'a> Spsc<'a> {
    /// A ring of as many slots as there are tags: a power of two.
    pub(crate) fn over(
        fixed: &'a Fixed,
        producer: &'a Side,
        consumer: &'a Side,
        tags: &'a [AtomicU64],
    ) -> Self {
        Self { fixed, producer, consumer, slots: tags, stride: 1, mask: tags.len() as u64 - 1 }
    }
}
