//! That this process holds an object open: one bit in the object, however many handles there are.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::raw::Peers;
use crate::sys::atomic::Ordering;
use crate::sys::epoch;

use super::block::Block;
use super::inner::Inner;
use super::seat::Seat;

/// One opening of an object; handles share it.
pub(super) struct Hold {
    pub(super) inner: Arc<Inner>,
    pub(super) offset: u64,
    pub(super) generation: u32,
    pub(super) at: usize,
    pub(super) len: usize,
    /// The fork epoch in which this process was entered as a holder.
    entered: Epoch,
    /// Whether a handle met a death and has yet to see to the repair.
    pub(super) reap_due: ReapDue,
}
type Epoch = core::sync::atomic::AtomicU32;
type ReapDue = core::sync::atomic::AtomicBool;

impl Hold {
    /// Enters the object in `open`, the segment's own. The holder's bit is there already.
    pub(super) fn enter(
        inner: &Arc<Inner>,
        open: &mut HashMap<u64, usize>,
        block: Block<'_>,
    ) -> Option<Arc<Self>> {
        let range = block.object()?;
        let hold = Self {
            inner: inner.clone(),
            offset: block.offset,
            generation: block.head.generation.load(Ordering::Relaxed),
            at: usize::try_from(range.at).ok()?,
            len: usize::try_from(range.len).ok()?,
            entered: Epoch::new(epoch::current()),
            reap_due: ReapDue::new(false),
        };
        *open.entry(hold.offset).or_insert(0) += 1;
        Some(Arc::new(hold))
    }

    /// Whether this process is a holder; a forked child is not, until it uses the object.
    #[inline]
    pub(super) fn is_entered(&self) -> bool {
        // Acquire: pairs with the Release in `enter_again`: the holder's bit is there.
        self.entered.load(Ordering::Acquire) == epoch::current()
    }

    /// The first use in a forked child: enters it as a holder, if the object is still there.
    #[cold]
    pub(super) fn enter_again(&self) -> Result<Seat<'_>> {
        let seat = self.inner.seat()?;
        let header = self.inner.checked_header()?;
        // As in `create`.
        let mut open = self.inner.lock_open()?;
        if self.is_entered() {
            return Ok(seat);
        }
        self.inner.lock_books(seat)?;
        let found = self.inner.live_block(self.offset, self.generation);
        if let Ok(Some(block)) = found {
            block.hold(seat.me().slot());
        }
        header.books.unlock(&seat, false);
        if found?.is_none() {
            let at = format!("{}+{:#x}", self.inner.name, self.offset);
            return Err(
                Error::new(ErrorKind::Gone, format!("use {at} after a fork"))
                    .advise("the parent must keep the object until its child has used it"),
            );
        }
        *open.entry(self.offset).or_insert(0) += 1;
        // Release: pairs with the Acquire in `is_entered`.
        self.entered.store(epoch::current(), Ordering::Release);
        Ok(seat)
    }

    /// Takes one handle out of the process's own table, and out of the object where it was the last.
    fn leave(&self) -> Result<()> {
        let mut open = self.inner.lock_open()?;
        if let Some(count) = open.get_mut(&self.offset) {
            *count -= 1;
            if *count > 0 {
                return Ok(());
            }
        }
        open.remove(&self.offset);
        let me = self.inner.seat()?.me();
        self.inner.let_go(self.offset, me.slot())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.is_entered()
            && let Err(e) = self.leave()
        {
            log::warn!("let go of an object: {e}");
        }
    }
}
