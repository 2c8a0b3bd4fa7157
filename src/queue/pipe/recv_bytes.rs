//! Messages as bytes: what [`Receiver`] gives beside decoded ones.

use std::time::{Duration, Instant};

use crate::queue::patience::Patience;

use super::arrival::Next;
use super::inbox::bytes as in_memory;
use super::{Receiver, RecvError};

impl<T> Receiver<T> {
    /// The bytes of the next message, sleeping until there is one.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel.
    ///
    /// # If a process dies
    ///
    /// See [`Receiver`].
    ///
    /// # Errors
    ///
    /// [`RecvError::Disconnected`] where there is no message, and the pipe is closed or its sender
    /// has left or died; [`RecvError::Broken`] where another process has this end.
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
    /// See [`Receiver`].
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
    /// See [`Receiver`].
    ///
    /// # Errors
    ///
    /// As [`Receiver::recv_bytes_timeout`].
    pub fn recv_bytes_deadline(&mut self, instant: Instant) -> Result<Vec<u8>, RecvError> {
        self.bytes_until(Patience::Until(instant))
    }

    /// Copies the bytes of the next message into `buffer`, sleeping until there is one; returns how
    /// many they are.
    ///
    /// # Blocking
    ///
    /// As [`Receiver::recv_bytes`].
    ///
    /// # If a process dies
    ///
    /// See [`Receiver`].
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
    /// See [`Receiver`].
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
    /// See [`Receiver`].
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
        match self.next(patience)? {
            Next::InRing { len } => {
                let mut bytes = vec![0; in_memory(len)];
                self.copy_out(&mut bytes);
                Ok(bytes)
            }
            Next::InInbox => Ok(self.inbox.take()),
        }
    }

    fn bytes_into_until(
        &mut self,
        buffer: &mut [u8],
        patience: Patience,
    ) -> Result<usize, RecvError> {
        let next = self.next(patience)?;
        let needed = match next {
            Next::InRing { len } => in_memory(len),
            Next::InInbox => self.inbox.bytes().len(),
        };
        let Some(bytes) = buffer.get_mut(..needed) else {
            return Err(RecvError::TooShort { needed });
        };
        match next {
            Next::InRing { .. } => self.copy_out(bytes),
            Next::InInbox => {
                bytes.copy_from_slice(self.inbox.bytes());
                self.inbox.discard();
            }
        }
        Ok(needed)
    }
}
