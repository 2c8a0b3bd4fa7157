//! [`AtomicArray`]: integers that each change in one step.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::raw::{Kind, Storage};
use crate::segment::object::{deserialize, serialize};
use crate::segment::{Bound, Object, Segment, Spec};

use super::integer::Integer;

/// An array of integers that processes share without a lock: each element is one atomic.
///
/// No operation waits, and none covers more than one element: for changes that belong together see
/// [`Array`](crate::Array).
///
/// # If a process dies
///
/// Nothing happens: an operation is one step, which a death comes before or after.
///
/// # Examples
///
/// ```
/// use outlive::AtomicArray;
///
/// let counts = AtomicArray::<u64>::new(256)?;
/// for byte in b"outlive" {
///     counts.fetch_add(usize::from(*byte), 1)?;
/// }
/// assert_eq!(counts.get(usize::from(b'o'))?, 1);
/// assert!(counts.get(256).is_err());
/// # Ok::<(), outlive::Error>(())
/// ```
pub struct AtomicArray<T: Integer> {
    bound: Bound<Elements<T>>,
    of: PhantomData<fn(T) -> T>,
}

type Elements<T> = &'static [<T as super::integer::Bits>::Atomic];

impl<T: Integer> AtomicArray<T> {
    /// Creates an array of `len` zeroes in the home segment.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`ErrorKind::Full`].
    pub fn new(len: usize) -> Result<Self> {
        let segment = Segment::home()?;
        Self::bind(Object::create(
            &segment,
            None,
            Self::spec(),
            Self::size(len),
            |_| {},
        )?)
    }

    /// Creates the array called `name`, of `len` zeroes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the segment has an object of that name,
    /// [`ErrorKind::Full`] where it has no room.
    pub fn create(segment: &Segment, name: &str, len: usize) -> Result<Self> {
        let (spec, size) = (Self::spec(), Self::size(len));
        Self::bind(Object::create(segment, Some(name), spec, size, |_| {})?)
    }

    /// Opens the array called `name`, of whatever length it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no object of that name, [`ErrorKind::WrongType`]
    /// where it is not an atomic array of this type.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open(segment, name, Self::spec())?)
    }

    /// Opens the array called `name`, of whatever length it is, or creates it of `len` zeroes.
    ///
    /// # Errors
    ///
    /// As [`AtomicArray::open`] and [`AtomicArray::create`], but for the two that exclude each
    /// other.
    pub fn open_or_create(segment: &Segment, name: &str, len: usize) -> Result<Self> {
        let (spec, size) = (Self::spec(), Self::size(len));
        Self::bind(Object::open_or_create(segment, name, spec, size, |_| {})?)
    }

    /// How many elements there are; it never changes.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.bound.view().len()
    }

    /// Whether there are no elements at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element `index`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] where there is no such element;
    /// [`ErrorKind::TooManyParticipants`] only after a fork, where the child cannot join the
    /// segment.
    #[inline]
    pub fn get(&self, index: usize) -> Result<T> {
        Ok(T::load(self.element(index)?))
    }

    /// Makes `value` element `index`.
    ///
    /// # Errors
    ///
    /// As [`AtomicArray::get`].
    #[inline]
    pub fn set(&self, index: usize, value: T) -> Result<()> {
        T::store(self.element(index)?, value);
        Ok(())
    }

    /// Stores `new` where element `index` is `current`. `Ok(Ok(_))` is the value before, which is
    /// `current`; `Ok(Err(_))` is the one that was in its place.
    ///
    /// # Errors
    ///
    /// As [`AtomicArray::get`].
    #[inline]
    pub fn compare_exchange(&self, index: usize, current: T, new: T) -> Result<Result<T, T>> {
        Ok(T::compare_exchange(self.element(index)?, current, new))
    }

    /// All elements, each as it is when it is looked at.
    ///
    /// # Errors
    ///
    /// As [`AtomicArray::get`].
    pub fn to_vec(&self) -> Result<Vec<T>> {
        self.bound.join()?;
        Ok(self.bound.view().iter().map(T::load).collect())
    }

    /// Element `index`, for who may be no participant, and may not become one now.
    #[inline]
    pub(crate) fn atomic_here(&self, index: usize) -> Option<&T::Atomic> {
        self.bound.view().get(index)
    }

    #[inline]
    fn element(&self, index: usize) -> Result<&T::Atomic> {
        self.bound.join()?;
        self.bound
            .view()
            .get(index)
            .ok_or_else(|| self.outside(index))
    }

    #[cold]
    fn outside(&self, index: usize) -> Error {
        let doing = format!(
            "reach element {index} of {self:?}, which has {} elements",
            self.len()
        );
        Error::new(ErrorKind::InvalidInput, doing).advise("the first element is 0")
    }

    fn spec() -> Spec {
        Spec::of::<T>(Kind::AtomicArray)
    }

    /// Bytes of `len` elements; a length beyond memory finds no room.
    fn size(len: usize) -> usize {
        len.saturating_mul(size_of::<T>())
    }

    fn bind(object: Object) -> Result<Self> {
        let view = |storage: Storage<'static>| storage.slice(0, storage.len() / size_of::<T>());
        Ok(Self {
            bound: object.bind(Kind::AtomicArray, view)?,
            of: PhantomData,
        })
    }
}

/// Documents and forwards the operations that return the value before.
macro_rules! atomic_operations {
    ($($(#[doc = $doc:literal])+ $verb:ident;)*) => {
        impl<T: Integer> AtomicArray<T> {
            $(
                $(#[doc = $doc])+
                ///
                /// # Errors
                ///
                /// As [`AtomicArray::get`].
                #[inline]
                pub fn $verb(&self, index: usize, value: T) -> Result<T> {
                    Ok(T::$verb(self.element(index)?, value))
                }
            )*
        }
    };
}
atomic_operations! {
    /// Makes `value` element `index` and returns the value before.
    swap;
    /// Adds to element `index`, wrapping around, and returns the value before.
    fetch_add;
    /// Subtracts from element `index`, wrapping around, and returns the value before.
    fetch_sub;
    /// Keeps the bits of element `index` that `value` has too, and returns the value before.
    fetch_and;
    /// Sets the bits of `value` in element `index` too, and returns the value before.
    fetch_or;
    /// Flips the bits of `value` in element `index`, and returns the value before.
    fetch_xor;
    /// Makes element `index` the larger of the two, and returns the value before.
    fetch_max;
    /// Makes element `index` the smaller of the two, and returns the value before.
    fetch_min;
}

impl<T: Integer> Clone for AtomicArray<T> {
    fn clone(&self) -> Self {
        Self {
            bound: self.bound.clone(),
            of: PhantomData,
        }
    }
}

impl<T: Integer> fmt::Debug for AtomicArray<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtomicArray")
            .field("at", self.bound.object())
            .finish_non_exhaustive()
    }
}

impl<T: Integer> Serialize for AtomicArray<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.bound.object(), to)
    }
}

impl<'de, T: Integer> Deserialize<'de> for AtomicArray<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(Self::spec(), from, Self::bind)
    }
}
