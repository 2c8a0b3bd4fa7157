//! A segment's bytes as what they are: header, registry, ring of recoveries, arena.

use crate::error::Result;
use crate::raw::registry::{Leases, Registry, Slot};
use crate::raw::{Storage, Token};
use crate::sys::atomic::Ordering;

use super::Participant;
use super::arena::Arena;
use super::header;
use super::layout::{Header, RECOVERIES, RECOVERIES_AT, REGISTRY_AT};
use super::recovery::{Identity, Ring, instant};

/// The parts of a segment, for participants and for those who only look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    whole: Storage<'a>,
    participants: u32,
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "small constants of the layout"
)]
impl<'a> View<'a> {
    /// A view of a segment that was found sound, with so many slots.
    pub(crate) fn new(whole: Storage<'a>, participants: u32) -> Self {
        Self {
            whole,
            participants,
        }
    }

    /// The header, which was there when the segment was opened.
    pub(crate) fn header(self) -> Result<&'a Header> {
        header::of(self.whole)
    }

    pub(crate) fn registry(self) -> Registry<'a> {
        let slots = self
            .whole
            .slice::<Slot>(REGISTRY_AT as usize, self.participants as usize);
        Registry::new(slots.unwrap_or_default())
    }

    pub(crate) fn ring(self) -> Result<Ring<'a>> {
        let entries = self.whole.slice(RECOVERIES_AT as usize, RECOVERIES);
        Ok(Ring {
            header: self.header()?,
            entries: entries.unwrap_or_default(),
        })
    }

    pub(crate) fn arena(self) -> Result<Arena<'a>> {
        Ok(Arena::new(self.whole, self.header()?, self.participants))
    }

    /// Who `token` is or was: from its slot, or from the ring of recoveries.
    pub(crate) fn identity(self, token: Token) -> Identity {
        self.registry()
            .description(token)
            .map(Identity::from)
            .or_else(|| self.ring().ok()?.identity(token))
            .unwrap_or_default()
    }

    /// Who takes part, as seen by `me` or by somebody who does not, through `leases`.
    pub(crate) fn participants(self, leases: &impl Leases, me: Option<Token>) -> Vec<Participant> {
        let registry = self.registry();
        let describe = |index| {
            let token = registry.occupant(index)?;
            let slot = registry.slot(index)?;
            let who = Identity::of(slot);
            let is_me = Some(token) == me;
            Some(Participant {
                pid: who.pid,
                pid_namespace: slot.pid_namespace.load(Ordering::Relaxed),
                label: who.label,
                since: instant(slot.since.load(Ordering::Relaxed)),
                is_alive: is_me || !registry.looks_dead(leases, token),
                is_me,
            })
        };
        registry.indices().filter_map(describe).collect()
    }
}
