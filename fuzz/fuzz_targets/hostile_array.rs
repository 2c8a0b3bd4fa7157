//! Arrays in a segment that somebody writes over between the operations.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::{Array, AtomicArray};
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    Strike(Blow),
    Guard(u8, u16),
    Timed(u8, u16),
    Repair,
    Atomic(u8, u32),
    AtomicVec,
    Reopen,
}

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::new();
    let mut array = Array::<u16>::create(&segment, "array", 100).expect("room");
    let mut atomic = AtomicArray::<u32>::create(&segment, "atomic", 100).expect("room");
    for step in steps.iter().take(STEPS) {
        // The forms without a limit may wait for an owner that a blow has named.
        match step {
            Step::Strike(blow) => ground.strike(blow),
            Step::Guard(at, to) => {
                if let Ok(mut guard) = array.try_lock()
                    && let Some(place) = guard.get_mut(usize::from(*at))
                {
                    *place = *to;
                }
            }
            Step::Timed(at, to) => {
                if let Ok(mut guard) = array.lock_timeout(SHORT)
                    && let Some(place) = guard.get_mut(usize::from(*at))
                {
                    *place = *to;
                }
            }
            Step::Repair => {
                drop(
                    array
                        .lock_timeout(SHORT)
                        .or_else(|e| e.repair(|guard| guard.fill(0))),
                );
            }
            Step::Atomic(at, to) => {
                let at = usize::from(*at);
                let _ = (atomic.get(at), atomic.set(at, *to), atomic.fetch_add(at, 1));
            }
            Step::AtomicVec => drop(atomic.to_vec()),
            Step::Reopen => {
                array = Array::open(&segment, "array").unwrap_or(array);
                atomic = AtomicArray::open(&segment, "atomic").unwrap_or(atomic);
            }
        }
    }
});
