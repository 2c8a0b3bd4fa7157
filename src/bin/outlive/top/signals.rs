//! Signals that come while the terminal is ours.

use std::io;
use std::mem;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustix::process::{Signal, kill_current_process_group};
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

    /// Whether it is to stop, which is told once.
    pub(super) fn is_to_stop(&self) -> bool {
        self.is_to_stop.swap(false, Ordering::Relaxed)
    }

    /// Stops until somebody has it go on, as the signal would that nobody catches: not at all where
    /// there is nobody for that, as for who leads a session.
    #[expect(unsafe_code, reason = "sigaction")]
    pub(super) fn stop(&self) {
        // SAFETY: all zero is a valid `sigaction`: the default, no flags, nothing blocked.
        let default: libc::sigaction = unsafe { mem::zeroed() };
        let mut ours = default;
        // SAFETY: both are valid for the call, and the default action does not run code of ours.
        if unsafe { libc::sigaction(SIGTSTP, &raw const default, &raw mut ours) } == 0 {
            let _ = low_level::raise(SIGTSTP);
            // SAFETY: the action that was there.
            unsafe { libc::sigaction(SIGTSTP, &raw const ours, ptr::null_mut()) };
        }
        // It goes on where it did not stop, too.
        self.has_resumed.store(true, Ordering::Relaxed);
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
