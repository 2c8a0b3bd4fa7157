//! What a function finds in the process that calls it, beside its argument.

use std::any::Any;
use std::os::fd::OwnedFd;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::queue::socket::fd;

use super::function::{decode, extend};

/// The state that a worker's initializer made, and the context of the calls at hand.
#[derive(Default)]
pub(super) struct Surroundings {
    /// Descriptors of the result, where it may have any.
    files: Option<Vec<OwnedFd>>,
    state: Option<Box<dyn Any>>,
    context: Option<Context>,
}

struct Context {
    id: u64,
    bytes: Vec<u8>,
    value: Option<Box<dyn Any>>,
}

impl Surroundings {
    /// Those of a call whose result goes through a socket.
    pub(super) fn with_files() -> Self {
        Self {
            files: Some(Vec::new()),
            ..Self::default()
        }
    }

    pub(super) fn take_files(&mut self) -> Vec<OwnedFd> {
        self.files.take().unwrap_or_default()
    }

    /// Writes a result behind others.
    pub(super) fn extend<R: Serialize>(&mut self, result: &R, output: &mut Vec<u8>) -> Result<()> {
        let Some(files) = &mut self.files else {
            return extend(result, output, "a result");
        };
        let (done, collected) = fd::collect(|| extend(result, output, "a result"));
        *files = collected.fds;
        done
    }

    pub(super) fn set_state<S: 'static>(&mut self, state: S) {
        self.state = Some(Box::new(state));
    }

    pub(super) fn state<S: 'static>(&mut self) -> Result<&mut S> {
        let state = self.state.as_mut().and_then(|state| state.downcast_mut());
        state.ok_or_else(|| {
            Error::new(
                ErrorKind::WrongType,
                "call a function with the pool's state",
            )
            .advise("its type must be that of the initializer's result")
        })
    }

    /// Whether the context at hand is the one of this number.
    pub(super) fn has_context(&self, id: u64) -> bool {
        self.context
            .as_ref()
            .is_some_and(|context| context.id == id)
    }

    pub(super) fn set_context(&mut self, id: u64, bytes: Vec<u8>) {
        self.context = Some(Context {
            id,
            bytes,
            value: None,
        });
    }

    /// The context, decoded when it is first asked for.
    pub(super) fn context<C: DeserializeOwned + 'static>(&mut self) -> Result<&C> {
        let missing = || Error::new(ErrorKind::WrongType, "call a function with its context");
        let context = self.context.as_mut().ok_or_else(missing)?;
        let value = match &mut context.value {
            Some(value) => value,
            none => {
                let value: C = decode(&std::mem::take(&mut context.bytes), "a context")?;
                none.insert(Box::new(value))
            }
        };
        value.downcast_ref().ok_or_else(missing)
    }
}
