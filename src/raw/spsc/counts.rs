//! How much went through, for whoever only looks.

use super::Spsc;
use crate::sys::atomic::Ordering;

impl Spsc<'_> {
    /// Items ever published and ever consumed, as noted.
    pub(crate) fn counts(&self) -> (u64, u64) {
        // Relaxed, both: numbers that may be old at once.
        let published = self.tail.load(Ordering::Relaxed);
        (published, self.head.load(Ordering::Relaxed))
    }
}
