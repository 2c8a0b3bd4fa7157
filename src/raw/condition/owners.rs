//! Who waits, for whoever only looks.

use super::Line;
use crate::raw::Token;

impl Line<'_> {
    /// Tells of each waiter, and whether it has been notified; it may change at once.
    pub(crate) fn each_waiter(&self, mut tell: impl FnMut(Token, bool)) {
        for state in self.within().map(|cell| cell.state()) {
            if let Some(owner) = state.owner() {
                tell(owner, state.is_notified());
            }
        }
    }
}
