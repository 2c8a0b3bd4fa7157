//! Words that the kernel marks and wakes when this process dies.
//!
//! The robust futex protocol, turned round: one parked thread of ours registers a robust list of
//! its own, and each lifeline is an entry of it. When the thread dies, which is when the process
//! dies or runs another program, the kernel walks the list, sets `FUTEX_OWNER_DIED` in each word
//! and wakes one of its sleepers. The C library's list and the application's threads are never
//! touched. The list's nodes lie in private memory, so no other process can lead the kernel astray:
//! each is in a private page that is mapped directly before the shared page with its word, which
//! gives all of them the one distance that the list head demands.
//!
//! A lifeline only makes a death known sooner. Whatever fails here is said once at debug level and
//! leaves the bounded sleeps to find it.

#![expect(
    unsafe_code,
    reason = "set_robust_list, and mappings at fixed addresses"
)]

use std::io;
use std::os::fd::BorrowedFd;
use std::ptr::{self, NonNull};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};

use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::thread;

/// Set in a word by the kernel when its process died.
pub(crate) const DIED: u32 = 0x4000_0000;
/// Tells the kernel that somebody may sleep on the word.
const WAITERS: u32 = 0x8000_0000;
/// Entries of one robust list that the kernel walks (`ROBUST_LIST_LIMIT`), with some to spare.
const MOST: usize = 2000;
type Link = core::sync::atomic::AtomicPtr<Node>;

/// One entry of the list: only its first word, the link, belongs to the kernel's protocol.
#[derive(Debug)]
#[repr(C)]
struct Node {
    next: Link,
}

/// `struct robust_list_head`.
#[derive(Debug)]
#[repr(C)]
struct Head {
    first: Node,
    /// From a node to its futex word, in bytes.
    distance: isize,
    pending: *mut Node,
}

/// The parked thread's list.
struct Keeper {
    /// Process that started the thread: a forked child has the memory but not the thread.
    process: i32,
    thread: u32,
    head: NonNull<Head>,
    nodes: Vec<NonNull<Node>>,
}

// SAFETY: the head and the nodes are plain memory; links are changed only under the mutex, and the
// kernel reads them only when no thread of the process runs any more.
unsafe impl Send for Keeper {}

static KEEPER: Mutex<Option<Keeper>> = Mutex::new(None);
/// How long a thread waits for another that starts the keeper or ties a lifeline.
const PATIENCE: Duration = Duration::from_millis(100);

/// One lifeline: as long as it lives, the death of this process marks and wakes its word.
#[derive(Debug)]
pub(crate) struct Lifeline {
    pages: NonNull<u8>,
    node: NonNull<Node>,
    page_size: usize,
    process: i32,
}

// SAFETY: the pages are this value's own mapping, and the list is changed under the mutex only.
unsafe impl Send for Lifeline {}
// SAFETY: as above; there is no method that takes `&self`.
unsafe impl Sync for Lifeline {}

