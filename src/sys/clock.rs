//! Monotonic time: every waiting form turns its limit into one absolute instant, once.

use std::time::{Duration, Instant};

/// When a wait gives up, in nanoseconds of `CLOCK_MONOTONIC`. Steps of the wall clock do not
/// matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline {
    at: u64,
    /// When the limit was set; 0 where there is none.
    set: u64,
}

impl Deadline {
    /// Waits for ever.
    pub(crate) const NEVER: Self = Self {
        at: u64::MAX,
        set: 0,
    };
    /// Does not wait at all.
    #[cfg(loom)]
    pub(crate) const PAST: Self = Self { at: 0, set: 0 };

    /// Whether the time has come: as good as never under loom, which has no time.
    #[cfg(loom)]
    pub(crate) fn is_past(self) -> bool {
        self == Self::PAST
    }

    /// As absolute monotonic nanoseconds; `None` for never.
    pub(crate) fn nanos(self) -> Option<u64> {
        (self.at != u64::MAX).then_some(self.at)
    }
}

#[cfg(not(loom))]
impl Deadline {
    /// `limit` from now; a limit beyond some 500 years is never.
    pub(crate) fn after(limit: Duration) -> Self {
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        let set = monotonic_nanos();
        Self {
            at: set.saturating_add(limit),
            set,
        }
    }

    /// At `instant`; an instant of the past is now.
    pub(crate) fn at(instant: Instant) -> Self {
        Self::after(instant.saturating_duration_since(Instant::now()))
    }

    /// When the limit was set: a timed wait has taken since then.
    pub(crate) fn set(self) -> u64 {
        self.set
    }

    /// How long until then; `None` for never.
    pub(crate) fn left(self) -> Option<Duration> {
        let left = |at: u64| Duration::from_nanos(at.saturating_sub(monotonic_nanos()));
        self.nanos().map(left)
    }

    /// Whether the time has come.
    pub(crate) fn is_past(self) -> bool {
        self.nanos().is_some_and(|at| monotonic_nanos() >= at)
    }
}

/// Now, in nanoseconds of `CLOCK_MONOTONIC`.
#[cfg(not(loom))]
pub(crate) fn monotonic_nanos() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec)
        .unwrap_or(0)
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0))
}

/// As [`monotonic_nanos`], some milliseconds behind, and several times cheaper.
#[cfg(not(loom))]
pub(crate) fn coarse_nanos() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    u64::try_from(now.tv_sec)
        .unwrap_or(0)
        .saturating_mul(1_000_000_000)
        .saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0))
}

/// Now, in nanoseconds since the Unix epoch, for showing to people.
#[cfg(not(loom))]
pub(crate) fn unix_nanos() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_nanos()).ok())
        .unwrap_or(0)
}
