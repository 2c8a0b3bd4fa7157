//! What a forked child must not inherit: its parent's name and its parent's lease.
//!
//! Two means, each enough for its part. A page with `MADV_WIPEONFORK` reads as zero in the child,
//! however it was forked, so the child finds no token and cannot act under its parent's. An
//! at-fork hook replaces every inherited lease description by a fresh one that holds no lock, so
//! that the parent's death is seen although the child lives.

#![expect(
    unsafe_code,
    reason = "madvise, pthread_atfork, and descriptors shared with a fork"
)]

use std::io;
use std::os::fd::{BorrowedFd, IntoRawFd, OwnedFd, RawFd};
use std::ptr::{self, NonNull};
use std::sync::OnceLock;

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use crate::sys::atomic::Ordering;
mod private {
    pub(super) use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicUsize};
}
use private::{AtomicI32, AtomicPtr, AtomicU32, AtomicUsize};

const PAGE: usize = 4096;

/// A private page that is all zero in a forked child. It names the process as a participant, and
/// holds what belongs to that membership.
#[derive(Debug)]
pub(crate) struct ForkPage<M>(NonNull<PageWords<M>>);

/// What lies on the page. All zero is its empty state.
#[derive(Debug)]
#[repr(C)]
struct PageWords<M> {
    token: AtomicU32,
    entering: AtomicU32,
    member: AtomicPtr<M>,
}

// SAFETY: the page holds atomics only and stays mapped until the owner drops it; the member that
// it owns may be sent.
unsafe impl<M: Send> Send for ForkPage<M> {}
// SAFETY: as above; a member that is shared may be shared.
unsafe impl<M: Send + Sync> Sync for ForkPage<M> {}

/// The right to change what is on the page, of one thread at a time.
#[derive(Debug)]
pub(crate) struct Entry<'a, M>(&'a ForkPage<M>);

impl<M> ForkPage<M> {
    /// Maps a page.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: a new private mapping at an address of the kernel's choice touches nothing.
        let page = unsafe {
            mmap_anonymous(
                ptr::null_mut(),
                PAGE,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )?
        };
        // SAFETY: the range is the mapping just made, and the advice changes only what a later
        // fork does with it.
        let advised = unsafe { madvise(page, PAGE, Advice::LinuxWipeOnFork) };
        let Some(words) = NonNull::new(page.cast()) else {
            return Err(io::ErrorKind::OutOfMemory.into());
        };
        // From here the page is unmapped by Drop.
        let page = Self(words);
        advised?;
        Ok(page)
    }

    fn words(&self) -> &PageWords<M> {
        // SAFETY: the page is mapped as long as `self`, aligned to a page, all zero is a valid
        // `PageWords`, and it is only ever touched through atomics.
        unsafe { self.0.as_ref() }
    }

    /// The token of this process, or 0 after a fork and before the first entry.
    pub(crate) fn token(&self) -> u32 {
        // Acquire: pairs with the Release in `set`, so that a token implies its membership.
        self.words().token.load(Ordering::Acquire)
    }

    /// Waits for the right to change the page. The page itself holds the word, so a child forked
    /// while another thread had the right finds it free.
    pub(crate) fn enter(&self) -> Entry<'_, M> {
        // Acquire: pairs with the Release in Drop.
        while self.words().entering.swap(1, Ordering::Acquire) != 0 {
            rustix::thread::sched_yield();
        }
        Entry(self)
    }

    /// The membership, if this process has one.
    #[inline]
    pub(crate) fn member(&self) -> Option<&M> {
        // Acquire: pairs with the Release in `set`.
        let member = self.words().member.load(Ordering::Acquire);
        // SAFETY: a pointer that is not null came from `Box::into_raw` in `set`, in this process (a
        // fork wipes it), and only `take_member` frees it, which borrows the page mutably.
        unsafe { member.as_ref() }
    }

    /// Takes the membership out, if there is one.
    pub(crate) fn take_member(&mut self) -> Option<Box<M>> {
        self.words().token.store(0, Ordering::Release);
        let member = self.words().member.swap(ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: a pointer that is not null came from `Box::into_raw` in `set`, in this process
        // (a fork wipes it), and the swap made it ours alone.
        (!member.is_null()).then(|| unsafe { Box::from_raw(member) })
    }
}

