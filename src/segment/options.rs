//! How segments are made and opened, in the manner of std's `OpenOptions`.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::sys::{file, mapping};

use super::Segment;
use super::layout::{MOST_PARTICIPANTS, smallest, smallest_with_waits, waits_len};

mod files;
mod memory;
mod trouble;

use files::Blank;

/// Options for making and opening a [`Segment`].
///
/// Size, participants, mode and the detection of deadlocks matter when a segment is made; label,
/// lifeline, folder and what is said of its memory (prefault, lock, huge pages) whenever it is
/// opened.
///
/// # Examples
///
/// ```
/// use outlive::SegmentOptions;
///
/// let segment = SegmentOptions::new()
///     .size(1 << 20)
///     .participants(8)
///     .label("loader")
///     .anonymous()?;
/// assert_eq!(segment.participants()[0].label, "loader");
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SegmentOptions {
    size: u64,
    participants: u32,
    mode: u32,
    label: Option<String>,
    folder: Option<PathBuf>,
    lifeline: bool,
    prefault: bool,
    lock_memory: bool,
    huge_pages: bool,
    /// `None`: as the environment says.
    detect_deadlocks: Option<bool>,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self {
            size: 4 << 20,
            participants: 64,
            mode: 0o600,
            label: None,
            folder: None,
            lifeline: true,
            prefault: false,
            lock_memory: false,
            huge_pages: false,
            detect_deadlocks: None,
        }
    }
}

