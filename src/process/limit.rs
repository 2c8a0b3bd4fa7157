//! Limits on what a process may use.

use serde::{Deserialize, Serialize};

pub use crate::sys::setting::Resource;

/// A limit: what it is on, and how much.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Limit {
    pub(super) resource: Resource,
    pub(super) most: u64,
}
