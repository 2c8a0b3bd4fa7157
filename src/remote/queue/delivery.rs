//! [`RemoteDelivery`]: a message that comes again unless its consumer is done with it.

use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::error::Result;
use crate::queue::patience::Patience;

use super::{Ask, RemoteQueue};

/// A message that was taken and is not yet dealt with; made by [`RemoteQueue::receive`].
///
/// Dropping it, or [`ack`](RemoteDelivery::ack), says that it is dealt with. Until then the queue
/// is not free for other calls.
///
/// # If a process dies
///
/// Before that, or where the connection is lost, the message is delivered again, to somebody else.
#[must_use = "dropping it says that the message is dealt with"]
pub struct RemoteDelivery<'a, T> {
    item: T,
    deliveries: u32,
    owed: Owed<'a, T>,
}

impl<'a, T> RemoteDelivery<'a, T> {
    pub(super) fn new(queue: &'a mut RemoteQueue<T>, item: T, deliveries: u32) -> Self {
        Self {
            item,
            deliveries,
            owed: Owed {
                queue,
                is_said: false,
            },
        }
    }

    /// Says that the message is dealt with, and gives the item.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Disconnected`](crate::ErrorKind::Disconnected) where the connection is lost: the
    /// message is delivered again. That a connection is lost can show only later; then it may be, too.
    pub fn ack(self) -> Result<T> {
        self.owed.say(Ask::Ack)?;
        Ok(self.item)
    }

    /// Gives the message back: it is delivered again, before the others, to whoever asks next.
    pub fn nack(self) {
        // A connection that is lost says the same.
        let _ = self.owed.say(Ask::Nack);
    }

    /// How often the message was delivered, this time included; more than 1 after a
    /// [`nack`](RemoteDelivery::nack), the death of a consumer or the loss of a connection.
    #[must_use]
    pub fn deliveries(&self) -> u32 {
        self.deliveries
    }
}

impl<T> Deref for RemoteDelivery<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item
    }
}

impl<T> DerefMut for RemoteDelivery<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item
    }
}

impl<T: fmt::Debug> fmt::Debug for RemoteDelivery<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteDelivery")
            .field("item", &self.item)
            .field("deliveries", &self.deliveries)
            .finish()
    }
}

/// The word that the server waits for.
struct Owed<'a, T> {
    queue: &'a mut RemoteQueue<T>,
    is_said: bool,
}

impl<T> Owed<'_, T> {
    fn say(mut self, ask: Ask<()>) -> Result<()> {
        self.is_said = true;
        self.queue.link.say(&ask, Patience::Ever)
    }
}

impl<T> Drop for Owed<'_, T> {
    fn drop(&mut self) {
        // Without waiting; where there is no room for so short a word, the connection ends, and the
        // message is delivered again.
        if !self.is_said && self.queue.link.say(&Ask::<()>::Ack, Patience::Not).is_err() {
            self.queue.link.end();
        }
    }
}