impl SegmentOptions {
    /// 4 MiB for 64 participants, mode 0600, with lifeline, labelled as the program is called, in
    /// `/dev/shm`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes in all, rounded up to whole pages.
    #[must_use]
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = bytes;
        self
    }

    /// How many processes may take part at the same time, 1 to 1023. One more finds
    /// [`ErrorKind::TooManyParticipants`] when it opens the segment.
    #[must_use]
    pub fn participants(mut self, most: u32) -> Self {
        self.participants = most;
        self
    }

    /// Permissions of a new file, whatever the umask. They must let its owner read and write.
    ///
    /// A mode wider than 0600 lets other users open the file, who must then trust each other. By
    /// name a process opens only segments of its own user and of root: to share one with another
    /// user, pass its descriptor on ([`Segment::try_clone_fd`], [`SegmentOptions::from_fd`]), or
    /// have root create it.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// What this process calls itself to the others. What is longer than 32 bytes is cut.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The folder of named segments: this, or else the environment's `OUTLIVE_DIR`, or else
    /// `/dev/shm`.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Whether this process has a lifeline: a parked thread through which the kernel wakes the
    /// others within microseconds of this process's death. Without it they find out when their
    /// present sleep ends, after 20 ms at the most.
    #[must_use]
    pub fn lifeline(mut self, wanted: bool) -> Self {
        self.lifeline = wanted;
        self
    }

    /// Whether the segment has a table of who waits for what, for [`Segment::waits`],
    /// [`Segment::deadlocks`] and [`LockError::Deadlock`](crate::sync::LockError::Deadlock): this,
    /// or else where the environment says `OUTLIVE_DETECT_DEADLOCKS=1` when the segment is made.
    ///
    /// The table takes 256 bytes for each participant. `true` is an error where a new segment is too
    /// small for it; the environment is heeded only where the table takes no more than a quarter of
    /// the room for objects, and a file that becomes a segment ([`SegmentOptions::from_fd`]) does
    /// without where it does not fit.
    ///
    /// A wait is entered when it has lasted some 5 ms, so what is not waited for, or not for long,
    /// costs nothing. [`Deadlock`](crate::segment::Deadlock) says what is recorded and what is found,
    /// with an example.
    #[must_use]
    pub fn detect_deadlocks(mut self, wanted: bool) -> Self {
        self.detect_deadlocks = Some(wanted);
        self
    }

    /// Creates the segment called `name`: the file `outlive.NAME` in the folder of named segments.
    ///
    /// # If a process dies
    ///
    /// A segment gets its name as the last step, so a creator that dies leaves none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the name is taken; [`ErrorKind::Full`] where the file
    /// system has not so much room; [`ErrorKind::InvalidInput`] for a size or a number of
    /// participants out of range, or for a name that is not made of 1 to 200 letters, digits, dots,
    /// hyphens and underscores.
    pub fn create(&self, name: &str) -> Result<Segment> {
        self.create_at(name, &self.path_of(name)?)
    }

    /// Opens the segment called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`]; [`ErrorKind::NotASegment`] for anything else of that name, a
    /// symbolic link and a file of another user among it; [`ErrorKind::WrongVersion`];
    /// [`ErrorKind::Corrupt`]; [`ErrorKind::TooManyParticipants`].
    pub fn open(&self, name: &str) -> Result<Segment> {
        self.open_at(name, &self.path_of(name)?)
    }

    /// Opens the segment called `name`, or creates it.
    ///
    /// # Errors
    ///
    /// As [`SegmentOptions::open`] and [`SegmentOptions::create`].
    pub fn open_or_create(&self, name: &str) -> Result<Segment> {
        self.open_or_create_at(name, &self.path_of(name)?)
    }

    /// Creates a segment in a file of its own, for state that outlives all processes.
    ///
    /// # Errors
    ///
    /// As [`SegmentOptions::create`].
    pub fn create_file(&self, path: impl AsRef<Path>) -> Result<Segment> {
        self.create_at(&path.as_ref().display().to_string(), path.as_ref())
    }

    /// Opens the segment in a file.
    ///
    /// # Errors
    ///
    /// As [`SegmentOptions::open`].
    pub fn open_file(&self, path: impl AsRef<Path>) -> Result<Segment> {
        self.open_at(&path.as_ref().display().to_string(), path.as_ref())
    }

    /// Opens the segment in a file, or creates it.
    ///
    /// # Errors
    ///
    /// As [`SegmentOptions::open`] and [`SegmentOptions::create`].
    pub fn open_or_create_file(&self, path: impl AsRef<Path>) -> Result<Segment> {
        self.open_or_create_at(&path.as_ref().display().to_string(), path.as_ref())
    }

    /// Creates a segment without a name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Os`] where the system has no descriptor or no memory left,
    /// [`ErrorKind::InvalidInput`] as for [`SegmentOptions::create`].
    pub fn anonymous(&self) -> Result<Segment> {
        let doing = || "create an anonymous segment".to_owned();
        let size = self.checked_size(&doing)?;
        let fd = file::anonymous("outlive", size).map_err(|e| Error::os(e, doing()))?;
        self.attach(fd.as_fd(), "(anonymous)".to_owned(), None, Blank::Fresh)
    }

    /// Opens the segment behind a descriptor. A file whose bytes are all zero becomes a segment, as
    /// large as it is; so does one that a process of the same build died in while it made one.
    ///
    /// Any other file is left as it is. To find that out all of it is read, but for its holes.
    ///
    /// # Errors
    ///
    /// As [`SegmentOptions::open`]; a memfd that could still shrink is
    /// [`ErrorKind::NotASegment`].
    pub fn from_fd(&self, fd: OwnedFd) -> Result<Segment> {
        let name = "(descriptor)".to_owned();
        let fd = fd.as_fd();
        if file::is_memfd(fd) && file::is_sealed(fd) == Some(false) {
            return Err(
                Error::new(ErrorKind::NotASegment, "open a segment on a memfd")
                    .advise("seal it against shrinking first"),
            );
        }
        self.attach(fd, name, None, Blank::Adopt)
    }

    /// Adopts a mapping made by the `shared_memory` crate: one of zeroes becomes a segment, as with
    /// [`SegmentOptions::from_fd`], one that holds a segment is joined. Its name and its removal stay with `shmem`.
    ///
    /// # Errors
    ///
    /// As [`SegmentOptions::open`].
    #[cfg(feature = "shared_memory")]
    pub fn from_shmem(&self, shmem: &shared_memory::Shmem) -> Result<Segment> {
        let name = shmem.get_os_id().trim_start_matches('/').to_owned();
        let path = Path::new("/dev/shm").join(&name);
        let fd = file::existing(&path)
            .map_err(|e| Error::os(e, format!("adopt shared memory `{name}`")))?;
        self.attach(fd.as_fd(), name, None, Blank::Adopt)
    }

    /// Where the segment called `name` is, or would be.
    pub(crate) fn path_of(&self, name: &str) -> Result<PathBuf> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if name.is_empty() || name.len() > 200 || !name.chars().all(plain) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("use the segment name `{name}`"),
            )
            .advise("a name has 1 to 200 letters, digits, dots, hyphens and underscores"));
        }
        Ok(self.folder_of_names().join(format!("outlive.{name}")))
    }

    /// The folder of named segments.
    pub(crate) fn folder_of_names(&self) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| {
            std::env::var_os("OUTLIVE_DIR")
                .unwrap_or_else(|| OsString::from("/dev/shm"))
                .into()
        })
    }

    /// Whether a segment of so many bytes gets a table of waits. The environment asks for it only
    /// where it leaves most of the room.
    fn has_waits(&self, size: u64) -> bool {
        let room = size.saturating_sub(smallest(self.participants));
        let least = waits_len(self.participants);
        match self.detect_deadlocks {
            Some(wanted) => wanted && room >= least,
            None => {
                room / 4 >= least
                    && std::env::var_os("OUTLIVE_DETECT_DEADLOCKS").is_some_and(|set| set == "1")
            }
        }
    }

    fn checked_size(&self, doing: &dyn Fn() -> String) -> Result<u64> {
        let refuse = |advice| Err(Error::new(ErrorKind::InvalidInput, doing()).advise(advice));
        if !(1..=MOST_PARTICIPANTS).contains(&self.participants) {
            return refuse("a segment has 1 to 1023 participants");
        }
        let least = if self.detect_deadlocks == Some(true) {
            smallest_with_waits(self.participants)
        } else {
            smallest(self.participants)
        };
        let page = mapping::page_size();
        match self.size.checked_next_multiple_of(page) {
            Some(size) if size >= least && i64::try_from(size).is_ok() => Ok(size),
            Some(size) if size < least => refuse("the size is too small for so many participants"),
            _ => refuse("the size is larger than a file can be"),
        }
    }
}
