//! The file of a Unix socket: made by who listens, and gone with it.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::sys::clock::Deadline;
use crate::sys::{epoch, file, stream};

/// What the directories of private sockets begin with.
const FOLDER: &str = "outlive-remote-";
/// The one file in each.
const SOCKET: &str = "socket";
/// How it shows that a directory was taken for one that was left.
const SWEPT: [io::ErrorKind; 2] = [io::ErrorKind::NotFound, io::ErrorKind::WouldBlock];

/// The file of a socket that this process listens at.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// It, and no other that came in its place.
    inode: (u64, u64),
    /// Only the process that made it removes it.
    owner: u32,
    /// The directory that it has for itself, locked as long as somebody listens.
    folder: Option<(PathBuf, File)>,
}

impl SocketFile {
    /// Listens at `path`. A file that a dead process left is replaced, one at which somebody
    /// listens is not.
    pub(super) fn bind(path: &Path) -> io::Result<(UnixListener, Self)> {
        let bound = UnixListener::bind(path);
        let listener = match bound {
            Err(e) if e.kind() == io::ErrorKind::AddrInUse => replace(path, e)?,
            bound => bound?,
        };
        Self::of(path, None).map(|file| (listener, file))
    }

    /// Listens in a new directory.
    pub(super) fn bind_private() -> io::Result<(UnixListener, Self)> {
        /// Others that sweep may take a directory that is not yet locked for one that was left.
        const TIMES: usize = 16;
        let parent = std::env::temp_dir();
        sweep(&parent);
        let mut bound = Self::bind_within(&parent);
        for _ in 1..TIMES {
            match &bound {
                Err(e) if SWEPT.contains(&e.kind()) => bound = Self::bind_within(&parent),
                _ => break,
            }
        }
        bound
    }

    fn bind_within(parent: &Path) -> io::Result<(UnixListener, Self)> {
        let mut name = [0; 12];
        stream::randomise(&mut name)?;
        let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let folder = parent.join(format!("{FOLDER}{name}"));
        DirBuilder::new().mode(0o700).create(&folder)?;
        let made = File::open(&folder).and_then(|lock| {
            lock.try_lock()?;
            let path = folder.join(SOCKET);
            let listener = UnixListener::bind(&path)?;
            let file = Self::of(&path, Some((folder.clone(), lock)))?;
            Ok((listener, file))
        });
        if made.is_err() {
            remove(&folder);
        }
        made
    }

    fn of(path: &Path, folder: Option<(PathBuf, File)>) -> io::Result<Self> {
        epoch::begin()?;
        // For who is in another directory when it is dropped.
        let path = fs::canonicalize(path)?;
        let seen = fs::symlink_metadata(&path)?;
        Ok(Self {
            path,
            inode: (seen.dev(), seen.ino()),
            owner: epoch::current(),
            folder,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.owner != epoch::current() {
            return;
        }
        let seen = fs::symlink_metadata(&self.path);
        if seen.is_ok_and(|seen| (seen.dev(), seen.ino()) == self.inode) {
            // It can only be gone already.
            let _ = fs::remove_file(&self.path);
        }
        if let Some((folder, _)) = &self.folder {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Listens at `path` in place of a dead process. Of several that want to, the directory's lock lets
/// one.
fn replace(path: &Path, in_use: io::Error) -> io::Result<UnixListener> {
    /// A listener that is too busy for so long is one.
    const PATIENCE: Duration = Duration::from_millis(100);
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = File::open(folder.unwrap_or(Path::new(".")))?;
    let left_behind = || {
        let to = SocketAddr::from_pathname(path)?;
        stream::connect_unix(&to, Deadline::after(PATIENCE))
    };
    // A plain file refuses connections too.
    let is_socket = fs::symlink_metadata(path).is_ok_and(|seen| seen.file_type().is_socket());
    if !is_socket || folder.try_lock().is_err() {
        return Err(in_use);
    }
    match left_behind() {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {}
        _ => return Err(in_use),
    }
    fs::remove_file(path)?;
    UnixListener::bind(path)
}

/// Removes what killed processes of this user left in `parent`: directories that nobody has locked.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !name.to_string_lossy().starts_with(FOLDER) {
            continue;
        }
        // Whoever may write here may have made anything of that name: a pipe, a link.
        let Ok(folder) = file::folder(&entry.path()) else {
            continue;
        };
        let is_ours = file::facts(folder.as_fd()).is_ok_and(|facts| facts.owner == file::user());
        // Locked until it is gone: who has just made it makes another.
        let lock = File::from(folder);
        if is_ours && lock.try_lock().is_ok() {
            remove(&entry.path());
        }
    }
}

/// Removes a directory of a private socket, as far as it is there.
fn remove(folder: &Path) {
    let _ = fs::remove_file(folder.join(SOCKET));
    let _ = fs::remove_dir(folder);
}
