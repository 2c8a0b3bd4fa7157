//! One segment as this process has it: the mapping, and this process's membership.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::registry::{LIFELINE_OFFSET, Registry, Slot};
use crate::raw::waits::Waits;
use crate::raw::{Storage, Token};
use crate::sys::atomic::Ordering;
use crate::sys::clock;
use crate::sys::epoch;
use crate::sys::fork::{ForkPage, Watched};
use crate::sys::lifeline::Lifeline;
use crate::sys::mapping::Mapping;
use crate::sys::membarrier;

use super::arena::Arena;
use super::attached;
use super::header::{self, Geometry};
use super::layout::{Header, REGISTRY_AT};
use super::recovery::{Ring, write_label};
use super::seat::{FileLeases, Seat};
use super::view::View;

/// What a process has as a participant, beside its token. A forked child has another: what its
/// parent's threads held locked is nothing to it.
#[derive(Debug, Default)]
pub(crate) struct Member {
    /// Held for its Drop, which takes it off the kernel's list.
    _lifeline: Option<Lifeline>,
    /// Offsets of the objects that this process has open, and how often.
    pub(crate) open: Mutex<HashMap<u64, usize>>,
    /// Where the arena was last found to have room: an offset, and the merges until then.
    pub(crate) room: Mutex<(u64, u64)>,
    /// Held while this process repairs after a death: its leases do not exclude its own threads.
    pub(crate) reaping: Mutex<()>,
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
    /// It repairs after itself, and what its own token holds counts as the dead's.
    pub(crate) is_leaving: bool,
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
            is_leaving: false,
            mapping: parts.mapping,
            geometry: parts.geometry,
            identity: parts.identity,
            name: parts.name,
            path: parts.path,
            label: parts.label,
            wants_lifeline: parts.lifeline,
        };
        inner.join()?;
        Ok(inner)
    }

    /// All bytes of the segment.
    pub(crate) fn whole(&self) -> Storage<'_> {
        self.mapping.storage()
    }

    pub(crate) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    pub(crate) fn header(&self) -> Option<&Header> {
        self.whole().get(0)
    }

    /// The header, which was there when the segment was opened.
    pub(crate) fn checked_header(&self) -> Result<&Header> {
        header::of(self.whole())
    }

    /// The parts of the segment.
    pub(crate) fn view(&self) -> View<'_> {
        View::new(self.whole(), self.geometry.participants)
    }

    pub(crate) fn arena(&self) -> Result<Arena<'_>> {
        self.view().arena()
    }

    /// The table of waits, where the segment has one.
    pub(crate) fn waits(&self) -> Option<Waits<'_>> {
        self.arena().ok()?.waits()
    }

    pub(crate) fn registry(&self) -> Registry<'_> {
        self.view().registry()
    }

    pub(crate) fn ring(&self) -> Result<Ring<'_>> {
        self.view().ring()
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
            None => self.join(),
        }
    }

    /// The token of this process, if it has one now.
    #[inline]
    pub(crate) fn token(&self) -> Option<Token> {
        Token::from_bits(self.page.token())
    }

    /// What this process has as a participant; a forked child begins with nothing.
    pub(crate) fn member(&self) -> Result<&Member> {
        self.seat()?;
        self.page.member().ok_or_else(|| {
            let doing = format!("use segment `{}` while it is given up", self.name);
            Error::new(ErrorKind::InvalidInput, doing)
        })
    }

    /// Joins; after a fork the child becomes a participant of its own.
    #[cold]
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
        let describe = |slot: &Slot| {
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
        let seat = Seat::new(token, self);
        // Before anything else of this process can act under the token.
        for dead in self.registry().unrepaired(token) {
            if let Err(e) = self.repair_after(seat, dead) {
                // Whoever comes next repairs after them all.
                self.registry().resign(token);
                self.registry().postpone(&leases, token);
                return Err(e);
            }
        }
        self.registry().settle(token);
        entry.set(token.bits(), Box::new(self.membership(token)));
        Ok(seat)
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
            ..Member::default()
        }
    }
}

impl Inner {
    /// Gives up the membership, and all that this process still has.
    fn leave(&mut self) {
        // A forked child that never acted in the segment has nothing to leave.
        let Some(token) = self.token() else { return };
        self.is_leaving = true;
        // What is still held was leaked or taken by hand: to the others it is as after a death.
        if let Err(e) = self.repair_after(Seat::new(token, self), token) {
            log::warn!("leave segment `{}`: {e}", self.name);
            return;
        }
        self.registry().resign(token);
        drop(self.page.take_member());
        self.registry().retire(&self.leases(), token);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.leave();
        attached::forget(self);
    }
}
