//! What is told of a panic in another process.

use std::cell::RefCell;
use std::fmt;
use std::panic::PanicHookInfo;
use std::sync::Once;

use serde::{Deserialize, Serialize};

/// A panic in another process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Panicked {
    message: String,
    location: Option<(String, u32, u32)>,
    process: String,
}

impl Panicked {
    /// What was said, where it was a text.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// File, line and column.
    #[must_use]
    pub fn location(&self) -> Option<(&str, u32, u32)> {
        let location = self.location.as_ref();
        location.map(|(file, line, column)| (file.as_str(), *line, *column))
    }

    /// The name of the process that panicked.
    #[must_use]
    pub fn process(&self) -> &str {
        &self.process
    }

    fn of(info: &PanicHookInfo<'_>) -> Self {
        let payload = info.payload_as_str().unwrap_or("a panic without a text");
        let location = info.location();
        Self {
            message: payload.to_owned(),
            location: location.map(|at| (at.file().to_owned(), at.line(), at.column())),
            process: String::new(),
        }
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} panicked: {}", self.process, self.message)?;
        match &self.location {
            Some((file, line, column)) => write!(f, ", at {file}:{line}:{column}"),
            None => Ok(()),
        }
    }
}

thread_local! {
    static LAST: RefCell<Option<Panicked>> = const { RefCell::new(None) };
}

/// Sees to it that panics are noted, once for this process and those that it forks.
pub(super) fn watch() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            LAST.with_borrow_mut(|last| *last = Some(Panicked::of(info)));
            usual(info);
        }));
    });
}

/// Runs `act`, and tells of the panic that ended it.
pub(super) fn catch<R>(process: &str, act: impl FnOnce() -> R) -> Result<R, Panicked> {
    watch();
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).map_err(|_| {
        let last = LAST.with_borrow_mut(Option::take);
        let mut panicked = last.unwrap_or_else(|| Panicked {
            message: "a panic without a text".to_owned(),
            location: None,
            process: String::new(),
        });
        process.clone_into(&mut panicked.process);
        panicked
    })
}
