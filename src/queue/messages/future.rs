//! Waiting for room and for messages in a future.

use crate::error::{Error, Result};
use crate::raw::messages::Want;
use crate::segment::{Berth, Waiting, Wish};

use super::Queue;
use super::codec::Codec;
use super::delivery::Delivery;
use super::error::{GetError, PutError};
use super::held::Beginning;
use super::wait::MessagesBerth;

impl<T, C: Codec<T>> Queue<T, C> {
    /// Takes a message out, as [`Queue::get`], in a future.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, nothing was taken.
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::get`].
    ///
    /// # Errors
    ///
    /// As [`Queue::get`], and [`GetError::Broken`] where the thread that sleeps for futures cannot
    /// be started.
    pub fn get_async(&self) -> impl Future<Output = Result<T, GetError>> {
        Waiting::new(Get(self))
    }

    /// Takes a message that is delivered again unless it is dealt with, as [`Queue::receive`], in a
    /// future.
    ///
    /// # Cancellation
    ///
    /// As for [`Queue::get_async`].
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::receive`].
    ///
    /// # Errors
    ///
    /// As [`Queue::get_async`].
    pub fn receive_async(&self) -> impl Future<Output = Result<Delivery<'_, T>, GetError>> {
        Waiting::new(Receive(self))
    }

    /// Puts `item` in, as [`Queue::put`], in a future. It is encoded anew with each try.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, nothing was put.
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::put`].
    ///
    /// # Errors
    ///
    /// As [`Queue::put`], and [`PutError::Broken`] where the thread that sleeps for futures cannot
    /// be started.
    pub fn put_async<'a>(
        &'a self,
        item: &'a T,
    ) -> impl Future<Output = Result<(), PutError>> + use<'a, T, C> {
        Waiting::new(Put { queue: self, item })
    }
}

fn unless_empty<R>(end: Result<R, GetError>) -> Option<Result<R, GetError>> {
    match end {
        Err(GetError::Empty) => None,
        end => Some(end),
    }
}

struct Get<'a, T, C>(&'a Queue<T, C>);

impl<T, C: Codec<T>> Wish for Get<'_, T, C> {
    type End = Result<T, GetError>;

    fn attempt(&mut self, _: bool) -> Option<Self::End> {
        unless_empty(self.0.try_get())
    }

    fn berth(&mut self) -> Result<Box<dyn Berth>> {
        Ok(Box::new(MessagesBerth::of(&self.0.bound, Want::Message)))
    }

    fn broken(error: Error) -> Self::End {
        Err(GetError::Broken(error))
    }
}

struct Receive<'a, T, C>(&'a Queue<T, C>);

impl<'a, T, C: Codec<T>> Wish for Receive<'a, T, C> {
    type End = Result<Delivery<'a, T>, GetError>;

    fn attempt(&mut self, _: bool) -> Option<Self::End> {
        unless_empty(self.0.try_receive())
    }

    fn berth(&mut self) -> Result<Box<dyn Berth>> {
        Ok(Box::new(MessagesBerth::of(&self.0.bound, Want::Message)))
    }

    fn broken(error: Error) -> Self::End {
        Err(GetError::Broken(error))
    }
}

struct Put<'a, T, C> {
    queue: &'a Queue<T, C>,
    item: &'a T,
}

impl<T, C: Codec<T>> Wish for Put<'_, T, C> {
    type End = Result<(), PutError>;

    fn attempt(&mut self, _: bool) -> Option<Self::End> {
        match self.queue.try_put(self.item) {
            Err(PutError::Full) => None,
            end => Some(end),
        }
    }

    fn berth(&mut self) -> Result<Box<dyn Berth>> {
        let mut beginning = Beginning::new();
        // It was encoded by the try before; if that fails now, the next try says so.
        let _ = C::encode(self.item, &mut beginning);
        let room = Want::Room(beginning.len);
        Ok(Box::new(MessagesBerth::of(&self.queue.bound, room)))
    }

    fn broken(error: Error) -> Self::End {
        Err(PutError::Broken(error))
    }
}
