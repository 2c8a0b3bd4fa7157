//! The part of a message larger than the pipe that has come so far.

use super::frame::{self, Frame, HEAD, IN_FIRST, MARK};

/// A message that is being put together in private memory.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    bytes: Vec<u8>,
    /// Of the whole message; `None` while there is no message.
    len: Option<u64>,
}

/// What became of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Put {
    /// It is used up.
    Taken,
    /// Another message begins with it.
    Another,
}

impl Inbox {
    /// Bytes that are reserved before they have come: a length may be garbage.
    const AHEAD: u64 = 1 << 20;

    /// Whether there is a whole message.
    #[inline]
    pub(super) fn is_whole(&self) -> bool {
        self.len == Some(self.bytes.len() as u64)
    }

    /// Forgets what has come: the rest never will.
    pub(super) fn discard(&mut self) {
        self.bytes.clear();
        self.len = None;
    }

    /// Begins the message that `frame` is the first of; nothing where it is of none.
    pub(super) fn begin(&mut self, frame: &Frame) {
        self.discard();
        let Some(len) = frame::begins(frame) else {
            return;
        };
        self.len = Some(len);
        self.bytes.reserve(bytes(len.min(Self::AHEAD)));
        self.append(frame, HEAD, IN_FIRST);
    }

    /// Adds the next frame; one that belongs to no message is dropped.
    pub(super) fn put(&mut self, frame: &Frame) -> Put {
        if frame::begins(frame).is_some() {
            return Put::Another;
        }
        self.append(frame, MARK, frame::IN_MORE);
        Put::Taken
    }

    /// The whole message, which it no longer has.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.len = None;
        std::mem::take(&mut self.bytes)
    }

    /// What has come.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn append(&mut self, frame: &Frame, from: usize, most: usize) {
        let missing = self
            .len
            .unwrap_or_default()
            .saturating_sub(self.bytes.len() as u64);
        let count = bytes(missing.min(most as u64));
        let part = frame.get(from..from + count).unwrap_or_default();
        self.bytes.extend_from_slice(part);
    }
}

/// A number of bytes that lie in memory, or are less than a constant.
#[expect(
    clippy::cast_possible_truncation,
    reason = "pointers have 64 bits here, or the number is small"
)]
pub(super) fn bytes(count: u64) -> usize {
    count as usize
}
