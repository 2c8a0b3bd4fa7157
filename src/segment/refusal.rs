//! Why a message cannot be written or read where a handle in it is the cause: codecs such as postcard
//! forget what they are told.

use std::cell::Cell;

use crate::error::{Error, Result};

thread_local! {
    /// Apart from the reason, so that a message without one costs a store.
    static IS_NOTED: Cell<bool> = const { Cell::new(false) };
    static REASON: Cell<Option<Error>> = const { Cell::new(None) };
}

/// Notes why a handle cannot travel, for the [`explain`] around it; gives the words for the codec.
#[cold]
pub(crate) fn note(reason: Error) -> String {
    let words = reason.to_string();
    REASON.set(Some(reason));
    IS_NOTED.set(true);
    words
}

/// Runs `act`, which writes or reads a message. Where it fails, the error is what was noted of a
/// handle, otherwise what `describe` makes of the codec's.
#[inline]
pub(crate) fn explain<T, E, F: From<Error>>(
    act: impl FnOnce() -> Result<T, E>,
    describe: impl FnOnce(E) -> F,
) -> Result<T, F> {
    IS_NOTED.set(false);
    act().map_err(|error| {
        let noted = IS_NOTED.take().then(|| REASON.take()).flatten();
        noted.map_or_else(|| describe(error), F::from)
    })
}
