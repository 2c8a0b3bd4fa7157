//! An spsc queue in a segment that somebody writes over between the operations.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::queue::spsc::Spsc;
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    Strike(Blow),
    Push(u64),
    PushTimed(u64),
    Pop,
    PopTimed,
    Write(u8),
    Read(u8),
    NewProducer,
    NewConsumer,
    Look,
    Close,
    Reopen,
}

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::new();
    let mut queue = Spsc::<[u64; 3]>::create(&segment, "queue", 16).expect("room");
    let mut producer = queue.producer().ok();
    let mut consumer = queue.consumer().ok();
    for step in steps.iter().take(STEPS) {
        match (step, &mut producer, &mut consumer) {
            (Step::Strike(blow), ..) => ground.strike(blow),
            (Step::Push(item), Some(end), _) => drop(end.try_push([*item; 3])),
            (Step::PushTimed(item), Some(end), _) => drop(end.push_timeout([*item; 3], SHORT)),
            (Step::Pop, _, Some(end)) => drop(end.try_pop()),
            (Step::PopTimed, _, Some(end)) => drop(end.pop_timeout(SHORT)),
            (Step::Write(count), Some(end), _) => {
                if let Ok(mut chunk) = end.try_write_chunk((*count).into()) {
                    for at in 0..chunk.len() {
                        chunk.set(at, [at as u64; 3]);
                    }
                    chunk.commit_all();
                }
            }
            (Step::Read(count), _, Some(end)) => {
                if let Ok(chunk) = end.try_read_chunk((*count).into()) {
                    std::hint::black_box(chunk.iter().fold(0, |sum, item| sum ^ item[2]));
                    chunk.consume_all();
                }
            }
            (Step::NewProducer, ..) => {
                producer = None;
                producer = queue.producer().ok().or(producer);
            }
            (Step::NewConsumer, ..) => {
                consumer = None;
                consumer = queue.consumer().ok().or(consumer);
            }
            (Step::Look, ..) => {
                let _ = (
                    queue.len(),
                    queue.is_empty(),
                    queue.is_full(),
                    queue.is_closed(),
                );
                let _ = format!("{queue:?}");
            }
            (Step::Close, ..) => drop(queue.close()),
            (Step::Reopen, ..) => queue = Spsc::open(&segment, "queue").unwrap_or(queue),
            _ => {}
        }
    }
});
