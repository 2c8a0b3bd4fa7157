//! How much of a law is tried: in full with `OUTLIVE_STORM_FULL=1`.

/// `full`, or as much of it as every run has time for.
pub fn of<T>(full: T, reduced: T) -> T {
    match std::env::var_os("OUTLIVE_STORM_FULL") {
        Some(_) => full,
        None => reduced,
    }
}
