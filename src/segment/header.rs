//! The header: written once, checked before anything else is touched.

use std::mem::offset_of;
use std::os::fd::BorrowedFd;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::Storage;
use crate::sys::atomic::{AtomicU64, Ordering};
use crate::sys::{clock, file};

use super::arena::Arena;
use super::layout::{
    BlockHead, Header, MAGIC, MOST_PARTICIPANTS, arena_at, layout_hash, smallest,
    smallest_with_waits, waits_len,
};

/// What a segment is, as found in its header and believed from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) size: u64,
    pub(crate) participants: u32,
    pub(crate) id: [u64; 2],
}

/// The header of `whole`.
pub(crate) fn of<'a>(whole: Storage<'a>) -> Result<&'a Header> {
    whole
        .get::<Header>(0)
        .ok_or_else(|| Error::new(ErrorKind::NotASegment, "read the header"))
}

/// Makes a segment of blank memory, perhaps with a table of waits. The magic comes last: before it
/// there is no segment.
pub(crate) fn format(whole: Storage<'_>, participants: u32, waits: bool) -> Result<()> {
    let header = of(whole)?;
    let id = file::random().map_err(|e| Error::os(e, "draw an id for the segment"))?;
    // Release, each of them: what a death leaves is a beginning of this list, which `is_blank`
    // knows again. First what such a death may have left where it is not written over.
    for (start, end) in first_heads(whole, header) {
        let words = whole.slice::<AtomicU64>(start, (end - start) / size_of::<AtomicU64>());
        for word in words.unwrap_or_default() {
            word.store(0, Ordering::Release);
        }
    }
    header.waits.store(0, Ordering::Release);
    header.layout.store(layout_hash(), Ordering::Release);
    for (word, bytes) in header.id.iter().zip(id.chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(bytes);
        word.store(u64::from_le_bytes(eight), Ordering::Release);
    }
    header.size.store(whole.len() as u64, Ordering::Release);
    header.participants.store(participants, Ordering::Release);
    header.created.store(clock::unix_nanos(), Ordering::Release);
    header.creator.store(std::process::id(), Ordering::Release);
    let arena = Arena::new(whole, header, participants);
    arena.format();
    if waits {
        arena.format_waits();
    }
    // Release: pairs with the Acquire in `check`.
    header.magic.store(MAGIC, Ordering::Release);
    Ok(())
}

/// Whether no segment has been made here, nor anything else that begins with a word.
pub(crate) fn is_unmade(whole: Storage<'_>) -> bool {
    of(whole).is_ok_and(|header| header.magic.load(Ordering::Acquire) == 0)
}

/// Whether the file, which is mapped as `whole`, holds nothing that a segment would be made over:
/// zeroes, or what [`format`] leaves when it dies. Meanwhile nobody else may format.
pub(crate) fn is_blank(fd: BorrowedFd<'_>, whole: Storage<'_>) -> Result<bool> {
    let header = of(whole)?;
    let is_zero = |from: usize, to: usize| {
        file::is_zero(fd, from as u64, to as u64)
            .map_err(|e| Error::os(e, "look whether a file is blank"))
    };
    if header.layout.load(Ordering::Acquire) != layout_hash() {
        return is_zero(0, whole.len());
    }
    let [table, rest] = first_heads(whole, header);
    let written = [
        (offset_of!(Header, layout), offset_of!(Header, reserved)),
        (offset_of!(Header, id), offset_of!(Header, unfenced)),
        (
            offset_of!(Header, untouched),
            offset_of!(Header, recoveries),
        ),
        (offset_of!(Header, waits), offset_of!(Header, spare)),
        table,
        rest,
    ];
    let mut from = 0;
    for (start, end) in written {
        if !is_zero(from, start)? {
            return Ok(false);
        }
        from = end;
    }
    is_zero(from, whole.len())
}

/// From where to where the heads may be written of the first block, and of the one behind a table
/// of waits, in a segment that somebody has begun to make.
fn first_heads(whole: Storage<'_>, header: &Header) -> [(usize, usize); 2] {
    let participants = header.participants.load(Ordering::Acquire);
    let least = |smallest: fn(u32) -> u64| {
        (1..=MOST_PARTICIPANTS).contains(&participants)
            && smallest(participants) <= whole.len() as u64
    };
    let head = |fits: bool, at: u64, len: usize| {
        let at = usize::try_from(at).ok().filter(|_| fits);
        at.map_or((whole.len(), whole.len()), |at| (at, at + len))
    };
    let first = arena_at(participants);
    [
        head(least(smallest), first, size_of::<BlockHead>()),
        head(
            least(smallest_with_waits),
            first + waits_len(participants),
            size_of::<AtomicU64>(),
        ),
    ]
}

/// Refuses a file that does not begin as a segment does, before it is mapped and touched.
pub(crate) fn check_beginning(fd: BorrowedFd<'_>, name: &str) -> Result<()> {
    let first = file::first_word(fd);
    match first.map_err(|e| Error::os(e, format!("read the beginning of `{name}`")))? {
        Some(MAGIC) => Ok(()),
        _ => Err(no_segment(name)),
    }
}

fn no_segment(name: &str) -> Error {
    Error::new(ErrorKind::NotASegment, format!("open segment `{name}`"))
        .advise("if nothing uses the file, remove it and create the segment anew")
}

/// Believes the header of `whole`, or says why not.
pub(crate) fn check(whole: Storage<'_>, name: &str) -> Result<Geometry> {
    let doing = || format!("open segment `{name}`");
    let header = of(whole).map_err(|_| no_segment(name))?;
    // Acquire: pairs with the Release in `format`.
    if header.magic.load(Ordering::Acquire) != MAGIC {
        return Err(no_segment(name));
    }
    if header.layout.load(Ordering::Relaxed) != layout_hash() {
        return Err(Error::new(ErrorKind::WrongVersion, doing())
            .advise("use one version of outlive in all processes, or remove the file"));
    }
    let geometry = Geometry {
        size: header.size.load(Ordering::Relaxed),
        participants: header.participants.load(Ordering::Relaxed),
        id: [
            header.id[0].load(Ordering::Relaxed),
            header.id[1].load(Ordering::Relaxed),
        ],
    };
    let sound = geometry.size == whole.len() as u64
        && (1..=MOST_PARTICIPANTS).contains(&geometry.participants)
        && geometry.size >= smallest(geometry.participants);
    if !sound {
        return Err(Error::new(ErrorKind::Corrupt, doing())
            .advise("the file was cut or overwritten; remove it and create the segment anew"));
    }
    Ok(geometry)
}
