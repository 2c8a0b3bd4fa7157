//! One process's use of a `Lock` and an `RLock`, beside a model that knows who holds them.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::sync::LockError;
use outlive::{ErrorKind, Lock, RLock};
use outlive_fuzz::hostile::options;
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    Try,
    Timed,
    Acquire,
    DropGuard,
    Release { repaired: bool },
    RTry,
    RTimed,
    RAcquire,
    RDropGuard,
    RRelease,
    Reopen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    No,
    Guarded,
    Raw,
}

fuzz_target!(|steps: Vec<Step>| {
    let segment = options().anonymous().expect("a segment");
    let lock = Lock::create(&segment, "lock").expect("room");
    let rlock = RLock::create(&segment, "rlock").expect("room");
    let mut held = Held::No;
    let mut guard = None;
    // Takes of the recursive lock, the innermost last: with a guard or without.
    let mut guards = Vec::new();
    let mut raw = 0_u32;
    for step in steps.iter().take(STEPS) {
        match step {
            Step::Try | Step::Timed => {
                let taken = match step {
                    Step::Try => lock.try_lock(),
                    _ => lock.lock_timeout(SHORT),
                };
                match taken {
                    Ok(taken) => {
                        assert_eq!(held, Held::No);
                        held = Held::Guarded;
                        guard = Some(taken);
                    }
                    Err(LockError::TimedOut) => assert_ne!(held, Held::No),
                    Err(other) => panic!("{other}"),
                }
            }
            Step::Acquire => match lock.acquire(Some(SHORT)) {
                Ok(()) => {
                    assert_eq!(held, Held::No);
                    held = Held::Raw;
                }
                Err(LockError::TimedOut) => assert_ne!(held, Held::No),
                Err(other) => panic!("{other}"),
            },
            Step::DropGuard => {
                if guard.take().is_some() {
                    held = Held::No;
                }
            }
            Step::Release { repaired } if held != Held::Guarded => {
                let outcome = if *repaired {
                    lock.release_repaired()
                } else {
                    lock.release()
                };
                match held {
                    Held::Raw => outcome.expect("it was held"),
                    _ => assert_eq!(outcome.unwrap_err().kind(), ErrorKind::NotOwner),
                }
                held = Held::No;
            }
            Step::Release { .. } => {}
            Step::RTry => guards.push(rlock.try_lock().expect("it is ours or free")),
            Step::RTimed => guards.push(rlock.lock_timeout(SHORT).expect("it is ours or free")),
            Step::RAcquire => {
                rlock.acquire(Some(SHORT)).expect("it is ours or free");
                raw += 1;
            }
            Step::RDropGuard => drop(guards.pop()),
            Step::RRelease => {
                if raw > 0 {
                    rlock.release().expect("it was held");
                    raw -= 1;
                } else if guards.is_empty() {
                    assert_eq!(rlock.release().unwrap_err().kind(), ErrorKind::NotOwner);
                }
            }
            Step::Reopen => {
                let again = Lock::open(&segment, "lock").expect("it has a name");
                assert_eq!(again.is_locked(), held != Held::No);
            }
        }
        assert_eq!(lock.is_locked(), held != Held::No);
        let me = Some(std::process::id());
        assert_eq!(lock.holder(), me.filter(|_| held != Held::No));
        assert_eq!(rlock.holder(), me.filter(|_| raw > 0 || !guards.is_empty()));
        assert_eq!(rlock.depth() as usize, raw as usize + guards.len());
    }
});
