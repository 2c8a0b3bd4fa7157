//! What travels between a process, its server and its workers: a packet, or where that is too
//! short a memory file, with descriptors.
//!
//! A packet begins with a byte that says where the rest is. The rest is the length of the message,
//! the message, and what the message is about.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sys::file;
use crate::sys::socket::{self, Came, Sent};

/// Most bytes of a packet: well below what a socket's buffer holds by default.
const MOST_BYTES: usize = 60 << 10;

const HERE: u8 = 0;
/// In the file that is the first descriptor.
const IN_FILE: u8 = 1;

/// Bytes of the message's length.
const LENGTH: usize = size_of::<u32>();

/// What arrived.
#[derive(Debug)]
pub(super) struct Letter<T> {
    pub(super) message: T,
    pub(super) body: Vec<u8>,
    pub(super) fds: Vec<OwnedFd>,
}

/// Sends `message`, the bytes that it is about, and descriptors.
pub(super) fn send(
    to: impl AsFd,
    message: &impl Serialize,
    body: &[u8],
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let bytes = postcard::to_extend(message, vec![0; LENGTH]).map_err(io::Error::other)?;
    let mut bytes: Vec<u8> = bytes;
    let length = u32::try_from(bytes.len() - LENGTH).map_err(io::Error::other)?;
    bytes[..LENGTH].copy_from_slice(&length.to_le_bytes());
    let sent = if bytes.len() + body.len() <= MOST_BYTES {
        bytes.extend_from_slice(body);
        socket::send(to.as_fd(), &[HERE], &bytes, fds, true)
    } else {
        let size = bytes.len() + body.len();
        let mut file = File::from(file::anonymous("outlive-letter", size as u64)?);
        file.write_all(&bytes)?;
        file.write_all(body)?;
        file.rewind()?;
        let fds: Vec<_> = std::iter::once(file.as_fd())
            .chain(fds.iter().copied())
            .collect();
        socket::send(to.as_fd(), &[IN_FILE], &[], &fds, true)
    };
    match sent? {
        Sent::Whole => Ok(()),
        Sent::Full => Err(io::ErrorKind::WouldBlock.into()),
        Sent::Gone => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

/// Waits for a message; `None` at the end of file.
pub(super) fn receive<T: DeserializeOwned>(from: impl AsFd) -> io::Result<Option<Letter<T>>> {
    let from = from.as_fd();
    let mut place = [HERE; 1];
    let mut bytes = vec![0; socket::next_len(from)?.saturating_sub(place.len())];
    let mut fds = Vec::new();
    match socket::receive(from, &mut place, &mut bytes, &mut fds, true)? {
        Came::Packet { fds_are_cut, .. } if fds_are_cut => return Err(socket::no_number_left()),
        Came::Packet { .. } => {}
        Came::Nothing | Came::End => return Ok(None),
    }
    let garbled = || io::Error::from(io::ErrorKind::InvalidData);
    if place == [IN_FILE] && !fds.is_empty() {
        File::from(fds.remove(0)).read_to_end(&mut bytes)?;
    }
    let (length, rest) = bytes.split_first_chunk().ok_or_else(garbled)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (message, body) = rest.split_at_checked(length).ok_or_else(garbled)?;
    let message = postcard::from_bytes(message).map_err(io::Error::other)?;
    // Moved to the front: a long one costs no other room.
    let start = bytes.len() - body.len();
    bytes.drain(..start);
    Ok(Some(Letter {
        message,
        body: bytes,
        fds,
    }))
}
