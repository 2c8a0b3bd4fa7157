//! Who reads, for whoever only looks.

use super::RwLock;
use crate::raw::Token;

impl RwLock<'_> {
    /// Tells of each participant that has read guards, and how many; it may change at once.
    pub(crate) fn each_reader(&self, mut tell: impl FnMut(Token, u64)) {
        for (slot, count) in self.within(0) {
            let state = count.state();
            if let Some(reader) = state.reader(slot) {
                tell(reader, state.count());
            }
        }
    }
}
