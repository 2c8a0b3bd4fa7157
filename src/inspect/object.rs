//! One object of a snapshot.

use serde::Serialize;

use super::{State, Who};

/// An object of a segment, and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Object {
    /// The name, if it has one.
    pub name: Option<String>,
    /// The kind, as its handle type is called.
    pub kind: &'static str,
    /// Bytes from the start of the segment to the object. Where it has no name, this tells it from
    /// the others.
    pub offset: u64,
    /// Bytes of the object itself.
    pub bytes: u64,
    /// The participants that have it open.
    pub open_in: Vec<Who>,
    /// What it is doing.
    pub state: State,
}
