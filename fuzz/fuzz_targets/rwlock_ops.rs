//! One process's use of a `RwLock`, beside a model that knows who holds it.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::RwLock;
use outlive::sync::LockError;
use outlive_fuzz::hostile::options;
use outlive_fuzz::limits::{SHORT, STEPS};

#[derive(Debug, Arbitrary)]
enum Step {
    TryRead,
    Read,
    TryWrite,
    Write,
    Downgrade,
    DropReader(u8),
    DropWriter,
    Reopen,
}

fuzz_target!(|steps: Vec<Step>| {
    let segment = options().anonymous().expect("a segment");
    let lock = RwLock::create(&segment, "rwlock").expect("room");
    let mut readers = Vec::new();
    let mut writer = None;
    for step in steps.iter().take(STEPS) {
        match step {
            Step::TryRead | Step::Read => {
                let end = match step {
                    Step::TryRead => lock.try_read(),
                    _ => lock.read_timeout(SHORT),
                };
                match end {
                    Ok(guard) => {
                        assert!(writer.is_none());
                        readers.push(guard);
                    }
                    Err(LockError::TimedOut) => assert!(writer.is_some()),
                    Err(other) => panic!("{other}"),
                }
            }
            Step::TryWrite | Step::Write => {
                let end = match step {
                    Step::TryWrite => lock.try_write(),
                    _ => lock.write_timeout(SHORT),
                };
                match end {
                    Ok(guard) => {
                        assert!(writer.is_none() && readers.is_empty());
                        writer = Some(guard);
                    }
                    Err(LockError::TimedOut) => assert!(writer.is_some() || !readers.is_empty()),
                    Err(other) => panic!("{other}"),
                }
            }
            Step::Downgrade => readers.extend(writer.take().map(|writer| writer.downgrade())),
            Step::DropReader(nth) if !readers.is_empty() => {
                drop(readers.swap_remove(usize::from(*nth) % readers.len()));
            }
            Step::DropReader(_) => {}
            Step::DropWriter => drop(writer.take()),
            Step::Reopen => {
                let again = RwLock::open(&segment, "rwlock").expect("it has a name");
                assert_eq!(again.readers(), readers.len() as u64);
            }
        }
        assert_eq!(lock.readers(), readers.len() as u64);
        assert_eq!(lock.is_write_locked(), writer.is_some());
    }
});
