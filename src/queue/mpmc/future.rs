//! Waiting for room and for items in a future.

use bytemuck::Pod;

use crate::error::{Error, Result};
use crate::queue::{GetError, PutError};
use crate::raw::mpmc::Side;
use crate::segment::{Berth, Waiting, Wish};

use super::Mpmc;
use super::wait::SlotsBerth;

impl<T: Pod> Mpmc<T> {
    /// Takes an item out, as [`Mpmc::get`], in a future.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, nothing was taken.
    ///
    /// # If a process dies
    ///
    /// As for [`Mpmc::get`].
    ///
    /// # Errors
    ///
    /// As [`Mpmc::get`], and [`GetError::Broken`] where the thread that sleeps for futures cannot be
    /// started.
    pub fn get_async(&self) -> impl Future<Output = Result<T, GetError>> {
        Waiting::new(Get(self))
    }

    /// Puts `item` in, as [`Mpmc::put`], in a future.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, nothing was put.
    ///
    /// # If a process dies
    ///
    /// As for [`Mpmc::put`].
    ///
    /// # Errors
    ///
    /// As [`Mpmc::put`], and [`PutError::Broken`] where the thread that sleeps for futures cannot be
    /// started.
    pub fn put_async(&self, item: T) -> impl Future<Output = Result<(), PutError>> {
        Waiting::new(Put { queue: self, item })
    }
}

struct Get<'a, T>(&'a Mpmc<T>);

impl<T: Pod> Wish for Get<'_, T> {
    type End = Result<T, GetError>;

    fn attempt(&mut self, _: bool) -> Option<Self::End> {
        match self.0.try_get() {
            Err(GetError::Empty) => None,
            end => Some(end),
        }
    }

    fn berth(&mut self) -> Result<Box<dyn Berth>> {
        Ok(Box::new(SlotsBerth::of(self.0, Side::Item)))
    }

    fn broken(error: Error) -> Self::End {
        Err(GetError::Broken(error))
    }
}

struct Put<'a, T> {
    queue: &'a Mpmc<T>,
    item: T,
}

impl<T: Pod> Wish for Put<'_, T> {
    type End = Result<(), PutError>;

    fn attempt(&mut self, _: bool) -> Option<Self::End> {
        match self.queue.try_put(self.item) {
            Err(PutError::Full) => None,
            end => Some(end),
        }
    }

    fn berth(&mut self) -> Result<Box<dyn Berth>> {
        Ok(Box::new(SlotsBerth::of(self.queue, Side::Room)))
    }

    fn broken(error: Error) -> Self::End {
        Err(PutError::Broken(error))
    }
}
