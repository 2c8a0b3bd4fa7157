//! Data that processes share: one value, or many of a kind.
//!
//! [`Value`] never shows half of an update and never waits for a reader. [`Array`] gives the
//! elements themselves, under its lock. [`AtomicArray`] has no lock: each element is an atomic.

mod array;
mod atomic_array;
mod cell;
mod held;
mod integer;
mod value;

pub use array::{Array, ArrayGuard};
pub use atomic_array::AtomicArray;
pub use integer::Integer;
pub use value::{Value, ValueGuard};
