//! Objects as handles see them: made, opened, held, sent to other processes as a few bytes.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::raw::{Kind, Peers, Storage, Token};
use crate::sys::atomic::Ordering;
use crate::sys::fnv::{FNV_START, fnv};

use super::block::{Block, Phase};
use super::hold::Hold;
use super::inner::Inner;
use super::layout::NAME_BYTES;
use super::recovery::Identity;
use super::seat::Seat;
use super::{Segment, baggage, refusal};

/// What an object must be for a handle to open it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) kind: Kind,
    /// Of the element type; 0 for kinds without one.
    pub(crate) fingerprint: u64,
}

impl Spec {
    /// For objects with elements of type `T`: its path, size and alignment.
    pub(crate) fn of<T>(kind: Kind) -> Self {
        let name = fnv(FNV_START, std::any::type_name::<T>().as_bytes());
        let sized = fnv(name, &(size_of::<T>() as u64).to_le_bytes());
        Self {
            kind,
            fingerprint: fnv(sized, &(align_of::<T>() as u64).to_le_bytes()),
        }
    }

    /// For messages that are a `T` as the codec `C` writes it: the paths of both.
    pub(crate) fn encoded<T, C>(kind: Kind) -> Self {
        let item = fnv(FNV_START, std::any::type_name::<T>().as_bytes());
        Self {
            kind,
            fingerprint: fnv(item, std::any::type_name::<C>().as_bytes()),
        }
    }
}

/// How often an object may come and go between the look for it and its making.
const ROUNDS: u32 = 1024;

/// An object that this process holds open; clones share it.
#[derive(Clone)]
pub(crate) struct Object(Arc<Hold>);

/// Where an object is, for any process that has its segment open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    segment: [u64; 2],
    offset: u64,
    generation: u32,
}

