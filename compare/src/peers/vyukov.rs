//! Dmitry Vyukov's bounded queue, bare, in shared memory: the price of an mpmc queue that does not
//! survive a death.

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::mapping::{Line, Resident, Shared};
use crate::stream::{Receive, Transmit};

/// A handle; clones share the queue.
pub struct Vyukov<T, const N: usize>(Arc<Shared<Ring<T, N>>>);

#[repr(C)]
struct Ring<T, const N: usize> {
    tail: Line<AtomicU64>,
    head: Line<AtomicU64>,
    slots: [Slot<T>; N],
}

#[repr(C)]
struct Slot<T> {
    turn: AtomicU64,
    value: UnsafeCell<T>,
}

// SAFETY: plain data of which a turn gives one side at a time the use.
unsafe impl<T: bytemuck::Pod, const N: usize> Resident for Ring<T, N> {}

impl<T, const N: usize> Clone for Vyukov<T, N> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: bytemuck::Pod, const N: usize> Vyukov<T, N> {
    const MASK: u64 = {
        assert!(N.is_power_of_two());
        N as u64 - 1
    };

    pub fn new() -> Self {
        let ring = Shared::<Ring<T, N>>::new();
        for (at, slot) in ring.slots.iter().enumerate() {
            slot.turn.store(at as u64, Ordering::Relaxed);
        }
        Self(Arc::new(ring))
    }

    #[inline]
    fn slot(&self, at: u64) -> &Slot<T> {
        &self.0.slots[(at & Self::MASK) as usize]
    }
}

impl<T: bytemuck::Pod + Send, const N: usize> Transmit<T> for Vyukov<T, N> {
    #[inline]
    fn push(&mut self, from: &T) -> bool {
        let mut at = self.0.tail.load(Ordering::Relaxed);
        loop {
            let slot = self.slot(at);
            let turn = slot.turn.load(Ordering::Acquire);
            if turn == at {
                let claim = self.0.tail.compare_exchange_weak(
                    at,
                    at + 1,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                match claim {
                    Ok(_) => {
                        // SAFETY: the turn says that the slot is empty, and we alone claimed it.
                        unsafe { *slot.value.get() = *from };
                        slot.turn.store(at + 1, Ordering::Release);
                        return true;
                    }
                    Err(now) => at = now,
                }
            } else if turn < at {
                return false;
            } else {
                at = self.0.tail.load(Ordering::Relaxed);
            }
        }
    }
}

impl<T: bytemuck::Pod + Send, const N: usize> Receive<T> for Vyukov<T, N> {
    #[inline]
    fn pop(&mut self, into: &mut T) -> bool {
        let mut at = self.0.head.load(Ordering::Relaxed);
        loop {
            let slot = self.slot(at);
            let turn = slot.turn.load(Ordering::Acquire);
            if turn == at + 1 {
                let claim = self.0.head.compare_exchange_weak(
                    at,
                    at + 1,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
                match claim {
                    Ok(_) => {
                        // SAFETY: the turn says that the slot is full, and we alone claimed it.
                        unsafe { *into = *slot.value.get() };
                        slot.turn.store(at + N as u64, Ordering::Release);
                        return true;
                    }
                    Err(now) => at = now,
                }
            } else if turn <= at {
                return false;
            } else {
                at = self.0.head.load(Ordering::Relaxed);
            }
        }
    }
}
