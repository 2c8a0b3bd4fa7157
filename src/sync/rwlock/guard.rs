//! The rights that an [`RwLock`] gives.

use std::fmt;
use std::marker::PhantomData;

use crate::raw::{Peers, Token};
use crate::sync::Marked;

use super::RwLock;

/// The right to read what a [`RwLock`] protects; gives it back when dropped.
///
/// It belongs to its thread. One that is leaked keeps writers out until its process ends. In a
/// forked child a guard of the parent does nothing.
#[must_use = "dropping the guard lets writers in"]
pub struct ReadGuard<'a> {
    lock: &'a RwLock,
    /// Whose it is: a forked child's drop must not take anything from the child's own count.
    /// `None` where it never was a right.
    owner: Option<Token>,
    not_send: PhantomData<*const ()>,
}

/// The right to write what a [`RwLock`] protects; gives it back when dropped.
///
/// It belongs to its thread. One that is leaked keeps the lock until its process ends, which then
/// counts as a death.
#[must_use = "dropping the guard frees the lock"]
pub struct WriteGuard<'a> {
    lock: &'a RwLock,
    /// Whose it is: a forked child may be a writer by a guard of its own.
    owner: Token,
    not_send: PhantomData<*const ()>,
}

impl<'a> ReadGuard<'a> {
    #[inline]
    pub(super) fn new(lock: &'a RwLock, owner: Token) -> Self {
        Self {
            lock,
            owner: Some(owner),
            not_send: PhantomData,
        }
    }

    /// The rest of going, where a writer may wait or a death was met.
    #[cold]
    #[inline(never)]
    fn see_to_the_others(lock: &RwLock) {
        if let Ok(seat) = lock.0.seat() {
            lock.0.view().wake_writer(&seat);
        }
        lock.0.object().reap_if_due();
    }
}

impl<'a> WriteGuard<'a> {
    pub(super) fn new(lock: &'a RwLock, owner: Token) -> Self {
        Self {
            lock,
            owner,
            not_send: PhantomData,
        }
    }

    /// Makes the writer a reader, with no writer in between; other readers come in too. A mark
    /// stays.
    ///
    /// # If a process dies
    ///
    /// Doing this: it counts as a writer's death, or as a reader's.
    pub fn downgrade(self) -> ReadGuard<'a> {
        let lock = self.lock;
        // Not in a forked child: there it was no right.
        let seat = lock.0.seat().ok().filter(|_| self.is_ours());
        let owner = seat.and_then(|seat| lock.0.view().downgrade(&seat).then_some(seat.me()));
        #[expect(clippy::mem_forget, reason = "the lock is free of its writer already")]
        std::mem::forget(self);
        lock.0.object().reap_if_due();
        ReadGuard {
            lock,
            owner,
            not_send: PhantomData,
        }
    }

    fn is_ours(&self) -> bool {
        self.lock.0.is_me(self.owner)
    }
}

impl Marked for WriteGuard<'_> {
    fn clear_mark(&mut self) {
        if self.is_ours() {
            self.lock.0.view().head.lock.word.clear_mark();
        }
    }
}

impl Drop for ReadGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(owner) = self.owner
            && self.lock.0.is_me(owner)
            && self.lock.0.view().leave(owner)
        {
            Self::see_to_the_others(self.lock);
        }
    }
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        if let Ok(seat) = self.lock.0.seat() {
            self.lock.0.view().free(&seat);
        }
        self.lock.0.object().reap_if_due();
    }
}

impl fmt::Debug for ReadGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadGuard").field(self.lock).finish()
    }
}

impl fmt::Debug for WriteGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteGuard").field(self.lock).finish()
    }
}
