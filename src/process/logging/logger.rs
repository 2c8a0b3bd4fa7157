//! [`Logger`]: what `log` has in a process whose records travel.

use std::sync::atomic::{AtomicBool, Ordering};

use log::{LevelFilter, Log, Metadata, Record};

use crate::error::{Error, ErrorKind, Result};

use super::{channel, sender, writer};

/// The logger of all processes: what is handed to it goes to the writer in the main process.
///
/// It is the `log` crate's logger in every started process, and after
/// [`log_to_stderr`](super::log_to_stderr) in the main process too. There the macros of `log` reach
/// it by themselves. Beside a logger of the program's own, it can be named in them.
///
/// # If a process dies
///
/// See the [module](super).
#[derive(Debug)]
pub struct Logger {
    /// Whether `log` has it.
    is_installed: AtomicBool,
}

static LOGGER: Logger = Logger {
    is_installed: AtomicBool::new(false),
};

/// The logger of all processes. It takes nothing before the first call of
/// [`log_to_stderr`](super::log_to_stderr) or [`forward`](super::forward).
///
/// # Examples
///
/// ```
/// use log::LevelFilter;
/// use outlive::process::logging::{forward, get_logger};
///
/// forward(LevelFilter::Info)?;
/// let logger = get_logger();
/// // By the way of the other processes' records, to the program's logger.
/// log::warn!(logger: logger, target: "outlive", "doomed");
///
/// logger.set_level(LevelFilter::Error)?;
/// assert_eq!(logger.level(), LevelFilter::Error);
/// # Ok::<(), outlive::Error>(())
/// ```
#[must_use]
pub fn get_logger() -> &'static Logger {
    &LOGGER
}

/// Whether what `log` has in this process is the logger of this module.
pub(super) fn is_installed() -> bool {
    // Acquire: pairs with the Release in `install`.
    LOGGER.is_installed.load(Ordering::Acquire)
}

/// Makes it the logger that `log` has, once.
pub(super) fn install() -> Result<()> {
    match log::set_logger(&LOGGER) {
        Ok(()) => {
            // The level that counts is the common one, which any process may change.
            log::set_max_level(LevelFilter::Trace);
            // Release: pairs with the Acquire in `is_installed`.
            LOGGER.is_installed.store(true, Ordering::Release);
            Ok(())
        }
        Err(_) if is_installed() => Ok(()),
        Err(_) => Err(
            Error::new(ErrorKind::AlreadyExists, "log to the standard error")
                .advise("the program has a logger: give it the records with logging::forward"),
        ),
    }
}

impl Logger {
    /// The level from which on records are taken, in all processes. Another process may change it at
    /// once.
    #[must_use]
    #[doc(alias = "getEffectiveLevel")]
    pub fn level(&self) -> LevelFilter {
        channel::filter(channel::here().map_or(0, channel::Channel::level))
    }

    /// Changes the level, in all processes at once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] before the first call of [`log_to_stderr`](super::log_to_stderr) or
    /// [`forward`](super::forward).
    #[doc(alias = "setLevel")]
    pub fn set_level(&self, level: LevelFilter) -> Result<()> {
        let channel = channel::here().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "change the level of the log")
                .advise("call log_to_stderr or logging::forward first")
        })?;
        channel.set_level(level);
        Ok(())
    }

    /// Waits until all that was logged before is written; in the main process only. In others there is
    /// nothing to wait for: what they have logged is in the shared memory.
    ///
    /// # Blocking
    ///
    /// Sleeps in the kernel; not for much longer than the writer comes on.
    ///
    /// # If a process dies
    ///
    /// What it has logged is written. Nobody waits for it.
    pub fn flush(&self) {
        writer::flush();
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        channel::here().is_some_and(|channel| metadata.level() as u32 <= channel.level())
    }

    fn log(&self, record: &Record<'_>) {
        if let Some(channel) = channel::here()
            && record.level() as u32 <= channel.level()
        {
            sender::send(channel, record);
        }
    }

    fn flush(&self) {
        writer::flush();
    }
}
