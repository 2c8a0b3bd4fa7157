//! An mpmc queue in a segment that somebody writes over between the operations.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::queue::mpmc::Mpmc;
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    Strike(Blow),
    Put(u64),
    PutTimed(u64),
    Get,
    GetTimed,
    Look,
    Close,
    Reopen,
    Reap,
    Watch,
}

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::new();
    let mut queue = Mpmc::<[u64; 3]>::create(&segment, "queue", 16).expect("room");
    for step in steps.iter().take(STEPS) {
        match step {
            Step::Strike(blow) => ground.strike(blow),
            Step::Put(item) => drop(queue.try_put([*item; 3])),
            Step::PutTimed(item) => drop(queue.put_timeout([*item; 3], SHORT)),
            Step::Get => drop(queue.try_get()),
            Step::GetTimed => drop(queue.get_timeout(SHORT)),
            Step::Look => {
                let _ = (
                    queue.len(),
                    queue.is_empty(),
                    queue.is_full(),
                    queue.is_closed(),
                );
                let _ = format!("{queue:?}");
            }
            Step::Close => drop(queue.close()),
            Step::Reopen => queue = Mpmc::open(&segment, "queue").unwrap_or(queue),
            Step::Reap => drop(segment.participants()),
            Step::Watch => drop(outlive::queue::wait_timeout(&mut [&mut queue], SHORT)),
        }
    }
});
