//! [`Loan`] and [`Received`]: the bytes of a message, written and read where they lie.

use std::fmt;
use std::io;

use super::error::PutError;
use super::held::{Claim, Reservation};

/// Room for a message, written in place, then [sent](Loan::send); made by
/// [`Queue::loan`](super::Queue::loan).
///
/// Dropped unsent, nothing happened; and so if the process dies. What is not written holds what
/// earlier messages left. As [`io::Write`] it is written from the start on.
#[must_use = "nothing is sent before `send`"]
pub struct Loan<'a> {
    reservation: Reservation<'a>,
    at: usize,
}

impl<'a> Loan<'a> {
    pub(super) fn new(reservation: Reservation<'a>) -> Self {
        Self { reservation, at: 0 }
    }

    /// Bytes of the message.
    #[must_use]
    pub fn len(&self) -> usize {
        self.reservation.len()
    }

    /// Whether the message has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes `bytes` at `offset`.
    ///
    /// # Panics
    ///
    /// Where they do not fit.
    pub fn write_at(&mut self, offset: usize, bytes: &[u8]) {
        let (len, count) = (self.len(), bytes.len());
        assert!(
            self.reservation.write(offset, bytes),
            "{count} bytes at {offset} of a loan of {len}"
        );
    }

    /// Makes it a message.
    ///
    /// # Blocking
    ///
    /// Takes the queue's lock, which is held for moments; a holder that was stopped is waited for,
    /// as long as the loan itself would have been.
    ///
    /// # If a process dies
    ///
    /// Doing this: the message is there, whole, or it never was.
    ///
    /// # Errors
    ///
    /// [`PutError::Closed`] where the queue was closed since, and in a child that was forked since;
    /// [`PutError::Full`] where the lock was not to be had.
    pub fn send(self) -> Result<(), PutError> {
        self.reservation.send()
    }

    /// What was written through [`io::Write`].
    pub(super) fn written(&self) -> usize {
        self.at
    }
}

impl io::Write for Loan<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(self.len().saturating_sub(self.at));
        let bytes = bytes.get(..count).unwrap_or_default();
        if !self.reservation.write(self.at, bytes) {
            return Ok(0);
        }
        self.at += count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Loan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// A message that was taken, read in place; made by
/// [`Queue::receive_bytes`](super::Queue::receive_bytes).
///
/// Dropped, its room is free. However long it is held, it is in nobody's way but for that room.
/// As [`io::Read`] it is read from the start on.
///
/// # If a process dies
///
/// Before that, the message is delivered again, to somebody else, unless
/// [`Redelivery::Drop`](super::Redelivery::Drop) was asked for.
#[must_use = "dropping it says that the message is dealt with"]
pub struct Received<'a> {
    claim: Claim<'a>,
    at: usize,
}

impl<'a> Received<'a> {
    pub(super) fn new(claim: Claim<'a>) -> Self {
        Self { claim, at: 0 }
    }

    /// Bytes of the message.
    #[must_use]
    pub fn len(&self) -> usize {
        self.claim.len()
    }

    /// Whether the message has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies bytes of the message from `offset` on, as many as `out` has.
    ///
    /// # Panics
    ///
    /// Where there are not so many.
    pub fn read_at(&self, offset: usize, out: &mut [u8]) {
        let (len, count) = (self.len(), out.len());
        assert!(
            self.claim.read(offset, out),
            "{count} bytes at {offset} of a message of {len}"
        );
    }

    /// All bytes of the message.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.claim.to_vec()
    }

    /// Gives the message back, as [`Delivery::nack`](super::Delivery::nack).
    pub fn nack(self) {
        self.claim.give_back();
    }

    /// How often the message was delivered, as [`Delivery::deliveries`](super::Delivery::deliveries).
    #[must_use]
    pub fn deliveries(&self) -> u32 {
        self.claim.deliveries()
    }
}

impl io::Read for Received<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = out.len().min(self.len().saturating_sub(self.at));
        let out = out.get_mut(..count).unwrap_or_default();
        if !self.claim.read(self.at, out) {
            return Ok(0);
        }
        self.at += count;
        Ok(count)
    }
}

impl fmt::Debug for Received<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("len", &self.len())
            .field("deliveries", &self.deliveries())
            .finish_non_exhaustive()
    }
}
