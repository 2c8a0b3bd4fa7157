//! Memory that forked children share with their parent.

use std::ops::Deref;
use std::ptr::NonNull;

/// Types that may lie in memory shared with other processes.
///
/// # Safety
///
/// All zero bytes are a value of the type, and it changes through atomics only, or by unsafe code
/// that says why nobody else looks.
pub unsafe trait Resident {}

// SAFETY: atomics.
unsafe impl Resident for std::sync::atomic::AtomicU32 {}
// SAFETY: atomics.
unsafe impl Resident for std::sync::atomic::AtomicU64 {}
// SAFETY: each part is resident.
unsafe impl<T: Resident, const N: usize> Resident for [T; N] {}
// SAFETY: the part is resident.
unsafe impl<T: Resident> Resident for Line<T> {}

/// Keeps a part away from its neighbours: two lines, since processors fetch lines in pairs.
#[derive(Default)]
#[repr(C, align(128))]
pub struct Line<T>(pub T);

impl<T> Deref for Line<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// An anonymous shared mapping with one value in it, zero at first.
pub struct Shared<T>(NonNull<T>);

// SAFETY: gives out nothing but `&T`, and residents are made to be shared.
unsafe impl<T: Resident> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Resident> Sync for Shared<T> {}

impl<T: Resident> Shared<T> {
    pub fn new() -> Self {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_POPULATE;
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), size_of::<T>(), access, flags, -1, 0) };
        assert_ne!(
            at,
            libc::MAP_FAILED,
            "mmap: {}",
            std::io::Error::last_os_error()
        );
        assert_eq!(at.addr() % align_of::<T>(), 0);
        Self(NonNull::new(at.cast()).expect("mmap gives no null"))
    }

    /// For those who want a pointer.
    pub fn at(&self) -> *mut T {
        self.0.as_ptr()
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: mapped and aligned as long as `self`; zero is a value of a `Resident`.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: the mapping made in `new`; no reference outlives `self`.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<T>()) };
    }
}
