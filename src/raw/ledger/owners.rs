//! Who has how many of a ledger's permits, for whoever only looks.

use super::Ledger;
use crate::raw::Token;

impl Ledger<'_> {
    /// Tells of permits and who has them; it may change at once.
    pub(crate) fn each_owner(&self, mut tell: impl FnMut(Token, u64)) {
        for (slot, entry) in self.seats() {
            for tally in [entry.guarded.load(), entry.kept.load()] {
                if tally.count() > 0 {
                    tell(tally.owner(slot), tally.count());
                }
            }
        }
    }

    /// What nobody has; outside of the lock a sum that may never have been true.
    pub(crate) fn free_now(&self) -> u64 {
        let mut taken: u64 = 0;
        self.each_owner(|_, count| taken = taken.saturating_add(count));
        self.total().saturating_sub(taken)
    }
}
