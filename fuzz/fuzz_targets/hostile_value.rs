//! Values in a segment that somebody writes over between the operations.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::Value;
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    Strike(Blow),
    Get,
    Set(u64),
    Add(u64),
    Update,
    Guard(u64),
    WideGet,
    WideGuard(u8),
    Reopen,
}

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::new();
    let word = Value::create(&segment, "word", 0_u64).expect("room");
    let wide = Value::create(&segment, "wide", [0_u8; 600]).expect("room");
    let (mut again, mut wide_again) = (None, None);
    for step in steps.iter().take(STEPS) {
        match step {
            Step::Strike(blow) => ground.strike(blow),
            Step::Get => drop(word.get()),
            Step::Set(to) => drop(word.set(*to)),
            Step::Add(more) => drop(word.fetch_add(*more)),
            Step::Update => drop(word.update(|value| *value = value.wrapping_add(1))),
            Step::Guard(to) => {
                if let Ok(mut guard) = word.lock_timeout(SHORT) {
                    *guard = *to;
                }
            }
            Step::WideGet => drop(wide.get()),
            // The forms without a limit may wait for an owner that a blow has named.
            Step::WideGuard(to) => {
                if let Ok(mut guard) = wide.try_lock() {
                    guard.fill(*to);
                }
            }
            Step::Reopen => {
                again = Value::<u64>::open(&segment, "word").ok();
                wide_again = Value::<[u8; 600]>::open(&segment, "wide").ok();
            }
        }
        let _ = again.as_ref().map(Value::get);
        let _ = wide_again.as_ref().map(Value::get);
    }
});
