//! Semaphores, in both their forms, in a segment that somebody writes over between the operations.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::Semaphore;
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    Strike(Blow),
    Try(u8),
    Timed(u8),
    Drop,
    Keep,
    Forget,
    Look,
    Reopen,
}

#[derive(Debug, Arbitrary)]
struct Input {
    is_large: bool,
    steps: Vec<Step>,
}

fuzz_target!(|input: Input| {
    let (segment, ground) = Ground::new();
    let value = if input.is_large { 2000 } else { 20 };
    let semaphore = Semaphore::create(&segment, "semaphore", value).expect("room");
    let mut permits = Vec::new();
    for step in input.steps.iter().take(STEPS) {
        match step {
            Step::Strike(blow) => ground.strike(blow),
            Step::Try(count) => permits.extend(semaphore.try_acquire_many((*count).into()).ok()),
            Step::Timed(count) => {
                permits.extend(semaphore.acquire_many_timeout((*count).into(), SHORT).ok());
            }
            Step::Drop => drop(permits.pop()),
            Step::Keep => permits.pop().into_iter().for_each(|permit| permit.keep()),
            Step::Forget => permits.pop().into_iter().for_each(|permit| permit.forget()),
            Step::Look => {
                let _ = (semaphore.available(), semaphore.capacity());
            }
            Step::Reopen => {
                if let Ok(again) = Semaphore::open(&segment, "semaphore") {
                    drop(again.try_acquire());
                }
            }
        }
    }
});
