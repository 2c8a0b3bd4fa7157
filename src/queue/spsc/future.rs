//! Waiting at the ends of a ring in a future.

use bytemuck::Pod;

use crate::error::{Error, Result};
use crate::queue::berth::RingBerth;
use crate::queue::{PopError, PushError};
use crate::raw::spsc::End;
use crate::segment::{Berth, Waiting, Wish};

use super::end::Hold;
use super::{Consumer, Producer};

impl<T: Pod> Consumer<T> {
    /// Takes an item out, as [`Consumer::pop`], in a future.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, nothing was taken.
    ///
    /// # If a process dies
    ///
    /// As for [`Consumer::pop`].
    ///
    /// # Errors
    ///
    /// As [`Consumer::pop`], and [`PopError::Broken`] where the thread that sleeps for futures
    /// cannot be started.
    pub fn pop_async(&mut self) -> impl Future<Output = Result<T, PopError>> {
        Waiting::new(Pop(self))
    }
}

impl<T: Pod> Producer<T> {
    /// Publishes an item, as [`Producer::push`], in a future.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, nothing was published.
    ///
    /// # If a process dies
    ///
    /// As for [`Producer::push`].
    ///
    /// # Errors
    ///
    /// As [`Producer::push`], and [`PushError::Broken`] where the thread that sleeps for futures
    /// cannot be started.
    pub fn push_async(&mut self, item: T) -> impl Future<Output = Result<(), PushError>> {
        let producer = self;
        Waiting::new(Push { producer, item })
    }
}

struct Pop<'a, T>(&'a mut Consumer<T>);

impl<T: Pod> Wish for Pop<'_, T> {
    type End = Result<T, PopError>;

    fn attempt(&mut self, _: bool) -> Option<Self::End> {
        match self.0.try_pop() {
            Err(PopError::Empty) => None,
            end => Some(end),
        }
    }

    fn berth(&mut self) -> Result<Box<dyn Berth>> {
        Ok(berth(&self.0.hold, End::Consumer))
    }

    fn broken(error: Error) -> Self::End {
        Err(PopError::Broken(error))
    }
}

struct Push<'a, T> {
    producer: &'a mut Producer<T>,
    item: T,
}

impl<T: Pod> Wish for Push<'_, T> {
    type End = Result<(), PushError>;

    fn attempt(&mut self, _: bool) -> Option<Self::End> {
        match self.producer.try_push(self.item) {
            Err(PushError::Full) => None,
            end => Some(end),
        }
    }

    fn berth(&mut self) -> Result<Box<dyn Berth>> {
        Ok(berth(&self.producer.hold, End::Producer))
    }

    fn broken(error: Error) -> Self::End {
        Err(PushError::Broken(error))
    }
}

fn berth<T: Pod>(hold: &Hold<T>, end: End) -> Box<dyn Berth> {
    let ring = hold.bound.view().ring();
    Box::new(RingBerth::of(&hold.bound, ring, end, 1))
}
