//! raw_sync's event, in shared memory.

use raw_sync::Timeout;
use raw_sync::events::{Event as Made, EventImpl, EventInit, EventState};

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
