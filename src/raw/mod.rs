//! Resident words and their protocols: what lies in the mapping, and nothing else.
//!
//! Everything here uses [`crate::sys`]'s facade alone: no segment, no allocation, no names, no
//! clock but a deadline that comes as a value. Who is dead, and how to sleep, is learned through
//! [`Peers`], so each protocol runs unchanged in a mapping, under loom and in a counted build.

pub(crate) mod barrier;
pub(crate) mod condition;
pub(crate) mod event;
pub(crate) mod journal;
pub(crate) mod kind;
pub(crate) mod ledger;
pub(crate) mod lock;
#[cfg(feature = "raw_sync")]
pub(crate) mod lone_event;
pub(crate) mod messages;
pub(crate) mod mpmc;
pub(crate) mod peers;
pub(crate) mod permits;
pub(crate) mod record;
pub(crate) mod registry;
pub(crate) mod rlock;
pub(crate) mod robust_lock;
pub(crate) mod rwlock;
pub(crate) mod semaphore;
pub(crate) mod spsc;
#[cfg(not(loom))]
pub(crate) mod storage;
pub(crate) mod token;
pub(crate) mod waits;

pub(crate) use kind::Kind;
pub(crate) use peers::{Pace, Peers, Waited};
#[cfg(not(loom))]
pub(crate) use storage::{Resident, Storage};
pub(crate) use token::Token;
