//! The table of waits in a segment that somebody writes over between the operations: looking at it
//! ends, whatever it says, and whoever waits times out.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::{Lock, RwLock, Value};
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    Strike(Blow),
    Look,
    Circles,
    Lock,
    Read,
    Write,
    Value,
    Reap,
}

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::watched();
    let lock = Lock::create(&segment, "lock").expect("room");
    let shared = RwLock::create(&segment, "shared").expect("room");
    let value = Value::create(&segment, "value", [0_u64; 2]).expect("room");
    let held = lock.try_lock();
    for step in steps.iter().take(STEPS) {
        match step {
            Step::Strike(blow) => ground.strike(blow),
            Step::Look => drop(segment.waits()),
            Step::Circles => {
                for circle in segment.deadlocks().unwrap_or_default() {
                    let _ = circle.to_string();
                }
            }
            Step::Lock => drop(lock.lock_timeout(SHORT)),
            Step::Read => drop(shared.read_timeout(SHORT)),
            Step::Write => drop(shared.write_timeout(SHORT)),
            Step::Value => drop(value.lock_timeout(SHORT)),
            Step::Reap => drop(segment.reap()),
        }
    }
    drop(held);
});
