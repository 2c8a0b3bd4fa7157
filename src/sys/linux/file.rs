//! The files behind segments: made whole before they have a name, opened with suspicion.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, FallocateFlags, FileType, MemfdFlags, Mode, OFlags, SealFlags, SeekFrom, fallocate,
    fcntl_add_seals, fcntl_get_seals, fstat, ftruncate, linkat, memfd_create, open, seek,
};
use rustix::io::{Errno, pread, retry_on_intr};

use crate::sys::crash;

/// What the kernel knows of an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    /// Device and inode: the same pair is the same file.
    pub(crate) identity: (u64, u64),
    /// Size in bytes.
    pub(crate) size: u64,
    /// User id of the owner.
    pub(crate) owner: u32,
    /// Whether it is an ordinary file (a memfd is one).
    pub(crate) is_regular: bool,
}

/// Asks the kernel about `fd`.
pub(crate) fn facts(fd: BorrowedFd<'_>) -> io::Result<Facts> {
    let stat = fstat(fd)?;
    Ok(Facts {
        identity: (stat.st_dev, stat.st_ino),
        size: u64::try_from(stat.st_size).unwrap_or(0),
        owner: stat.st_uid,
        is_regular: FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile,
    })
}

/// Whether all bytes from `from` to `to` are zero. Moves the place of `fd`'s description.
pub(crate) fn is_zero(fd: BorrowedFd<'_>, from: u64, to: u64) -> io::Result<bool> {
    let mut buffer = vec![0; 1 << 16];
    let mut at = from;
    while at < to {
        // Holes are zero, and may be most of the file.
        at = match seek(fd, SeekFrom::Data(at)) {
            Ok(data) => data,
            Err(Errno::NXIO) => return Ok(true),
            // A file system that knows of no holes.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => at,
            Err(e) => return Err(e.into()),
        };
        let wanted = usize::try_from(to.saturating_sub(at)).unwrap_or(usize::MAX);
        let wanted = wanted.min(buffer.len());
        let read = retry_on_intr(|| pread(fd, &mut buffer[..wanted], at))?;
        if read == 0 {
            break;
        }
        if buffer[..read].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        at += read as u64;
    }
    Ok(true)
}

/// The first eight bytes; `None` of a shorter file. Read, not mapped: the first touch of a mapped hole
/// takes memory, and is a SIGBUS where the file system has none left.
pub(crate) fn first_word(fd: BorrowedFd<'_>) -> io::Result<Option<u64>> {
    let mut word = [0; 8];
    let read = retry_on_intr(|| pread(fd, &mut word, 0))?;
    Ok((read == word.len()).then_some(u64::from_le_bytes(word)))
}

/// An anonymous file of `size` bytes whose size nobody can change.
pub(crate) fn anonymous(label: &str, size: u64) -> io::Result<OwnedFd> {
    let fd = memfd_create(label, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&fd, size)?;
    fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(fd)
}

/// Whether `fd` is a file that can neither shrink nor be unsealed; `None` where it knows no seals.
pub(crate) fn is_sealed(fd: BorrowedFd<'_>) -> Option<bool> {
    let seals = fcntl_get_seals(fd).ok()?;
    Some(seals.contains(SealFlags::SHRINK))
}

/// A file in `folder` that has no name yet, with all its room reserved.
///
/// The room is the point: a full disk or `/dev/shm` is this error, not a SIGBUS later.
pub(crate) fn nameless(folder: &Path, mode: u32, size: u64) -> io::Result<Nameless> {
    let mode = Mode::from_raw_mode(mode);
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let file = match open(folder, flags | OFlags::TMPFILE, mode) {
        Ok(fd) => Nameless { fd, scratch: None },
        // A file system without O_TMPFILE: a name that no segment has.
        Err(Errno::OPNOTSUPP | Errno::ISDIR) => {
            let scratch = folder.join(format!(
                ".outlive-{}-{}",
                rustix::process::getpid().as_raw_nonzero(),
                crate::sys::clock::monotonic_nanos()
            ));
            let fd = open(
                &scratch,
                flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW,
                mode,
            )?;
            Nameless {
                fd,
                scratch: Some(scratch),
            }
        }
        Err(e) => return Err(e.into()),
    };
    // The mode asked for, whatever the umask: a segment that is to be shared says so.
    rustix::fs::fchmod(&file.fd, mode)?;
    fallocate(&file.fd, FallocateFlags::empty(), 0, size)?;
    Ok(file)
}

