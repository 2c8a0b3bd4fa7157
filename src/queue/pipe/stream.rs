//! Sending what is larger than the pipe: in parts, as room comes.

use crate::queue::patience::Patience;

use super::frame::{IN_MORE, frames_of, longest_of};
use super::inbox::bytes as in_memory;
use super::{SendError, Sender};

impl<T> Sender<T> {
    /// Sends a message that is larger than the pipe, in parts. Whatever ends it early, the receiver
    /// drops the parts: the next message begins with a mark of its own.
    #[cold]
    pub(super) fn stream(&mut self, bytes: &[u8], patience: Patience) -> Result<(), SendError> {
        let (frames, _) = self.parts()?;
        let capacity = frames.ring().capacity();
        let Some(deadline) = patience.deadline() else {
            let longest = in_memory(longest_of(capacity));
            return Err(SendError::TooLong { longest });
        };
        let mut sent = None;
        while self.send_part(bytes, &mut sent, Patience::Fixed(deadline))? {
            // Room may come without end.
            if deadline.is_past() {
                return Err(SendError::Full);
            }
        }
        Ok(())
    }

    /// Frames of the next part of a message that is larger than the pipe, of which so many bytes
    /// were `sent`: not all of the pipe at once, so that both sides work at the same time.
    pub(super) fn part_of(&self, bytes: &[u8], sent: Option<usize>) -> u64 {
        let frames_left = match sent {
            None => frames_of(bytes.len() as u64),
            Some(sent) => bytes.len().saturating_sub(sent).div_ceil(IN_MORE) as u64,
        };
        let capacity = self.side.bound.view().ring().capacity();
        frames_left.min((capacity / 4).max(1))
    }

    /// Sends the next part; `true` where there are more of them.
    pub(super) fn send_part(
        &mut self,
        bytes: &[u8],
        sent: &mut Option<usize>,
        patience: Patience,
    ) -> Result<bool, SendError> {
        let count = self.part_of(bytes, *sent);
        self.await_room(count, patience)?;
        let begins = sent.is_none();
        let most = match begins {
            true => longest_of(count),
            false => count * IN_MORE as u64,
        };
        let rest = bytes.get(sent.unwrap_or(0)..).unwrap_or_default();
        let part = rest.get(..in_memory(most)).unwrap_or(rest);
        let (frames, tail) = self.parts()?;
        frames.copy_from(tail.position(), begins, part);
        if begins {
            frames.set_len(tail.position(), bytes.len() as u64);
        }
        self.publish(count)?;
        *sent = Some(sent.unwrap_or(0) + part.len());
        Ok(part.len() < rest.len())
    }

    /// An error where nobody will receive what is sent.
    #[cfg(feature = "async")]
    pub(super) fn check_other(&mut self) -> Result<(), SendError> {
        self.begin().map(drop)
    }
}
