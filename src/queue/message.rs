//! A message as the bytes that pipes and sockets carry: those of postcard.

use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind};
use crate::segment::refusal;

/// The message of which `bytes` are all.
#[inline]
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let read = || postcard::take_from_bytes(bytes);
    match refusal::explain(read, |error| not_read::<T>(&error.to_string()))? {
        (message, []) => Ok(message),
        (_, rest) => Err(not_read::<T>(&format!("{} bytes are left", rest.len()))),
    }
}

#[cold]
fn not_read<T>(why: &str) -> Error {
    let doing = format!("receive a {} ({why})", std::any::type_name::<T>());
    Error::new(ErrorKind::Decode, doing)
        .advise("send and receive the same type, or take the bytes with recv_bytes")
}

/// What `write` makes of a message.
#[inline]
pub(crate) fn encode<W>(write: impl FnOnce() -> postcard::Result<W>) -> Result<W, Error> {
    refusal::explain(write, |error| not_written(&error))
}

#[cold]
fn not_written(error: &postcard::Error) -> Error {
    Error::new(ErrorKind::Encode, format!("send a message ({error})"))
        .advise("postcard needs the lengths of sequences beforehand")
}