impl<M> Entry<'_, M> {
    /// Names the process as a participant, once.
    pub(crate) fn set(&self, token: u32, member: Box<M>) {
        let words = self.0.words();
        debug_assert!(self.0.member().is_none(), "a process joins once");
        // Release: pairs with the Acquire in `member`.
        words.member.store(Box::into_raw(member), Ordering::Release);
        // Release: pairs with the Acquire in `token`.
        words.token.store(token, Ordering::Release);
    }
}

impl<M> Drop for Entry<'_, M> {
    fn drop(&mut self) {
        self.0.words().entering.store(0, Ordering::Release);
    }
}

impl<M> Drop for ForkPage<M> {
    fn drop(&mut self) {
        drop(self.take_member());
        // SAFETY: the range is the mapping made in `new`, and no reference outlives `self`.
        let _ = unsafe { munmap(self.0.as_ptr().cast(), PAGE) };
    }
}

/// What a process has once, made at the first use. A forked child has none, and makes its own.
#[derive(Debug)]
pub(crate) struct OfProcess<M>(OnceLock<io::Result<ForkPage<M>>>);

impl<M: Default> OfProcess<M> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// What this process has, if it has it yet.
    pub(crate) fn get(&self) -> Option<&M> {
        self.0.get()?.as_ref().ok()?.member()
    }

    pub(crate) fn get_or_make(&self) -> io::Result<&M> {
        let page = self.0.get_or_init(ForkPage::new).as_ref().map_err(|e| {
            let copy = e.raw_os_error().map(io::Error::from_raw_os_error);
            copy.unwrap_or_else(|| e.kind().into())
        })?;
        if let Some(member) = page.member() {
            return Ok(member);
        }
        let entry = page.enter();
        if page.member().is_none() {
            entry.set(1, Box::default());
        }
        drop(entry);
        page.member().ok_or(io::ErrorKind::OutOfMemory.into())
    }
}

/// A descriptor that a forked child gets anew: same number, same file, a description of its own.
///
/// Cells are never freed, only used again: the hook that runs in the child walks them without a
/// lock.
#[derive(Debug)]
pub(crate) struct Watched(&'static Cell);

#[derive(Debug)]
struct Cell {
    fd: AtomicI32,
    next: AtomicPtr<Cell>,
}

const NONE: RawFd = -1;
static CELLS: AtomicPtr<Cell> = AtomicPtr::new(ptr::null_mut());
/// Forks of this process that have begun, and that have ended in the parent.
static BEGUN: AtomicUsize = AtomicUsize::new(0);
static ENDED: AtomicUsize = AtomicUsize::new(0);

impl Watched {
    /// Opens the file behind `fd` anew and watches the descriptor.
    pub(crate) fn reopen(fd: BorrowedFd<'_>) -> io::Result<Self> {
        install_hooks()?;
        loop {
            // SeqCst with the hooks': a fork whose copy of this process falls between the open and
            // the entry of the cell is under way at one of the two looks, or is counted between
            // them. Its child would hold a copy of the description that it knows nothing of, and
            // so keep our lease: begin again with another description.
            let (ended, begun) = (ENDED.load(Ordering::SeqCst), BEGUN.load(Ordering::SeqCst));
            let watched = Self::watch(super::lease::reopen(fd)?);
            if begun == ended && BEGUN.load(Ordering::SeqCst) == begun {
                return Ok(watched);
            }
            drop(watched);
            rustix::thread::sched_yield();
        }
    }

    fn watch(fd: OwnedFd) -> Self {
        let raw = fd.into_raw_fd();
        for cell in cells() {
            // SeqCst: one of the looks that `reopen` reasons about; below too.
            if cell
                .fd
                .compare_exchange(NONE, raw, Ordering::SeqCst, Ordering::Relaxed)
                .is_ok()
            {
                return Self(cell);
            }
        }
        let cell = Box::leak(Box::new(Cell {
            fd: AtomicI32::new(raw),
            next: AtomicPtr::new(CELLS.load(Ordering::Acquire)),
        }));
        // SeqCst: as above.
        while let Err(head) = CELLS.compare_exchange(
            cell.next.load(Ordering::Relaxed),
            cell,
            Ordering::SeqCst,
            Ordering::Acquire,
        ) {
            cell.next.store(head, Ordering::Relaxed);
        }
        Self(cell)
    }

    /// The descriptor; in a forked child it names a description that holds no lock.
    pub(crate) fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        match self.0.fd.load(Ordering::Acquire) {
            NONE => Err(io::Error::other(
                "the descriptor could not be reopened after fork; raise the limit of open files \
                 (RLIMIT_NOFILE), or close some before the fork",
            )),
            // SAFETY: the cell owns the descriptor until `self` is dropped, and `self` is borrowed.
            fd => Ok(unsafe { BorrowedFd::borrow_raw(fd) }),
        }
    }

    /// Exchanges the description for a fresh one without locks, under the same number.
    ///
    /// For a child whose fork ran no hooks; harmless after one that did.
    pub(crate) fn refresh(&self) -> io::Result<()> {
        refresh(self.0);
        self.fd().map(drop)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let fd = self.0.fd.swap(NONE, Ordering::AcqRel);
        if fd != NONE {
            // SAFETY: the cell owned the descriptor, and the swap made it ours alone.
            unsafe { libc::close(fd) };
        }
    }
}

