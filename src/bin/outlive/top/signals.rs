//! Signals that come while the terminal is ours.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGCONT, SIGHUP, SIGTERM};
use signal_hook::{flag, low_level};

/// What has come.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// The number of a signal that ends the program, or 0.
    end: Arc<AtomicUsize>,
    /// It was stopped, and goes on.
    has_resumed: Arc<AtomicBool>,
}

impl Signals {
    pub(super) fn caught() -> io::Result<Self> {
        let signals = Self::default();
        for signal in [SIGTERM, SIGHUP] {
            let number = usize::try_from(signal).unwrap_or_default();
            flag::register_usize(signal, Arc::clone(&signals.end), number)?;
        }
        flag::register(SIGCONT, Arc::clone(&signals.has_resumed))?;
        Ok(signals)
    }

    pub(super) fn is_end(&self) -> bool {
        self.end.load(Ordering::Relaxed) != 0
    }

    /// Whether it goes on after a stop, which is told once.
    pub(super) fn has_resumed(&self) -> bool {
        self.has_resumed.swap(false, Ordering::Relaxed)
    }

    /// Ends as the signal would have, now that the terminal is as it was.
    pub(super) fn obey(&self) {
        if let Ok(signal @ 1..) = i32::try_from(self.end.load(Ordering::Relaxed)) {
            let _ = low_level::emulate_default_handler(signal);
        }
    }
}
