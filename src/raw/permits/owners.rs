//! Who has how many permits, for whoever only looks.

use super::Permits;
use crate::raw::Token;

impl Permits<'_> {
    /// Tells of permits and who has them, as often as each has some; it may change at once.
    pub(crate) fn each_owner(&self, tell: impl FnMut(Token, u64)) {
        match self {
            Self::Cells(cells) => cells.each_owner(tell),
            Self::Ledger(ledger) => ledger.each_owner(tell),
        }
    }

    /// Free permits, without waiting for anybody who changes them; it may change at once.
    pub(crate) fn free_now(&self) -> u64 {
        match self {
            Self::Cells(cells) => cells.available().into(),
            Self::Ledger(ledger) => ledger.free_now(),
        }
    }
}
