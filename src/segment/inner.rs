//! One segment as this process has it: the mapping, and this process's membership.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::registry::{LIFELINE_OFFSET, Registry, Slot};
use crate::raw::{Peers, Storage, Token};
use crate::sys::atomic::Ordering;
use crate::sys::clock;
use crate::sys::epoch;
use crate::sys::fork::{ForkPage, Watched};
use crate::sys::lifeline::Lifeline;
use crate::sys::mapping::Mapping;
use crate::sys::membarrier;

use super::arena::Arena;
use super::header::{self, Geometry};
use super::layout::{Header, RECOVERIES, RECOVERIES_AT, REGISTRY_AT};
use super::recovery::{Identity, Ring, write_label};
use super::seat::{FileLeases, Seat};

/// What makes a process a participant, beside its token.
#[derive(Debug, Default)]
pub(crate) struct Member {
    /// Held for its Drop, which takes it off the kernel's list.
    _lifeline: Option<Lifeline>,
}

/// One mapped segment. All handles of a process share one, so that the process is one participant.
#[derive(Debug)]
pub(crate) struct Inner {
    mapping: Mapping,
    pub(crate) geometry: Geometry,
    /// Device and inode of the file.
    pub(crate) identity: (u64, u64),
    /// As given by the user, or a description, for messages.
    pub(crate) name: String,
    /// Where the segment has a name, for `unlink`.
    pub(crate) path: Option<PathBuf>,
    pub(crate) label: String,
    wants_lifeline: bool,
    /// The fork epoch in which the lease's descriptor was opened.
    born: u32,
    lease: Watched,
    page: ForkPage<Member>,
    /// Offsets of the objects that this process has open, and how often.
    pub(crate) open: Mutex<HashMap<u64, usize>>,
    /// Where the arena was last found to have room: an offset, and the merges until then.
    pub(crate) room: Mutex<(u64, u64)>,
    /// Held while this process repairs after a death: its leases do not exclude its own threads.
    pub(crate) reaping: Mutex<()>,
}

/// What [`Inner::new`] is made of.
pub(crate) struct Parts<'a> {
    pub(crate) fd: BorrowedFd<'a>,
    pub(crate) mapping: Mapping,
    pub(crate) geometry: Geometry,
    pub(crate) identity: (u64, u64),
    pub(crate) name: String,
    pub(crate) path: Option<PathBuf>,
    pub(crate) label: String,
    pub(crate) lifeline: bool,
}

impl Inner {
    /// Joins a checked segment.
    pub(crate) fn new(parts: Parts<'_>) -> Result<Self> {
        let os = |e| Error::os(e, format!("join segment `{}`", parts.name));
        epoch::begin().map_err(os)?;
        let inner = Self {
            born: epoch::current(),
            lease: Watched::reopen(parts.fd).map_err(os)?,
            page: ForkPage::new().map_err(os)?,
            mapping: parts.mapping,
            geometry: parts.geometry,
            identity: parts.identity,
            name: parts.name,
            path: parts.path,
            label: parts.label,
            wants_lifeline: parts.lifeline,
            open: Mutex::default(),
            room: Mutex::default(),
            reaping: Mutex::default(),
        };
        inner.join()?;
        Ok(inner)
    }

