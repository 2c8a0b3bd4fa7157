//! The protocols' residents, by name.

#![expect(unsafe_code, reason = "each line here is a promise about one type's layout")]

pub(crate) use crate::sys::storage::{Resident, Storage};

macro_rules! residents {
    ($($resident:ty),* $(,)?) => {$(
        // SAFETY: `repr(C)` or `repr(transparent)` over facade atomics, as its definition shows.
        unsafe impl Resident for $resident {}
    )*};
}
residents!(
    super::robust_lock::RobustLock,
    super::rlock::Recursion,
    super::ledger::Head,
    super::ledger::Entry,
    super::journal::Head,
    super::lock::LockWord,
    super::record::Head,
    super::mpmc::Controls,
    super::registry::Slot,
    super::spsc::Fixed,
    super::spsc::Side,
    super::semaphore::Cell,
    super::semaphore::Head,
);
