//! Where the words and the slots of a ring lie in its bytes.

use core::alloc::Layout;

use super::{Fixed, Spsc};
use crate::raw::Storage;
use crate::sys::atomic::{AtomicU64, Ordering};

/// Each position in lines of its own; two, because the processor fetches them in pairs.
const TAIL: usize = 128;
const HEAD: usize = 256;
const SLOTS: usize = 384;
const TAG: usize = size_of::<u64>();

/// From here on a payload begins with a cache line, which copies faster.
const LARGE: usize = 4096;
const LINE: usize = 64;

/// How many items of which layout; what the places of everything follow from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    capacity: usize,
    item: Layout,
}

impl Geometry {
    /// Room for at least `capacity` items; `None` where no address space has room for them.
    pub(crate) fn new(capacity: usize, item: Layout) -> Option<Self> {
        let capacity = capacity.max(1).checked_next_power_of_two()?;
        let geometry = Self { capacity, item };
        geometry.size().map(|_| geometry)
    }

    /// Bytes of the whole object.
    pub(crate) fn size(&self) -> Option<usize> {
        stride(self.item)?
            .checked_mul(self.capacity)?
            .checked_add(SLOTS)
    }

    /// Layout of one item.
    pub(crate) fn item(&self) -> Layout {
        self.item
    }
}

/// Bytes from a tag to its payload.
pub(crate) const fn payload(item: Layout) -> usize {
    let align = align(item);
    if align < TAG { TAG } else { align }
}

const fn align(item: Layout) -> usize {
    if item.size() < LARGE || item.align() >= LINE {
        item.align()
    } else {
        LINE
    }
}

/// Bytes from one tag to the next.
const fn stride(item: Layout) -> Option<usize> {
    let payload = payload(item);
    match payload.checked_add(item.size()) {
        // A multiple of the tag's alignment and of the item's, which are powers of two.
        Some(end) => end.checked_next_multiple_of(payload),
        None => None,
    }
}

impl<'a> Spsc<'a> {
    /// Makes a ring of zeroed bytes.
    pub(crate) fn init(storage: Storage<'a>, geometry: Geometry) -> Option<()> {
        let fixed: &Fixed = storage.get(0)?;
        // Relaxed, all three: nobody else sees the object before its creation is published.
        fixed
            .capacity
            .store(geometry.capacity as u64, Ordering::Relaxed);
        fixed
            .item_size
            .store(geometry.item.size() as u64, Ordering::Relaxed);
        fixed
            .item_align
            .store(geometry.item.align() as u64, Ordering::Relaxed);
        Some(())
    }

    /// The ring in `storage` and its geometry; `None` where the bytes make no sense.
    pub(crate) fn attach(storage: Storage<'a>) -> Option<(Self, Geometry)> {
        let fixed: &Fixed = storage.get(0)?;
        // Relaxed: written before the object was published, and checked here.
        let word = |word: &AtomicU64| usize::try_from(word.load(Ordering::Relaxed)).ok();
        let item = Layout::from_size_align(word(&fixed.item_size)?, word(&fixed.item_align)?);
        let capacity = word(&fixed.capacity)?;
        let geometry = Geometry::new(capacity, item.ok()?)?;
        if geometry.capacity != capacity {
            return None;
        }
        let stride = stride(geometry.item)? / TAG;
        let ring = Self {
            fixed,
            tail: storage.get(TAIL)?,
            head: storage.get(HEAD)?,
            slots: storage.slice(SLOTS, stride.checked_mul(capacity)?)?,
            stride,
            mask: capacity as u64 - 1,
        };
        Some((ring, geometry))
    }

    /// The slot of `position`: its tag, and behind it the payload.
    #[inline]
    pub(crate) fn slot(&self, position: u64) -> *mut u8 {
        let tag = self
            .slots
            .as_ptr()
            .wrapping_add(self.index(position) * self.stride);
        tag.cast_mut().cast()
    }
}
