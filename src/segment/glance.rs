//! A look at a segment from outside: who looks takes no part.
//!
//! The file is opened for reading and mapped privately, so nothing that is done here can reach it.
//! Nobody is waited for: what is seen may be of two moments, which is tried again, and checked as
//! everything that others write.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::{Kind, Storage, Token};
use crate::sys::atomic::Ordering;
use crate::sys::file::{self, Facts};
use crate::sys::mapping::Mapping;

use super::block::Block;
use super::header::{self, Geometry};
use super::recovery::{Identity, instant};
use super::seat::FileLeases;
use super::view::View;
use super::waits::Witness;
use super::{Participant, Recovery};

/// A segment as seen from outside.
#[derive(Debug)]
pub(crate) struct Glance {
    mapping: Mapping,
    fd: OwnedFd,
    pub(crate) geometry: Geometry,
    pub(crate) facts: Facts,
}

/// An object as seen from outside.
pub(crate) struct Glimpse<'a> {
    pub(crate) name: Option<String>,
    /// `None` for a number that no kind has.
    pub(crate) kind: Option<Kind>,
    /// Bytes from the start of the segment to the object.
    pub(crate) offset: u64,
    /// Bytes of the object.
    pub(crate) bytes: u64,
    /// Who has it open.
    pub(crate) holders: Vec<Token>,
    /// `None` where the bytes do not lie within the segment.
    pub(crate) storage: Option<Storage<'a>>,
}

/// Objects and their holders that are told: some 100 MB. Hostile bytes may say a hundred times as many.
const MOST: usize = 1 << 18;

/// Walks along a chain that changes meanwhile, before the last one counts.
const ROUNDS: u32 = 8;

impl Glance {
    /// Looks at the segment in the file at `path`.
    pub(crate) fn at(path: &Path) -> Result<Self> {
        let shown = path.display();
        let os = |e: std::io::Error| {
            let advice = match e.kind() {
                std::io::ErrorKind::PermissionDenied => {
                    "only those may look whom its mode lets read: its owner, and root"
                }
                _ => "",
            };
            Error::os(e, format!("look at `{shown}`")).advise(advice)
        };
        let refuse = || Error::new(ErrorKind::NotASegment, format!("look at `{shown}`"));
        let fd = match file::for_looking(path) {
            Err(e) if file::is_link(&e) || file::is_no_file(&e) => {
                return Err(refuse());
            }
            opened => opened.map_err(os)?,
        };
        let facts = file::facts(fd.as_fd()).map_err(os)?;
        let name = shown.to_string();
        let len = usize::try_from(facts.size).unwrap_or(0);
        if !facts.is_regular || len == 0 {
            return Err(refuse());
        }
        header::check_beginning(fd.as_fd(), &name)?;
        let mapping = Mapping::private(fd.as_fd(), len).map_err(os)?;
        let geometry = header::check(mapping.storage(), &name)?;
        Ok(Self {
            mapping,
            fd,
            geometry,
            facts,
        })
    }

    pub(crate) fn view(&self) -> View<'_> {
        View::new(self.mapping.storage(), self.geometry.participants)
    }

    fn leases(&self) -> FileLeases<'_> {
        FileLeases(Some(self.fd.as_fd()))
    }

    /// Nanoseconds since the Unix epoch at its making, as an instant, and the process that made it.
    pub(crate) fn origin(&self) -> Result<(std::time::SystemTime, u32)> {
        let header = self.view().header()?;
        // Relaxed, both: set before the segment was there.
        let created = instant(header.created.load(Ordering::Relaxed));
        Ok((created, header.creator.load(Ordering::Relaxed)))
    }

    /// Whether `token` names somebody who lives.
    pub(crate) fn is_alive(&self, token: Token) -> bool {
        !self.view().registry().looks_dead(&self.leases(), token)
    }

    pub(crate) fn identity(&self, token: Token) -> Identity {
        self.view().identity(token)
    }

    pub(crate) fn participants(&self) -> Vec<Participant> {
        self.view().participants(&self.leases(), None)
    }

    pub(crate) fn recoveries(&self) -> Result<Vec<Recovery>> {
        Ok(self.view().ring()?.list())
    }

    /// For the waits, and the circles in them.
    pub(crate) fn witness(&self) -> Result<Witness<'_, FileLeases<'_>>> {
        Witness::new(self.view(), self.leases(), None)
    }

    /// Who has the books at this moment.
    pub(crate) fn bookkeeper(&self) -> Result<Option<Token>> {
        Ok(self.view().header()?.books.owner())
    }

    pub(crate) fn free_bytes(&self) -> Result<u64> {
        self.settled(|view| Ok(view.arena()?.free_bytes()))
    }

    /// The objects, in the order in which they lie, as far as they and their holders are not too many.
    pub(crate) fn objects(&self) -> Result<Vec<Glimpse<'_>>> {
        self.settled(|view| {
            let blocks = view.arena()?.objects();
            let mut room = MOST;
            let fits = |glimpse: &Glimpse<'_>| {
                let left = room.checked_sub(1 + glimpse.holders.len());
                room = left.unwrap_or(0);
                left.is_some()
            };
            let glimpses = blocks.map(|block| self.glimpse(view, block));
            Ok(glimpses.take_while(fits).collect())
        })
    }

    fn glimpse<'a>(&'a self, view: View<'a>, block: Block<'a>) -> Glimpse<'a> {
        let range = block.object();
        let registry = view.registry();
        Glimpse {
            name: block.name(),
            kind: Kind::from_number(block.kind()),
            offset: range.map_or(0, |range| range.at),
            bytes: range.map_or(0, |range| range.len),
            holders: block
                .holder_slots()
                .filter_map(|slot| registry.occupant(slot))
                .collect(),
            storage: view.arena().ok().and_then(|arena| arena.storage(block)),
        }
    }

    /// What `look` sees while the arena does not change, or the last of some looks.
    fn settled<'a, T>(&'a self, look: impl Fn(View<'a>) -> Result<T>) -> Result<T> {
        let view = self.view();
        let header = view.header()?;
        // Acquire, both: what is looked at comes after the first and before the second.
        let changes = || {
            let made = header.made.load(Ordering::Acquire);
            (made, header.merges.load(Ordering::Acquire))
        };
        for _ in 1..ROUNDS {
            let before = changes();
            let seen = look(view)?;
            crate::sys::atomic::fence(Ordering::Acquire);
            if changes() == before {
                return Ok(seen);
            }
        }
        look(view)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;
    use crate::segment::SegmentOptions;
    use crate::segment::block::Phase;
    use crate::segment::layout::{UNIT, arena_at};

    #[test]
    fn of_objects_without_end_as_many_are_told_as_memory_bears() {
        let size = (MOST as u64 + 1000) * UNIT;
        let options = SegmentOptions::new().size(size).participants(1);
        let segment = options.lifeline(false).anonymous().unwrap();
        let fd = segment.try_clone_fd().unwrap();
        let arena = segment.inner().arena().unwrap();
        for at in (arena_at(1)..size).step_by(usize::try_from(UNIT).unwrap()) {
            if let Some(block) = arena.block(at) {
                block.set_word(1, Phase::Live);
            }
        }
        let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
        let glance = Glance::at(Path::new(&path)).unwrap();
        let objects = glance.objects().unwrap();
        let told: usize = objects.iter().map(|object| 1 + object.holders.len()).sum();
        assert!((MOST / 4..=MOST).contains(&told), "{told}");
        drop(objects);
        // Nothing of it is to be tidied up.
        arena.format();
    }
}
