//! Looking at segments from outside, without taking part in them.
//!
//! A [`Snapshot`] is one look at one segment: who takes part, which objects there are, who holds
//! what. Whoever looks does not join, locks nothing, creates nothing and repairs nothing: the file
//! is opened for reading only, and mapped privately. So it works beside stuck processes, where no
//! more participants fit, and for a user who may only read. The command `outlive` (feature `cli`) is
//! made of this; its `show --json` is a [`Snapshot`], which is `Serialize` as all that is in it.
//!
//! [`find`] and [`find_anonymous`] say where there are segments, [`is_stale`] whether nobody lives in
//! one any more, and [`remove_stale`] takes its name away then. Those two need a file that may be
//! written, and nothing else here changes anything.
//!
//! A look is not an instant: while it is taken, others go on. Each word of it was true at some
//! moment; two of them need not have been at the same.
//!
//! # If a process dies
//!
//! Meanwhile: it is shown alive or dead, as the kernel's word on its lease was. Whoever looks can
//! die at any time and nobody notices.
//!
//! # Examples
//!
//! ```
//! use outlive::inspect::{Snapshot, State};
//! use outlive::{Lock, SegmentOptions};
//!
//! let folder = std::env::temp_dir();
//! let name = format!("looked-at-{}", std::process::id());
//! let segment = SegmentOptions::new().folder(&folder).label("me").create(&name)?;
//! let lock = Lock::create(&segment, "door")?;
//! let guard = lock.lock().map_err(outlive::Error::from)?;
//!
//! let snapshot = Snapshot::at(segment.path().expect("it has a name"))?;
//! let State::Lock { owner, .. } = &snapshot.objects[0].state else {
//!     panic!("no lock");
//! };
//! assert_eq!(owner.as_ref().expect("held").label, "me");
//! # drop(guard);
//! # segment.unlink()?;
//! # Ok::<(), outlive::Error>(())
//! ```

mod found;
mod object;
mod reader;
mod snapshot;
mod stale;
mod state;
mod who;

pub use found::{Found, find, find_anonymous};
pub use object::Object;
pub use snapshot::Snapshot;
pub use stale::{is_stale, remove_stale};
pub use state::{Died, End, State};
pub use who::{Holder, Who};
