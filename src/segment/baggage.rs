//! What handles in a message need at their destination: the objects kept until they have arrived,
//! and the segments in which they lie.

use std::cell::RefCell;
use std::os::fd::OwnedFd;

use parking_lot::Mutex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};

use super::object::Object;
use super::{Segment, attached, refusal};

thread_local! {
    /// What the message that this thread is writing has in it.
    static PACKING: RefCell<Option<Baggage>> = const { RefCell::new(None) };
}

/// The handles of one message.
#[derive(Default)]
pub(crate) struct Baggage {
    /// Held so that they are still there on arrival.
    objects: Vec<Object>,
    segments: Vec<Segment>,
    /// What is to be dropped only when the message has arrived, or never will.
    kept: Vec<Box<dyn Send>>,
}

impl Baggage {
    /// Runs `write`, and collects the handles that it serialises.
    pub(crate) fn pack<R>(write: impl FnOnce() -> R) -> (R, Self) {
        let outer = PACKING.replace(Some(Self::default()));
        let written = write();
        let packed = PACKING.replace(outer);
        (written, packed.unwrap_or_default())
    }

    /// Whether there were no handles in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.segments.is_empty() && self.kept.is_empty()
    }

    /// The segments, each once.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Segment> {
        let mut all: Vec<Segment> = Vec::new();
        let of_objects = self
            .objects
            .iter()
            .map(|object| Segment::from_inner(object.inner().clone()));
        for segment in self.segments.iter().cloned().chain(of_objects) {
            if !all.iter().any(|known| known.id() == segment.id()) {
                all.push(segment);
            }
        }
        all.into_iter()
    }
}

/// Notes that the message being written has a handle of `object`.
pub(super) fn note(object: &Object) {
    PACKING.with_borrow_mut(|packing| {
        if let Some(baggage) = packing {
            baggage.objects.push(object.clone());
        }
    });
}

/// Keeps what `make` makes until the message being written has arrived; `false` where none with
/// baggage is.
pub(crate) fn keep(make: impl FnOnce() -> Box<dyn Send>) -> bool {
    PACKING.with_borrow_mut(|packing| {
        packing
            .as_mut()
            .map(|baggage| baggage.kept.push(make()))
            .is_some()
    })
}

/// Which segment it is, whatever it is called.
pub(crate) type SegmentId = [u64; 2];

/// Segments that this process was sent and has not needed yet, or no longer.
static ARRIVED: Mutex<Vec<(SegmentId, OwnedFd)>> = Mutex::new(Vec::new());

/// Keeps a descriptor of a segment, for the handles that are to arrive.
pub(crate) fn arrived(id: SegmentId, fd: OwnedFd) {
    let mut all = ARRIVED.lock();
    if !all.iter().any(|(known, _)| *known == id) {
        all.push((id, fd));
    }
}

/// The segment, where this process has it open or was sent it.
pub(super) fn segment(id: SegmentId) -> Result<Option<Segment>> {
    if let Some(open) = attached::find(|inner| inner.geometry.id == id)? {
        return Ok(Some(Segment::from_inner(open)));
    }
    let fd = {
        let all = ARRIVED.lock();
        let known = all.iter().find(|(known, _)| *known == id);
        known.map(|(_, fd)| fd.try_clone()).transpose()
    };
    let os = |e| Error::os(e, "open a segment that was sent to this process");
    fd.map_err(os)?.map(Segment::from_fd).transpose()
}

impl Segment {
    /// Which segment it is, whatever it is called.
    pub(crate) fn id(&self) -> SegmentId {
        self.inner().geometry.id
    }
}

impl Serialize for Segment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        PACKING.with_borrow_mut(|packing| {
            if let Some(baggage) = packing {
                baggage.segments.push(self.clone());
            }
        });
        self.id().serialize(to)
    }
}

/// Where the process has the segment open, or was sent it.
impl<'de> Deserialize<'de> for Segment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let found = segment(SegmentId::deserialize(from)?);
        let missing = || {
            Error::new(
                ErrorKind::NotAttached,
                "open a segment received as a handle",
            )
            .advise("it travels as an argument of a process; otherwise open it by name")
        };
        found
            .and_then(|found| found.ok_or_else(missing))
            .map_err(|why| serde::de::Error::custom(refusal::note(why)))
    }
}
