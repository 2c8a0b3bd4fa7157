//! How long a wait of a target lasts.

use std::time::Duration;

/// Most steps of one input, so that an input is a matter of milliseconds.
pub const STEPS: usize = 64;

/// A wait that is to time out.
pub const SHORT: Duration = Duration::from_micros(200);
