//! The files behind segments: found or made by name, checked, mapped and joined.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::segment::inner::{Inner, Parts};
use crate::segment::layout::smallest;
use crate::segment::{Segment, attached, header};
use crate::sys::atomic::AtomicU32;
use crate::sys::clock::monotonic_nanos;
use crate::sys::mapping::Mapping;
use crate::sys::{file, futex, lease};

use super::{SegmentOptions, trouble};

/// What to do with a file that no segment has been made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blank {
    /// It was made for this: make the segment.
    Fresh,
    /// Somebody else made it: make a segment of nothing but zeroes.
    Adopt,
    /// It has a name, which is given to whole segments only.
    Refuse,
}

impl SegmentOptions {
    pub(super) fn create_at(&self, name: &str, path: &Path) -> Result<Segment> {
        let doing = || format!("create segment `{name}`");
        let size = self.checked_size(&doing)?;
        let taken =
            || Error::new(ErrorKind::AlreadyExists, doing()).advise(trouble::occupant(path));
        if path.symlink_metadata().is_ok() {
            return Err(taken());
        }
        let folder = trouble::folder_of(path);
        let made = file::nameless(folder, self.mode, size)
            .map_err(|e| trouble::in_folder(e, doing(), folder))?;
        let segment = self
            .attach(made.as_fd(), name.to_owned(), Some(path), Blank::Fresh)
            .map_err(|e| match e.kind() {
                ErrorKind::Os if self.mode & 0o600 != 0o600 => e.advise(format!(
                    "its mode {:04o} must let the owner read and write, as 0600 does",
                    self.mode
                )),
                _ => e,
            })?;
        made.link(path).map_err(|e| match e.kind() {
            io::ErrorKind::AlreadyExists => taken(),
            _ => trouble::in_folder(e, doing(), folder),
        })?;
        Ok(segment)
    }

    pub(super) fn open_at(&self, name: &str, path: &Path) -> Result<Segment> {
        let mut is_patient = true;
        let mut rounds = ROUNDS;
        loop {
            match self.open_found(name, path) {
                // Whoever joins after a stale segment has lost its name has come too late: the
                // others will meet in another one.
                Ok(segment) if rounds > 0 && !segment.has_its_name(path) => rounds -= 1,
                // While its name is taken away, every slot of it seems taken.
                Err(e) if e.kind() == ErrorKind::TooManyParticipants && is_patient => {
                    is_patient = false;
                    futex::wait(&[(&AtomicU32::new(0), 0)], monotonic_nanos() + REMOVAL);
                }
                done => return done,
            }
        }
    }

    fn open_found(&self, name: &str, path: &Path) -> Result<Segment> {
        let doing = || format!("open segment `{name}`");
        let refuse = || Error::new(ErrorKind::NotASegment, doing()).advise(trouble::occupant(path));
        let fd = file::existing(path).map_err(|e| match e {
            e if file::is_link(&e) || file::is_no_file(&e) => refuse(),
            e => trouble::in_opening(e, doing(), path),
        })?;
        let owner = file::facts(fd.as_fd())
            .map_err(|e| Error::os(e, doing()))?
            .owner;
        if !file::is_trusted(owner) {
            return Err(refuse());
        }
        self.attach(fd.as_fd(), name.to_owned(), Some(path), Blank::Refuse)
    }

    pub(super) fn open_or_create_at(&self, name: &str, path: &Path) -> Result<Segment> {
        loop {
            match self.open_at(name, path) {
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                done => return done,
            }
            match self.create_at(name, path) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                done => return done,
            }
        }
    }

    /// Checks the file, maps it, believes its header, and joins.
    pub(super) fn attach(
        &self,
        fd: BorrowedFd<'_>,
        name: String,
        path: Option<&Path>,
        blank: Blank,
    ) -> Result<Segment> {
        let doing = || format!("open segment `{name}`");
        let os = |e| Error::os(e, doing());
        let facts = file::facts(fd).map_err(os)?;
        let bytes = usize::try_from(facts.size).unwrap_or(0);
        // Before the first touch: a mapping beyond the end of the file is a SIGBUS.
        if !facts.is_regular || facts.size < smallest(1) || bytes == 0 {
            return Err(Error::new(ErrorKind::NotASegment, doing())
                .advise("if nothing uses the file, remove it and create the segment anew"));
        }
        if blank == Blank::Refuse {
            header::check_beginning(fd, &name)?;
        }
        // Here, as the working folder may change. Where there is none, as given.
        let path = path.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        let inner = attached::get_or_open(facts.identity, || {
            let map = if self.huge_pages {
                Mapping::aligned
            } else {
                Mapping::new
            };
            let mapping = map(fd, bytes).map_err(os)?;
            match blank {
                Blank::Fresh => {
                    let waits = self.has_waits(facts.size);
                    header::format(mapping.storage(), self.participants, waits)?;
                }
                Blank::Adopt => self.format_if_blank(fd, &mapping, &name)?,
                Blank::Refuse => {}
            }
            let geometry = header::check(mapping.storage(), &name)?;
            Inner::new(Parts {
                fd,
                mapping,
                geometry,
                identity: facts.identity,
                name: name.clone(),
                path: path.clone(),
                label: self.label.clone().unwrap_or_else(program),
                lifeline: self.lifeline,
            })
        })?;
        self.prepare(&inner)?;
        let segment = Segment::from_inner(inner);
        Ok(match path {
            Some(path) => segment.at(name, path),
            None => segment,
        })
    }

    /// One of several processes that adopt the same zeroes makes the segment.
    fn format_if_blank(&self, fd: BorrowedFd<'_>, mapping: &Mapping, name: &str) -> Result<()> {
        let whole = mapping.storage();
        if !header::is_unmade(whole) {
            return Ok(());
        }
        let doing = || format!("make a segment of `{name}`");
        let os = |e| Error::os(e, doing());
        let alone = lease::reopen(fd).map_err(os)?;
        lease::take_for_making(alone.as_fd()).map_err(os)?;
        if !header::is_unmade(whole) {
            return Ok(());
        }
        if !header::is_blank(alone.as_fd(), whole)? {
            return Err(Error::new(ErrorKind::NotASegment, doing())
                .advise("only zeroes become a segment, and this file holds something else"));
        }
        if (whole.len() as u64) < smallest(self.participants) {
            return Err(Error::new(ErrorKind::InvalidInput, doing())
                .advise("it is too small for so many participants"));
        }
        let waits = self.has_waits(whole.len() as u64);
        header::format(whole, self.participants, waits)
    }
}

/// How often a name may go to another file while it is opened, before that is the file system's way:
/// some give a file another number by its name than by its descriptor.
const ROUNDS: u32 = 64;

/// Longer than it takes to remove the name of a stale segment, in nanoseconds.
const REMOVAL: u64 = 2_000_000;

/// What a process is called that does not say.
fn program() -> String {
    std::env::args_os()
        .next()
        .and_then(|path| Some(Path::new(&path).file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_default()
}
