//! Views of an object's bytes, tied to the object that keeps them mapped.

#![expect(
    unsafe_code,
    reason = "views of a mapping are tied to the handle that keeps it"
)]

use std::sync::Arc;

use crate::error::Result;
use crate::raw::{Kind, Peers, Storage, Token};
use crate::sys::atomic::Ordering;
use crate::sys::epoch;

use super::inner::Inner;
use super::object::Object;
use super::seat::Seat;

/// A view of an object's bytes, and the object that keeps them mapped.
#[derive(Debug)]
pub(crate) struct Bound<V> {
    view: V,
    known: Known,
    /// A short cut through `object`, for the hot path.
    inner: &'static Inner,
    object: Object,
}

/// The token that this process had when it last asked, and the fork epoch in which it did: asking
/// again costs two loads that do not wait for each other.
///
/// Two words, and not one with two halves: to take that apart would cost as much as a load, and
/// between two locked instructions every cycle counts. Within an epoch the token never changes.
#[derive(Debug)]
struct Known {
    epoch: Remembered,
    token: Remembered,
}
type Remembered = core::sync::atomic::AtomicU32;

impl Default for Known {
    fn default() -> Self {
        Self {
            epoch: Remembered::new(epoch::NEVER),
            token: Remembered::new(0),
        }
    }
}

impl Known {
    /// Whether there has been no fork since the token was set.
    #[inline]
    fn is_current(&self) -> bool {
        // Acquire: pairs with the Release in `set`: the token and its membership came before it.
        self.epoch.load(Ordering::Acquire) == epoch::current()
    }

    #[inline]
    fn token(&self) -> Option<Token> {
        if self.is_current() {
            // Relaxed: ordered by the epoch's Acquire.
            Token::from_bits(self.token.load(Ordering::Relaxed))
        } else {
            None
        }
    }

    fn set(&self, token: Token) {
        // Relaxed: the Release that follows publishes it.
        self.token.store(token.bits(), Ordering::Relaxed);
        self.epoch.store(epoch::current(), Ordering::Release);
    }
}

impl<V: Clone> Clone for Bound<V> {
    fn clone(&self) -> Self {
        Self {
            view: self.view.clone(),
            known: Known::default(),
            inner: self.inner,
            object: self.object.clone(),
        }
    }
}

impl<V> Bound<V> {
    #[inline]
    pub(crate) fn view(&self) -> &V {
        &self.view
    }
    #[inline]
    pub(crate) fn object(&self) -> &Object {
        &self.object
    }
    /// See [`Object::seat`].
    #[inline]
    pub(crate) fn seat(&self) -> Result<Seat<'_>> {
        match self.known.token() {
            Some(token) => Ok(Seat::new(token, self.inner)),
            None => self.ask(),
        }
    }

    /// Makes sure that this process is a participant: for operations that need no name of theirs.
    #[inline]
    pub(crate) fn join(&self) -> Result<()> {
        if self.known.is_current() {
            Ok(())
        } else {
            self.ask().map(drop)
        }
    }

    /// Whether `token` is this process's own, and not a parent's that it was forked from.
    #[inline]
    pub(crate) fn is_me(&self, token: Token) -> bool {
        if self.known.is_current() {
            // Relaxed: ordered by the epoch's Acquire.
            self.known.token.load(Ordering::Relaxed) == token.bits()
        } else {
            self.inner.token() == Some(token)
        }
    }

    /// The seat under which `token` took something; none in a child that was forked since.
    #[inline]
    pub(crate) fn seat_of(&self, token: Token) -> Option<Seat<'_>> {
        self.is_me(token).then(|| Seat::new(token, self.inner))
    }

    /// An error where this is no longer the process that got `seat`, but a forked child of it.
    #[inline]
    pub(crate) fn still(&self, seat: Seat<'_>) -> Result<()> {
        if self.is_me(seat.me()) {
            Ok(())
        } else {
            Err(self.object.forked_inside())
        }
    }

    #[cold]
    fn ask(&self) -> Result<Seat<'_>> {
        let seat = self.object.seat()?;
        self.known.set(seat.me());
        Ok(seat)
    }
}

impl Object {
    /// Keeps a view of the object's bytes together with the object.
    pub(crate) fn bind<V>(
        self,
        kind: Kind,
        view: impl FnOnce(Storage<'static>) -> Option<V>,
    ) -> Result<Bound<V>> {
        let storage = self.storage();
        // SAFETY: the bytes stay mapped as long as `self`, which `Bound` keeps beside the view and
        // drops after it; `Bound` lends the view only for its own life. The bytes are touched only
        // through residents and raw copies, as of the storage that this one is made from.
        let storage = unsafe { storage.extend() };
        let inner = Arc::as_ptr(self.inner());
        // SAFETY: the object keeps its segment, and `Bound` the object, as above.
        let inner: &'static Inner = unsafe { &*inner };
        match view(storage) {
            Some(view) => Ok(Bound {
                view,
                known: Known::default(),
                inner,
                object: self,
            }),
            None => Err(self.corrupt(kind)),
        }
    }
}
