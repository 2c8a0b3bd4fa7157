//! The handle of a segment.

use std::fmt;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::error::{Error, ErrorKind, Result};
use crate::sys::file;

use super::baggage::{self, SegmentId};
use super::inner::Inner;
use super::{Deadlock, ObjectInfo, Participant, Recovery, SegmentOptions, Wait};

/// A shared-memory segment that this process takes part in.
///
/// A cheap handle: clones share one mapping, and every object keeps its segment mapped. Opening the
/// same segment again in one process gives the same segment. The process leaves when the last
/// handle and the last object are dropped; what it still held then, by a leaked guard for example,
/// is treated as after a death.
///
/// | | made by | lives as long as |
/// |---|---|---|
/// | named | [`Segment::create`], [`Segment::open`] | its name, until [`Segment::unlink`] |
/// | anonymous | [`Segment::anonymous`] | its last process |
/// | home | [`Segment::home`] | this process and those it passes the descriptor to |
/// | file | [`SegmentOptions::create_file`] | the file: it outlives all processes, not power loss |
///
/// # If a process dies
///
/// Its lease ends in the kernel, whatever killed it. Whoever next needs its slot, or room, or waits
/// for something it held, finds that out and repairs: see [`Segment::reap`] and
/// [`Segment::recoveries`]. A death while a segment is created leaves nothing: a segment has its
/// name only when it is whole.
///
/// # Examples
///
/// ```
/// use outlive::{Segment, Value};
///
/// let segment = Segment::anonymous()?;
/// let hits = Value::create(&segment, "hits", 0_u64)?;
/// hits.fetch_add(1)?;
/// assert_eq!(Value::<u64>::open(&segment, "hits")?.get()?, 1);
/// # Ok::<(), outlive::Error>(())
/// ```
#[derive(Clone)]
pub struct Segment {
    inner: Arc<Inner>,
    /// Where this handle was opened by name; otherwise what the first one of the process knew.
    place: Option<Arc<Place>>,
}

/// A name of a segment, and where it is.
struct Place {
    name: String,
    path: PathBuf,
}

impl Segment {
    /// Creates the segment called `name`, with the default options.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the name is taken, [`ErrorKind::Full`] where the file
    /// system has no room; see [`SegmentOptions::create`].
    pub fn create(name: &str) -> Result<Self> {
        SegmentOptions::new().create(name)
    }

    /// Opens the segment called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`], [`ErrorKind::NotASegment`], [`ErrorKind::WrongVersion`],
    /// [`ErrorKind::TooManyParticipants`]; see [`SegmentOptions::open`].
    pub fn open(name: &str) -> Result<Self> {
        SegmentOptions::new().open(name)
    }

    /// Opens the segment called `name`, or creates it.
    ///
    /// # Errors
    ///
    /// As [`Segment::open`] and [`Segment::create`].
    pub fn open_or_create(name: &str) -> Result<Self> {
        SegmentOptions::new().open_or_create(name)
    }

    /// Creates a segment without a name, on a sealed memfd.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Os`] where the system has no descriptor or no memory left.
    pub fn anonymous() -> Result<Self> {
        SegmentOptions::new().anonymous()
    }

    /// Opens the segment behind a descriptor that another process passed on.
    ///
    /// # Errors
    ///
    /// As [`Segment::open`].
    pub fn from_fd(fd: OwnedFd) -> Result<Self> {
        SegmentOptions::new().from_fd(fd)
    }

    /// The segment of this process family: anonymous, made on first use, home of every object that
    /// is made with `new`.
    ///
    /// It takes 1 GiB of address space, and of memory what is used.
    ///
    /// # Errors
    ///
    /// As [`Segment::anonymous`]; a later call tries again.
    pub fn home() -> Result<Self> {
        static HOME: OnceLock<Segment> = OnceLock::new();
        if let Some(home) = HOME.get() {
            return Ok(home.clone());
        }
        let fresh = match INHERITED_HOME.get() {
            Some(id) => baggage::segment(*id)?.ok_or_else(|| {
                Error::new(
                    ErrorKind::NotAttached,
                    "open the home segment of the parent",
                )
            })?,
            None => SegmentOptions::new()
                .size(HOME_SIZE)
                .participants(256)
                .anonymous()?,
        };
        Ok(HOME.get_or_init(|| fresh).clone())
    }

    /// Says which of the segments that have arrived is the home. Before the first use of it.
    pub(crate) fn inherit_home(id: SegmentId) {
        // A process is started once.
        let _ = INHERITED_HOME.set(id);
    }

    /// The name, as it was opened; of an anonymous segment, a description.
    #[must_use]
    pub fn name(&self) -> &str {
        self.place
            .as_ref()
            .map_or(&self.inner.name, |place| &place.name)
    }

