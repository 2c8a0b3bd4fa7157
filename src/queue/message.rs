//! A message as the bytes that pipes and sockets carry: those of postcard.

use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind};

/// The message of which `bytes` are all.
#[inline]
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok((_, rest)) => Err(not_read::<T>(&format!("{} bytes are left", rest.len()))),
        Err(error) => Err(not_read::<T>(&error.to_string())),
    }
}

#[cold]
fn not_read<T>(why: &str) -> Error {
    let doing = format!("receive a {} ({why})", std::any::type_name::<T>());
    Error::new(ErrorKind::Decode, doing)
        .advise("send and receive the same type, or take the bytes with recv_bytes")
}

/// Why a message cannot be written as bytes.
#[cold]
pub(crate) fn not_written(error: &postcard::Error) -> Error {
    Error::new(ErrorKind::Encode, format!("send a message ({error})"))
        .advise("postcard needs the lengths of sequences beforehand")
}
