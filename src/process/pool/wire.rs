//! The messages between a pool and its workers.

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::process::exit::Exit;
use crate::process::function::{self, Function};
use crate::process::panicked::Panicked;

/// Which chunk is meant: the slot that it has while it is out, and the slot's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ticket {
    pub(super) slot: u32,
    pub(super) turn: u32,
}

/// The head of a chunk of tasks; their encoded arguments follow it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) ticket: Ticket,
    pub(super) function: Function,
    /// The number of the context, and the handle of the array that holds it.
    pub(super) context: Option<(u64, Vec<u8>)>,
    pub(super) count: u32,
}

/// What a worker says, and what is said of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum News {
    /// It has begun.
    Ready(u32),
    /// Its initializer failed.
    NotReady(u32, Failure),
    /// It has found a chunk that is not to be worked on, and made room.
    Skipped,
    /// The outcomes of the chunk's tasks from this one on follow.
    Done(Ticket, u32),
    /// It has ended; from the pool itself.
    Ended(u32, Exit),
    /// Nothing more is to be heard; from the pool itself.
    Quit,
}

/// Why a task has no result although its worker lives.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Failure {
    Panicked(Panicked),
    Failed(String),
}

/// `head` and what belongs to it, in one message.
pub(super) fn write(head: &impl Serialize, body: &[u8]) -> Result<Vec<u8>> {
    let bytes = postcard::to_stdvec(head);
    let mut bytes = bytes.map_err(|e| Error::new(ErrorKind::Encode, format!("write {e}")))?;
    bytes.extend_from_slice(body);
    Ok(bytes)
}

/// The head of a message, and what belongs to it.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8])> {
    postcard::take_from_bytes(bytes)
        .map_err(|e| Error::new(ErrorKind::Decode, format!("read a pool's message: {e}")))
}

/// Bytes before each outcome: its length, and whether it is a failure.
const FRAME: usize = size_of::<u32>();
const IS_FAILURE: u32 = 1 << 31;

/// Writes an outcome behind others: `write` adds its bytes.
pub(super) fn frame(
    outcomes: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> std::result::Result<(), Failure>,
) {
    let start = outcomes.len();
    outcomes.extend_from_slice(&[0; FRAME]);
    let mut flags = 0;
    if let Err(failure) = write(outcomes) {
        outcomes.truncate(start + FRAME);
        outcomes.extend(postcard::to_stdvec(&failure).unwrap_or_default());
        flags = IS_FAILURE;
    }
    let len = u32::try_from(outcomes.len() - start - FRAME).unwrap_or(0) | flags;
    outcomes[start..start + FRAME].copy_from_slice(&len.to_le_bytes());
}

/// Bytes of an outcome that begins with these, its frame included.
pub(super) fn framed_len(frame: [u8; FRAME]) -> usize {
    FRAME + (u32::from_le_bytes(frame) & !IS_FAILURE) as usize
}

/// Writes an argument behind others.
pub(super) fn frame_argument<T: Serialize>(arguments: &mut Vec<u8>, item: &T) -> Result<()> {
    let start = arguments.len();
    arguments.extend_from_slice(&[0; FRAME]);
    function::extend(item, arguments, "an argument")?;
    let len = u32::try_from(arguments.len() - start - FRAME);
    let len = len.map_err(|_| Error::new(ErrorKind::InvalidInput, "send an argument of 4 GiB"))?;
    arguments[start..start + FRAME].copy_from_slice(&len.to_le_bytes());
    Ok(())
}

/// The arguments in some bytes, until they make no sense.
pub(super) fn arguments(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    outcomes(bytes).map(|argument| argument.unwrap_or_default())
}

/// The outcomes in some bytes, until they make no sense: bytes of a result, or of a failure.
pub(super) fn outcomes(
    mut bytes: &[u8],
) -> impl Iterator<Item = std::result::Result<&[u8], &[u8]>> {
    std::iter::from_fn(move || {
        let (frame, rest) = bytes.split_first_chunk()?;
        let frame = u32::from_le_bytes(*frame);
        let (outcome, rest) = rest.split_at_checked((frame & !IS_FAILURE) as usize)?;
        bytes = rest;
        Some(match frame & IS_FAILURE {
            0 => Ok(outcome),
            _ => Err(outcome),
        })
    })
}

/// The outcomes without the first `count`.
pub(super) fn skip(mut bytes: &[u8], count: u32) -> &[u8] {
    for _ in 0..count {
        let len = bytes.first_chunk().map(|frame| framed_len(*frame));
        let Some(rest) = len.and_then(|len| bytes.get(len..)) else {
            break;
        };
        bytes = rest;
    }
    bytes
}

/// The first `count` outcomes of `bytes`.
pub(super) fn first(bytes: &[u8], count: u32) -> &[u8] {
    let len = bytes.len() - skip(bytes, count).len();
    bytes.get(..len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_taken_from_both_ends() {
        let mut all = Vec::new();
        for said in ["one", "", "three"] {
            frame(&mut all, |output| {
                output.extend_from_slice(said.as_bytes());
                Ok(())
            });
        }
        let count = |bytes| outcomes(bytes).count();
        for at in 0..=5 {
            let (before, after) = (first(&all, at), skip(&all, at));
            assert_eq!(count(before), at.min(3) as usize);
            assert_eq!([before, after].concat(), all);
        }
        // A length that is none is the end.
        let garbled = [all.as_slice(), &[0xff; 7]].concat();
        assert_eq!(count(first(&garbled, u32::MAX)), 3);
    }
}
