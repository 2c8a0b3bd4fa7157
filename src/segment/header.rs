//! The header: written once, checked before anything else is touched.

use crate::error::{Error, ErrorKind, Result};
use crate::raw::Storage;
use crate::sys::atomic::Ordering;
use crate::sys::{clock, file};

use super::arena::Arena;
use super::layout::{Header, MAGIC, MOST_PARTICIPANTS, layout_hash, smallest};

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

/// Makes a segment of zeroed memory. The magic comes last: before it there is no segment.
pub(crate) fn format(whole: Storage<'_>, participants: u32) -> Result<()> {
    let header = of(whole)?;
    let id = file::random().map_err(|e| Error::os(e, "draw an id for the segment"))?;
    // Relaxed: the Release of the magic publishes all of it.
    for (word, bytes) in header.id.iter().zip(id.chunks_exact(8)) {
        let mut eight = [0; 8];
        eight.copy_from_slice(bytes);
        word.store(u64::from_le_bytes(eight), Ordering::Relaxed);
    }
    header.layout.store(layout_hash(), Ordering::Relaxed);
    header.size.store(whole.len() as u64, Ordering::Relaxed);
    header.participants.store(participants, Ordering::Relaxed);
    header.created.store(clock::unix_nanos(), Ordering::Relaxed);
    header.creator.store(std::process::id(), Ordering::Relaxed);
    Arena::new(whole, header, participants).format();
    // Release: pairs with the Acquire in `check`.
    header.magic.store(MAGIC, Ordering::Release);
    Ok(())
}

/// Whether nothing has ever been written where a header would stand.
pub(crate) fn is_blank(whole: Storage<'_>) -> bool {
    of(whole).is_ok_and(|header| header.magic.load(Ordering::Acquire) == 0)
}

/// Believes the header of `whole`, or says why not.
pub(crate) fn check(whole: Storage<'_>, name: &str) -> Result<Geometry> {
    let doing = || format!("open segment `{name}`");
    let header = of(whole).map_err(|_| Error::new(ErrorKind::NotASegment, doing()))?;
    // Acquire: pairs with the Release in `format`.
    if header.magic.load(Ordering::Acquire) != MAGIC {
        return Err(Error::new(ErrorKind::NotASegment, doing())
            .advise("if nothing uses the file, remove it and create the segment anew"));
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