/// A file on its way to a name; without [`Nameless::link`] it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Nameless {
    fd: OwnedFd,
    scratch: Option<std::path::PathBuf>,
}

impl Nameless {
    /// Gives the file the name `path`, unless that exists; one step, seen whole or not at all.
    pub(crate) fn link(&self, path: &Path) -> io::Result<()> {
        crash::point();
        let cwd = rustix::fs::CWD;
        match &self.scratch {
            None => {
                let own = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
                linkat(cwd, own, cwd, path, AtFlags::SYMLINK_FOLLOW)?;
            }
            Some(scratch) => {
                use rustix::fs::{RenameFlags, renameat_with};
                match renameat_with(cwd, scratch, cwd, path, RenameFlags::NOREPLACE) {
                    Err(Errno::INVAL) => {
                        linkat(cwd, scratch, cwd, path, AtFlags::empty())?;
                        let _ = rustix::fs::unlink(scratch);
                    }
                    done => done?,
                }
            }
        }
        Ok(())
    }
}

impl AsFd for Nameless {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Nameless {
    fn drop(&mut self) {
        if let Some(scratch) = &self.scratch {
            // Gone already where it was linked.
            let _ = rustix::fs::unlink(scratch);
        }
    }
}

/// Opens an existing file by name; a symbolic link in its last part is refused.
pub(crate) fn existing(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    Ok(open(path, flags, Mode::empty())?)
}

/// Opens an existing file for looking at it. A symbolic link in its last part is refused, but for the
/// kernel's own, by which it gives another process's descriptors.
pub(crate) fn for_looking(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let follow = path.starts_with("/proc");
    let flags = if follow {
        flags
    } else {
        flags | OFlags::NOFOLLOW
    };
    Ok(open(path, flags, Mode::empty())?)
}

/// Opens a folder by name, without waiting for whatever else has the name; a symbolic link in its last
/// part is refused.
#[cfg(feature = "remote")]
pub(crate) fn folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::DIRECTORY;
    Ok(open(path, flags, Mode::empty())?)
}

/// Device and inode of what has the name `path`, be it a symbolic link.
pub(crate) fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let stat = rustix::fs::lstat(path)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Removes a name.
pub(crate) fn unlink(path: &Path) -> io::Result<()> {
    crash::point();
    Ok(rustix::fs::unlink(path)?)
}

/// The user this process acts as.
pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether this process opens by name what belongs to `owner`.
pub(crate) fn is_trusted(owner: u32) -> bool {
    owner == user() || owner == 0
}

/// Inode of this process's process-id namespace; 0 where it cannot be known.
pub(crate) fn pid_namespace() -> u64 {
    rustix::fs::stat("/proc/self/ns/pid").map_or(0, |stat| stat.st_ino)
}

/// Whether a name was refused because it is a symbolic link.
pub(crate) fn is_link(refused: &io::Error) -> bool {
    refused.raw_os_error() == Some(libc::ELOOP)
}

/// Whether a name was refused because it belongs to a folder, a socket or the like.
pub(crate) fn is_no_file(refused: &io::Error) -> bool {
    matches!(refused.raw_os_error(), Some(libc::EISDIR | libc::ENXIO))
}

/// Bytes that nobody else has drawn.
pub(crate) fn random() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(bytes)
}

/// Whether `fd` is a memfd, which has no name by which somebody could cut it.
pub(crate) fn is_memfd(fd: BorrowedFd<'_>) -> bool {
    rustix::fs::readlink(format!("/proc/self/fd/{}", fd.as_raw_fd()), Vec::new())
        .is_ok_and(|target| target.as_bytes().starts_with(b"/memfd:"))
}
