//! Who has arrived, for whoever only looks.

use super::Barrier;
use crate::raw::Token;

impl Barrier<'_> {
    /// Tells of each party that has arrived and not left; it may change at once.
    pub(crate) fn each_party(&self, mut tell: impl FnMut(Token)) {
        let turn = self.head.state.get().turn();
        for cell in self.cells {
            if let Some((party, own)) = cell.get().party()
                && own == turn
            {
                tell(party);
            }
        }
    }

    /// Whose death broke the barrier, if one did.
    pub(crate) fn broken_by(&self) -> Option<Token> {
        self.head.state.get().dead()
    }
}
