//! One mapping of a file: shared, for reading and writing, or private, for looking.

#![expect(
    unsafe_code,
    reason = "the mapping answers for the view that it gives of itself"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

use memmap2::{MmapOptions, MmapRaw};

/// Bytes of a page: a mapping is whole pages.
pub(crate) fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

/// A mapped region. Its bytes belong to every process that maps it: only atomics and raw copies
/// may touch them.
#[derive(Debug)]
pub(crate) struct Mapping {
    map: MmapRaw,
}

impl Mapping {
    /// Maps the first `len` bytes behind `fd`; `len` must not be zero.
    pub(crate) fn new(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        if len == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let map = MmapOptions::new().len(len).map_raw(fd.as_raw_fd())?;
        Ok(Self { map })
    }

    /// Maps the same for whoever only looks: what is read is the file's, what were written would be
    /// this process's own. `fd` need not be open for writing.
    pub(crate) fn private(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        if len == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut options = MmapOptions::new();
        // SAFETY: nobody gets a slice of it: the bytes are touched as those of a shared mapping.
        let map = unsafe {
            options
                .len(len)
                .no_reserve_swap()
                .map_copy(fd.as_raw_fd())?
        };
        Ok(Self { map: map.into() })
    }

    /// The bytes, as long as the mapping lives.
    #[inline]
    pub(crate) fn storage(&self) -> crate::sys::storage::Storage<'_> {
        let base = NonNull::new(self.map.as_mut_ptr()).unwrap_or(NonNull::dangling());
        // SAFETY: the bytes are mapped, readable and writable as long as `self` is borrowed, and
        // this crate touches them only through residents and raw copies. A mapping is never null.
        unsafe { crate::sys::storage::Storage::new(base, self.map.len()) }
    }
}
