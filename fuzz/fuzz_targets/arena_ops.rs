//! Names, objects and room of one segment, beside a map.

#![no_main]

use std::collections::BTreeMap;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::{Error, ErrorKind, Lock, RLock};
use outlive_fuzz::hostile::options;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
enum Kind {
    Lock,
    RLock,
}

#[derive(Debug, Arbitrary)]
enum Step {
    Create(Kind, u8),
    Open(Kind, u8),
    OpenOrCreate(Kind, u8),
    Remove(u8),
    Drop(u8),
    Clone(u8),
    List,
}

#[derive(Clone)]
enum Handle {
    Lock(#[expect(dead_code, reason = "held")] Lock),
    RLock(#[expect(dead_code, reason = "held")] RLock),
}

/// Names of different lengths, few enough to meet again.
fn name(number: u8) -> String {
    "n".repeat(usize::from(number % 24) + 1)
}

fuzz_target!(|steps: Vec<Step>| {
    let segment = options().anonymous().expect("a segment");
    let empty = segment.free().expect("whole");
    let mut named: BTreeMap<String, Kind> = BTreeMap::new();
    let mut handles: Vec<Handle> = Vec::new();
    let wrap = |lock: Lock| Handle::Lock(lock);
    let rwrap = |lock: RLock| Handle::RLock(lock);
    for step in steps.iter().take(400) {
        match step {
            Step::Create(kind, number) => {
                let name = name(*number);
                let made = match kind {
                    Kind::Lock => Lock::create(&segment, &name).map(wrap),
                    Kind::RLock => RLock::create(&segment, &name).map(rwrap),
                };
                match made {
                    Ok(handle) => {
                        assert_eq!(named.insert(name, *kind), None);
                        handles.push(handle);
                    }
                    Err(error) => refused(&error, named.contains_key(&name)),
                }
            }
            Step::Open(kind, number) => {
                let name = name(*number);
                let opened = match kind {
                    Kind::Lock => Lock::open(&segment, &name).map(wrap),
                    Kind::RLock => RLock::open(&segment, &name).map(rwrap),
                };
                let expected = match named.get(&name) {
                    None => Err(ErrorKind::NotFound),
                    Some(found) if found != kind => Err(ErrorKind::WrongType),
                    Some(_) => Ok(()),
                };
                assert_eq!(opened.as_ref().map(|_| ()).map_err(Error::kind), expected);
                handles.extend(opened.ok());
            }
            Step::OpenOrCreate(kind, number) => {
                let name = name(*number);
                let got = match kind {
                    Kind::Lock => Lock::open_or_create(&segment, &name).map(wrap),
                    Kind::RLock => RLock::open_or_create(&segment, &name).map(rwrap),
                };
                match got {
                    Ok(handle) => {
                        assert_eq!(*named.entry(name).or_insert(*kind), *kind);
                        handles.push(handle);
                    }
                    Err(error) if named.contains_key(&name) => {
                        assert_eq!(error.kind(), ErrorKind::WrongType);
                    }
                    Err(error) => refused(&error, false),
                }
            }
            Step::Remove(number) => {
                let name = name(*number);
                let removed = segment.remove(&name);
                match named.remove(&name) {
                    Some(_) => removed.expect("it has the name"),
                    None => assert_eq!(removed.unwrap_err().kind(), ErrorKind::NotFound),
                }
            }
            Step::Drop(number) if !handles.is_empty() => {
                drop(handles.swap_remove(usize::from(*number) % handles.len()));
            }
            Step::Clone(number) if !handles.is_empty() => {
                handles.push(handles[usize::from(*number) % handles.len()].clone());
            }
            Step::Drop(_) | Step::Clone(_) => {}
            Step::List => {
                let listed: BTreeMap<_, _> = segment
                    .objects()
                    .expect("whole")
                    .into_iter()
                    .filter_map(|object| Some((object.name?, object.kind)))
                    .collect();
                assert!(listed.keys().eq(named.keys()), "{listed:?} {named:?}");
            }
        }
    }
    for name in named.keys() {
        segment.remove(name).expect("it has the name");
    }
    handles.clear();
    assert_eq!(segment.free().expect("whole"), empty, "room leaked");
});

fn refused(error: &Error, exists: bool) {
    let expected = if exists {
        ErrorKind::AlreadyExists
    } else {
        ErrorKind::Full
    };
    // A full segment may refuse before it looks for the name.
    assert!(
        error.kind() == expected || error.kind() == ErrorKind::Full,
        "{error}"
    );
}
