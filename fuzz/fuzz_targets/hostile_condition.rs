//! A condition and its locks in a segment that somebody writes over, between the operations and in
//! the middle of a wait: each ends with a guard, an error or its limit.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::{Condition, Lock, RLock};
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    Strike(Blow),
    Wait(Option<Blow>),
    RWait(Option<Blow>),
    Notify(u8),
    NotifyAll,
    Look,
    Reopen,
    Reap,
}

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::new();
    let condition = Condition::create_with_waiters(&segment, "condition", 20).expect("room");
    let lock = Lock::create(&segment, "lock").expect("room");
    let rlock = RLock::create(&segment, "rlock").expect("room");
    for step in steps.iter().take(STEPS) {
        match step {
            Step::Strike(blow) => ground.strike(blow),
            Step::Wait(blow) => {
                let Ok(guard) = lock.lock_timeout(SHORT).or_else(|e| e.into_guard()) else {
                    continue;
                };
                let mut blow = blow.iter();
                let _ = condition.wait_while_timeout(guard, SHORT, || {
                    blow.next().is_none_or(|blow| {
                        ground.strike(blow);
                        true
                    })
                });
            }
            Step::RWait(blow) => {
                let Ok(_outer) = rlock.lock_timeout(SHORT).or_else(|e| e.into_guard()) else {
                    continue;
                };
                let Ok(inner) = rlock.try_lock().or_else(|e| e.into_guard()) else {
                    continue;
                };
                blow.iter().for_each(|blow| ground.strike(blow));
                let _ = condition.wait_timeout(inner, SHORT);
            }
            Step::Notify(count) => {
                let _ = condition.notify(u32::from(*count));
            }
            Step::NotifyAll => {
                let _ = condition.notify_all();
            }
            Step::Look => {
                let _ = (condition.waiting(), condition.capacity());
            }
            Step::Reopen => {
                if let Ok(again) = Condition::open(&segment, "condition") {
                    let _ = again.notify(1);
                }
            }
            Step::Reap => {
                let _ = segment.reap();
            }
        }
    }
});
