//! Signals that come while the terminal is ours.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::process::{Signal, getpgrp, getsid, kill_current_process_group};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::{flag, low_level};

/// What has come.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// The number of a signal that ends the program, or 0.
    end: Arc<AtomicUsize>,
    /// It is to stop, as by Control-Z.
    is_to_stop: Arc<AtomicBool>,
    /// It was stopped, and goes on.
    has_resumed: Arc<AtomicBool>,
}

impl Signals {
    pub(super) fn caught() -> io::Result<Self> {
        let signals = Self::default();
        for signal in [SIGTERM, SIGHUP, SIGINT, SIGQUIT] {
            let number = usize::try_from(signal).unwrap_or_default();
            flag::register_usize(signal, Arc::clone(&signals.end), number)?;
        }
        flag::register(SIGTSTP, Arc::clone(&signals.is_to_stop))?;
        flag::register(SIGCONT, Arc::clone(&signals.has_resumed))?;
        Ok(signals)
    }

    pub(super) fn is_end(&self) -> bool {
        self.end.load(Ordering::Relaxed) != 0
    }

    /// Whether any of them has come that has not been heeded.
    pub(super) fn have_come(&self) -> bool {
        let [stop, resumed] = [&self.is_to_stop, &self.has_resumed];
        self.is_end() || stop.load(Ordering::Relaxed) || resumed.load(Ordering::Relaxed)
    }

    /// Whether it is to stop, which is told once. Who leads a session is not: there is nobody who
    /// would have it go on.
    pub(super) fn is_to_stop(&self) -> bool {
        let is_leader = getsid(None).is_ok_and(|session| session == getpgrp());
        self.is_to_stop.swap(false, Ordering::Relaxed) && !is_leader
    }

    /// Stops until somebody has it go on.
    pub(super) fn stop(&self) {
        // As a signal that nobody catches would.
        let _ = low_level::emulate_default_handler(SIGTSTP);
    }

    /// Tells all of the job to stop, as a terminal does that is not ours.
    pub(super) fn stop_all(&self) {
        let _ = kill_current_process_group(Signal::TSTP);
        // The signal may not have come to this thread yet.
        self.is_to_stop.store(true, Ordering::Relaxed);
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
