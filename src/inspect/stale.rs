//! Named segments that nobody lives in, and how their names are taken away.
//!
//! The kernel is asked, not the bytes: a segment is stale where no open description has any of its
//! leases. To remove it, all leases are taken in one step; while they are held nobody can join, so
//! nobody does between the last look and the removal of the name. Whoever opened the file before
//! and joins after it finds that the name is gone, leaves, and opens or creates by name anew.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::segment::{MOST_PARTICIPANTS, check_beginning, check_header};
use crate::sys::mapping::Mapping;
use crate::sys::{file, lease};

/// Whether no living process takes part in the segment at `path`.
///
/// Processes that merely have its descriptor do not take part: a segment that travels to a process
/// which has not opened it yet is stale when everybody else is gone. So is one that is kept for the
/// next run of a program.
///
/// # Errors
///
/// [`ErrorKind::NotFound`]; where it cannot be judged, [`ErrorKind::NotASegment`] (another user's
/// file and a symbolic link among it), [`ErrorKind::WrongVersion`], [`ErrorKind::Corrupt`];
/// [`ErrorKind::Os`] where the file may not be opened for writing, which leases need.
///
/// # Examples
///
/// ```
/// # use outlive::{SegmentOptions, inspect};
/// # let folder = std::env::temp_dir();
/// # let name = format!("doc-stale-{}", std::process::id());
/// let segment = SegmentOptions::new().folder(&folder).create(&name)?;
/// let path = segment.path().unwrap().to_owned();
/// assert!(!inspect::is_stale(&path)?);
/// assert!(!inspect::remove_stale(&path)?); // we live in it: it stays
/// drop(segment);
/// assert!(inspect::remove_stale(&path)?);
/// assert!(!path.exists());
/// # Ok::<(), outlive::Error>(())
/// ```
pub fn is_stale(path: impl AsRef<Path>) -> Result<bool> {
    let path = path.as_ref();
    let doing = || format!("look who takes part in `{}`", path.display());
    let fd = judged(path, &doing)?;
    let is_taken = lease::is_any_taken(fd.as_fd(), MOST_PARTICIPANTS);
    Ok(!is_taken.map_err(|e| refused(e, doing()))?)
}

/// Removes the name of the segment at `path` if no living process takes part in it, and says
/// whether it did; one that lives, or that cannot be judged, stays.
///
/// # If a process dies
///
/// The caller, before the name is gone: nothing has happened. While the name is removed others may
/// find every slot of the segment taken, for as long as one system call takes.
///
/// # Errors
///
/// As [`is_stale`]; [`ErrorKind::Os`] where the folder does not let this user remove names.
///
/// # Examples
///
/// See [`is_stale`].
pub fn remove_stale(path: impl AsRef<Path>) -> Result<bool> {
    let path = path.as_ref();
    let doing = || format!("remove `{}`", path.display());
    let os = |e| refused(e, doing());
    let fd = judged(path, &doing)?;
    // Given up with `fd`.
    if !lease::try_take_all(fd.as_fd(), MOST_PARTICIPANTS).map_err(os)? {
        return Ok(false);
    }
    // Its name may have been removed, and given to another one, before the leases were ours. Now
    // that they are, nobody who removes names as this does can be at it.
    let identity = file::facts(fd.as_fd()).map_err(os)?.identity;
    if file::identity(path).map_err(os)? != identity {
        return Ok(false);
    }
    file::unlink(path).map_err(os)?;
    Ok(true)
}

/// The file at `path`, if it holds a segment that this build understands.
fn judged(path: &Path, doing: &dyn Fn() -> String) -> Result<OwnedFd> {
    let os = |e| refused(e, doing());
    let refuse = |advice| Err(Error::new(ErrorKind::NotASegment, doing()).advise(advice));
    let fd = match file::existing(path) {
        Err(e) if file::is_link(&e) => return refuse("it is a symbolic link, never followed"),
        Err(e) if file::is_no_file(&e) => return refuse("it is no ordinary file"),
        opened => opened.map_err(os)?,
    };
    let facts = file::facts(fd.as_fd()).map_err(os)?;
    if !facts.is_regular {
        return refuse("it is no ordinary file");
    }
    if !file::is_trusted(facts.owner) {
        return refuse("it belongs to another user: ask as that one");
    }
    let bytes = usize::try_from(facts.size).unwrap_or(0);
    if bytes == 0 {
        return refuse("it is empty: if nothing uses the file, remove it with rm");
    }
    let name = path.display().to_string();
    check_beginning(fd.as_fd(), &name)?;
    let mapping = Mapping::new(fd.as_fd(), bytes).map_err(os)?;
    check_header(mapping.storage(), &name)?;
    Ok(fd)
}

/// Also to judge, a file is opened for writing, which leases need.
fn refused(e: io::Error, doing: String) -> Error {
    let advice = match e.kind() {
        io::ErrorKind::PermissionDenied => {
            "the file must let this user read and write, and its folder remove names: ask as its owner"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "its file system may only be read: mount it for writing first"
        }
        _ => "",
    };
    Error::os(e, doing).advise(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_not_write_is_told_what_to_do() {
        for kind in [
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::ReadOnlyFilesystem,
        ] {
            let said = refused(kind.into(), "remove `it`".to_owned()).to_string();
            assert!(
                said.contains("for writing") || said.contains("its owner"),
                "{said}"
            );
        }
        let gone = refused(io::ErrorKind::NotFound.into(), "remove `it`".to_owned());
        assert_eq!(gone.kind(), ErrorKind::NotFound);
    }
}
