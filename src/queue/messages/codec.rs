//! [`Codec`]: how a value becomes the bytes of a message, and what there is of them.

use std::fmt;
use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// How a `T` becomes the bytes of a message, and a `T` again.
///
/// Both sides of a queue use the same codec: its path is compared when the queue is opened.
pub trait Codec<T> {
    /// Whether a value keeps the bytes that it is made of. They are then copied to a vector of its
    /// own, for [`Codec::keep`].
    const KEEPS: bool = false;

    /// Writes `item`. Called up to three times for one put, once to measure; it must write the same
    /// bytes each time.
    ///
    /// # Errors
    ///
    /// Where this codec cannot carry the value; also what `to` says.
    fn encode(item: &T, to: &mut impl io::Write) -> Result<(), CodecError>;

    /// Makes a value of all of `bytes`, which another process has written and may be anything.
    ///
    /// # Errors
    ///
    /// Where the bytes are no `T`.
    fn decode(bytes: &[u8]) -> Result<T, CodecError>;

    /// As [`Codec::decode`], of bytes that the value may keep.
    ///
    /// # Errors
    ///
    /// As [`Codec::decode`].
    fn keep(bytes: Vec<u8>) -> Result<T, CodecError> {
        Self::decode(&bytes)
    }
}

/// Why a codec refused.
pub struct CodecError(Box<dyn std::error::Error + Send + Sync>);

impl CodecError {
    /// An error for this reason.
    pub fn new(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }

    /// Why a handle in the message cannot travel, where that is the reason.
    pub(super) fn of_handle(&self) -> Option<&Error> {
        self.0.downcast_ref()
    }
}

impl From<Error> for CodecError {
    fn from(error: Error) -> Self {
        Self::new(error)
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for CodecError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// Compact and fast, by the crate `postcard`: the codec of a [`Queue`](super::Queue) that names none.
///
/// Its bytes say nothing of their type, so it cannot carry types that ask for it: untagged enums,
/// `serde_json::Value`, fields that are skipped or flattened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Postcard {}

impl<T: Serialize + DeserializeOwned> Codec<T> for Postcard {
    #[inline]
    fn encode(item: &T, to: &mut impl io::Write) -> Result<(), CodecError> {
        postcard::to_io(item, to).map(drop).map_err(CodecError::new)
    }

    #[inline]
    fn decode(bytes: &[u8]) -> Result<T, CodecError> {
        match postcard::take_from_bytes(bytes).map_err(CodecError::new)? {
            (item, []) => Ok(item),
            (_, rest) => Err(CodecError::new(format!("{} bytes left over", rest.len()))),
        }
    }
}

/// Bytes that say what they are, by the crate `rmp-serde`: for types that [`Postcard`] cannot carry.
#[cfg(feature = "msgpack")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MsgPack {}

#[cfg(feature = "msgpack")]
impl<T: Serialize + DeserializeOwned> Codec<T> for MsgPack {
    fn encode(item: &T, to: &mut impl io::Write) -> Result<(), CodecError> {
        rmp_serde::encode::write_named(to, item).map_err(CodecError::new)
    }

    fn decode(bytes: &[u8]) -> Result<T, CodecError> {
        rmp_serde::from_slice(bytes).map_err(CodecError::new)
    }
}

/// The bytes themselves, for [`ByteQueue`](super::ByteQueue).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Raw {}

impl Codec<Vec<u8>> for Raw {
    const KEEPS: bool = true;

    fn encode(item: &Vec<u8>, to: &mut impl io::Write) -> Result<(), CodecError> {
        to.write_all(item).map_err(CodecError::new)
    }

    fn decode(bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
        Ok(bytes.to_vec())
    }

    fn keep(bytes: Vec<u8>) -> Result<Vec<u8>, CodecError> {
        Ok(bytes)
    }
}
