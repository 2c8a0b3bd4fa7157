//! Messages as bytes: written and read where they lie.

use std::time::{Duration, Instant};

use crate::raw::messages::Wait;
use crate::sys::clock::Deadline;

use super::Queue;
use super::error::{GetError, PutError};
use super::held::{AT_ONCE, Claim, Limit, Reservation};
use super::loan::{Loan, Received};

const FOR_EVER: Limit = Wait::Until(Deadline::NEVER);

/// The bytes of messages, whatever the codec: what is sent should be what it writes.
impl<T, C> Queue<T, C> {
    /// Takes room for a message of `len` bytes, to be written in place and sent, sleeping until
    /// there is as much.
    ///
    /// # Blocking
    ///
    /// As [`Queue::put`].
    ///
    /// # If a process dies
    ///
    /// With the [`Loan`]: the message never was.
    ///
    /// # Errors
    ///
    /// As [`Queue::put`].
    pub fn loan(&self, len: usize) -> Result<Loan<'_>, PutError> {
        self.loan_within(len, FOR_EVER)
    }

    /// As [`Queue::loan`], if there is room.
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::loan`].
    ///
    /// # Errors
    ///
    /// As [`Queue::try_put`].
    pub fn try_loan(&self, len: usize) -> Result<Loan<'_>, PutError> {
        self.loan_within(len, AT_ONCE)
    }

    /// As [`Queue::loan`], sleeping not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Queue::put`].
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::loan`].
    ///
    /// # Errors
    ///
    /// As [`Queue::put_timeout`].
    pub fn loan_timeout(&self, len: usize, limit: Duration) -> Result<Loan<'_>, PutError> {
        self.loan_within(len, Wait::Until(Deadline::after(limit)))
    }

    /// As [`Queue::loan`], sleeping not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Queue::put`].
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::loan`].
    ///
    /// # Errors
    ///
    /// As [`Queue::put_deadline`].
    pub fn loan_deadline(&self, len: usize, instant: Instant) -> Result<Loan<'_>, PutError> {
        self.loan_within(len, Wait::Until(Deadline::at(instant)))
    }

    /// Takes a message to be read in place, sleeping until there is one.
    ///
    /// # Blocking
    ///
    /// As [`Queue::get`].
    ///
    /// # If a process dies
    ///
    /// With what it [received](Received): the message is delivered again to somebody else.
    ///
    /// # Errors
    ///
    /// As [`Queue::get`], but for [`GetError::Undecodable`].
    pub fn receive_bytes(&self) -> Result<Received<'_>, GetError> {
        self.receive_bytes_within(&FOR_EVER)
    }

    /// As [`Queue::receive_bytes`], if there is a message.
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::receive_bytes`] and [`Queue::try_get`].
    ///
    /// # Errors
    ///
    /// As [`Queue::try_get`].
    pub fn try_receive_bytes(&self) -> Result<Received<'_>, GetError> {
        self.receive_bytes_within(&AT_ONCE)
    }

    /// As [`Queue::receive_bytes`], sleeping not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Queue::get`].
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::receive_bytes`].
    ///
    /// # Errors
    ///
    /// As [`Queue::get_timeout`].
    pub fn receive_bytes_timeout(&self, limit: Duration) -> Result<Received<'_>, GetError> {
        self.receive_bytes_within(&Wait::Until(Deadline::after(limit)))
    }

    /// As [`Queue::receive_bytes`], sleeping not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Queue::get`].
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::receive_bytes`].
    ///
    /// # Errors
    ///
    /// As [`Queue::get_deadline`].
    pub fn receive_bytes_deadline(&self, instant: Instant) -> Result<Received<'_>, GetError> {
        self.receive_bytes_within(&Wait::Until(Deadline::at(instant)))
    }

    fn loan_within(&self, len: usize, limit: Limit) -> Result<Loan<'_>, PutError> {
        Reservation::make(&self.bound, limit, len).map(Loan::new)
    }

    fn receive_bytes_within(&self, limit: &Limit) -> Result<Received<'_>, GetError> {
        Claim::make(&self.bound, limit).map(Received::new)
    }
}
