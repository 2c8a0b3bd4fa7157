//! The ends of children, as a descriptor to watch: also of those that were nobody's yet a moment ago.

#![expect(unsafe_code, reason = "sets of signals, signalfd")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};

/// Readable when a child has ended since it was last noted.
#[derive(Debug)]
pub(crate) struct Ends(OwnedFd);

impl Ends {
    /// From now on, for a process of one thread: SIGCHLD comes in no other way.
    pub(crate) fn watch() -> io::Result<Self> {
        let signals = mask(libc::SIG_BLOCK)?;
        // SAFETY: the set was filled.
        let fd = unsafe { libc::signalfd(-1, &raw const signals, FLAGS) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just opened, and nobody else's.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Takes note of all ends until now.
    pub(crate) fn note(&self) {
        // One signal stands for all of them.
        let _ = rustix::io::read(&self.0, &mut [0; size_of::<libc::signalfd_siginfo>()]);
    }

    /// In a forked child: signals come as ever.
    pub(crate) fn leave() {
        let _ = mask(libc::SIG_UNBLOCK);
    }
}

const FLAGS: libc::c_int = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;

/// Changes the mask of this thread by SIGCHLD; gives the set of it alone.
fn mask(how: libc::c_int) -> io::Result<libc::sigset_t> {
    let mut signals = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: writes the whole set.
    unsafe { libc::sigemptyset(signals.as_mut_ptr()) };
    // SAFETY: a set that was made empty, and a signal that exists.
    unsafe { libc::sigaddset(signals.as_mut_ptr(), libc::SIGCHLD) };
    // SAFETY: filled above.
    let signals = unsafe { signals.assume_init() };
    // SAFETY: the set lives, and nobody wants the old one.
    let done = unsafe { libc::pthread_sigmask(how, &raw const signals, std::ptr::null_mut()) };
    match done {
        0 => Ok(signals),
        error => Err(io::Error::from_raw_os_error(error)),
    }
}

impl AsFd for Ends {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
