//! What kinds of objects there are, and how each repairs itself after a death.

/// What an object is; stored with it, so opening it as another kind fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Kind {
    Lock = 1,
    RLock = 2,
    Semaphore = 3,
    Value = 4,
    Array = 5,
    AtomicArray = 6,
    Spsc = 7,
    Mpmc = 8,
    Event = 9,
    Barrier = 10,
    Condition = 11,
    RwLock = 12,
    Queue = 13,
    Pipe = 14,
    /// Of the segment itself: who waits for what.
    Waits = 15,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 15] = [
        Self::Lock,
        Self::RLock,
        Self::Semaphore,
        Self::Value,
        Self::Array,
        Self::AtomicArray,
        Self::Spsc,
        Self::Mpmc,
        Self::Event,
        Self::Barrier,
        Self::Condition,
        Self::RwLock,
        Self::Queue,
        Self::Pipe,
        Self::Waits,
    ];

    /// The kind with this number; `None` for a number that no kind has.
    pub(crate) fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == number)
    }

    /// As it is called in messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lock => "Lock",
            Self::RLock => "RLock",
            Self::Semaphore => "Semaphore",
            Self::Value => "Value",
            Self::Array => "Array",
            Self::AtomicArray => "AtomicArray",
            Self::Spsc => "Spsc",
            Self::Mpmc => "Mpmc",
            Self::Event => "Event",
            Self::Barrier => "Barrier",
            Self::Condition => "Condition",
            Self::RwLock => "RwLock",
            Self::Queue => "Queue",
            Self::Pipe => "Pipe",
            Self::Waits => "waits",
        }
    }
}
