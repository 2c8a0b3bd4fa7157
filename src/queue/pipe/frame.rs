//! How a message lies in frames: arithmetic, and nothing else.
//!
//! A frame is the item of the ring, and with the ring's tag one cache line. Its first byte is its
//! mark. The first frame of a message goes on with the length of the message, in 7 bytes, and with
//! its first 48 bytes; every other frame holds 55 more. So a receiver that has lost its place finds
//! the next message, and an unfinished message ends where another begins.

use std::alloc::Layout;

/// Bytes of a frame.
pub(super) const FRAME: usize = 56;
/// The first frame's mark and the length of the message.
pub(super) const HEAD: usize = size_of::<u64>();
/// Bytes of a message in its first frame.
pub(super) const IN_FIRST: usize = FRAME - HEAD;
/// Bytes of a message in any other frame, behind the mark.
pub(super) const IN_MORE: usize = FRAME - MARK;
/// Bytes of a mark.
pub(super) const MARK: usize = 1;
/// Of a frame that a message goes on in: anything but [`FIRST`].
pub(super) const MORE: u8 = 2;

/// Of the frame that a message begins in.
const FIRST: u8 = 1;

/// A frame, copied out.
pub(super) type Frame = [u8; FRAME];

/// Of a frame, as an item of the ring.
pub(super) const fn layout() -> Layout {
    Layout::new::<[u64; FRAME / size_of::<u64>()]>()
}

/// Frames of a message of `len` bytes; at least one.
#[inline]
pub(super) const fn frames_of(len: u64) -> u64 {
    1 + len.saturating_sub(IN_FIRST as u64).div_ceil(IN_MORE as u64)
}

/// Bytes of the longest message of `frames` frames.
pub(super) const fn longest_of(frames: u64) -> u64 {
    IN_FIRST as u64 + frames.saturating_sub(1).saturating_mul(IN_MORE as u64)
}

/// What the first frame of a message of `len` bytes begins with, as a little-endian word.
#[inline]
pub(super) const fn head_of(len: u64) -> u64 {
    len << 8 | FIRST as u64
}

/// The length of the message that begins in a frame; `None` where none does.
#[inline]
pub(super) const fn len_in(head: u64) -> Option<u64> {
    if head & 0xFF == FIRST as u64 {
        Some(head >> 8)
    } else {
        None
    }
}

/// As [`len_in`], of a frame that was copied out.
pub(super) fn begins(frame: &Frame) -> Option<u64> {
    frame
        .first_chunk()
        .and_then(|head| len_in(u64::from_le_bytes(*head)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_as_few_frames_as_hold_it() {
        assert_eq!(
            [0, 1, 48, 49, 103, 104].map(frames_of),
            [1, 1, 1, 2, 2, 3],
            "the first frame holds 48 bytes, each other 55"
        );
        for frames in 1..100 {
            assert_eq!(frames_of(longest_of(frames)), frames);
            assert_eq!(frames_of(longest_of(frames) + 1), frames + 1);
        }
        assert!(frames_of(u64::MAX) > u64::MAX / 64);
    }

    #[test]
    fn a_length_comes_back_and_other_marks_begin_nothing() {
        for len in [0, 1, 48, 1 << 40] {
            assert_eq!(len_in(head_of(len)), Some(len));
        }
        assert_eq!(len_in(u64::from_le_bytes([MORE; 8])), None);
        assert_eq!(len_in(0), None);
    }
}
