//! A word and a wide value, beside plain variables.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::{ErrorKind, Value};
use outlive_fuzz::hostile::options;
use outlive_fuzz::limits::SHORT;

type Wide = [u8; 20];

#[derive(Debug, Arbitrary)]
enum Step {
    Get,
    Set(u64),
    Add(u64),
    Swap(u64),
    Exchange(u64, u64),
    Update(u64),
    Guard(Option<u64>, bool),
    WideGet,
    WideSet(Wide),
    WideUpdate(u8, u8),
    WideGuard(Option<(u8, u8)>, bool),
    Reopen,
}

fuzz_target!(|steps: Vec<Step>| {
    let segment = options().anonymous().expect("a segment");
    let word = Value::create(&segment, "word", 0_u64).expect("room");
    let wide = Value::create(&segment, "wide", [0; 20]).expect("room");
    let (mut number, mut bytes): (u64, Wide) = (0, [0; 20]);
    for step in steps.iter().take(400) {
        match step {
            Step::Get => assert_eq!(word.get().expect("joined"), number),
            Step::Set(to) => {
                word.set(*to).expect("joined");
                number = *to;
            }
            Step::Add(more) => {
                assert_eq!(word.fetch_add(*more).expect("joined"), number);
                number = number.wrapping_add(*more);
            }
            Step::Swap(to) => {
                assert_eq!(word.swap(*to).expect("joined"), number);
                number = *to;
            }
            Step::Exchange(from, to) => {
                let expected = if number == *from {
                    Ok(number)
                } else {
                    Err(number)
                };
                assert_eq!(word.compare_exchange(*from, *to).expect("joined"), expected);
                if expected.is_ok() {
                    number = *to;
                }
            }
            Step::Update(more) => {
                word.update(|value| *value ^= more).expect("joined");
                number ^= more;
            }
            Step::Guard(change, keep) => {
                let mut guard = word.try_lock().expect("free");
                assert_eq!(
                    word.try_lock().err().map(|e| e.kind()),
                    Some(ErrorKind::TimedOut)
                );
                assert_eq!(*guard, number);
                if let Some(to) = change {
                    *guard = *to;
                }
                if *keep {
                    drop(guard);
                    number = change.unwrap_or(number);
                } else {
                    guard.rollback();
                }
            }
            Step::WideGet => assert_eq!(wide.get().expect("joined"), bytes),
            Step::WideSet(to) => {
                wide.set(*to).expect("joined");
                bytes = *to;
            }
            Step::WideUpdate(at, by) => {
                let at = usize::from(*at) % bytes.len();
                let change = |bytes: &mut Wide| {
                    bytes[at] = bytes[at].wrapping_add(*by);
                    bytes[at]
                };
                let inside = wide.update(change).expect("joined");
                assert_eq!(inside, change(&mut bytes));
            }
            Step::WideGuard(change, keep) => {
                let mut guard = wide.lock_timeout(SHORT).expect("free");
                // Readers do not wait for the guard, and do not see what is not committed.
                let before = bytes;
                if let Some((at, to)) = change {
                    guard[usize::from(*at) % before.len()] = *to;
                    if *keep {
                        bytes[usize::from(*at) % before.len()] = *to;
                    }
                }
                assert_eq!(wide.get().expect("joined"), before);
                if *keep { drop(guard) } else { guard.rollback() }
            }
            Step::Reopen => {
                let again = Value::<u64>::open(&segment, "word").expect("it has a name");
                assert_eq!(again.get().expect("joined"), number);
                let other = Value::<i64>::open(&segment, "word");
                assert_eq!(other.err().map(|e| e.kind()), Some(ErrorKind::WrongType));
            }
        }
    }
    assert_eq!(word.get().expect("joined"), number);
    assert_eq!(wide.get().expect("joined"), bytes);
});
