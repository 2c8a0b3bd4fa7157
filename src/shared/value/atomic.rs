//! What the machine does to an integer in one step.

use crate::error::Result;
use crate::shared::Integer;
use crate::shared::cell::Width;

use super::Value;

/// Documents and forwards the operations that are one step of the machine.
macro_rules! atomic_operations {
    ($($(#[doc = $doc:literal])+ $verb:ident;)*) => {
        /// One step each, without the lock: see [`Value::lock`] for how they go with a guard.
        ///
        /// None waits, and a death cannot fall inside one. All fail only as [`Value::get`] does.
        impl<T: Integer> Value<T> {
            /// Stores `new` where the value is `current`. `Ok(Ok(_))` is the value before, which is
            /// `current`; `Ok(Err(_))` is the one that was in its place.
            ///
            /// # Errors
            ///
            /// As [`Value::get`].
            #[inline]
            pub fn compare_exchange(&self, current: T, new: T) -> Result<Result<T, T>> {
                Ok(T::compare_exchange(self.atomic()?, current, new))
            }

            $(
                $(#[doc = $doc])+
                ///
                /// # Errors
                ///
                /// As [`Value::get`].
                #[inline]
                pub fn $verb(&self, value: T) -> Result<T> {
                    Ok(T::$verb(self.atomic()?, value))
                }
            )*
        }
    };
}
atomic_operations! {
    /// Stores `value` and returns the value before.
    swap;
    /// Adds, wrapping around, and returns the value before.
    fetch_add;
    /// Subtracts, wrapping around, and returns the value before.
    fetch_sub;
    /// Keeps the bits that `value` has too, and returns the value before.
    fetch_and;
    /// Sets the bits of `value` too, and returns the value before.
    fetch_or;
    /// Flips the bits of `value`, and returns the value before.
    fetch_xor;
    /// Stores the larger of the two, and returns the value before.
    fetch_max;
    /// Stores the smaller of the two, and returns the value before.
    fetch_min;
}

impl<T: Integer> Value<T> {
    #[inline]
    fn atomic(&self) -> Result<&T::Atomic> {
        self.bound.join()?;
        let word = self.bound.view().word::<T>();
        word.and_then(Width::of).ok_or_else(|| self.corrupt())
    }
}
