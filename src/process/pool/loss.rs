//! What a pool says of a worker that died.

use std::fmt;

use crate::process::exit::Exit;

use super::error::TaskError;
use super::worker;

/// What becomes of the task that a dead worker was in.
pub(super) enum Fate {
    /// It is done again: how often by now, and how often at most.
    Again(u32, u32),
    Failed(TaskError),
}

/// A worker that ended before it was to.
pub(super) struct Loss {
    pub(super) seat: u32,
    pub(super) pid: u32,
    pub(super) exit: Exit,
    pub(super) fate: Option<Fate>,
}

impl Loss {
    /// To the log, but for a worker that has done all that it was to do.
    pub(super) fn tell(&self) {
        if self.fate.is_some() || !self.exit.is_success() {
            log::warn!("{self}");
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, pid, exit) = (worker::name(self.seat), self.pid, self.exit);
        write!(f, "{name} ({pid}) ended: {exit}; ")?;
        match &self.fate {
            None => f.write_str("it was in no task"),
            Some(Fate::Again(time, of)) => write!(f, "its task is done again ({time} of {of})"),
            Some(Fate::Failed(TaskError::TookTooLong)) => f.write_str("its task took too long"),
            Some(Fate::Failed(_)) => f.write_str("its task has failed"),
        }
    }
}