    /// All bytes of the segment.
    pub(crate) fn whole(&self) -> Storage<'_> {
        self.mapping.storage()
    }

    pub(crate) fn header(&self) -> Option<&Header> {
        self.whole().get(0)
    }

    /// The header, which was there when the segment was opened.
    pub(crate) fn checked_header(&self) -> Result<&Header> {
        header::of(self.whole())
    }

    pub(crate) fn arena(&self) -> Result<Arena<'_>> {
        Ok(Arena::new(
            self.whole(),
            self.checked_header()?,
            self.geometry.participants,
        ))
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "small constants of the layout"
    )]
    pub(crate) fn registry(&self) -> Registry<'_> {
        let slots = self
            .whole()
            .slice::<Slot>(REGISTRY_AT as usize, self.geometry.participants as usize);
        Registry::new(slots.unwrap_or_default())
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "small constants of the layout"
    )]
    pub(crate) fn ring(&self) -> Result<Ring<'_>> {
        let entries = self.whole().slice(RECOVERIES_AT as usize, RECOVERIES);
        Ok(Ring {
            header: self.checked_header()?,
            entries: entries.unwrap_or_default(),
        })
    }

    pub(crate) fn leases(&self) -> FileLeases<'_> {
        FileLeases(self.lease.fd().ok())
    }

    /// A descriptor of the segment's file, with a description of its own.
    pub(crate) fn descriptor(&self) -> Result<OwnedFd> {
        let os = |e| Error::os(e, format!("reopen segment `{}`", self.name));
        self.lease
            .fd()
            .and_then(crate::sys::lease::reopen)
            .map_err(os)
    }

    /// This process's seat: one load and a check that no fork has come between.
    #[inline]
    pub(crate) fn seat(&self) -> Result<Seat<'_>> {
        match Token::from_bits(self.page.token()) {
            Some(token) => Ok(Seat::new(token, self)),
            None => self.rejoin(),
        }
    }

    /// The token of this process, if it has one now.
    #[inline]
    pub(crate) fn token(&self) -> Option<Token> {
        Token::from_bits(self.page.token())
    }

    /// The first use after a fork: the child becomes a participant of its own.
    #[cold]
    fn rejoin(&self) -> Result<Seat<'_>> {
        // Before it joins: a child that can never have it is not to act without what it holds.
        let open = self.lock_open()?;
        let seat = self.join()?;
        // What the parent had open, the child has open too, as far as it is still there.
        let arena = self.arena()?;
        for offset in open.keys() {
            if let Some(block) = arena.block(*offset) {
                block.hold(seat.me().slot());
            }
        }
        Ok(seat)
    }

    fn join(&self) -> Result<Seat<'_>> {
        let entry = self.page.enter();
        if let Some(token) = self.token() {
            return Ok(Seat::new(token, self));
        }
        let doing = || format!("join segment `{}`", self.name);
        let os = |e| Error::os(e, doing());
        epoch::begin().map_err(os)?;
        if self.born != epoch::current() {
            // After a fork without hooks the description is still shared with the parent.
            self.lease.refresh().map_err(os)?;
        }
        let leases = self.leases();
        let header = self.checked_header()?;
        if !membarrier::register() {
            // Relaxed: ordered by the Release that makes the slot live.
            header.unfenced.store(1, Ordering::Relaxed);
        }
        let pid = std::process::id();
        let namespace = crate::sys::file::pid_namespace();
        let before = RefCell::default();
        let describe = |slot: &Slot| {
            before.replace(Identity::of(slot));
            // Relaxed: the Release that makes the slot live publishes all of it.
            slot.pid.store(pid, Ordering::Relaxed);
            slot.pid_namespace.store(namespace, Ordering::Relaxed);
            slot.since.store(clock::unix_nanos(), Ordering::Relaxed);
            write_label(&slot.label, &self.label);
        };
        // Relaxed: a hint. Slots are used in turn, so a generation takes long to come round.
        let start = header.next_slot.fetch_add(1, Ordering::Relaxed);
        let token = self
            .registry()
            .join(&leases, start, describe)
            .ok_or_else(|| {
                Error::new(ErrorKind::TooManyParticipants, doing())
                    .advise("create the segment with more participants, or let one leave")
            })?;
        entry.set(token.bits(), Box::new(self.membership(token)));
        drop(entry);
        for dead in self.registry().unrepaired(token) {
            self.repair_after(dead, Some(&before.borrow()))?;
        }
        self.registry().settle(token);
        Ok(Seat::new(token, self))
    }

    /// Ties a lifeline, where one is wanted and the kernel can.
    fn membership(&self, token: Token) -> Member {
        if !self.wants_lifeline {
            return Member::default();
        }
        let slot_at = REGISTRY_AT + u64::from(token.slot()) * size_of::<Slot>() as u64;
        // Through a description of its own: a mapping keeps its description, and so a forked child
        // that inherits the mapping would keep the lease.
        let tied = self
            .lease
            .fd()
            .and_then(crate::sys::lease::reopen)
            .and_then(|fd| Lifeline::tie(fd.as_fd(), slot_at + LIFELINE_OFFSET as u64))
            .inspect_err(|e| {
                log::debug!(
                    "segment `{}`: no lifeline, deaths are found by polling: {e}",
                    self.name
                );
            });
        Member {
            _lifeline: tied.ok(),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // A forked child that never acted in the segment has nothing to leave.
        let Some(token) = self.token() else { return };
        if let Err(e) = self.repair_after(token, None) {
            log::warn!("leave segment `{}`: {e}", self.name);
            return;
        }
        self.registry().resign(token);
        drop(self.page.take_member());
        self.registry().retire(&self.leases(), token);
    }
}
