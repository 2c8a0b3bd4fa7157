//! A mapping that begins where huge pages can: memmap2 leaves the place to the kernel.

#![expect(unsafe_code, reason = "a mapping is put in a place of our choice")]

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};

use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

/// Bytes of a huge page, on x86-64 and on aarch64 with pages of 4 KiB. With larger pages the kernel
/// finds no huge one in a mapping of ours, and says so.
pub(super) const HUGE: usize = 2 << 20;

/// A shared mapping, unmapped when dropped.
#[derive(Debug)]
pub(super) struct Aligned {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: the region is this value's own until its Drop, which alone touches it here.
unsafe impl Send for Aligned {}
// SAFETY: as above.
unsafe impl Sync for Aligned {}

impl Aligned {
    /// Maps the first `len` bytes behind `fd`, for reading and writing.
    pub(super) fn new(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        let access = ProtFlags::READ.union(ProtFlags::WRITE);
        let room = len.checked_add(HUGE).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new private mapping at an address of the kernel's choice touches nothing.
        let start = unsafe {
            mmap_anonymous(ptr::null_mut(), room, ProtFlags::empty(), MapFlags::PRIVATE)?
        };
        let before = start.addr().wrapping_neg() % HUGE;
        let base = start.wrapping_byte_add(before);
        // SAFETY: the range replaced is inside the room, which nobody uses: `before` is less than
        // `HUGE`, so `len` bytes follow.
        let mapped = unsafe { mmap(base, len, access, MapFlags::SHARED | MapFlags::FIXED, fd, 0) };
        if let Err(e) = mapped {
            // SAFETY: the range is the room made above, and nobody uses it.
            let _ = unsafe { munmap(start, room) };
            return Err(e.into());
        }
        let end = before + len.next_multiple_of(rustix::param::page_size());
        let rest = start.wrapping_byte_add(end);
        for (unused, len) in [(start, before), (rest, room.saturating_sub(end))] {
            if len > 0 {
                // SAFETY: this part of the room was not replaced, and nobody uses it.
                let _ = unsafe { munmap(unused, len) };
            }
        }
        let base = NonNull::new(base.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, len })
    }

    /// Where it begins.
    pub(super) fn base(&self) -> NonNull<u8> {
        self.base
    }
}

impl Drop for Aligned {
    fn drop(&mut self) {
        // SAFETY: the range is this value's own, and nobody has a view of it any more.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.len) };
    }
}
