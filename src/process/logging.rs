//! What the processes log, in one place: the records of all of them travel through a queue in shared
//! memory to one thread of the main process.
//!
//! [`log_to_stderr`] writes them to the standard error, as `[LEVEL/ProcessName] message`. Where the
//! program has a logger of its own (`env_logger`, `tracing-log`, any other of the crate `log`),
//! [`forward`] gives it the records of the other processes. Whatever is said with the macros of `log`
//! counts, this crate's own words too, which have targets that begin with `outlive`: that a process
//! begins and exits (`Debug`), what was repaired after a death (`Info`), and what goes wrong. Events of
//! `tracing` in the started processes count where its feature `log` is on.
//!
//! # Which processes
//!
//! This one, and all that are started after the first call, with what those start, the workers of
//! pools, and forked children. They need no call of their own. A process that was started before the
//! first call stays as it was: `log` takes one logger, once, and it may have taken its own by
//! then. Where processes may be started before anything is to be logged, call it early with
//! [`LevelFilter::Off`], and [raise the level](Logger::set_level) later.
//!
//! The process that calls first is the *main process* of the logging; it need not be the program's.
//! Calls in processes that it has started only change the level, for all. The writer stays in it: a
//! program that forks itself to become a daemon is to call afterwards. A child forked by other means
//! than this crate's has its parent's name, with its own number: `MainProcess(4321)`.
//!
//! # What the started processes see
//!
//! The logger of a started process is set before its function is called. So a function that sets one
//! itself is refused (`env_logger::init` panics, `env_logger::try_init` says so), and its records go
//! the common way. A started process of a program that never logs in this manner has no logger, and
//! may set one. A forked child has the logger that its parent had.
//!
//! The level lies in shared memory, and a change of it is seen at once in all processes. Their own
//! [`log::max_level`] is `Trace`; a record below the common level costs a load and a comparison. A
//! process can lower its own with [`log::set_max_level`].
//!
//! # Order, and losses
//!
//! Records of one thread stay in their order, and so do those of different processes where one can
//! have known of the other. Whoever logs puts the record into the queue itself, and goes on. Where the
//! queue is full, the writer is stopped or slower than all who log: then a record waits, for 20 seconds
//! at the most, and for one where nothing is written meanwhile. Those after one that waited in vain
//! do not wait until there is room again. What finds no room
//! is lost, and counted; a later record says how many were. A message of more than 256 KiB is cut, and so
//! are key-values that have more together. What fails or panics while it is written: of a failure
//! there is what came before it, and a panic is the caller's, as with any logger.
//! Every process that logs takes part in the [home segment](crate::Segment::home), which has places
//! for 256 at a time; those beyond are not heard.
//!
//! When `main` of the main process returns, or it exits, what was logged until then is written first,
//! after all processes that it waits for have ended. [`Logger::flush`] does that at any time.
//!
//! # If a process dies
//!
//! What it has logged is written, to the last record: it was in the shared memory before the macro
//! returned. A record that was being put is there whole, or was never there, and nobody is held up. The
//! main process: what lies in the queue is lost with it, and nobody waits for long.
//!
//! # Examples
//!
//! Python's `multiprocessing.log_to_stderr`:
//!
//! ```
//! use log::LevelFilter;
//! use outlive::Process;
//!
//! outlive::log_to_stderr(LevelFilter::Warn)?;
//! log::warn!("doomed"); // [WARN/MainProcess] doomed
//!
//! let process = Process::spawn(|(): ()| log::error!("and so am I"), ())?;
//! process.join()?; // [ERROR/Process-1] and so am I
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With a logger of the program's own:
//!
//! ```
//! use outlive::Process;
//! use outlive::process::logging;
//!
//! env_logger::init();
//! logging::forward(log::max_level())?;
//! Process::spawn(|(): ()| log::error!("from far"), ())?.join()?; // Process-1: from far
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod channel;
mod entry;
mod logger;
mod sender;
mod writer;

use log::LevelFilter;

use crate::error::Result;

pub use logger::{Logger, get_logger};

pub(super) use channel::handle;
pub(super) use writer::flush;

/// Writes what all processes log to the standard error of this one, from `level` up, in whole lines:
/// `[LEVEL/ProcessName] message`, and the key-values of the record.
///
/// Sets the logger of this process, which `log` permits once. Called again, it only changes the level.
/// See the [module](self) for which processes are meant, and for what a death does.
///
/// # Errors
///
/// [`ErrorKind::AlreadyExists`](crate::ErrorKind::AlreadyExists) where this process has another logger: use
/// [`forward`]. Otherwise as [`Segment::home`](crate::Segment::home).
///
/// # Examples
///
/// ```
/// let logger = outlive::log_to_stderr(log::LevelFilter::Info)?;
/// log::info!("ready"); // [INFO/MainProcess] ready
/// logger.set_level(log::LevelFilter::Warn)?; // In all processes.
/// log::info!("not seen");
/// # Ok::<(), outlive::Error>(())
/// ```
pub fn log_to_stderr(level: LevelFilter) -> Result<&'static Logger> {
    logger::install()?;
    start(level)
}

/// Gives what all other processes log, from `level` up, to the logger that this process has or will
/// have, with level, target, module, file, line and key-values as they were (these as texts), and
/// with the name of the process before the message: `PoolWorker-1: message`. So the name is seen with
/// every logger, also with those that show no key-values.
///
/// This process's own records go to its logger as before. Called again, it only changes the level.
/// After [`log_to_stderr`] the lines go on to the standard error. See the [module](self) for
/// which processes are meant, and for what a death does.
///
/// # Errors
///
/// As [`Segment::home`](crate::Segment::home).
///
/// # Examples
///
/// ```
/// use outlive::process::logging;
///
/// env_logger::init();
/// // What the logger would not take anyway stays where it is.
/// logging::forward(log::max_level())?;
/// # Ok::<(), outlive::Error>(())
/// ```
pub fn forward(level: LevelFilter) -> Result<&'static Logger> {
    start(level)
}

fn start(level: LevelFilter) -> Result<&'static Logger> {
    let channel = channel::get_or_make()?;
    channel.set_level(level);
    if !channel.is_inherited {
        writer::begin(channel)?;
        super::closing::register();
    }
    Ok(get_logger())
}

/// Lets a started process log where its parent does, before its function is called.
pub(super) fn inherit(handle: Vec<u8>) {
    // Without it the process does its work, and is silent.
    if channel::arrive(handle).is_ok() {
        let _ = logger::install();
    }
}