impl Object {
    /// Makes an object of `len` bytes, all zero, that `init` then fills.
    pub(crate) fn create(
        segment: &Segment,
        name: Option<&str>,
        spec: Spec,
        len: usize,
        init: impl FnOnce(Storage<'_>),
    ) -> Result<Self> {
        let inner = segment.inner();
        let doing = || match name {
            Some(name) => format!("create {} `{name}` in {segment}", spec.kind.name()),
            None => format!("create {} in {segment}", spec.kind.name()),
        };
        let exists = || {
            Error::new(ErrorKind::AlreadyExists, doing())
                .advise("open it instead, or use open_or_create")
        };
        if let Some(name) = name {
            check_name(name)
                .map_err(|advice| Error::new(ErrorKind::InvalidInput, doing()).advise(advice))?;
        }
        let full = || {
            Error::new(ErrorKind::Full, doing())
                .advise("remove objects, or create the segment with a larger size")
        };
        let block = match inner.allocate(len as u64, name.is_some())? {
            Some(room) => room,
            // Where the name is taken, more room would not help.
            None => match name {
                Some(name) if inner.has_object(name)? => return Err(exists()),
                _ => return Err(full()),
            },
        };
        let arena = inner.arena()?;
        let header = inner.checked_header()?;
        let fresh = block;
        let corrupt = || Error::new(ErrorKind::Corrupt, doing());
        let block = arena.block(fresh.offset).ok_or_else(corrupt)?;
        // Relaxed: only that no two get the same matters.
        let made = header.made.fetch_add(1, Ordering::Relaxed);
        block.describe(
            spec.kind as u32,
            spec.fingerprint,
            len as u64,
            name.is_some(),
            made,
        );
        arena.clear(fresh, block.object().ok_or_else(corrupt)?);
        init(inner.object_storage(block).ok_or_else(corrupt)?);
        if let Some(name) = name {
            block.set_name(name);
        }
        let seat = inner.seat()?;
        let mut open = inner.lock_open()?;
        inner.lock_books(seat)?;
        let is_taken = name.is_some_and(|name| arena.find(name).is_some());
        if is_taken {
            arena.free(block);
        } else {
            block.hold(seat.me().slot());
            block.set_word(block.word().units(), Phase::Live);
        }
        header.books.unlock(&seat, false);
        if is_taken {
            return Err(exists());
        }
        Hold::enter(inner, &mut open, block)
            .map(Self)
            .ok_or_else(corrupt)
    }

    /// Opens the object called `name`.
    pub(crate) fn open(segment: &Segment, name: &str, spec: Spec) -> Result<Self> {
        let doing = || format!("open {} `{name}` in {segment}", spec.kind.name());
        segment
            .inner()
            .open_block(spec, doing, |inner| Ok(inner.arena()?.find(name)))
    }

    /// Opens the object called `name`, or makes it.
    pub(crate) fn open_or_create(
        segment: &Segment,
        name: &str,
        spec: Spec,
        len: usize,
        init: impl Fn(Storage<'_>),
    ) -> Result<Self> {
        for _ in 0..ROUNDS {
            match Self::open(segment, name, spec) {
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                done => return done,
            }
            match Self::create(segment, Some(name), spec, len, &init) {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
                done => return done,
            }
        }
        let doing = format!("open or create {} `{name}` in {segment}", spec.kind.name());
        Err(Error::new(ErrorKind::Corrupt, doing)
            .advise("its name comes and goes: somebody removes it again and again"))
    }

    /// Opens the object that a handle from somewhere else names.
    fn at(address: Address, spec: Spec) -> Result<Self> {
        let doing = || format!("open a {} received as a handle", spec.kind.name());
        let Some(segment) = baggage::segment(address.segment)? else {
            return Err(Error::new(ErrorKind::NotAttached, doing())
                .advise("open the segment before handles of its objects arrive"));
        };
        segment
            .inner()
            .open_block(spec, doing, |inner| {
                inner.live_block(address.offset, address.generation)
            })
            .map_err(|e| match e.kind() {
                ErrorKind::NotFound => Error::new(ErrorKind::Gone, doing())
                    .advise("the sender must keep the object until the receiver has opened it"),
                _ => e,
            })
    }

    /// This process as a participant of the object's segment, and a holder of the object.
    #[inline]
    pub(crate) fn seat(&self) -> Result<Seat<'_>> {
        if self.0.is_entered() {
            self.0.inner.seat()
        } else {
            self.0.enter_again()
        }
    }

    /// The segment's own part.
    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.0.inner
    }

    /// Where the word at `at` of the object lies in the segment.
    pub(super) fn word_at(&self, at: usize) -> u64 {
        (self.0.at as u64).saturating_add(at as u64)
    }

    /// Whether both lie in the same segment, as this process has it open.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.inner, &other.0.inner)
    }

    /// Who `token` is or was.
    pub(crate) fn identity(&self, token: Token) -> Identity {
        self.0.inner.identity_of(token)
    }

    /// Repairs after all deaths, after one of them was met; what goes wrong is said in the log.
    pub(crate) fn reap(&self) {
        if let Err(e) = self.0.inner.reap() {
            log::warn!("repair after a death: {e}");
        }
    }

    /// Notes that a death was met; [`Object::reap_if_due`] sees to it at a calmer moment.
    pub(crate) fn owe_reap(&self) {
        // Relaxed: a note of this process to itself; a thread that misses it leaves it to another.
        self.0.reap_due.store(true, Ordering::Relaxed);
    }

    /// Repairs after all deaths, if one was met since the last time.
    pub(crate) fn reap_if_due(&self) {
        // Relaxed: as above.
        if self.0.reap_due.load(Ordering::Relaxed) && self.0.reap_due.swap(false, Ordering::Relaxed)
        {
            self.reap();
        }
    }

    /// The object's bytes.
    pub(crate) fn storage(&self) -> Storage<'_> {
        // In bounds when the object was opened, and neither changes.
        let whole = self.0.inner.whole();
        whole
            .part(self.0.at, self.0.len)
            .unwrap_or_else(|| whole.empty())
    }

    /// An error of the object's own bytes.
    pub(crate) fn corrupt(&self, kind: Kind) -> Error {
        let what = format!("use {} {self:?}", kind.name());
        Error::new(ErrorKind::Corrupt, what)
            .advise("some process has written over it: remove it and create it anew")
    }

    /// The name as it is now, for messages: from the block, where anybody may have taken it away.
    fn name(&self) -> Option<String> {
        let block = self.0.inner.arena().ok()?.block(self.0.offset)?;
        // Relaxed: the object is held open, so its head was published long ago.
        let same = block.head.generation.load(Ordering::Relaxed) == self.0.generation;
        block.name().filter(|_| same)
    }

    /// An error in a child that was forked inside an update or an action.
    #[cold]
    pub(crate) fn forked_inside(&self) -> Error {
        Error::new(
            ErrorKind::NotOwner,
            format!("end what was begun with {self:?}"),
        )
        .advise("a child that is forked inside an update or an action leaves it to its parent")
    }

    fn address(&self) -> Address {
        Address {
            segment: self.0.inner.geometry.id,
            offset: self.0.offset,
            generation: self.0.generation,
        }
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "`{name}` in `{}`", self.0.inner.name),
            None => write!(f, "{:#x} in `{}`", self.0.offset, self.0.inner.name),
        }
    }
}

