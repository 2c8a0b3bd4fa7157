//! Who is putting and who is taking, for whoever only looks.

use super::slot::{Phase, Position, SlotWord};
use super::{Side, Slots};
use crate::raw::Token;
use crate::sys::atomic::{AtomicU64, Ordering};

impl Slots<'_> {
    /// Tells of each claim: by a producer that writes an item, or a consumer that takes one; it may
    /// change at once.
    pub(crate) fn each_claim(&self, mut tell: impl FnMut(Token, Side)) {
        for (word, _) in self.slots() {
            // Relaxed: shown to people.
            let seen = SlotWord(word.load(Ordering::Relaxed));
            let side = match seen.phase() {
                Phase::Writing => Side::Room,
                Phase::Reading => Side::Item,
                Phase::Empty | Phase::Ready => continue,
            };
            if let Some(owner) = seen.owner() {
                tell(owner, side);
            }
        }
    }

    /// Items ever put and ever taken, as far as the hints say; they wrap after 2^32 turns.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let count = |hint: &AtomicU64| {
            // Relaxed: a number that may be old at once.
            let position = Position(hint.load(Ordering::Relaxed));
            let turn = u64::from(SlotWord(position.0).turn());
            let slot = position.at() / self.stride;
            turn.wrapping_mul(self.capacity() as u64)
                .wrapping_add(slot as u64)
        };
        (count(self.tail), count(self.head))
    }
}
