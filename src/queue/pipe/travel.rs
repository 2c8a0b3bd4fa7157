//! How pipes and their ends go to other processes, as a few bytes.

use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Result;
use crate::segment::object::{deserialize, serialize};
use crate::segment::refusal;

use super::{Pipe, Receiver, Sender};

impl<T> Serialize for Pipe<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serialize(self.bound.object(), to)
    }
}

impl<'de, T> Deserialize<'de> for Pipe<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(Self::spec(), from, Self::bind)
    }
}

/// An error where this process has used the end.
impl<T> Serialize for Sender<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.side
            .check_free()
            .map_err(|why| S::Error::custom(refusal::note(why)))?;
        self.side.send_off();
        serialize(self.side.bound.object(), to)
    }
}

/// Takes the end: an error where a living process has it.
impl<'de, T> Deserialize<'de> for Sender<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(Pipe::<T>::spec(), from, |object| {
            Self::taken(Pipe::<T>::bind(object)?.bound)
        })
    }
}

/// An error where this process has used the end.
impl<T> Serialize for Receiver<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.side
            .check_free()
            .map_err(|why| S::Error::custom(refusal::note(why)))?;
        self.side.send_off();
        serialize(self.side.bound.object(), to)
    }
}

/// Takes the end: an error where a living process has it.
impl<'de, T> Deserialize<'de> for Receiver<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        deserialize(Pipe::<T>::spec(), from, |object| {
            Self::taken(Pipe::<T>::bind(object)?.bound)
        })
    }
}
