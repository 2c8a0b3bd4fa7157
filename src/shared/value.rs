//! [`Value`]: one value that processes share.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::raw::lock::StillHeld;
use crate::raw::record::Record;
use crate::raw::{Kind, Pace, Peers, Storage};
use crate::segment::object::{deserialize, serialize};
use crate::segment::{Bound, Object, Seat, Segment, Spec};
use crate::sync::deadlock;
use crate::sys::clock::Deadline;

use super::cell::{Cell, Word};
use super::held::Held;

mod atomic;
mod guard;

pub use guard::ValueGuard;

/// A value that processes share.
///
/// Readers see it whole as one update left it, and wait for nobody. A type of 1, 2, 4 or 8 bytes
/// lies in one atomic: every operation is one instruction or a short loop, and integers have the
/// atomic operations too. Any other type lies in two copies, of which one store says the one that
/// counts; updates of it exclude each other.
///
/// `T` is plain data without pointers. All processes must mean the same type by it: its path, size
/// and alignment are compared when it is opened.
///
/// # If a process dies
///
/// An update that it had not finished never happened: [`Value::set`], [`Value::update`] and the
/// drop of a guard come into being by one store. Readers notice nothing, writers wait for the dead
/// one's lock no longer than it takes to notice. There is nothing to repair.
///
/// # Examples
///
/// ```
/// use outlive::Value;
///
/// let hits = Value::new(0_u64)?;
/// hits.fetch_add(2)?;
/// assert_eq!(hits.get()?, 2);
///
/// let place = Value::new([0.0_f64; 3])?;
/// place.update(|[x, _, z]| {
///     *x += 1.0;
///     *z -= 1.0;
/// })?;
/// assert_eq!(place.get()?, [1.0, 0.0, -1.0]);
/// # Ok::<(), outlive::Error>(())
/// ```
pub struct Value<T> {
    bound: Bound<Cell<'static>>,
    of: PhantomData<fn(T) -> T>,
}

impl<T: Pod> Value<T> {
    /// Creates a value in the home segment.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`ErrorKind::Full`].
    pub fn new(value: T) -> Result<Self> {
        let segment = Segment::home()?;
        Self::bind(Object::create(
            &segment,
            None,
            Self::spec(),
            Self::len(),
            Self::init(value),
        )?)
    }

    /// Creates the value called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the segment has an object of that name,
    /// [`ErrorKind::Full`] where it has no room.
    pub fn create(segment: &Segment, name: &str, value: T) -> Result<Self> {
        let (spec, init) = (Self::spec(), Self::init(value));
        Self::bind(Object::create(
            segment,
            Some(name),
            spec,
            Self::len(),
            init,
        )?)
    }

