//! How long somebody had to wait for a processor: what a loaded machine adds to every law of time.

use std::fs;
use std::time::{Duration, Instant};

/// A span of time, less that in which the machine had more to run than it could.
pub struct Span {
    start: Instant,
    pressed: Duration,
}

impl Span {
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
            pressed: pressed(),
        }
    }

    pub fn elapsed(&self) -> Duration {
        let pressed = pressed().saturating_sub(self.pressed);
        self.start.elapsed().saturating_sub(pressed)
    }
}

/// Since the start of the machine; nothing where its kernel does not say.
fn pressed() -> Duration {
    let text = fs::read_to_string("/proc/pressure/cpu").unwrap_or_default();
    let micros = text
        .lines()
        .find(|line| line.starts_with("some"))
        .and_then(|line| line.rsplit_once("total="))
        .and_then(|(_, micros)| micros.parse().ok());
    Duration::from_micros(micros.unwrap_or(0))
}
