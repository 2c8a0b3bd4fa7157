//! What is told of a panic in another process.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;

use serde::{Deserialize, Serialize};

#[cfg(feature = "backtrace")]
use super::backtrace::Backtrace;

/// A panic in another process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Panicked {
    message: String,
    location: Option<(String, u32, u32)>,
    process: String,
    #[cfg(feature = "backtrace")]
    backtrace: Option<Backtrace>,
}

/// What is said of a panic on the standard error, where it is also told to whoever wants the result.
#[derive(Debug, Clone, Copy)]
pub(super) enum Aloud {
    Nothing,
    /// What the panic hook says; or where that would find names for a backtrace that is told too, only
    /// what happened.
    Briefly,
    /// What the panic hook says, which may be the caller's own.
    AsEver,
}

const NO_TEXT: &str = "a panic without a text";

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

    /// The calls that led to it, where the environment of that process asked for them, as std has it:
    /// `RUST_LIB_BACKTRACE`, or else `RUST_BACKTRACE`, is there and not `0`.
    #[cfg(feature = "backtrace")]
    #[must_use]
    pub fn backtrace(&self) -> Option<&Backtrace> {
        self.backtrace.as_ref()
    }

    fn of(info: &PanicHookInfo<'_>) -> Self {
        let location = info.location();
        Self {
            message: info.payload_as_str().unwrap_or(NO_TEXT).to_owned(),
            location: location.map(|at| (at.file().to_owned(), at.line(), at.column())),
            process: super::current().name().to_owned(),
            #[cfg(feature = "backtrace")]
            backtrace: Backtrace::capture(),
        }
    }

    /// Of a panic that went past the hook.
    fn unheard(process: &str, payload: &(dyn Any + Send)) -> Self {
        Self {
            message: text_of(payload).to_owned(),
            location: None,
            process: process.to_owned(),
            #[cfg(feature = "backtrace")]
            backtrace: None,
        }
    }

    fn has_backtrace(&self) -> bool {
        #[cfg(feature = "backtrace")]
        let has = self.backtrace.is_some();
        #[cfg(not(feature = "backtrace"))]
        let has = false;
        has
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

/// What was said with a panic.
pub(super) fn text_of(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    text.unwrap_or(NO_TEXT)
}

thread_local! {
    static LAST: RefCell<Option<Panicked>> = const { RefCell::new(None) };
    /// While this thread is in [`catch`].
    static ALOUD: Cell<Option<Aloud>> = const { Cell::new(None) };
}

/// Sees to it that panics are noted, once for this process and those that it forks.
pub(super) fn watch() {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let Some(aloud) = ALOUD.get() else {
                return usual(info);
            };
            let panicked = Panicked::of(info);
            match aloud {
                Aloud::Nothing => {}
                Aloud::Briefly if panicked.has_backtrace() => {
                    let _ = writeln!(std::io::stderr(), "{panicked}");
                }
                Aloud::Briefly | Aloud::AsEver => usual(info),
            }
            LAST.set(Some(panicked));
        }));
    });
}

/// Runs `act`, and tells of the panic that ended it.
pub(super) fn catch<R>(
    process: &str,
    aloud: Aloud,
    act: impl FnOnce() -> R,
) -> Result<R, Panicked> {
    watch();
    LAST.set(None);
    let before = ALOUD.replace(Some(aloud));
    let done = catch_unwind(AssertUnwindSafe(|| __rust_begin_short_backtrace(act)));
    ALOUD.set(before);
    done.map_err(|payload| {
        let heard = LAST.take();
        heard.unwrap_or_else(|| Panicked::unheard(process, &*payload))
    })
}

/// By this name whoever displays a backtrace knows where it is to end.
#[inline(never)]
fn __rust_begin_short_backtrace<R>(act: impl FnOnce() -> R) -> R {
    let done = act();
    // The call above is not to become a jump.
    std::hint::black_box(());
    done
}
