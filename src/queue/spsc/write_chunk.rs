//! [`WriteChunk`]: items written in place.

use std::fmt;

use bytemuck::Pod;

use super::producer::Producer;

/// Room for some items: written in place, published together by one store.
///
/// Dropped uncommitted, nothing happened; and so if the process dies before the commit.
#[must_use = "nothing is published before the commit"]
pub struct WriteChunk<'a, T> {
    pub(super) producer: &'a mut Producer<T>,
    pub(super) len: usize,
}

#[expect(clippy::len_without_is_empty, reason = "a chunk is never empty")]
impl<T: Pod> WriteChunk<'_, T> {
    /// Items that there is room for; at least one.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Writes the `index`-th item.
    ///
    /// # Panics
    ///
    /// Where the chunk has no such item.
    #[inline]
    pub fn set(&mut self, index: usize, item: T) {
        self.copy_from(index, &item);
    }

    /// As [`WriteChunk::set`], for items that are too large to be passed around.
    ///
    /// # Panics
    ///
    /// As [`WriteChunk::set`].
    #[inline]
    pub fn copy_from(&mut self, index: usize, item: &T) {
        let position = self.position(index);
        self.producer.hold.bound.view().write(position, item);
    }

    /// Where the `index`-th item is to be, for writing it in place without a copy. What lies there
    /// is some earlier item. Other processes may write there too, so make no reference of it.
    ///
    /// The pointer is good for one `T`, until the chunk is committed or dropped.
    ///
    /// # Panics
    ///
    /// As [`WriteChunk::set`].
    #[inline]
    pub fn as_mut_ptr(&mut self, index: usize) -> *mut T {
        let position = self.position(index);
        self.producer.hold.bound.view().slot(position)
    }

    /// Publishes the first `count` items together.
    ///
    /// All of them must have been written: otherwise an earlier item is published again.
    ///
    /// # Panics
    ///
    /// Where the chunk has not so many.
    #[inline]
    pub fn commit(self, count: usize) {
        assert!(count <= self.len, "a chunk of {} items", self.len);
        let Producer { hold, tail } = self.producer;
        // A child forked since the chunk was made must not publish for its parent.
        if hold.check().is_ok() && hold.bound.view().ring().publish(tail, count as u64) {
            hold.wake();
        }
    }

    /// Publishes all items together.
    #[inline]
    pub fn commit_all(self) {
        let len = self.len;
        self.commit(len);
    }

    #[inline]
    fn position(&self, index: usize) -> u64 {
        assert!(index < self.len, "item {index} of a chunk of {}", self.len);
        self.producer.tail.position().wrapping_add(index as u64)
    }
}

impl<T> fmt::Debug for WriteChunk<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteChunk")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
