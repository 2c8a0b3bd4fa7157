//! Threads that wait on a condition, beside the list of them in the order in which they came.

#![no_main]

use std::collections::VecDeque;
use std::sync::mpsc::channel;
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::{Condition, ErrorKind, Lock, RLock};
use outlive_fuzz::hostile::options;
use outlive_fuzz::limits::SHORT;

/// Each may be a thread.
const STEPS: usize = 24;
const ROOM: u32 = 6;
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Arbitrary)]
enum Step {
    Sleep { deep: bool },
    TimeOut,
    Notify(u8),
    NotifyAll,
}

fuzz_target!(|steps: Vec<Step>| {
    let segment = options().anonymous().expect("a segment");
    let lock = Lock::create(&segment, "lock").expect("room");
    let rlock = RLock::create(&segment, "rlock").expect("room");
    let condition = Condition::create_with_waiters(&segment, "condition", ROOM).expect("room");
    let (lock, rlock, condition) = (&lock, &rlock, &condition);
    let (tell, woken) = channel();
    std::thread::scope(|scope| {
        let mut asleep = VecDeque::new();
        let mut threads = Vec::new();
        let check = |count: u32, asleep: &mut VecDeque<usize>| {
            let told = condition.notify(count).expect("a sound segment");
            assert_eq!(told, count.min(asleep.len() as u32));
            let mut expected: Vec<_> = asleep.drain(..told as usize).collect();
            let mut seen: Vec<_> = (0..told)
                .map(|_| woken.recv_timeout(PATIENCE).expect("it wakes up"))
                .collect();
            expected.sort_unstable();
            seen.sort_unstable();
            assert_eq!(seen, expected);
            assert!(woken.try_recv().is_err(), "nobody else");
        };
        for (number, step) in steps.iter().take(STEPS).enumerate() {
            let is_full = asleep.len() as u32 == ROOM;
            match step {
                Step::Sleep { .. } if is_full => {}
                Step::Sleep { deep } => {
                    let (deep, tell) = (*deep, tell.clone());
                    let sleep = move || {
                        if deep {
                            let _outer = rlock.lock().expect("it comes free");
                            let inner = rlock.lock().expect("it is ours");
                            let _inner = condition.wait(inner).expect("it wakes up");
                            assert_eq!(rlock.depth(), 2);
                        } else {
                            let guard = lock.lock().expect("it comes free");
                            drop(condition.wait(guard).expect("it wakes up"));
                        }
                        tell.send(number).expect("somebody listens");
                    };
                    threads.push(scope.spawn(sleep));
                    asleep.push_back(number);
                    while condition.waiting() < asleep.len() as u32 {
                        std::thread::yield_now();
                    }
                }
                Step::TimeOut => {
                    let guard = lock.lock().expect("it comes free");
                    match condition.wait_timeout(guard, SHORT) {
                        Ok((_guard, wake)) => assert!(wake.is_timed_out() && !is_full),
                        Err(error) => {
                            assert!(is_full);
                            assert_eq!(outlive::Error::from(error).kind(), ErrorKind::Full);
                        }
                    }
                }
                Step::Notify(count) => check((*count).into(), &mut asleep),
                Step::NotifyAll => check(u32::MAX, &mut asleep),
            }
        }
        check(u32::MAX, &mut asleep);
        // The scope ends before its threads have run their last destructors, which the search for
        // leaks takes for one.
        for thread in threads {
            thread.join().expect("it does not panic");
        }
    });
});
