//! The fork epoch: a number at a fixed address that reads as zero in a forked child.
//!
//! What a handle remembers of this process counts only while the epoch is the one in which it was
//! remembered. The page with the number is wiped by the kernel when the process forks, however it
//! forks, so one load and one comparison tell a child from its parent.

#![expect(unsafe_code, reason = "mmap over a static page, madvise")]

use std::io;
use std::ptr;
use std::sync::OnceLock;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

use crate::sys::atomic::Ordering;
type Number = core::sync::atomic::AtomicU32;

/// As long as the largest page of any supported machine, and aligned to it.
#[repr(C, align(65536))]
struct Page {
    epoch: Number,
    rest: [u8; PAGE - size_of::<Number>()],
}

const PAGE: usize = 65_536;

/// No process ever has this epoch.
pub(crate) const NEVER: u32 = u32::MAX;

static CURRENT: Page = Page {
    epoch: Number::new(0),
    rest: [0; PAGE - size_of::<Number>()],
};

/// The last epoch that any process of this lineage has begun; copied by a fork, not wiped.
static LAST: Number = Number::new(0);

/// The epoch of this process; 0 before the first [`begin`] and after a fork.
#[inline]
pub(crate) fn current() -> u32 {
    // Acquire: pairs with the Release in `begin`.
    CURRENT.epoch.load(Ordering::Acquire)
}

/// Makes sure that this process has an epoch of its own.
pub(crate) fn begin() -> io::Result<()> {
    if current() != 0 {
        return Ok(());
    }
    static WIPED: OnceLock<Result<(), i32>> = OnceLock::new();
    let wiped = WIPED.get_or_init(|| wipe_on_fork().map_err(|e| e.raw_os_error().unwrap_or(0)));
    (*wiped).map_err(io::Error::from_raw_os_error)?;
    // Relaxed: only that no two processes of the lineage have the same.
    let next = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1) % NEVER;
    // Of several threads the first decides. AcqRel: pairs with the Acquire in `current`.
    let _ = CURRENT
        .epoch
        .compare_exchange(0, next.max(1), Ordering::AcqRel, Ordering::Acquire);
    Ok(())
}

/// Puts an anonymous mapping in the page's place, which the kernel can wipe.
fn wipe_on_fork() -> io::Result<()> {
    let page = ptr::from_ref(&CURRENT).cast_mut().cast();
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the range is exactly the static's own, page by page, and holds zeroes before and
    // after; nothing else lies in it, and its address does not change.
    let mapped =
        unsafe { mmap_anonymous(page, PAGE, access, MapFlags::PRIVATE | MapFlags::FIXED)? };
    // SAFETY: the range is the mapping just made; the advice changes only what a fork does with it.
    unsafe { madvise(mapped, PAGE, Advice::LinuxWipeOnFork)? };
    Ok(())
}
