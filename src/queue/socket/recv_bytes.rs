//! Messages as bytes: what [`Receiver`] gives beside decoded ones.

use std::time::{Duration, Instant};

use crate::queue::patience::Patience;

use super::{Receiver, RecvError};

impl<T> Receiver<T> {
    /// The bytes of the next message, sleeping until there is one. Its descriptors are closed.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// [`RecvError::Disconnected`] where there is no message, and the other end is closed or gone;
    /// [`RecvError::Decode`] and [`RecvError::Fds`] where the message did not come as it should;
    /// [`RecvError::Broken`] where the end is none, or another process has it.
    pub fn recv_bytes(&mut self) -> Result<Vec<u8>, RecvError> {
        self.bytes_until(Patience::Ever)
    }

    /// The bytes of the next message if there is one.
    ///
    /// # Errors
    ///
    /// [`RecvError::Empty`] where there is none; otherwise as [`Receiver::recv_bytes`].
    pub fn try_recv_bytes(&mut self) -> Result<Vec<u8>, RecvError> {
        self.bytes_until(Patience::Not)
    }

    /// The bytes of the next message, sleeping until there is one, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Receiver::recv_bytes`].
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// [`RecvError::Empty`] after `limit`; otherwise as [`Receiver::recv_bytes`].
    pub fn recv_bytes_timeout(&mut self, limit: Duration) -> Result<Vec<u8>, RecvError> {
        self.bytes_until(Patience::For(limit))
    }

    /// The bytes of the next message, sleeping until there is one, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Receiver::recv_bytes`].
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// As [`Receiver::recv_bytes_timeout`].
    pub fn recv_bytes_deadline(&mut self, instant: Instant) -> Result<Vec<u8>, RecvError> {
        self.bytes_until(Patience::Until(instant))
    }

    /// Copies the bytes of the next message into `buffer`, sleeping until there is one; returns how
    /// many they are. Its descriptors are closed.
    ///
    /// # Blocking
    ///
    /// As [`Receiver::recv_bytes`].
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// [`RecvError::TooShort`] where the message has more bytes than `buffer`; it is kept, and comes
    /// again. Otherwise as [`Receiver::recv_bytes`].
    pub fn recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        self.bytes_into_until(buffer, Patience::Ever)
    }

    /// As [`Receiver::recv_bytes_into`], if there is a message.
    ///
    /// # Errors
    ///
    /// [`RecvError::Empty`] where there is none; otherwise as [`Receiver::recv_bytes_into`].
    pub fn try_recv_bytes_into(&mut self, buffer: &mut [u8]) -> Result<usize, RecvError> {
        self.bytes_into_until(buffer, Patience::Not)
    }

    /// As [`Receiver::recv_bytes_into`], but sleeps no longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Receiver::recv_bytes`].
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// [`RecvError::Empty`] after `limit`; otherwise as [`Receiver::recv_bytes_into`].
    pub fn recv_bytes_into_timeout(
        &mut self,
        buffer: &mut [u8],
        limit: Duration,
    ) -> Result<usize, RecvError> {
        self.bytes_into_until(buffer, Patience::For(limit))
    }

    /// As [`Receiver::recv_bytes_into`], but sleeps not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Receiver::recv_bytes`].
    ///
    /// # If a process dies
    ///
    /// See [`Connection`](super::Connection).
    ///
    /// # Errors
    ///
    /// As [`Receiver::recv_bytes_into_timeout`].
    pub fn recv_bytes_into_deadline(
        &mut self,
        buffer: &mut [u8],
        instant: Instant,
    ) -> Result<usize, RecvError> {
        self.bytes_into_until(buffer, Patience::Until(instant))
    }

    fn bytes_until(&mut self, patience: Patience) -> Result<Vec<u8>, RecvError> {
        self.next(patience)?;
        Ok(self.inbox.take().0)
    }

    fn bytes_into_until(
        &mut self,
        buffer: &mut [u8],
        patience: Patience,
    ) -> Result<usize, RecvError> {
        self.next(patience)?;
        let bytes = self.inbox.bytes();
        let needed = bytes.len();
        let Some(buffer) = buffer.get_mut(..needed) else {
            return Err(RecvError::TooShort { needed });
        };
        buffer.copy_from_slice(bytes);
        self.inbox.discard();
        Ok(needed)
    }
}
