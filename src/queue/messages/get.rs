//! Taking: the forms of `get` and `receive`.

use std::convert::identity;
use std::time::{Duration, Instant};

use crate::raw::messages::Wait;
use crate::segment::refusal;
use crate::sys::clock::Deadline;

use super::Queue;
use super::codec::Codec;
use super::delivery::Delivery;
use super::error::GetError;
use super::held::{AT_ONCE, Claim, Limit};

const FOR_EVER: Limit = Wait::Until(Deadline::NEVER);

impl<T, C: Codec<T>> Queue<T, C> {
    /// Takes a message out, sleeping until there is one.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel. Consumers are not served in order.
    ///
    /// # If a process dies
    ///
    /// See [`Queue`].
    ///
    /// # Errors
    ///
    /// [`GetError::Closed`] where the queue is closed and empty; [`GetError::Undecodable`] for this
    /// message alone, which is gone then; [`GetError::Broken`] after a fork, where the child cannot
    /// join the segment.
    pub fn get(&self) -> Result<T, GetError> {
        self.get_within(&FOR_EVER)
    }

    /// Takes a message out if there is one.
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::get`]; but the message of a consumer that died comes back only when somebody
    /// waits, or [`Segment::reap`](crate::Segment::reap) was called.
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] where there is none; otherwise as [`Queue::get`].
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Result<T, GetError> {
        self.get_within(&AT_ONCE)
    }

    /// Takes a message out, sleeping until there is one, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Queue::get`].
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::get`].
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] after `limit`; otherwise as [`Queue::get`].
    pub fn get_timeout(&self, limit: Duration) -> Result<T, GetError> {
        self.get_within(&Wait::Until(Deadline::after(limit)))
    }

    /// Takes a message out, sleeping until there is one, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Queue::get`].
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::get`].
    ///
    /// # Errors
    ///
    /// [`GetError::Empty`] at `instant`; otherwise as [`Queue::get`].
    pub fn get_deadline(&self, instant: Instant) -> Result<T, GetError> {
        self.get_within(&Wait::Until(Deadline::at(instant)))
    }

    /// Takes a message that is delivered again unless it is dealt with, sleeping until there is one.
    ///
    /// # Blocking
    ///
    /// As [`Queue::get`].
    ///
    /// # If a process dies
    ///
    /// With the [`Delivery`]: it is delivered again to somebody else.
    ///
    /// # Errors
    ///
    /// As [`Queue::get`].
    pub fn receive(&self) -> Result<Delivery<'_, T>, GetError> {
        self.receive_within(&FOR_EVER)
    }

    /// As [`Queue::receive`], if there is a message.
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::receive`] and [`Queue::try_get`].
    ///
    /// # Errors
    ///
    /// As [`Queue::try_get`].
    pub fn try_receive(&self) -> Result<Delivery<'_, T>, GetError> {
        self.receive_within(&AT_ONCE)
    }

    /// As [`Queue::receive`], sleeping not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Queue::get`].
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::receive`].
    ///
    /// # Errors
    ///
    /// As [`Queue::get_timeout`].
    pub fn receive_timeout(&self, limit: Duration) -> Result<Delivery<'_, T>, GetError> {
        self.receive_within(&Wait::Until(Deadline::after(limit)))
    }

    /// As [`Queue::receive`], sleeping not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Queue::get`].
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::receive`].
    ///
    /// # Errors
    ///
    /// As [`Queue::get_deadline`].
    pub fn receive_deadline(&self, instant: Instant) -> Result<Delivery<'_, T>, GetError> {
        self.receive_within(&Wait::Until(Deadline::at(instant)))
    }

    /// Takes messages out until the queue is closed and empty. One that cannot be decoded, or a
    /// handle that cannot be used, is an error among them.
    pub fn iter(&self) -> Iter<'_, T, C> {
        Iter(self)
    }

    fn get_within(&self, limit: &Limit) -> Result<T, GetError> {
        self.receive_within(limit).map(Delivery::ack)
    }

    fn receive_within(&self, limit: &Limit) -> Result<Delivery<'_, T>, GetError> {
        let claim = Claim::make(&self.bound, limit)?;
        let read = || match C::KEEPS {
            true => C::keep(claim.to_vec()),
            false => claim.copied(C::decode),
        };
        let item = refusal::explain(read, identity).map_err(GetError::Undecodable)?;
        Ok(Delivery { item, claim })
    }
}

/// The messages of a queue until it is closed; made by [`Queue::iter`].
#[derive(Debug)]
pub struct Iter<'a, T, C>(&'a Queue<T, C>);

impl<T, C: Codec<T>> Iterator for Iter<'_, T, C> {
    type Item = Result<T, GetError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0.get() {
            Err(GetError::Closed) => None,
            got => Some(got),
        }
    }
}

impl<'a, T, C: Codec<T>> IntoIterator for &'a Queue<T, C> {
    type Item = Result<T, GetError>;
    type IntoIter = Iter<'a, T, C>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
