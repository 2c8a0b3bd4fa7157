//! Linux: one file per kernel facility.

mod aligned;
pub(crate) mod bell;
pub(crate) mod descriptors;
pub(crate) mod ends;
pub(crate) mod epoch;
pub(crate) mod family;
pub(crate) mod file;
pub(crate) mod fork;
pub(crate) mod futex;
pub(crate) mod image;
pub(crate) mod lease;
pub(crate) mod lifeline;
pub(crate) mod mapping;
pub(crate) mod membarrier;
pub(crate) mod pidfd;
pub(crate) mod readiness;
pub(crate) mod setting;
pub(crate) mod slack;
pub(crate) mod socket;
#[cfg(feature = "remote")]
pub(crate) mod stream;
pub(crate) mod thread;
