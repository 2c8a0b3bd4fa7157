//! One mapped region, and who lives in it.
//!
//! A [`Segment`] is a header, a registry of participants, and an arena of objects with or without
//! names. Every process that opens it becomes a *participant*: the kernel holds a lease for it that
//! ends with the process, so a death is known for certain and a slow or stopped process is never
//! taken for dead. What a dead participant leaves behind is repaired by whoever meets it.

mod alarm;
mod arena;
mod attached;
pub(crate) mod baggage;
mod berth;
mod block;
mod books;
mod bound;
mod circle;
mod deadlock;
mod glance;
mod header;
mod hold;
mod info;
mod inner;
mod layout;
pub(crate) mod object;
mod options;
mod recovery;
pub(crate) mod refusal;
mod repair;
mod seat;
#[expect(
    clippy::module_inception,
    reason = "the noun of the module is its main type"
)]
mod segment;
mod view;
mod waits;
#[cfg(feature = "async")]
mod watcher;

pub use deadlock::{Deadlock, Holder, Wait};
pub use info::{ObjectInfo, Participant};
pub use options::SegmentOptions;
pub use recovery::Recovery;
pub use segment::Segment;

pub(crate) use alarm::Alarm;
pub(crate) use berth::{Berth, Look, fence_everywhere};
pub(crate) use bound::Bound;
pub(crate) use glance::{Glance, Glimpse};
pub(crate) use header::{check as check_header, check_beginning};
pub(crate) use layout::MOST_PARTICIPANTS;
pub(crate) use object::{Object, Spec};
pub(crate) use recovery::{instant, label_text, label_words, seconds};
pub(crate) use seat::Seat;
#[cfg(feature = "async")]
pub(crate) use watcher::{Waiting, Wish};
