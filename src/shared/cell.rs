//! Where a value lies: in one atomic of its width, or in a record.

use bytemuck::Pod;

use crate::raw::lock::{LockWord, StillHeld, Taken};
use crate::raw::record::Record;
use crate::raw::{Peers, Resident, Storage};
use crate::sys::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};
use crate::sys::clock::Deadline;

/// Where the atomic is: behind the lock word, where a record has its version.
const AT: usize = 8;

/// The resident of a value: which of the two forms it has is known when this is compiled, and not
/// asked for again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell<'a> {
    lock: &'a LockWord,
    /// For values of 1, 2, 4 or 8 bytes: one store changes them. The lock is for guards alone.
    place: Place<'a>,
    /// For all others.
    record: Option<Record<'a>>,
}

/// Eight bytes at each width; a value uses one of them.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    w8: &'a AtomicU8,
    w16: &'a AtomicU16,
    w32: &'a AtomicU32,
    w64: &'a AtomicU64,
}

/// An atomic of one of the widths that there are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Word<'a> {
    W8(&'a AtomicU8),
    W16(&'a AtomicU16),
    W32(&'a AtomicU32),
    W64(&'a AtomicU64),
}

impl<'a> Cell<'a> {
    /// Bytes that a value of type `T` takes with its lock; `None` for one beyond memory.
    pub(crate) const fn size<T>() -> Option<usize> {
        match size_of::<T>() {
            1 | 2 | 4 | 8 => Some(AT + 8),
            len => Record::size(len),
        }
    }

    /// The record of a value of type `T`; `None` where it lies in a word.
    #[inline]
    pub(crate) fn record<T>(&self) -> Option<&Record<'a>> {
        match size_of::<T>() {
            1 | 2 | 4 | 8 => None,
            _ => self.record.as_ref(),
        }
    }

    /// The word of a value of type `T`; `None` where it lies in a record.
    #[inline]
    pub(crate) fn word<T>(&self) -> Option<Word<'a>> {
        match size_of::<T>() {
            1 => Some(Word::W8(self.place.w8)),
            2 => Some(Word::W16(self.place.w16)),
            4 => Some(Word::W32(self.place.w32)),
            8 => Some(Word::W64(self.place.w64)),
            _ => None,
        }
    }

    /// The resident of a value of type `T`; `None` where it does not fit.
    pub(crate) fn attach<T>(storage: Storage<'a>) -> Option<Self> {
        Some(Self {
            lock: storage.get(0)?,
            place: Place {
                w8: storage.get(AT)?,
                w16: storage.get(AT)?,
                w32: storage.get(AT)?,
                w64: storage.get(AT)?,
            },
            record: match size_of::<T>() {
                1 | 2 | 4 | 8 => None,
                len => Some(Record::attach(storage, len)?),
            },
        })
    }

    /// Gives the first value to a cell of zeroes that nobody else knows yet.
    pub(crate) fn init<T: Pod>(&self, value: &T) {
        if let Some(record) = self.record::<T>() {
            record.init(bytemuck::bytes_of(value));
        } else if let Some(word) = self.word::<T>() {
            word.store(value);
        }
    }

    /// Takes the lock, sleeping until it is free, its holder dies, or the deadline passes.
    #[inline]
    pub(crate) fn lock(&self, peers: &impl Peers, deadline: Deadline) -> Result<Taken, StillHeld> {
        self.lock.lock(peers, deadline)
    }

    /// Takes the lock if nobody alive holds it.
    #[inline]
    pub(crate) fn try_lock(&self, peers: &impl Peers) -> Result<Taken, StillHeld> {
        self.lock.try_lock(peers)
    }

    /// Frees the lock. Only the holder may call this.
    #[inline]
    pub(crate) fn unlock(&self, peers: &impl Peers) {
        self.lock.unlock(peers, false);
    }

    /// The value. Only the holder of the lock may call this.
    #[inline]
    pub(crate) fn load<T: Pod>(&self) -> T {
        let mut value = T::zeroed();
        if let Some(record) = self.record::<T>() {
            record.load(bytemuck::bytes_of_mut(&mut value));
        } else if let Some(word) = self.word::<T>() {
            value = word.load();
        }
        value
    }

    /// Makes `value` the value. Only the holder of the lock may call this.
    #[inline]
    pub(crate) fn commit<T: Pod>(&self, value: &T) {
        if let Some(record) = self.record::<T>() {
            record.commit(bytemuck::bytes_of(value));
        } else if let Some(word) = self.word::<T>() {
            word.store(value);
        }
    }
}

/// The bits of `value`, which is as wide as `W`; zero where it is not.
#[inline]
fn to<T: Pod, W: Pod>(value: &T) -> W {
    if size_of::<T>() == size_of::<W>() {
        bytemuck::cast(*value)
    } else {
        W::zeroed()
    }
}

/// Does the same with the atomic, whatever its width, where that is the width of `T`. It always is;
/// asking lets the compiler forget the other widths.
macro_rules! each_width {
    ($T:ty, $word:expr, $atomic:ident => $result:expr, else $other:expr) => {
        match $word {
            Word::W8($atomic) if size_of::<$T>() == 1 => $result,
            Word::W16($atomic) if size_of::<$T>() == 2 => $result,
            Word::W32($atomic) if size_of::<$T>() == 4 => $result,
            Word::W64($atomic) if size_of::<$T>() == 8 => $result,
            _ => $other,
        }
    };
}

impl<'a> Word<'a> {
    /// The atomic of `width` bytes at `offset`; `None` for a width that no atomic has.
    #[inline]
    pub(crate) fn attach(storage: Storage<'a>, offset: usize, width: usize) -> Option<Self> {
        match width {
            1 => storage.get(offset).map(Self::W8),
            2 => storage.get(offset).map(Self::W16),
            4 => storage.get(offset).map(Self::W32),
            8 => storage.get(offset).map(Self::W64),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn load<T: Pod>(self) -> T {
        // Acquire: pairs with the Release of the operation that wrote the value.
        each_width!(T, self, atomic => to(&atomic.load(Ordering::Acquire)), else T::zeroed())
    }

    #[inline]
    pub(crate) fn store<T: Pod>(self, value: &T) {
        // Release: whoever sees the value sees what was done before it.
        each_width!(T, self, atomic => atomic.store(to(value), Ordering::Release), else ());
    }

    /// Stores `new` where the bits are those of `current`.
    #[inline]
    pub(crate) fn compare_exchange<T: Pod>(self, current: &T, new: &T) -> Result<(), T> {
        // AcqRel: as the two above. Acquire on failure: the caller goes on from that value.
        each_width!(T, self, atomic => atomic
            .compare_exchange(to(current), to(new), Ordering::AcqRel, Ordering::Acquire)
            .map(|_| ())
            .map_err(|now| to(&now)), else Ok(()))
    }
}

/// The atomics, found by their type.
pub(crate) trait Width: Resident + Sized {
    fn of(word: Word<'_>) -> Option<&Self>;
}

macro_rules! widths {
    ($($atomic:ty: $which:ident),*) => {$(
        impl Width for $atomic {
            #[inline]
            fn of(word: Word<'_>) -> Option<&Self> {
                if let Word::$which(atomic) = word { Some(atomic) } else { None }
            }
        }
    )*};
}
widths!(AtomicU8: W8, AtomicU16: W16, AtomicU32: W32, AtomicU64: W64);
