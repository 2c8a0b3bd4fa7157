//! Who has which cells, for whoever only looks.

use super::{Cell, Cells};
use crate::raw::Token;

impl Cells<'_> {
    /// Tells of each permit that somebody has; it may change at once.
    pub(crate) fn each_owner(&self, mut tell: impl FnMut(Token, u64)) {
        let owners = self.cells.iter().map(Cell::state);
        owners
            .filter_map(super::State::owner)
            .for_each(|owner| tell(owner, 1));
    }
}
