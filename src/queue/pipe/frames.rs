//! The slots of a ring as frames: copied in, copied out, never borrowed.

#![expect(
    unsafe_code,
    reason = "frames are copied raw, because another process may write them"
)]

use postcard::ser_flavors::Flavor;

use crate::raw::Storage;
use crate::raw::spsc::{Spsc, payload};

use super::frame::{self, FRAME, Frame, HEAD, IN_FIRST, IN_MORE, MARK, MORE};

/// A ring whose items are frames.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frames {
    /// Its geometry is that of frames; checked in `attach`.
    ring: Spsc<'static>,
}

impl Frames {
    /// From a tag to the frame behind it.
    const PAYLOAD: usize = payload(frame::layout());

    /// The ring in `storage`; `None` where it is none of frames.
    pub(super) fn attach(storage: Storage<'static>) -> Option<Self> {
        let (ring, geometry) = Spsc::attach(storage)?;
        let frames = Self { ring };
        let is_aligned = frames.at(0).addr().is_multiple_of(frame::layout().align());
        (geometry.item() == frame::layout() && is_aligned).then_some(frames)
    }

    #[inline]
    pub(super) fn ring(&self) -> &Spsc<'static> {
        &self.ring
    }

    /// Where the frame of `position` lies: [`FRAME`] bytes in bounds for every position, and
    /// aligned, since the first one is and the stride is a multiple of the alignment.
    #[inline]
    fn at(&self, position: u64) -> *mut u64 {
        self.ring.slot(position).wrapping_add(Self::PAYLOAD).cast()
    }

    /// Where the bytes of a message lie in the frame of `position`, behind `skipped` others.
    #[inline]
    fn bytes_at(&self, position: u64, skipped: usize) -> *mut u8 {
        self.at(position).cast::<u8>().wrapping_add(skipped)
    }

    /// The length of the message that begins at `position`; `None` where none does.
    #[inline]
    pub(super) fn len_at(&self, position: u64) -> Option<u64> {
        // SAFETY: mapped, in bounds and aligned (see `at`); between publication and consumption
        // nobody writes the frame. A process that breaks that rule makes a wrong length: any bytes
        // are one, and nothing here borrows them.
        frame::len_in(u64::from_le(unsafe { self.at(position).read() }))
    }

    /// Says in the first frame of a message how long it is.
    #[inline]
    pub(super) fn set_len(&self, position: u64, len: u64) {
        let head = frame::head_of(len).to_le();
        // SAFETY: as in `len_at`; between room and publication the frame is the sender's alone.
        unsafe { self.at(position).write(head) };
    }

    /// A copy of the frame of `position`.
    #[inline]
    pub(super) fn read(&self, position: u64) -> Frame {
        // SAFETY: as in `len_at`.
        unsafe { self.at(position).cast::<Frame>().read() }
    }

    /// Copies the message that begins at `position` out, as much of it as `out` holds.
    pub(super) fn copy_to(&self, position: u64, out: &mut [u8]) {
        let (first, rest) = out.split_at_mut(out.len().min(IN_FIRST));
        // SAFETY: at most `IN_FIRST` bytes of the frame, otherwise as in `len_at`; `out` is
        // exclusive, so it does not overlap the mapping.
        unsafe {
            self.bytes_at(position, HEAD)
                .copy_to_nonoverlapping(first.as_mut_ptr(), first.len());
        };
        let mut position = position;
        let (whole, last) = rest.as_chunks_mut::<IN_MORE>();
        for part in whole {
            position = position.wrapping_add(1);
            let from = self.bytes_at(position, MARK);
            // SAFETY: all of the frame behind its mark, otherwise as above. Of a constant length.
            *part = unsafe { from.cast::<[u8; IN_MORE]>().read() };
        }
        let from = self.bytes_at(position.wrapping_add(1), MARK);
        // SAFETY: less than `IN_MORE` bytes, otherwise as above.
        unsafe { from.copy_to_nonoverlapping(last.as_mut_ptr(), last.len()) };
    }

    /// Writes `bytes` as the first or as later frames of a message, from `position` on; the first
    /// frame still has to be given its length.
    pub(super) fn copy_from(&self, position: u64, begins: bool, bytes: &[u8]) {
        let first = if begins { bytes.len().min(IN_FIRST) } else { 0 };
        let (first, rest) = bytes.split_at(first);
        let mut position = position;
        if begins {
            let to = self.bytes_at(position, HEAD);
            // SAFETY: at most `IN_FIRST` bytes, otherwise as in `set_len`; `bytes` is private.
            unsafe { to.copy_from_nonoverlapping(first.as_ptr(), first.len()) };
            position = position.wrapping_add(1);
        }
        let (whole, last) = rest.as_chunks::<IN_MORE>();
        for part in whole {
            let to = self.mark(position);
            // SAFETY: all of the frame behind its mark, otherwise as above.
            unsafe { to.cast::<[u8; IN_MORE]>().write(*part) };
            position = position.wrapping_add(1);
        }
        if !last.is_empty() {
            let to = self.mark(position);
            // SAFETY: less than `IN_MORE` bytes, otherwise as above.
            unsafe { to.copy_from_nonoverlapping(last.as_ptr(), last.len()) };
        }
    }

    /// Marks a frame that a message goes on in; returns where its bytes begin.
    #[inline]
    fn mark(&self, position: u64) -> *mut u8 {
        let frame = self.bytes_at(position, 0);
        // SAFETY: the first byte of a frame, otherwise as in `set_len`.
        unsafe { frame.write(MORE) };
        frame.wrapping_add(MARK)
    }

    /// Writes a message of yet unknown length, from `position` on, into at most `room` frames.
    #[inline]
    pub(super) fn writer(&self, position: u64, room: u64) -> Writer<'_> {
        let (at, left) = match room {
            0 => (std::ptr::null_mut(), 0),
            _ => (self.bytes_at(position, HEAD), IN_FIRST),
        };
        Writer {
            frames: self,
            position,
            more: room.saturating_sub(1),
            at,
            left,
            len: 0,
        }
    }
}

