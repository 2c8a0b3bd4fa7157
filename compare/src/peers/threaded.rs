//! Queues between threads of one process: what a queue costs where nobody can be killed.

use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use crate::stream::{Item, Receive, SMALL, Transmit};

impl<T: Item> Transmit<T> for rtrb::Producer<T> {
    #[inline]
    fn push(&mut self, from: &T) -> bool {
        if size_of::<T>() <= SMALL {
            return rtrb::Producer::push(self, *from).is_ok();
        }
        let Ok(mut chunk) = self.write_chunk_uninit(1) else {
            return false;
        };
        let (place, _) = chunk.as_mut_slices();
        place[0].write(*from);
        // SAFETY: the one slot of the chunk was written.
        unsafe { chunk.commit_all() };
        true
    }
}

impl<T: Item> Receive<T> for rtrb::Consumer<T> {
    #[inline]
    fn pop(&mut self, into: &mut T) -> bool {
        if size_of::<T>() <= SMALL {
            return rtrb::Consumer::pop(self).map(|item| *into = item).is_ok();
        }
        let Ok(chunk) = self.read_chunk(1) else {
            return false;
        };
        *into = chunk.as_slices().0[0];
        chunk.commit_all();
        true
    }
}

impl<T: Item> Transmit<T> for Arc<ArrayQueue<T>> {
    #[inline]
    fn push(&mut self, from: &T) -> bool {
        ArrayQueue::push(self, *from).is_ok()
    }
}

impl<T: Item> Receive<T> for Arc<ArrayQueue<T>> {
    #[inline]
    fn pop(&mut self, into: &mut T) -> bool {
        ArrayQueue::pop(self).map(|item| *into = item).is_some()
    }
}