fn cells() -> impl Iterator<Item = &'static Cell> {
    let mut next = CELLS.load(Ordering::Acquire);
    core::iter::from_fn(move || {
        // SAFETY: null, or a leaked cell that is never freed.
        let cell = unsafe { next.as_ref() }?;
        next = cell.next.load(Ordering::Acquire);
        Some(cell)
    })
}

fn install_hooks() -> io::Result<()> {
    static INSTALLED: OnceLock<i32> = OnceLock::new();
    let code = *INSTALLED.get_or_init(|| {
        // SAFETY: the hooks are `extern "C"` and take nothing; on memory that is never freed they call
        // only what is async-signal-safe, and what `around` was given.
        unsafe { libc::pthread_atfork(Some(before_fork), Some(in_parent), Some(in_child)) }
    });
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(code))
    }
}

type Hook = fn();

/// What is done before each fork, and after it in both processes.
static AROUND: OnceLock<(Hook, Hook)> = OnceLock::new();

/// Has `before` called before each fork from now on, by the thread that forks, and `after` after it
/// in the parent and in the child. Only the first call counts.
pub(crate) fn around(before: Hook, after: Hook) -> io::Result<()> {
    AROUND.get_or_init(|| (before, after));
    install_hooks()
}

extern "C" fn before_fork() {
    // First: whoever is waited for here may in `Watched::reopen` wait until no fork is under way.
    if let Some((before, _)) = AROUND.get() {
        before();
    }
    // SeqCst: the other side of the looks in `Watched::reopen`; in the other hooks too.
    BEGUN.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn in_parent() {
    // SeqCst: as in `before_fork`.
    ENDED.fetch_add(1, Ordering::SeqCst);
    after_fork();
}

extern "C" fn in_child() {
    // Forks of other threads do not go on in the child. SeqCst: as in `before_fork`.
    ENDED.store(BEGUN.load(Ordering::SeqCst), Ordering::SeqCst);
    for cell in cells() {
        refresh(cell);
    }
    after_fork();
}

fn after_fork() {
    if let Some((_, after)) = AROUND.get() {
        after();
    }
}

/// Async-signal-safe: no allocation, no lock.
fn refresh(cell: &Cell) {
    let old = cell.fd.load(Ordering::Acquire);
    if old == NONE {
        return;
    }
    let mut path = *b"/proc/self/fd/\0\0\0\0\0\0\0\0\0\0\0\0";
    let mut digits = [0_u8; 10];
    let mut count = 0;
    let mut rest = old.unsigned_abs();
    for digit in &mut digits {
        // A remainder of 10 fits any width.
        *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        count += 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    for (to, digit) in path[14..].iter_mut().zip(digits[..count].iter().rev()) {
        *to = *digit;
    }
    // SAFETY: `path` is a C string, ended by a zero; the call touches nothing else.
    let fresh = unsafe { libc::open(path.as_ptr().cast(), libc::O_RDWR | libc::O_CLOEXEC) };
    let replaced = fresh >= 0 && {
        // SAFETY: both are open; `old` is the cell's own and keeps its number and its owner.
        unsafe { libc::dup3(fresh, old, libc::O_CLOEXEC) == old }
    };
    if fresh >= 0 {
        // SAFETY: opened above, known to nobody else.
        unsafe { libc::close(fresh) };
    }
    if !replaced && cell.fd.swap(NONE, Ordering::AcqRel) == old {
        // SAFETY: the cell owned the descriptor, and the swap made it ours alone. Keeping it would
        // keep the parent's lease alive.
        unsafe { libc::close(old) };
    }
}
