//! Limits of time, as `raw_sync` says them and as we do.

use std::time::Duration;

use raw_sync::Timeout;

/// What the timed forms take, `None` for the form without a limit.
///
/// ```
/// use std::time::Duration;
/// use outlive::sync::raw_sync::limit;
/// use raw_sync::Timeout;
///
/// let lock = outlive::Lock::new()?;
/// lock.acquire(limit(Timeout::Val(Duration::from_millis(5))))?;
/// assert_eq!(limit(Timeout::Infinite), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn limit(timeout: Timeout) -> Option<Duration> {
    match timeout {
        Timeout::Infinite => None,
        Timeout::Val(limit) => Some(limit),
    }
}

/// The same the other way: a [`Duration`], or `None` for no limit.
///
/// ```
/// use std::time::Duration;
/// use outlive::sync::raw_sync::timeout;
/// use raw_sync::Timeout;
///
/// assert!(matches!(timeout(Duration::ZERO), Timeout::Val(Duration::ZERO)));
/// assert!(matches!(timeout(None), Timeout::Infinite));
/// ```
pub fn timeout(limit: impl Into<Option<Duration>>) -> Timeout {
    limit.into().map_or(Timeout::Infinite, Timeout::Val)
}
