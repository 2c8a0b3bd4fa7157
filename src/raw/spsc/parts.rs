//! The parts of a ring built by value, for models.

use super::{Fixed, Post, Spsc};
use crate::sys::atomic::{AtomicU32, AtomicU64};

impl Fixed {
    pub(crate) fn new() -> Self {
        Self {
            capacity: AtomicU64::new(0),
            item_size: AtomicU64::new(0),
            item_align: AtomicU64::new(0),
            producer: Post::new(),
            consumer: Post::new(),
            closed: AtomicU32::new(0),
            _rest: AtomicU32::new(0),
        }
    }
}

impl Post {
    fn new() -> Self {
        Self {
            hold: AtomicU32::new(0),
            bell: AtomicU32::new(0),
        }
    }
}

impl<'a> Spsc<'a> {
    /// A ring of as many slots as there are tags: a power of two.
    pub(crate) fn over(
        fixed: &'a Fixed,
        tail: &'a AtomicU64,
        head: &'a AtomicU64,
        tags: &'a [AtomicU64],
    ) -> Self {
        Self {
            fixed,
            tail,
            head,
            slots: tags,
            stride: 1,
            mask: tags.len() as u64 - 1,
        }
    }
}