/// Writes the handle of `object`.
pub(crate) fn serialize<S: Serializer>(object: &Object, to: S) -> Result<S::Ok, S::Error> {
    baggage::note(object);
    object.address().serialize(to)
}

/// Opens the object of a handle that arrived, and makes the handle.
pub(crate) fn deserialize<'de, D: Deserializer<'de>, H>(
    spec: Spec,
    from: D,
    bind: impl FnOnce(Object) -> Result<H>,
) -> Result<H, D::Error> {
    Object::at(Address::deserialize(from)?, spec)
        .and_then(bind)
        .map_err(|why| serde::de::Error::custom(refusal::note(why)))
}

/// Names are for people and for shells too.
pub(crate) fn check_name(name: &str) -> std::result::Result<(), &'static str> {
    match name {
        "" => Err("a name must not be empty"),
        _ if name.len() > NAME_BYTES => Err("a name has at most 64 bytes"),
        _ => Ok(()),
    }
}

impl Inner {
    fn open_block<'a>(
        self: &'a Arc<Self>,
        spec: Spec,
        doing: impl Fn() -> String,
        find: impl FnOnce(&'a Self) -> Result<Option<Block<'a>>>,
    ) -> Result<Object> {
        let seat = self.seat()?;
        let header = self.checked_header()?;
        let mut open = self.lock_open()?;
        self.lock_books(seat)?;
        let found = find(self).and_then(|block| {
            let block = block.ok_or_else(|| Error::new(ErrorKind::NotFound, doing()))?;
            // Relaxed: the Acquire of the block's word orders it.
            let fingerprint = block.head.fingerprint.load(Ordering::Relaxed);
            if block.kind() != spec.kind as u32 || fingerprint != spec.fingerprint {
                return Err(Error::new(ErrorKind::WrongType, doing()));
            }
            block.hold(seat.me().slot());
            Ok(block)
        });
        header.books.unlock(&seat, false);
        Hold::enter(self, &mut open, found?)
            .map(Object)
            .ok_or_else(|| Error::new(ErrorKind::Corrupt, doing()))
    }

    /// The object at `offset`, if it is there still and no other has come in its place.
    pub(super) fn live_block(&self, offset: u64, generation: u32) -> Result<Option<Block<'_>>> {
        let block = self.arena()?.chain().find(|block| block.offset == offset);
        Ok(block.filter(|block| {
            // Relaxed: the word's Acquire orders it, for an object that is there.
            block.word().phase() == Phase::Live
                && block.head.generation.load(Ordering::Relaxed) == generation
        }))
    }

    /// Who `token` is or was: from its slot, or from the ring of recoveries.
    pub(crate) fn identity_of(&self, token: Token) -> Identity {
        self.view().identity(token)
    }
}
