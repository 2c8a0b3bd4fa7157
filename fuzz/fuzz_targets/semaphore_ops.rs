//! One process's use of a semaphore, beside four numbers: free, guarded, kept and absent permits.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::sync::AcquireError;
use outlive::{BoundedSemaphore, ErrorKind, Semaphore};
use outlive_fuzz::hostile::options;
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    Try,
    TryMany(u8),
    Timed,
    TimedMany(u8),
    Drop(u8),
    Keep(u8),
    Forget(u8),
    Release(u8),
}

#[derive(Debug, Arbitrary)]
struct Input {
    is_bounded: bool,
    /// Above 1 024 permits are counted in another form.
    is_large: bool,
    value: u8,
    spare: u8,
    steps: Vec<Step>,
}

fuzz_target!(|input: Input| {
    let segment = options().size(64 << 10).anonymous().expect("a segment");
    let value = u32::from(input.value) + if input.is_large { 2000 } else { 0 };
    let capacity = value
        + if input.is_bounded {
            0
        } else {
            u32::from(input.spare)
        };
    let (bounded, plain);
    let semaphore: &Semaphore = if input.is_bounded {
        bounded = BoundedSemaphore::create(&segment, "semaphore", value).expect("room");
        &bounded
    } else {
        plain =
            Semaphore::create_with_capacity(&segment, "semaphore", value, capacity).expect("room");
        &plain
    };
    assert_eq!(semaphore.capacity(), capacity);
    let (mut free, mut kept, mut absent) = (value, 0, capacity - value);
    let mut permits = Vec::new();
    for step in input.steps.iter().take(STEPS) {
        match step {
            Step::Try | Step::TryMany(_) | Step::Timed | Step::TimedMany(_) => {
                let (wanted, taken) = match step {
                    Step::Try => (1, semaphore.try_acquire()),
                    Step::TryMany(n) => (u32::from(*n), semaphore.try_acquire_many((*n).into())),
                    Step::Timed => (1, semaphore.acquire_timeout(SHORT)),
                    Step::TimedMany(n) => {
                        let n = u32::from(*n);
                        (n, semaphore.acquire_many_timeout(n, SHORT))
                    }
                    _ => unreachable!(),
                };
                match taken {
                    Ok(permit) => {
                        assert!(wanted <= free);
                        assert_eq!(permit.count(), wanted);
                        free -= wanted;
                        permits.push(permit);
                    }
                    Err(AcquireError::TimedOut) => {
                        assert!(wanted > free && (wanted <= capacity || wanted == 1))
                    }
                    Err(AcquireError::Broken(error)) => assert!(wanted > capacity, "{error}"),
                }
            }
            Step::Drop(at) | Step::Keep(at) | Step::Forget(at) if !permits.is_empty() => {
                let permit = permits.swap_remove(usize::from(*at) % permits.len());
                let count = permit.count();
                match step {
                    Step::Drop(_) => {
                        drop(permit);
                        free += count;
                    }
                    Step::Keep(_) => {
                        permit.keep();
                        kept += count;
                    }
                    _ => {
                        permit.forget();
                        absent += count;
                    }
                }
            }
            Step::Drop(_) | Step::Keep(_) | Step::Forget(_) => {}
            Step::Release(count) => {
                let count = u32::from(*count);
                let released = semaphore.release(count);
                if count <= kept + absent {
                    released.expect("there is room");
                    free += count;
                    let back = count.min(kept);
                    kept -= back;
                    absent -= count - back;
                } else {
                    assert_eq!(released.unwrap_err().kind(), ErrorKind::Full);
                }
            }
        }
        assert_eq!(semaphore.available(), free);
    }
});
