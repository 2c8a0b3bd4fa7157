//! The traits of the `raw_sync` crate, on events of ours.
//!
//! What is written for `raw_sync`'s events runs on events that survive a kill:
//!
//! | | where it lies | who finds it | reset |
//! |---|---|---|---|
//! | [`Event`](super::Event) as [`EventImpl`] | in a segment | by name, or by its bytes | by hand |
//! | [`LoneEvent`] as [`EventInit`] and [`EventImpl`] | in memory of the caller's | by address | both |
//!
//! `Event` is an [`EventInit`] too, so that code that is generic over one can be given it; what it
//! makes in raw memory is a [`LoneEvent`]. [`limit`] and [`timeout`] translate
//! [`Timeout`](::raw_sync::Timeout).
//!
//! Of `raw_sync`, only its traits are used: none of its own events or locks, which are lost with a
//! process that dies in them.
//!
//! # If a process dies
//!
//! In any of these: an event is set or it is not, nobody waits for the dead, and a wake-up that a
//! death swallowed costs 20 ms at the most. [`LoneEvent`] says what that means for an event whose
//! sets release one waiter each.
//!
//! [`EventInit`]: ::raw_sync::events::EventInit
//! [`EventImpl`]: ::raw_sync::events::EventImpl

mod event;
mod lone_event;
mod stranger;
mod timeout;

pub use lone_event::LoneEvent;
pub use timeout::{limit, timeout};
