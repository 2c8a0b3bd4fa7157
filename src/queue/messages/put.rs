//! Putting: the four forms, and what they do.

use std::convert::identity;
use std::time::{Duration, Instant};

use crate::raw::messages::Wait;
use crate::segment::refusal;
use crate::sys::clock::Deadline;

use super::Queue;
use super::codec::{Codec, CodecError};
use super::error::PutError;
use super::held::{self, AT_ONCE, Beginning, Limit, Reservation};
use super::loan::Loan;

impl<T, C: Codec<T>> Queue<T, C> {
    /// Puts `item` in, sleeping until there is room. When it returns, the message is there for
    /// every process.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel. Producers are not served in order: a
    /// long message may wait while short ones find room.
    ///
    /// # If a process dies
    ///
    /// See [`Queue`]; room that a dead process kept comes free with the repair.
    ///
    /// # Errors
    ///
    /// [`PutError::Closed`]; [`PutError::TooLarge`] and [`PutError::Unencodable`] at once, and no
    /// room is taken; [`PutError::Broken`] after a fork, where the child cannot join the segment.
    pub fn put(&self, item: &T) -> Result<(), PutError> {
        self.put_within(item, Wait::Until(Deadline::NEVER))
    }

    /// Puts `item` in if there is room.
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::put`]; but the room that a dead process kept comes free only when somebody
    /// waits, or [`Segment::reap`](crate::Segment::reap) was called.
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] where there is none; otherwise as [`Queue::put`].
    #[doc(alias = "put_nowait")]
    pub fn try_put(&self, item: &T) -> Result<(), PutError> {
        self.put_within(item, AT_ONCE)
    }

    /// Puts `item` in, sleeping until there is room, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Queue::put`].
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::put`].
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] after `limit`; otherwise as [`Queue::put`].
    pub fn put_timeout(&self, item: &T, limit: Duration) -> Result<(), PutError> {
        self.put_within(item, Wait::Until(Deadline::after(limit)))
    }

    /// Puts `item` in, sleeping until there is room, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Queue::put`].
    ///
    /// # If a process dies
    ///
    /// As for [`Queue::put`].
    ///
    /// # Errors
    ///
    /// [`PutError::Full`] at `instant`; otherwise as [`Queue::put`].
    pub fn put_deadline(&self, item: &T, instant: Instant) -> Result<(), PutError> {
        self.put_within(item, Wait::Until(Deadline::at(instant)))
    }

    fn put_within(&self, item: &T, limit: Limit) -> Result<(), PutError> {
        let mut beginning = Beginning::new();
        refusal::explain(|| C::encode(item, &mut beginning), identity)
            .map_err(PutError::Unencodable)?;
        match beginning.whole() {
            Some(bytes) => held::put(&self.bound, &limit, bytes),
            None => self.put_long(item, limit, beginning.len),
        }
    }

    /// Encodes once more, into the room itself.
    fn put_long(&self, item: &T, limit: Limit, len: usize) -> Result<(), PutError> {
        let changed =
            || PutError::Unencodable(CodecError::new("its length changes while it is encoded"));
        let mut loan = Loan::new(Reservation::make(&self.bound, limit, len)?);
        let encoded = C::encode(item, &mut loan);
        // First of all the length: a codec that runs out of room says so in words of its own.
        match encoded {
            Ok(()) if loan.written() == len => loan.send(),
            Err(error) if loan.written() < len => Err(PutError::Unencodable(error)),
            Ok(()) | Err(_) => Err(changed()),
        }
    }
}
