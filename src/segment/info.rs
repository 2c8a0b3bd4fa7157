//! What a segment tells of itself: who takes part, and which objects there are.

use std::time::SystemTime;

use serde::Serialize;

use crate::error::Result;
use crate::raw::Kind;
use crate::sys::atomic::Ordering;

use super::block::Block;
use super::inner::Inner;

/// A process that takes part in a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Participant {
    /// Process id, in the process's own process-id namespace.
    pub pid: u32,
    /// Inode of that namespace; 0 where the process could not know it.
    pub pid_namespace: u64,
    /// What the process calls itself.
    pub label: String,
    /// When it joined.
    #[serde(serialize_with = "super::recovery::seconds")]
    pub since: SystemTime,
    /// Whether it lives. A dead participant is listed until its death is repaired.
    pub is_alive: bool,
    /// Whether it is the calling process.
    pub is_me: bool,
}

/// An object of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ObjectInfo {
    /// The name, if it has one.
    pub name: Option<String>,
    /// The kind, as its handle type is called.
    pub kind: &'static str,
    /// Bytes of the object itself.
    pub bytes: u64,
    /// Process ids of the participants that have it open.
    pub holders: Vec<u32>,
}

impl Inner {
    pub(crate) fn participants(&self) -> Vec<Participant> {
        self.view().participants(&self.leases(), self.token())
    }

    /// Whether there is an object of this name, by the same look that opens it.
    pub(crate) fn has_object(&self, name: &str) -> Result<bool> {
        self.under_books(|arena| arena.find(name).is_some())
    }

    pub(crate) fn objects(&self) -> Result<Vec<ObjectInfo>> {
        let registry = self.registry();
        let describe = |block: Block<'_>| ObjectInfo {
            name: block.name(),
            kind: Kind::from_number(block.kind()).map_or("unknown", Kind::name),
            bytes: block.object().map_or(0, |range| range.len),
            holders: block
                .holder_slots()
                .filter_map(|slot| registry.slot(slot))
                .map(|slot| slot.pid.load(Ordering::Relaxed))
                .collect(),
        };
        self.under_books(|arena| arena.objects().map(describe).collect())
    }
}
