//! What travels between a process, its server and its workers: a packet, or where that is too
//! short a memory file, with descriptors.
//!
//! A packet begins with a byte that says where the rest is. The rest is the length of the message,
//! the message, and what the message is about.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, memfd_create};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sys::packet::{self, MOST_BYTES};

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
    let mut bytes = vec![HERE; 1 + LENGTH];
    bytes = postcard::to_extend(message, bytes).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len() - 1 - LENGTH).map_err(io::Error::other)?;
    bytes[1..=LENGTH].copy_from_slice(&length.to_le_bytes());
    if bytes.len() + body.len() <= MOST_BYTES {
        bytes.extend_from_slice(body);
        return packet::send(to, &bytes, fds);
    }
    let mut file = File::from(memfd_create("outlive-letter", MemfdFlags::CLOEXEC)?);
    file.write_all(&bytes[1..])?;
    file.write_all(body)?;
    file.rewind()?;
    let fds: Vec<_> = std::iter::once(file.as_fd())
        .chain(fds.iter().copied())
        .collect();
    packet::send(to, &[IN_FILE], &fds)
}

/// Waits for a message; `None` at the end of file.
pub(super) fn receive<T: DeserializeOwned>(from: impl AsFd) -> io::Result<Option<Letter<T>>> {
    let Some(mut packet) = packet::receive(from)? else {
        return Ok(None);
    };
    let garbled = || io::Error::from(io::ErrorKind::InvalidData);
    let place = packet.bytes.first().copied();
    let mut bytes = packet.bytes.split_off(1);
    if place == Some(IN_FILE) && !packet.fds.is_empty() {
        File::from(packet.fds.remove(0)).read_to_end(&mut bytes)?;
    }
    let (length, rest) = bytes.split_first_chunk().ok_or_else(garbled)?;
    let length = u32::from_le_bytes(*length) as usize;
    let (message, body) = rest.split_at_checked(length).ok_or_else(garbled)?;
    let message = postcard::from_bytes(message).map_err(io::Error::other)?;
    let body = bytes.split_off(bytes.len() - body.len());
    Ok(Some(Letter {
        message,
        body,
        fds: packet.fds,
    }))
}
