//! [`ReadChunk`]: items read in place.

use std::fmt;

use bytemuck::Pod;

use super::consumer::Consumer;

/// Some items: read in place, consumed together by one store.
///
/// Dropped unconsumed, nothing happened; and so if the process dies before that.
#[must_use = "nothing is consumed before the chunk says so"]
pub struct ReadChunk<'a, T> {
    pub(super) consumer: &'a mut Consumer<T>,
    pub(super) len: usize,
}

#[expect(clippy::len_without_is_empty, reason = "a chunk is never empty")]
impl<T: Pod> ReadChunk<'_, T> {
    /// Items in the chunk; at least one.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// A copy of the `index`-th item.
    ///
    /// # Panics
    ///
    /// Where the chunk has no such item.
    #[inline]
    #[must_use]
    pub fn get(&self, index: usize) -> T {
        self.consumer.hold.bound.view().read(self.position(index))
    }

    /// As [`ReadChunk::get`], for items that are too large to be passed around.
    ///
    /// # Panics
    ///
    /// As [`ReadChunk::get`].
    #[inline]
    pub fn copy_to(&self, index: usize, item: &mut T) {
        self.consumer
            .hold
            .bound
            .view()
            .read_into(self.position(index), item);
    }

    /// Copies of all items in their order.
    #[inline]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> {
        (0..self.len).map(|index| self.get(index))
    }

    /// Where the `index`-th item lies, for reading it in place without a copy. Other processes may
    /// write there if they break the rules, so make no reference of it.
    ///
    /// The pointer is good for one `T`, until the chunk is consumed or dropped.
    ///
    /// # Panics
    ///
    /// As [`ReadChunk::get`].
    #[inline]
    #[must_use]
    pub fn as_ptr(&self, index: usize) -> *const T {
        self.consumer.hold.bound.view().slot(self.position(index))
    }

    /// Consumes the first `count` items together; the others come again.
    ///
    /// # Panics
    ///
    /// Where the chunk has not so many.
    #[inline]
    pub fn consume(self, count: usize) {
        assert!(count <= self.len, "a chunk of {} items", self.len);
        let Consumer { hold, head } = self.consumer;
        // A child forked since the chunk was made must not consume for its parent.
        if hold.check().is_ok() && hold.bound.view().ring().consume(head, count as u64) {
            hold.wake();
        }
    }

    /// Consumes all items together.
    #[inline]
    pub fn consume_all(self) {
        let len = self.len;
        self.consume(len);
    }

    #[inline]
    fn position(&self, index: usize) -> u64 {
        assert!(index < self.len, "item {index} of a chunk of {}", self.len);
        self.consumer.head.position().wrapping_add(index as u64)
    }
}

impl<T> fmt::Debug for ReadChunk<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadChunk")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
