//! raw_sync's event and mutex, in shared memory.

use raw_sync::Timeout;
use raw_sync::events::{Event as Made, EventImpl, EventInit, EventState};
use raw_sync::locks::{LockGuard, LockImpl, LockInit, Mutex as MadeMutex};

use crate::mapping::{Resident, Shared};

/// One that its waiter clears.
pub struct Event {
    event: Box<dyn EventImpl>,
    _place: Shared<Place>,
}

#[repr(C, align(64))]
struct Place([u8; 512]);

// SAFETY: plain bytes, which nobody but the library looks at.
unsafe impl Resident for Place {}

impl Event {
    pub fn new() -> Self {
        let place = Shared::<Place>::new();
        assert!(Made::size_of(None) <= size_of::<Place>());
        // The library wants a pointer that may be written through.
        let at = place.at().cast();
        // SAFETY: the place is large enough, and lives as long as the event.
        let (event, _) = unsafe { Made::new(at, true) }.expect("an event");
        Self {
            event,
            _place: place,
        }
    }

    #[inline]
    pub fn set(&self) {
        self.event.set(EventState::Signaled).expect("set");
    }

    /// Waits for a set, and takes it.
    pub fn wait(&self) {
        self.event.wait(Timeout::Infinite).expect("set");
    }
}

/// Its mutex, which protects nothing but what the caller says.
pub struct Mutex {
    lock: Box<dyn LockImpl>,
    _place: Shared<Place>,
}

// SAFETY: a pointer into shared memory, to a mutex that the C library has many use at a time.
unsafe impl Sync for Mutex {}

impl Mutex {
    pub fn new() -> Self {
        let place = Shared::<Place>::new();
        assert!(MadeMutex::size_of(None) <= size_of::<Place>() / 2);
        let at = place.at().cast::<u8>();
        // SAFETY: within the place.
        let data = unsafe { at.add(size_of::<Place>() / 2) };
        // SAFETY: the place is large enough, and lives as long as the mutex.
        let (lock, _) = unsafe { MadeMutex::new(at, data) }.expect("a mutex");
        Self {
            lock,
            _place: place,
        }
    }

    #[inline]
    pub fn lock(&self) -> LockGuard<'_> {
        self.lock.lock().expect("a mutex")
    }
}
