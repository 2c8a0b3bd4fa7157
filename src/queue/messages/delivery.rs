//! [`Delivery`]: a message that comes again unless its consumer is done with it.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::held::Claim;

/// A message that was taken and whose room is still its own; made by
/// [`Queue::receive`](super::Queue::receive).
///
/// Dropping it, or [`ack`](Delivery::ack), says that the message is dealt with.
///
/// # If a process dies
///
/// Before that, the message is delivered again, to somebody else, unless
/// [`Redelivery::Drop`](super::Redelivery::Drop) was asked for.
#[must_use = "dropping it says that the message is dealt with"]
pub struct Delivery<'a, T> {
    pub(super) item: T,
    pub(super) claim: Claim<'a>,
}

impl<T> Delivery<'_, T> {
    /// Says that the message is dealt with, and gives the item.
    pub fn ack(self) -> T {
        self.item
    }

    /// Gives the message back: it is delivered again, before the others, to whoever asks next.
    ///
    /// # If a process dies
    ///
    /// Doing this: the message is given back.
    pub fn nack(self) {
        self.claim.give_back();
    }

    /// How often the message was delivered, this time included; more than 1 after a
    /// [`nack`](Delivery::nack) or the death of a consumer.
    #[must_use]
    pub fn deliveries(&self) -> u32 {
        self.claim.deliveries()
    }
}

impl<T> Deref for Delivery<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T> DerefMut for Delivery<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item
    }
}

impl<T: fmt::Debug> fmt::Debug for Delivery<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("item", &self.item)
            .field("deliveries", &self.deliveries())
            .finish()
    }
}