/// Takes the bytes of a message that is being encoded. What has no room is counted, and no more.
pub(super) struct Writer<'a> {
    frames: &'a Frames,
    /// Of the frame that is being filled.
    position: u64,
    /// Frames that there is room for behind it.
    more: u64,
    /// Where the next byte goes.
    at: *mut u8,
    /// Bytes that the frame has room for.
    left: usize,
    /// Bytes of the message so far.
    len: u64,
}

impl Writer<'_> {
    /// Begins the next frame; `false` where there is no room.
    fn begin_next(&mut self) -> bool {
        if self.more == 0 {
            return false;
        }
        self.more -= 1;
        self.position = self.position.wrapping_add(1);
        self.at = self.frames.mark(self.position);
        self.left = IN_MORE;
        true
    }

    #[inline]
    fn write(&mut self, mut bytes: &[u8]) {
        self.len = self.len.saturating_add(bytes.len() as u64);
        while !bytes.is_empty() && (self.left > 0 || self.begin_next()) {
            let (now, later) = bytes.split_at(bytes.len().min(self.left));
            // SAFETY: `left` bytes of the frame begin at `at`, which `writer` and `mark` set; the
            // frames from its first position on, as many as there is room, are the sender's alone
            // until they are published. `bytes` is private.
            unsafe { self.at.copy_from_nonoverlapping(now.as_ptr(), now.len()) };
            self.at = self.at.wrapping_add(now.len());
            self.left -= now.len();
            bytes = later;
        }
    }
}

impl Flavor for Writer<'_> {
    /// The length of the message.
    type Output = u64;

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.write(bytes);
        Ok(())
    }

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.write(&[byte]);
        Ok(())
    }

    #[inline]
    fn finalize(self) -> postcard::Result<u64> {
        Ok(self.len)
    }
}

const _: () = assert!(FRAME == frame::layout().size());
