//! A queue of messages in a segment that somebody writes over between the operations, also while
//! messages and loans are held.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::JoinableQueue;
use outlive::Queue;
use outlive::inspect::Snapshot;
use outlive::queue::messages::{Delivery, Loan};
use outlive_fuzz::hostile::{Blow, Ground};
use outlive_fuzz::limits::{SHORT, STEPS};

type Item = (u8, String, Option<Vec<u32>>);

#[derive(Debug, Arbitrary)]
enum Step {
    Strike(Blow),
    Put(Item),
    PutLong(u16),
    PutTimed(Item),
    Get,
    GetTimed,
    Receive,
    Settle(bool),
    Loan(u16),
    Send(bool, Vec<u8>),
    InPlace,
    Look,
    Close,
    Reopen,
    Reap,
    Joinable(u8),
    Watch,
}

fuzz_target!(|steps: Vec<Step>| {
    let (segment, ground) = Ground::new();
    let options = Queue::<Item>::options(16).bytes(4096);
    let queue = options.create(&segment, "queue").expect("room");
    let mut held: Vec<Delivery<'_, Item>> = Vec::new();
    let mut loans: Vec<Loan<'_>> = Vec::new();
    for step in steps.iter().take(STEPS) {
        match step {
            Step::Strike(blow) => ground.strike(blow),
            Step::Put(item) => drop(queue.try_put(item)),
            Step::PutLong(len) => {
                let long = (0, "x".repeat(usize::from(*len)), None);
                drop(queue.try_put(&long));
            }
            Step::PutTimed(item) => drop(queue.put_timeout(item, SHORT)),
            Step::Get => drop(queue.try_get()),
            Step::GetTimed => drop(queue.get_timeout(SHORT)),
            Step::Receive => held.extend(queue.receive_timeout(SHORT)),
            Step::Settle(nack) => match held.pop() {
                Some(delivery) if *nack => delivery.nack(),
                other => drop(other),
            },
            Step::Loan(len) => loans.extend(queue.try_loan(usize::from(*len))),
            Step::Send(send, bytes) => {
                let Some(mut loan) = loans.pop() else {
                    continue;
                };
                loan.write_at(0, bytes.get(..loan.len()).unwrap_or_default());
                if *send {
                    drop(loan.send());
                }
            }
            Step::InPlace => {
                if let Ok(message) = queue.try_receive_bytes() {
                    assert_eq!(message.to_vec().len(), message.len());
                    assert!(message.len() <= queue.max_message());
                }
            }
            Step::Look => {
                let _ = Snapshot::at(ground.path());
                let _ = (
                    queue.len(),
                    queue.is_empty(),
                    queue.is_full(),
                    queue.is_closed(),
                );
                let _ = format!("{queue:?}");
            }
            Step::Close => drop(queue.close()),
            Step::Reopen => drop(Queue::<Item>::open(&segment, "queue").map(|q| q.try_get())),
            Step::Joinable(item) => {
                let tasks = JoinableQueue::<u8>::open_or_create(&segment, "tasks", 4);
                let Ok(tasks) = tasks else { continue };
                drop((tasks.try_put(item), tasks.unfinished()));
                if let Ok(task) = tasks.try_get() {
                    task.task_done();
                }
                drop((tasks.join_timeout(SHORT), tasks.try_join()));
            }
            Step::Reap => drop((segment.participants(), segment.reap())),
            Step::Watch => drop(outlive::queue::wait_timeout(
                &mut [&mut queue.clone()],
                SHORT,
            )),
        }
    }
});
