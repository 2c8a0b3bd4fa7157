//! One mapping of a file: shared, for reading and writing, or private, for looking; and how its
//! pages are to be there.

#![expect(
    unsafe_code,
    reason = "the mapping answers for the view that it gives of itself"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::NonNull;

use memmap2::{MmapOptions, MmapRaw};
use rustix::io::Errno;
use rustix::mm::{Advice, madvise, mlock};

use super::aligned::Aligned;
use crate::sys::storage::Storage;

/// Bytes of a page: a mapping is whole pages.
pub(crate) fn page_size() -> u64 {
    rustix::param::page_size() as u64
}

/// The most that this process may lock in memory, in bytes; `None` where nothing limits it.
pub(crate) fn most_locked() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Memlock).current
}

/// Since kernel 6.1; rustix has no name for it, and libc none with musl.
const MADV_COLLAPSE: libc::c_int = 25;

/// A mapped region. Its bytes belong to every process that maps it: only atomics and raw copies
/// may touch them.
#[derive(Debug)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
    len: usize,
    _kept: Kept,
}

/// What keeps the region mapped.
#[derive(Debug)]
enum Kept {
    Anywhere { _map: MmapRaw },
    Aligned { _map: Aligned },
}

// SAFETY: the region is this value's own until its Drop, and is touched only as its `Storage` says.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `len` bytes behind `fd`; `len` must not be zero.
    pub(crate) fn new(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        if len == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        Self::anywhere(MmapOptions::new().len(len).map_raw(fd.as_raw_fd())?)
    }

    /// The same where huge pages can be: the kernel maps none across a boundary of them.
    pub(crate) fn aligned(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        let map = Aligned::new(fd, len)?;
        Ok(Self {
            base: map.base(),
            len,
            _kept: Kept::Aligned { _map: map },
        })
    }

    /// Maps the same for whoever only looks: what is read is the file's, what were written would be
    /// this process's own. `fd` need not be open for writing.
    pub(crate) fn private(fd: BorrowedFd<'_>, len: usize) -> io::Result<Self> {
        if len == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut options = MmapOptions::new();
        options.len(len).no_reserve_swap();
        // SAFETY: nobody gets a slice of it: the bytes are touched as those of a shared mapping.
        let map = unsafe { options.map_copy(fd.as_raw_fd())? };
        Self::anywhere(map.into())
    }

    fn anywhere(map: MmapRaw) -> io::Result<Self> {
        let base = NonNull::new(map.as_mut_ptr()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            base,
            len: map.len(),
            _kept: Kept::Anywhere { _map: map },
        })
    }

    /// The bytes, as long as the mapping lives.
    #[inline]
    pub(crate) fn storage(&self) -> Storage<'_> {
        // SAFETY: the bytes are mapped, readable and writable as long as `self` is borrowed, and
        // this crate touches them only through residents and raw copies.
        unsafe { Storage::new(self.base, self.len) }
    }

    /// Has every page there, and mapped for writing, so that no first touch is a fault.
    pub(crate) fn populate(&self) -> io::Result<()> {
        match self.advise(Advice::LinuxPopulateWrite) {
            // Before kernel 5.14.
            Err(e) if e.raw_os_error() == Some(Errno::INVAL.raw_os_error()) => {
                self.touch();
                Ok(())
            }
            done => done,
        }
    }

    /// Reads a byte of each page. To write them, even as they are, would race with their users.
    fn touch(&self) {
        for at in (0..self.len).step_by(rustix::param::page_size()) {
            // SAFETY: `at` is inside the mapping.
            let byte = unsafe { self.base.add(at) };
            // SAFETY: the byte is mapped and readable; it may change meanwhile, and is not used.
            unsafe { byte.read_volatile() };
        }
    }

    /// Keeps every page in memory as long as the mapping lives.
    pub(crate) fn lock(&self) -> io::Result<()> {
        // SAFETY: the range is this mapping; nothing is changed but where its pages may be.
        unsafe { mlock(self.base.as_ptr().cast(), self.len)? };
        Ok(())
    }

    /// Has the kernel use huge pages from now on, and for what is there already.
    pub(crate) fn use_huge_pages(&self) -> io::Result<()> {
        self.advise(Advice::LinuxHugepage)?;
        self.populate()?;
        // Whatever the machine's settings for shared memory are.
        let base = self.base.as_ptr().cast();
        // SAFETY: the range is this mapping; its bytes stay as they are, on other pages.
        let done = unsafe { libc::madvise(base, self.len, MADV_COLLAPSE) };
        if done == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    fn advise(&self, advice: Advice) -> io::Result<()> {
        // SAFETY: the range is this mapping, and no advice given here changes its bytes.
        unsafe { madvise(self.base.as_ptr().cast(), self.len, advice)? };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::super::aligned::HUGE;
    use super::*;
    use crate::sys::file;

    const LEN: usize = 3 << 20;

    /// Bytes of memory that the file has.
    fn taken(fd: BorrowedFd<'_>) -> u64 {
        let blocks = rustix::fs::fstat(fd).unwrap().st_blocks;
        u64::try_from(blocks).unwrap() * 512
    }

    #[test]
    fn a_touched_page_is_there_on_kernels_that_populate_nothing() {
        let fd = file::anonymous("test", LEN as u64).unwrap();
        let mapping = Mapping::new(fd.as_fd(), LEN).unwrap();
        assert_eq!(taken(fd.as_fd()), 0);
        mapping.touch();
        assert_eq!(taken(fd.as_fd()), LEN as u64);
    }

    #[test]
    fn an_aligned_mapping_is_where_huge_pages_can_be_and_leaves_no_room_behind() {
        let maps = || std::fs::read_to_string("/proc/thread-self/maps").unwrap();
        let fd = file::anonymous("aligned", LEN as u64).unwrap();
        let mapping = Mapping::aligned(fd.as_fd(), LEN).unwrap();
        let base = mapping.base.addr().get();
        assert_eq!(base % HUGE, 0);
        let range = format!("{base:x}-{:x} rw-s", base + LEN);
        assert!(maps().contains(&range), "{range} in\n{}", maps());
        let value = mapping.storage().get::<crate::sys::atomic::AtomicU64>(0);
        assert!(value.is_some());
        drop(mapping);
        assert!(!maps().contains(&range));
    }
}