    /// Opens the value called `name`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no object of that name, [`ErrorKind::WrongType`]
    /// where it is not a value of this type.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open(segment, name, Self::spec())?)
    }

    /// Opens the value called `name`, or creates it as `value`.
    ///
    /// # Errors
    ///
    /// As [`Value::open`] and [`Value::create`], but for the two that exclude each other.
    pub fn open_or_create(segment: &Segment, name: &str, value: T) -> Result<Self> {
        let (spec, init) = (Self::spec(), Self::init(value));
        Self::bind(Object::open_or_create(
            segment,
            name,
            spec,
            Self::len(),
            init,
        )?)
    }

    /// The value, whole.
    ///
    /// # Blocking
    ///
    /// Never waits for a lock. A value of more than a word is copied again where an update came in
    /// between; under updates without a pause the copy is made in a gap between two of them.
    ///
    /// # If a process dies
    ///
    /// In an update: the value is the one before, at once.
    ///
    /// # Errors
    ///
    /// Only after a fork, where the child cannot join the segment:
    /// [`ErrorKind::TooManyParticipants`].
    #[inline(always)]
    pub fn get(&self) -> Result<T> {
        self.bound.join()?;
        let Some(record) = self.bound.view().record::<T>() else {
            return self
                .bound
                .view()
                .word::<T>()
                .map(Word::load)
                .ok_or_else(|| self.corrupt());
        };
        // Lent to inlined code only, so the copy stays in registers until it is where the caller
        // wants it.
        let mut value = T::zeroed();
        if record.try_read(bytemuck::bytes_of_mut(&mut value)) {
            return Ok(value);
        }
        self.get_contended(record)
    }

    #[cold]
    #[inline(never)]
    fn get_contended(&self, record: &Record<'_>) -> Result<T> {
        let seat = self.bound.seat()?;
        let mut value = T::zeroed();
        record
            .read(&seat, bytemuck::bytes_of_mut(&mut value), Deadline::NEVER)
            .map_err(|StillHeld| self.in_vain(None))?;
        Ok(value)
    }

    /// Makes `value` the value.
    ///
    /// # Blocking
    ///
    /// Where the type is wider than a word, waits for another's update to end, however long that
    /// process is stopped in it. A guard from [`Value::lock_timeout`] does the same with a limit.
    ///
    /// # If a process dies
    ///
    /// In an update: that update never happened. The caller in here: this one, or it did.
    ///
    /// # Errors
    ///
    /// As [`Value::get`].
    #[inline]
    pub fn set(&self, value: T) -> Result<()> {
        if let Some(word) = self.bound.view().word::<T>() {
            self.bound.join()?;
            word.store(&value);
        } else {
            let seat = self.bound.seat()?;
            self.held(seat, Deadline::NEVER)?.view().commit(&value);
        }
        Ok(())
    }

    /// Changes the value by `change`, and returns what that returns; no other update is lost.
    ///
    /// A type of at most a word is changed without a lock: `change` is called again where somebody
    /// else was faster. Where it panics, nothing has changed.
    ///
    /// # Blocking
    ///
    /// As [`Value::set`]. `change` must not use the same value.
    ///
    /// # If a process dies
    ///
    /// In an update: that update never happened. The caller in here: this one, or it did.
    ///
    /// # Errors
    ///
    /// As [`Value::get`]; [`ErrorKind::NotOwner`] in a child that was forked inside `change`.
    #[inline]
    pub fn update<R>(&self, mut change: impl FnMut(&mut T) -> R) -> Result<R> {
        let seat = self.bound.seat()?;
        let Some(word) = self.bound.view().word::<T>() else {
            let held = self.held(seat, Deadline::NEVER)?;
            let mut value = held.view().load();
            let result = change(&mut value);
            self.bound.still(seat)?;
            held.view().commit(&value);
            return Ok(result);
        };
        let mut pace = Pace::short();
        let mut seen: T = word.load();
        loop {
            for _ in 0..ROUNDS {
                let mut value = seen;
                let result = change(&mut value);
                self.bound.still(seat)?;
                match word.compare_exchange(&seen, &value) {
                    Ok(()) => return Ok(result),
                    Err(now) => seen = now,
                }
            }
            seat.pause(&mut pace, Deadline::NEVER);
        }
    }

    /// Takes the value's lock: a guard with a private copy, which becomes the value when the guard
    /// is dropped.
    ///
    /// Guards exclude guards, and where the type is wider than a word every update. Where it is
    /// not, the other operations go on without the lock: what they do while a guard is there is
    /// overwritten by the guard's commit, which is a plain store, made only if the guard was
    /// written through. Use [`Value::update`] beside those.
    ///
    /// # Blocking
    ///
    /// Polls for some microseconds, then sleeps in the kernel, also while the holder is stopped.
    /// Not fair. A thread that holds the guard and locks again waits for itself.
    ///
    /// # If a process dies
    ///
    /// Holding the guard: the value is as before, and the next gets the lock.
    ///
    /// # Errors
    ///
    /// As [`Value::get`].
    #[inline]
    pub fn lock(&self) -> Result<ValueGuard<'_, T>> {
        self.lock_until(Deadline::NEVER)
    }

    /// Takes the value's lock if it is free or its holder is dead; see [`Value::lock`].
    ///
    /// # If a process dies
    ///
    /// As for [`Value::lock`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] where it is held; otherwise as [`Value::lock`].
    #[inline]
    pub fn try_lock(&self) -> Result<ValueGuard<'_, T>> {
        let seat = self.bound.seat()?;
        let taken = self.bound.view().try_lock(&seat);
        let taken = taken.map_err(|StillHeld| self.in_vain(None))?;
        Ok(ValueGuard::new(Held::new(&self.bound, seat, taken)))
    }

    /// Takes the value's lock, sleeping until it is free, but not longer than `limit`.
    ///
    /// # Blocking
    ///
    /// As [`Value::lock`].
    ///
    /// # If a process dies
    ///
    /// As for [`Value::lock`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] after `limit`, or [`ErrorKind::Deadlock`]; otherwise as [`Value::lock`].
    pub fn lock_timeout(&self, limit: Duration) -> Result<ValueGuard<'_, T>> {
        self.lock_until(Deadline::after(limit))
    }

    /// Takes the value's lock, sleeping until it is free, but not beyond `instant`.
    ///
    /// # Blocking
    ///
    /// As [`Value::lock`].
    ///
    /// # If a process dies
    ///
    /// As for [`Value::lock`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] at `instant`, or [`ErrorKind::Deadlock`]; otherwise as [`Value::lock`].
    pub fn lock_deadline(&self, instant: Instant) -> Result<ValueGuard<'_, T>> {
        self.lock_until(Deadline::at(instant))
    }

    #[inline]
    fn lock_until(&self, deadline: Deadline) -> Result<ValueGuard<'_, T>> {
        let seat = self.bound.seat()?;
        Ok(ValueGuard::new(self.held(seat, deadline)?))
    }

    #[inline]
    fn held<'a>(&'a self, seat: Seat<'a>, deadline: Deadline) -> Result<Held<'a, Cell<'static>>> {
        match self.bound.view().lock(&seat, deadline) {
            Ok(taken) => Ok(Held::new(&self.bound, seat, taken)),
            Err(StillHeld) => Err(self.in_vain(Some(deadline))),
        }
    }

    #[cold]
    fn corrupt(&self) -> Error {
        self.bound.object().corrupt(Kind::Value)
    }

    #[cold]
    fn in_vain(&self, deadline: Option<Deadline>) -> Error {
        let doing = format!("lock {self:?}");
        match deadline.and_then(|until| self.bound.object().deadlock(0, until)) {
            Some(circle) => deadlock(&doing, &circle),
            None => Error::new(ErrorKind::TimedOut, doing),
        }
    }

    fn spec() -> Spec {
        Spec::of::<T>(Kind::Value)
    }

    fn len() -> usize {
        // A length beyond memory finds no room.
        Cell::size::<T>().unwrap_or(usize::MAX)
    }

    fn init(value: T) -> impl Fn(Storage<'_>) {
        move |storage| {
            if let Some(cell) = Cell::attach::<T>(storage) {
                cell.init(&value);
            }
        }
    }

    fn bind(object: Object) -> Result<Self> {
        Ok(Self {
            bound: object.bind(Kind::Value, Cell::attach::<T>)?,
            of: PhantomData,
        })
    }
}

/// Tries of an update between two sleeps, so that a peer that writes without end cannot make us
/// spin for ever.
const ROUNDS: u32 = 4096;

impl<T> Clone for Value<T> {
    fn clone(&self) -> Self {
        Self {
            bound: self.bound.clone(),
            of: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Value")
            .field("at", self.bound.object())
            .finish_non_exhaustive()
    }
}

impl<T> Serialize for Value<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.bound.object(), to)
    }
}

impl<'de, T: Pod> Deserialize<'de> for Value<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(Self::spec(), from, Self::bind)
    }
}
