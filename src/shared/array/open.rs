//! How an array comes to be, and how it is found again.

use std::marker::PhantomData;

use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[cfg(doc)]
use crate::error::ErrorKind;
use crate::error::Result;
use crate::raw::journal::{Journal, LINE, Mapped};
use crate::raw::{Kind, Storage};
use crate::segment::object::{deserialize, serialize};
use crate::segment::{Object, Segment, Spec};

use super::{Array, guard};

impl<T: Pod> Array<T> {
    /// Creates an array of `len` zeroes in the home segment.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`ErrorKind::Full`].
    pub fn new(len: usize) -> Result<Self> {
        Self::make(&Segment::home()?, None, len, &[])
    }

    /// Creates an array of the elements of `from` in the home segment.
    ///
    /// # Errors
    ///
    /// As [`Segment::home`], and [`ErrorKind::Full`].
    pub fn from_slice(from: &[T]) -> Result<Self> {
        Self::make(&Segment::home()?, None, from.len(), from)
    }

    /// Creates the array called `name`, of `len` zeroes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::AlreadyExists`] where the segment has an object of that name,
    /// [`ErrorKind::Full`] where it has no room.
    pub fn create(segment: &Segment, name: &str, len: usize) -> Result<Self> {
        Self::make(segment, Some(name), len, &[])
    }

    /// Creates the array called `name`, of the elements of `from`.
    ///
    /// # Errors
    ///
    /// As [`Array::create`].
    pub fn create_from_slice(segment: &Segment, name: &str, from: &[T]) -> Result<Self> {
        Self::make(segment, Some(name), from.len(), from)
    }

    /// Opens the array called `name`, of whatever length it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] where there is no object of that name, [`ErrorKind::WrongType`]
    /// where it is not an array of this type.
    pub fn open(segment: &Segment, name: &str) -> Result<Self> {
        Self::bind(Object::open(segment, name, Self::spec())?)
    }

    /// Opens the array called `name`, of whatever length it is, or creates it of `len` zeroes.
    ///
    /// # Errors
    ///
    /// As [`Array::open`] and [`Array::create`], but for the two that exclude each other.
    pub fn open_or_create(segment: &Segment, name: &str, len: usize) -> Result<Self> {
        let init = |storage: Storage<'_>| Self::init(storage, len, &[]);
        let (spec, size) = (Self::spec(), Self::size(len));
        Self::bind(Object::open_or_create(segment, name, spec, size, init)?)
    }

    fn spec() -> Spec {
        const {
            assert!(
                size_of::<T>() > 0,
                "elements without a size cannot be counted"
            );
            assert!(
                align_of::<T>() <= LINE,
                "elements lie on a cache line at best"
            );
        }
        Spec::of::<T>(Kind::Array)
    }

    fn make(segment: &Segment, name: Option<&str>, len: usize, from: &[T]) -> Result<Self> {
        let init = move |storage: Storage<'_>| Self::init(storage, len, from);
        Self::bind(Object::create(
            segment,
            name,
            Self::spec(),
            Self::size(len),
            init,
        )?)
    }

    /// Bytes of `len` elements with their journal; a length beyond memory finds no room.
    fn size(len: usize) -> usize {
        let bytes = len.checked_mul(size_of::<T>());
        bytes
            .and_then(Journal::<Mapped<'_>>::size)
            .unwrap_or(usize::MAX)
    }

    fn init(storage: Storage<'_>, len: usize, from: &[T]) {
        if let Some(journal) = Journal::init(storage, len.saturating_mul(size_of::<T>())) {
            guard::fill(&journal, from);
        }
    }

    fn bind(object: Object) -> Result<Self> {
        Ok(Self {
            bound: object.bind(Kind::Array, Journal::attach)?,
            of: PhantomData,
        })
    }
}

impl<T> Serialize for Array<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.bound.object(), to)
    }
}

impl<'de, T: Pod> Deserialize<'de> for Array<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(Self::spec(), from, Self::bind)
    }
}
