//! [`Integer`]: the types that the machine changes in one step.

use std::fmt;

use bytemuck::Pod;

use super::cell::Width;
use crate::sys::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

/// An integer of 8, 16, 32 or 64 bits, which processes can change in one step.
///
/// It cannot be implemented elsewhere: `u8` to `u64`, `i8` to `i64`, `usize` and `isize` have it.
#[expect(
    private_bounds,
    reason = "sealed: what an integer can do is the crate's own affair"
)]
pub trait Integer: Bits {}

/// An integer and the atomic of its width. Every operation is one step, and AcqRel unless it only
/// reads (Acquire) or only writes (Release): whoever sees a change sees what was done before it.
pub(crate) trait Bits: Pod + Copy + Eq + fmt::Debug {
    type Atomic: Width + fmt::Debug + Sync + 'static;

    fn load(at: &Self::Atomic) -> Self;
    fn store(at: &Self::Atomic, value: Self);
    fn swap(at: &Self::Atomic, value: Self) -> Self;
    fn compare_exchange(at: &Self::Atomic, current: Self, new: Self) -> Result<Self, Self>;
    fn fetch_add(at: &Self::Atomic, value: Self) -> Self;
    fn fetch_sub(at: &Self::Atomic, value: Self) -> Self;
    fn fetch_and(at: &Self::Atomic, value: Self) -> Self;
    fn fetch_or(at: &Self::Atomic, value: Self) -> Self;
    fn fetch_xor(at: &Self::Atomic, value: Self) -> Self;
    fn fetch_max(at: &Self::Atomic, value: Self) -> Self;
    fn fetch_min(at: &Self::Atomic, value: Self) -> Self;
}

/// Passes each verb on to the atomic, with the bits as they are.
macro_rules! by_bits {
    ($bits:ty: $($verb:ident),*) => {$(
        #[inline]
        fn $verb(at: &Self::Atomic, value: Self) -> Self {
            at.$verb(value as $bits, Ordering::AcqRel) as Self
        }
    )*};
}

/// For integers whose order is not the order of their bits: tries until nobody comes between.
macro_rules! by_order {
    ($($verb:ident: $choose:ident),*) => {$(
        #[inline]
        fn $verb(at: &Self::Atomic, value: Self) -> Self {
            let mut seen = Self::load(at);
            loop {
                match Self::compare_exchange(at, seen, seen.$choose(value)) {
                    Ok(old) => return old,
                    Err(now) => seen = now,
                }
            }
        }
    )*};
}

macro_rules! integers {
    ($($int:ident as $bits:ident in $atomic:ident, $order:ident ($($which:tt)*);)*) => {$(
        impl Integer for $int {}

        #[expect(clippy::allow_attributes, reason = "which casts are idle depends on the type")]
        #[allow(
            clippy::cast_sign_loss,
            clippy::cast_possible_wrap,
            clippy::cast_possible_truncation,
            clippy::unnecessary_cast,
            reason = "the same width, bit by bit"
        )]
        impl Bits for $int {
            type Atomic = $atomic;

            #[inline]
            fn load(at: &Self::Atomic) -> Self {
                at.load(Ordering::Acquire) as Self
            }
            #[inline]
            fn store(at: &Self::Atomic, value: Self) {
                at.store(value as $bits, Ordering::Release);
            }
            #[inline]
            fn compare_exchange(
                at: &Self::Atomic,
                current: Self,
                new: Self,
            ) -> Result<Self, Self> {
                let (current, new) = (current as $bits, new as $bits);
                at.compare_exchange(current, new, Ordering::AcqRel, Ordering::Acquire)
                    .map(|old| old as Self)
                    .map_err(|now| now as Self)
            }
            by_bits!($bits: swap, fetch_add, fetch_sub, fetch_and, fetch_or, fetch_xor);
            $order!($($which)*);
        }
    )*};
}

integers! {
    u8 as u8 in AtomicU8, by_bits(u8: fetch_max, fetch_min);
    u16 as u16 in AtomicU16, by_bits(u16: fetch_max, fetch_min);
    u32 as u32 in AtomicU32, by_bits(u32: fetch_max, fetch_min);
    u64 as u64 in AtomicU64, by_bits(u64: fetch_max, fetch_min);
    i8 as u8 in AtomicU8, by_order(fetch_max: max, fetch_min: min);
    i16 as u16 in AtomicU16, by_order(fetch_max: max, fetch_min: min);
    i32 as u32 in AtomicU32, by_order(fetch_max: max, fetch_min: min);
    i64 as u64 in AtomicU64, by_order(fetch_max: max, fetch_min: min);
}

#[cfg(target_pointer_width = "64")]
integers! {
    usize as u64 in AtomicU64, by_bits(u64: fetch_max, fetch_min);
    isize as u64 in AtomicU64, by_order(fetch_max: max, fetch_min: min);
}
#[cfg(target_pointer_width = "32")]
integers! {
    usize as u32 in AtomicU32, by_bits(u32: fetch_max, fetch_min);
    isize as u32 in AtomicU32, by_order(fetch_max: max, fetch_min: min);
}
