//! Loom's atomics with a point of death before each write.

use super::death::{is_muted, point};
pub(crate) use loom::sync::atomic::{Ordering, fence};

macro_rules! modelled {
    ($($name:ident: $int:ty),*) => {$(
        #[derive(Debug)]
        pub(crate) struct $name(loom::sync::atomic::$name);

        #[allow(dead_code, reason = "one facade for all widths; not each is used with each")]
        impl $name {
            pub(crate) fn new(value: $int) -> Self {
                Self(loom::sync::atomic::$name::new(value))
            }
            pub(crate) fn load(&self, order: Ordering) -> $int {
                self.0.load(order)
            }
            pub(crate) fn store(&self, value: $int, order: Ordering) {
                point();
                if !is_muted() {
                    self.0.store(value, order);
                }
            }
            pub(crate) fn swap(&self, value: $int, order: Ordering) -> $int {
                point();
                if is_muted() { self.0.load(Ordering::Relaxed) } else { self.0.swap(value, order) }
            }
            pub(crate) fn compare_exchange(
                &self, current: $int, new: $int, success: Ordering, failure: Ordering,
            ) -> Result<$int, $int> {
                point();
                if is_muted() {
                    Err(self.0.load(Ordering::Relaxed))
                } else {
                    self.0.compare_exchange(current, new, success, failure)
                }
            }
            pub(crate) fn compare_exchange_weak(
                &self, current: $int, new: $int, success: Ordering, failure: Ordering,
            ) -> Result<$int, $int> {
                self.compare_exchange(current, new, success, failure)
            }
            modelled!(@rmw $int, fetch_add, fetch_sub, fetch_and, fetch_or, fetch_xor, fetch_max,
                fetch_min);
        }
    )*};
    (@rmw $int:ty, $($verb:ident),*) => {$(
        pub(crate) fn $verb(&self, value: $int, order: Ordering) -> $int {
            point();
            if is_muted() { self.0.load(Ordering::Relaxed) } else { self.0.$verb(value, order) }
        }
    )*};
}
modelled!(AtomicU32: u32, AtomicU64: u64);
