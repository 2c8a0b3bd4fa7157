//! A place to sleep at, whatever the object.

use crate::error::Result;
use crate::raw::{Peers, Token};
use crate::sys::atomic::AtomicU32;

use super::object::Object;
use super::seat::Seat;

/// What somebody waits for in one object, and how the object tells him.
///
/// Who sleeps here *lies down*, then *looks*, and sleeps only if it is still not ready. It takes
/// nothing: what it finds ready is for the `try_` form of an operation. The place keeps its object
/// open, and so the word mapped.
pub(crate) trait Berth: Send {
    fn object(&self) -> &Object;

    /// The word that is slept on: moved or woken when the sleeper is to look again.
    fn word(&self) -> &AtomicU32;

    /// Announces a sleeper; what the word must hold for the sleep to begin.
    fn lie_down(&self) -> u32;

    /// Whether the `try_` form has reason to try. With `ask`, who is dead is found out first.
    fn look(&self, seat: Seat<'_>, ask: bool) -> Look;

    /// Leaves without having taken what a wake was about, or with less than there is: who sleeps
    /// at the same place in another process is not to sleep on beside it.
    fn hand_on(&self, seat: Seat<'_>);

    /// As [`Berth::hand_on`], for a sleeper that knows that nobody of its own process sleeps here.
    fn get_up(&self, seat: Seat<'_>) {
        self.hand_on(seat);
    }

    /// Tells sleepers of one word apart who wait for different things.
    #[cfg(feature = "async")]
    fn need(&self) -> u64 {
        0
    }

    /// Whether it may be woken with its word as it was, by who handed a wake on.
    #[cfg(feature = "async")]
    fn is_woken_in_place(&self) -> bool {
        false
    }

    /// Whether what is ready is so for all who wait for it, and not for one of them.
    #[cfg(feature = "async")]
    fn is_for_all(&self) -> bool {
        false
    }
}

/// What a sleeper sees.
#[derive(Debug, Default)]
pub(crate) struct Look {
    pub(crate) is_ready: bool,
    /// Whose deaths would make it ready; nobody where it is.
    pub(crate) owners: Vec<Token>,
}

impl Look {
    pub(crate) fn new(is_ready: bool, owners: &[Token]) -> Self {
        let owners = if is_ready { &[] } else { owners };
        Self {
            is_ready,
            owners: owners.to_vec(),
        }
    }
}

/// A full fence after having lain down in `objects`: once for each segment. `false` where the kernel
/// has none for all participants of one of them, and the next sleep is to be a short one.
pub(crate) fn fence_everywhere(objects: &[&Object]) -> Result<bool> {
    let mut fenced = true;
    for (nth, object) in objects.iter().enumerate() {
        let mut earlier = objects.iter().take(nth);
        if !earlier.any(|other| other.is_beside(object)) {
            fenced &= object.seat()?.fence_everywhere();
        }
    }
    Ok(fenced)
}
