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

/// Both ends of a channel that blocks; clones share it.
#[derive(Clone)]
pub struct Channel<S, R>(S, R);

pub type Crossbeam = Channel<crossbeam_channel::Sender<u64>, crossbeam_channel::Receiver<u64>>;
pub type Kanal = Channel<kanal::Sender<u64>, kanal::Receiver<u64>>;

pub fn crossbeam(capacity: usize) -> Crossbeam {
    let (sending, receiving) = crossbeam_channel::bounded(capacity);
    Channel(sending, receiving)
}

pub fn kanal(capacity: usize) -> Kanal {
    let (sending, receiving) = ::kanal::bounded(capacity);
    Channel(sending, receiving)
}

impl Transmit<u64> for Crossbeam {
    #[inline]
    fn push(&mut self, from: &u64) -> bool {
        self.0.send(*from).is_ok()
    }
}

impl Receive<u64> for Crossbeam {
    #[inline]
    fn pop(&mut self, into: &mut u64) -> bool {
        *into = self.1.recv().expect("a sender lives");
        true
    }
}

impl Transmit<u64> for Kanal {
    #[inline]
    fn push(&mut self, from: &u64) -> bool {
        self.0.send(*from).is_ok()
    }
}

impl Receive<u64> for Kanal {
    #[inline]
    fn pop(&mut self, into: &mut u64) -> bool {
        *into = self.1.recv().expect("a sender lives");
        true
    }
}
