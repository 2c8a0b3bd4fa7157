//! Who is putting and who has taken, for whoever only looks.

use super::Messages;
use super::block::Phase;
use crate::raw::Token;
use crate::sys::atomic::Ordering;

impl Messages<'_> {
    /// Tells of each message that somebody writes, or has taken (`true`) and not yet dealt with; it
    /// may change at once.
    pub(crate) fn each_claim(&self, mut tell: impl FnMut(Token, bool)) {
        for (_, word) in self.blocks() {
            match word.phase() {
                Phase::Reserved(Some(owner)) => tell(owner, false),
                Phase::Claimed(Some(owner)) => tell(owner, true),
                _ => {}
            }
        }
    }

    /// Messages ever put in order, and ever taken out of it.
    pub(crate) fn counts(&self) -> (u64, u64) {
        // Relaxed, both: numbers that may be old at once.
        let inner = &self.head.inner;
        let put = inner.tail.load(Ordering::Relaxed);
        (put, inner.head.load(Ordering::Relaxed))
    }
}