    /// Bytes in all.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.inner.geometry.size
    }

    /// Bytes that no object uses. It may change at once; and since it need not be in one piece, an
    /// object of that size may not fit.
    ///
    /// # Errors
    ///
    /// After a fork, where the child cannot join: [`ErrorKind::TooManyParticipants`].
    pub fn free(&self) -> Result<u64> {
        self.inner.free_bytes()
    }

    /// The processes that take part, the dead among them until they are repaired.
    #[must_use]
    pub fn participants(&self) -> Vec<Participant> {
        self.inner.participants()
    }

    /// The objects, in the order in which they lie.
    ///
    /// # Errors
    ///
    /// As [`Segment::free`].
    pub fn objects(&self) -> Result<Vec<ObjectInfo>> {
        self.inner.objects()
    }

    /// The last 32 deaths that were repaired, oldest first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`] where the header is gone.
    pub fn recoveries(&self) -> Result<Vec<Recovery>> {
        Ok(self.inner.ring()?.list())
    }

    /// Who waits for what at this moment, of all living participants; it may change at once. Empty
    /// where the segment was made without [`SegmentOptions::detect_deadlocks`].
    ///
    /// A look, which takes no lock and waits for nobody. A wait is seen when it has lasted some 5 ms;
    /// [`Deadlock`] says which are not recorded.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Corrupt`] where the header is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// use outlive::{Event, SegmentOptions};
    ///
    /// let segment = SegmentOptions::new().detect_deadlocks(true).anonymous()?;
    /// let event = Event::create(&segment, "go")?;
    /// std::thread::scope(|s| {
    ///     s.spawn(|| event.wait());
    ///     # let patience = Instant::now() + Duration::from_secs(20);
    ///     while segment.waits()?.is_empty() {
    ///         # assert!(Instant::now() < patience);
    ///         std::thread::yield_now();
    ///     }
    ///     assert_eq!(segment.waits()?[0].name.as_deref(), Some("go"));
    ///     event.set()
    /// })?;
    /// # Ok::<(), outlive::Error>(())
    /// ```
    pub fn waits(&self) -> Result<Vec<Wait>> {
        Ok(self.inner.witness()?.waits())
    }

    /// The circles in which processes wait for each other, that have stood for 40 ms at least.
    ///
    /// A look, as [`Segment::waits`]. [`Deadlock`] says what is certain and what is not.
    ///
    /// # Errors
    ///
    /// As [`Segment::waits`].
    pub fn deadlocks(&self) -> Result<Vec<Deadlock>> {
        Ok(self.inner.witness()?.deadlocks())
    }

    /// Repairs after every participant that has died, and returns how many there were.
    ///
    /// Nobody has to call this: whoever waits for a dead participant, or needs its slot or its
    /// room, does it. A supervisor that knows of a death can have it over sooner.
    ///
    /// # If a process dies
    ///
    /// Meanwhile: it is repaired with the others, or by the next. The caller: the next call begins
    /// again from the start.
    ///
    /// # Errors
    ///
    /// As [`Segment::free`].
    pub fn reap(&self) -> Result<usize> {
        self.inner.reap()
    }

    /// Takes the name of an object away. Handles stay valid; the object is freed with the last of
    /// them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no object of that name.
    pub fn remove(&self, name: &str) -> Result<()> {
        self.inner.remove(name)
    }

    /// Takes the segment's own name away. It goes on for those who have it open.
    ///
    /// Only its own: a file that somebody else has since given the same name stays. The look at the
    /// file and the removal of its name are two steps, though: give a name to another segment only
    /// when nobody can be unlinking the one that had it before.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where the name is gone already, or is another's, or never was.
    pub fn unlink(&self) -> Result<()> {
        let doing = || format!("unlink {self}");
        let os = |e| Error::os(e, doing());
        let Some(path) = self.path() else {
            return Err(Error::new(ErrorKind::NotFound, doing())
                .advise("it was opened without a name: open it by name to unlink that"));
        };
        if file::identity(path).map_err(os)? != self.inner.identity {
            return Err(Error::new(ErrorKind::NotFound, doing())
                .advise("another file has its name by now, and keeps it"));
        }
        file::unlink(path).map_err(os)
    }

    /// A descriptor of the segment, to pass to another process and [`Segment::from_fd`].
    ///
    /// It is closed on exec, as all are that Rust makes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Os`] where the process has no descriptor left, or no `/proc`.
    pub fn try_clone_fd(&self) -> Result<OwnedFd> {
        self.inner.descriptor()
    }

    /// Where the segment's file is, if it was opened by name: an absolute path, so that a change of
    /// the working folder does not matter.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Some(place) => Some(&place.path),
            None => self.inner.path.as_deref(),
        }
    }

    /// Whether `path` is a name of this very segment.
    pub(super) fn has_its_name(&self, path: &Path) -> bool {
        file::identity(path).is_ok_and(|identity| identity == self.inner.identity)
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(crate) fn from_inner(inner: Arc<Inner>) -> Self {
        Self { inner, place: None }
    }

    /// The same segment, as opened under a name.
    pub(super) fn at(self, name: String, path: PathBuf) -> Self {
        Self {
            place: Some(Arc::new(Place { name, path })),
            ..self
        }
    }
}

/// The home of the process that started this one.
static INHERITED_HOME: OnceLock<SegmentId> = OnceLock::new();

/// Address space of the home segment.
const HOME_SIZE: u64 = 1 << 30;

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment `{}`", self.name())
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("name", &self.name())
            .field("size", &self.size())
            .field("path", &self.path())
            .finish_non_exhaustive()
    }
}
