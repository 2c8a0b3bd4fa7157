//! Sizes and times as people read them.

use std::time::{Duration, SystemTime};

/// Bytes, in at most four digits and a unit.
pub(crate) fn size(bytes: u64) -> String {
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].into_iter();
    let mut unit = units.next().unwrap_or_default();
    let mut whole = bytes;
    let mut tenths = 0;
    for larger in units {
        if whole < 1024 {
            break;
        }
        tenths = whole % 1024 * 10 / 1024;
        whole /= 1024;
        unit = larger;
    }
    if tenths == 0 || whole >= 100 {
        format!("{whole} {unit}")
    } else {
        format!("{whole}.{tenths} {unit}")
    }
}

/// A stretch of time, in its two largest units.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// How long ago it was; a time to come is now.
pub(crate) fn age(since: SystemTime) -> String {
    span(since.elapsed().unwrap_or_default())
}

/// An instant in UTC, to the millisecond.
pub(crate) fn clock(at: SystemTime) -> String {
    // Garbage in a segment may be any time, and humantime has no name for years of five digits.
    let latest = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_millis(at.clamp(SystemTime::UNIX_EPOCH, latest)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        let shown = [0, 1023, 1024, 4 << 20, (3 << 30) / 2, 1 << 40].map(size);
        let read = ["0 B", "1023 B", "1 KiB", "4 MiB", "1.5 GiB", "1 TiB"];
        assert_eq!(shown, read);
    }

    #[test]
    fn spans_have_two_units() {
        let shown = [7, 61, 3_660, 90_000].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(shown, ["7 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
        assert_eq!(span(Duration::from_millis(250)), "250 ms");
    }

    #[test]
    fn any_time_has_a_name() {
        let late = SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::MAX);
        assert!(clock(late).starts_with("2554-"));
        assert_eq!(clock(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
