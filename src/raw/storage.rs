//! The protocols' residents, by name.

#![expect(
    unsafe_code,
    reason = "each line here is a promise about one type's layout"
)]

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
    super::barrier::Cell,
    super::barrier::Head,
    super::event::EventWord,
    super::lock::LockWord,
    super::record::Head,
    super::messages::Head,
    super::mpmc::Controls,
    super::registry::Slot,
    super::rwlock::Count,
    super::rwlock::Head,
    super::spsc::Fixed,
    super::semaphore::Cell,
    super::semaphore::Head,
    super::condition::Cell,
    super::condition::Head,
    super::waits::Cell,
);
#[cfg(feature = "raw_sync")]
residents!(super::lone_event::LoneEvent);

#[cfg(test)]
mod tests {
    use crate::raw;

    #[test]
    fn residents_are_as_long_as_the_format_says() {
        // `docs/segment-format.md`; the heads of registry and arena are asserted where they are.
        assert_eq!(size_of::<raw::robust_lock::RobustLock>(), 64);
        assert_eq!(size_of::<raw::rlock::Recursion>(), 16);
        assert_eq!(size_of::<raw::rwlock::Head>(), 128);
        assert_eq!(size_of::<raw::rwlock::Count>(), 64);
        assert_eq!(size_of::<raw::semaphore::Head>(), 64);
        assert_eq!(size_of::<raw::semaphore::Cell>(), 4);
        assert_eq!(size_of::<raw::condition::Head>(), 64);
        assert_eq!(size_of::<raw::condition::Cell>(), 16);
        assert_eq!(size_of::<raw::ledger::Head>(), 64);
        assert_eq!(size_of::<raw::ledger::Entry>(), 16);
        assert_eq!(size_of::<raw::barrier::Head>(), 64);
        assert_eq!(size_of::<raw::barrier::Cell>(), 8);
        assert_eq!(size_of::<raw::event::EventWord>(), 4);
        #[cfg(feature = "raw_sync")]
        assert_eq!(size_of::<raw::lone_event::LoneEvent>(), 8);
        assert_eq!(size_of::<raw::record::Head>(), 16);
        assert_eq!(size_of::<raw::journal::Head>(), 104);
        assert_eq!(size_of::<raw::spsc::Fixed>(), 48);
        assert_eq!(size_of::<raw::messages::Head>(), 128);
        assert_eq!(size_of::<raw::mpmc::Controls>(), 40);
        assert_eq!(size_of::<raw::waits::Cell>(), 64);
    }
}