impl Lifeline {
    /// Ties the word at `offset` of the file behind `fd` to the life of this process.
    pub(crate) fn tie(fd: BorrowedFd<'_>, offset: u64) -> io::Result<Self> {
        let page_size = rustix::param::page_size();
        let size = page_size as u64;
        let (page, within) = (
            offset - offset % size,
            usize::try_from(offset % size).unwrap_or(0),
        );
        if within % align_of::<Node>() != 0 || within + size_of::<Node>() > page_size {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        if has_huge_pages(fd)? {
            // The kernel would map a whole one, over whatever is there.
            return Err(io::ErrorKind::Unsupported.into());
        }
        // A child forked while another thread was in here never gets it, and does without.
        let mut keeper = KEEPER
            .try_lock_for(PATIENCE)
            .ok_or_else(|| io::Error::other("another thread ties a lifeline for too long"))?;
        let process = rustix::process::getpid().as_raw_nonzero().get();
        if keeper
            .as_ref()
            .is_none_or(|keeper| keeper.process != process)
        {
            *keeper = Some(Keeper::start(process, page_size)?);
        }
        let Some(keeper) = keeper.as_mut() else {
            return Err(io::ErrorKind::Other.into());
        };
        if keeper.nodes.len() >= MOST {
            return Err(io::Error::other(
                "more lifelines than one robust list can hold",
            ));
        }
        let pages = map_pair(fd, page, page_size)?;
        // SAFETY: `within + size_of::<Node>()` is inside the private page, checked above.
        let node = unsafe { pages.add(within) }.cast::<Node>();
        // SAFETY: the shared page follows the private one, and `within` is the word's place in it.
        let word = unsafe { pages.add(page_size + within) }.cast::<u32>();
        // SAFETY: the word is mapped, aligned (checked with the node's stricter alignment), only
        // ever accessed atomically, and the facade's type is `repr(transparent)` over its integer.
        let word = unsafe { word.cast::<AtomicU32>().as_ref() };
        // Release: a watcher that sees the thread's id may trust that the entry is on its way.
        word.store(keeper.thread | WAITERS, Ordering::Release);
        keeper.push(node);
        Ok(Self {
            pages,
            node,
            page_size,
            process,
        })
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        let mut keeper = KEEPER.lock();
        if let Some(keeper) = keeper
            .as_mut()
            .filter(|keeper| keeper.process == self.process)
        {
            keeper.remove(self.node);
        }
        // SAFETY: the two pages are this value's own mapping, and no list leads to it any more.
        let _ = unsafe { munmap(self.pages.as_ptr().cast(), 2 * self.page_size) };
    }
}

/// Whether the file is on hugetlbfs, whose pages cannot be mapped one by one.
fn has_huge_pages(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(rustix::fs::fstatfs(fd)?.f_type == libc::HUGETLBFS_MAGIC)
}

/// A private page, and directly behind it the page of the file that begins at `offset`.
fn map_pair(fd: BorrowedFd<'_>, offset: u64, page: usize) -> io::Result<NonNull<u8>> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new private mapping at an address of the kernel's choice touches nothing.
    let base = unsafe { mmap_anonymous(ptr::null_mut(), 2 * page, access, MapFlags::PRIVATE)? };
    let shared = base.wrapping_byte_add(page);
    // SAFETY: the range replaced is the second page of the mapping just made, which nobody uses.
    let mapped = unsafe {
        mmap(
            shared,
            page,
            access,
            MapFlags::SHARED | MapFlags::FIXED,
            fd,
            offset,
        )
    };
    match (mapped, NonNull::new(base.cast())) {
        (Ok(_), Some(base)) => Ok(base),
        (result, _) => {
            // SAFETY: the range is the mapping made above, and nobody uses it.
            let _ = unsafe { munmap(base, 2 * page) };
            Err(result
                .err()
                .map_or(io::ErrorKind::OutOfMemory.into(), Into::into))
        }
    }
}

impl Keeper {
    /// Starts the parked thread and waits until its list is registered.
    fn start(process: i32, page: usize) -> io::Result<Self> {
        let (tell, told) = std::sync::mpsc::channel();
        let distance = isize::try_from(page).unwrap_or(isize::MAX);
        std::thread::Builder::new()
            .name("outlive-lifeline".into())
            .stack_size(64 * 1024)
            .spawn(move || {
                thread::block_signals();
                let head = Box::leak(Box::new(Head {
                    first: Node {
                        next: Link::new(ptr::null_mut()),
                    },
                    distance,
                    pending: ptr::null_mut(),
                }));
                // An empty robust list leads back to its own head.
                let own = ptr::from_ref(&head.first).cast_mut();
                head.first.next.store(own, Ordering::Release);
                // SAFETY: the head is leaked, laid out as the kernel demands, and this thread uses
                // no robust mutex of the C library, whose own head for this thread it replaces.
                let registered = unsafe {
                    libc::syscall(
                        libc::SYS_set_robust_list,
                        ptr::from_mut(head),
                        size_of::<Head>(),
                    )
                };
                let thread = rustix::thread::gettid()
                    .as_raw_nonzero()
                    .get()
                    .unsigned_abs();
                let outcome = if registered == 0 {
                    Ok((thread, ptr::from_mut(head).expose_provenance()))
                } else {
                    Err(io::Error::last_os_error())
                };
                let lives = outcome.is_ok();
                if tell.send(outcome).is_ok() && lives {
                    loop {
                        std::thread::park();
                    }
                }
            })?;
        let (thread, head) = told.recv().map_err(io::Error::other)??;
        let head = NonNull::new(ptr::with_exposed_provenance_mut(head))
            .ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self {
            process,
            thread,
            head,
            nodes: Vec::new(),
        })
    }

    fn first(&self) -> &Node {
        // SAFETY: the head is leaked and never moved; its links are atomics.
        unsafe { &(*self.head.as_ptr()).first }
    }

    /// Enters `node` with one store, so that the list is whole at every instant.
    fn push(&mut self, node: NonNull<Node>) {
        let first = self.first();
        // SAFETY: the node lies in a private page that its `Lifeline` keeps mapped until `remove`.
        let entry = unsafe { node.as_ref() };
        // Release on both: the kernel must not find a node before its own link.
        entry
            .next
            .store(first.next.load(Ordering::Acquire), Ordering::Release);
        first.next.store(node.as_ptr(), Ordering::Release);
        self.nodes.push(node);
    }

    /// Takes `node` out with one store.
    fn remove(&mut self, node: NonNull<Node>) {
        let Some(at) = self.nodes.iter().position(|&known| known == node) else {
            return;
        };
        // The list runs from the newest to the oldest, so the node before it is the next newer.
        let before = match self.nodes.get(at + 1) {
            // SAFETY: known nodes are mapped, see `push`.
            Some(newer) => unsafe { newer.as_ref() },
            None => self.first(),
        };
        // SAFETY: as above.
        let next = unsafe { node.as_ref() }.next.load(Ordering::Acquire);
        before.next.store(next, Ordering::Release);
        self.nodes.remove(at);
    }
}
