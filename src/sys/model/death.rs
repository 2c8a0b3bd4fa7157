//! A modelled SIGKILL: the victim stops before its k-th shared write and writes no more.

use core::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What unwinds out of a victim.
struct Died;

/// How far a modelled process is from its death.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fuse {
    Unlit,
    Left(usize),
    Dead,
}

loom::thread_local! {
    static FUSE: Cell<Fuse> = Cell::new(Fuse::Unlit);
}

/// One crash point: counts down, and at zero the victim unwinds with all later writes muted.
pub(crate) fn point() {
    let out = FUSE.with(|fuse| match fuse.get() {
        Fuse::Unlit | Fuse::Dead => false,
        Fuse::Left(0) => {
            fuse.set(Fuse::Dead);
            true
        }
        Fuse::Left(n) => {
            fuse.set(Fuse::Left(n - 1));
            false
        }
    });
    if out {
        resume_unwind(Box::new(Died));
    }
}

/// True after the calling modelled process died: its writes must not happen.
pub(crate) fn is_muted() -> bool {
    FUSE.with(|fuse| fuse.get() == Fuse::Dead)
}

/// Runs `life`, which dies before its `k`-th shared write (k from 0).
///
/// Returns `None` where it died, and its result where it ended before.
pub(crate) fn victim<R>(k: usize, life: impl FnOnce() -> R) -> Option<R> {
    FUSE.with(|fuse| fuse.set(Fuse::Left(k)));
    let end = catch_unwind(AssertUnwindSafe(life));
    FUSE.with(|fuse| fuse.set(Fuse::Unlit));
    match end {
        Ok(result) => Some(result),
        Err(payload) if payload.is::<Died>() => None,
        Err(payload) => resume_unwind(payload),
    }
}
