//! One look at one segment.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Serialize;

use crate::error::Result;
use crate::raw::Kind;
use crate::segment::{
    Deadlock, Glance, Glimpse, Participant, Recovery, SegmentOptions, Wait, instant, seconds,
};
use crate::sys::clock;

use super::reader::Reader;
use super::{Object, Who};

/// What a segment looked like, when [`Snapshot::of`] or [`Snapshot::at`] looked at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// Where it was looked at.
    pub path: PathBuf,
    /// The segment's own number, in hexadecimal digits: two with the same are one segment.
    pub id: String,
    /// When the look was taken.
    #[serde(serialize_with = "seconds")]
    pub at: SystemTime,
    /// When the segment was made.
    #[serde(serialize_with = "seconds")]
    pub created: SystemTime,
    /// Process id of whoever made it, in its own process-id namespace.
    pub creator: u32,
    /// User id of the file's owner.
    pub user: u32,
    /// Bytes in all.
    pub size: u64,
    /// Bytes that no object uses.
    pub free: u64,
    /// How many can take part at the same time.
    pub most_participants: u32,
    /// The processes that take part, the dead among them until they are repaired.
    pub participants: Vec<Participant>,
    /// The objects, in the order in which they lie; together with the processes that have them open
    /// no more than 262144, so that a look at hostile bytes ends.
    pub objects: Vec<Object>,
    /// The last 32 deaths that were repaired, oldest first.
    pub recoveries: Vec<Recovery>,
    /// The threads that sleep, where the segment records them: see
    /// [`SegmentOptions::detect_deadlocks`].
    pub waits: Vec<Wait>,
    /// The processes that wait for each other in a circle, as far as waits are recorded.
    pub deadlocks: Vec<Deadlock>,
    /// Whether waits are recorded.
    pub detects_deadlocks: bool,
    /// Who makes, opens, lists, lets go of or repairs objects at this moment: each of it needs the
    /// segment's *books*, a lock of its own.
    pub bookkeeper: Option<Who>,
}

impl Snapshot {
    /// Looks at the segment called `name`, in `OUTLIVE_DIR` or else `/dev/shm`.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::at`], and [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a
    /// name that no segment can have.
    pub fn of(name: &str) -> Result<Self> {
        Self::at(&SegmentOptions::new().path_of(name)?)
    }

    /// Looks at the segment in the file at `path`; `/proc/PID/fd/N` is one for a segment without a
    /// name. Never blocks.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Os`](crate::ErrorKind::Os) and
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) where the file cannot be read,
    /// [`ErrorKind::NotASegment`](crate::ErrorKind::NotASegment) where it is something else,
    /// [`ErrorKind::WrongVersion`](crate::ErrorKind::WrongVersion) where another version of this
    /// crate made it, [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) where its header makes no
    /// sense. Objects whose bytes make none are [`State::Unknown`](super::State::Unknown).
    pub fn at(path: &Path) -> Result<Self> {
        let glance = Glance::at(path)?;
        let (created, creator) = glance.origin()?;
        let [low, high] = glance.geometry.id;
        let objects = glance.objects()?;
        let witness = glance.witness()?;
        Ok(Self {
            path: path.to_owned(),
            id: format!("{low:016x}{high:016x}"),
            at: instant(clock::unix_nanos()),
            created,
            creator,
            user: glance.facts.owner,
            size: glance.geometry.size,
            free: glance.free_bytes()?,
            most_participants: glance.geometry.participants,
            participants: glance.participants(),
            objects: objects
                .into_iter()
                .map(|glimpse| object(&glance, glimpse))
                .collect(),
            recoveries: glance.recoveries()?,
            waits: witness.waits(),
            deadlocks: witness.deadlocks(),
            detects_deadlocks: glance.view().arena()?.waits().is_some(),
            bookkeeper: glance.bookkeeper()?.map(|token| Who::named(&glance, token)),
        })
    }

    /// The participants that live.
    pub fn living(&self) -> impl Iterator<Item = &Participant> {
        self.participants.iter().filter(|who| who.is_alive)
    }

    /// The object called `name`.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<&Object> {
        self.objects
            .iter()
            .find(|object| object.name.as_deref() == Some(name))
    }
}

fn object(glance: &Glance, glimpse: Glimpse<'_>) -> Object {
    Object {
        kind: glimpse.kind.map_or("unknown", Kind::name),
        offset: glimpse.offset,
        bytes: glimpse.bytes,
        open_in: glimpse
            .holders
            .iter()
            .map(|token| Who::named(glance, *token))
            .collect(),
        state: Reader(glance).state(glimpse.kind, glimpse.storage),
        name: glimpse.name,
    }
}
