//! Waiting at the ends of a pipe in a future.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::queue::berth::RingBerth;
use crate::queue::patience::Patience;
use crate::raw::spsc::End;
use crate::segment::{Berth, Waiting, Wish};

use super::{Connection, Receiver, RecvError, SendError, Sender};

impl<T: DeserializeOwned> Receiver<T> {
    /// The next message, as [`Receiver::recv`], in a future.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, no message was taken. What has come of one that is larger than
    /// the pipe is kept for the next call.
    ///
    /// # If a process dies
    ///
    /// See [`Receiver`].
    ///
    /// # Errors
    ///
    /// As [`Receiver::recv`], and [`RecvError::Broken`] where the thread that sleeps for futures
    /// cannot be started.
    pub fn recv_async(&mut self) -> impl Future<Output = Result<T, RecvError>> {
        Waiting::new(Recv(self))
    }
}

impl<T: Serialize> Sender<T> {
    /// Sends a message, as [`Sender::send`], in a future. It is encoded anew with each try.
    ///
    /// # Cancellation
    ///
    /// Dropped before it is ready, nothing of the message will be received.
    ///
    /// # If a process dies
    ///
    /// See [`Sender`].
    ///
    /// # Errors
    ///
    /// As [`Sender::send`], and [`SendError::Broken`] where the thread that sleeps for futures
    /// cannot be started.
    pub fn send_async<'a>(
        &'a mut self,
        message: &'a T,
    ) -> impl Future<Output = Result<(), SendError>> + use<'a, T> {
        Waiting::new(Send {
            sender: self,
            message,
            long: None,
        })
    }
}

impl<S: Serialize, R> Connection<S, R> {
    /// As [`Sender::send_async`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn send_async<'a>(
        &'a mut self,
        message: &'a S,
    ) -> impl Future<Output = Result<(), SendError>> + use<'a, S, R> {
        self.sender().send_async(message)
    }
}

impl<S, R: DeserializeOwned> Connection<S, R> {
    /// As [`Receiver::recv_async`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_async(&mut self) -> impl Future<Output = Result<R, RecvError>> {
        self.receiver().recv_async()
    }
}

struct Recv<'a, T>(&'a mut Receiver<T>);

impl<T: DeserializeOwned> Wish for Recv<'_, T> {
    type End = Result<T, RecvError>;

    fn attempt(&mut self, _: bool) -> Option<Self::End> {
        match self.0.try_recv() {
            Err(RecvError::Empty) => None,
            end => Some(end),
        }
    }

    fn berth(&mut self) -> Result<Box<dyn Berth>> {
        let bound = &self.0.side.bound;
        let ring = bound.view().ring();
        Ok(Box::new(RingBerth::of(bound, ring, End::Consumer, 1)))
    }

    fn broken(error: Error) -> Self::End {
        Err(RecvError::Broken(error))
    }
}

struct Send<'a, T> {
    sender: &'a mut Sender<T>,
    message: &'a T,
    /// The message, where it is larger than the pipe, and how much of it was sent.
    long: Option<(Vec<u8>, Option<usize>)>,
}

impl<T: Serialize> Send<'_, T> {
    fn send_parts(&mut self) -> Result<(), SendError> {
        let (bytes, sent) = match &mut self.long {
            Some(long) => long,
            none => none.insert((Sender::to_bytes(self.message)?, None)),
        };
        self.sender.check_other()?;
        while self.sender.send_part(bytes, sent, Patience::Not)? {}
        Ok(())
    }
}

impl<T: Serialize> Wish for Send<'_, T> {
    type End = Result<(), SendError>;

    fn attempt(&mut self, _: bool) -> Option<Self::End> {
        let mut end = match self.long {
            None => self.sender.try_send(self.message),
            Some(_) => self.send_parts(),
        };
        if let Err(SendError::TooLong { .. }) = end {
            end = self.send_parts();
        }
        match end {
            Err(SendError::Full) => None,
            end => Some(end),
        }
    }

    fn berth(&mut self) -> Result<Box<dyn Berth>> {
        let count = match &self.long {
            Some((bytes, sent)) => self.sender.part_of(bytes, *sent),
            None => self.sender.frames_for(self.message),
        };
        let bound = &self.sender.side.bound;
        let ring = bound.view().ring();
        let count = count.min(ring.capacity());
        Ok(Box::new(RingBerth::of(bound, ring, End::Producer, count)))
    }

    fn broken(error: Error) -> Self::End {
        Err(SendError::Broken(error))
    }
}
