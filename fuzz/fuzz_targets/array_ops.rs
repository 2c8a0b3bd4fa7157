//! An array and an atomic array, beside vectors.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::{Array, AtomicArray, ErrorKind};
use outlive_fuzz::hostile::options;
use outlive_fuzz::limits::SHORT;

#[derive(Debug, Arbitrary)]
enum Step {
    Get(u8),
    Set(u8, u16),
    Update(u8, u8, u16),
    CopyFrom(u8, Vec<u16>),
    CopyTo(u8, u8),
    Guard(u8, u16),
    ToVec,
    AtomicAdd(u8, u32),
    AtomicSet(u8, u32),
    AtomicExchange(u8, u32, u32),
}

#[derive(Debug, Arbitrary)]
struct Input {
    len: u8,
    steps: Vec<Step>,
}

fuzz_target!(|input: Input| {
    let segment = options().anonymous().expect("a segment");
    let len = usize::from(input.len);
    let array = Array::<u16>::create(&segment, "array", len).expect("room");
    let atomic = AtomicArray::<u32>::create(&segment, "atomic", len).expect("room");
    let mut plain = vec![0_u16; len];
    let mut counts = vec![0_u32; len];
    for step in input.steps.iter().take(400) {
        match step {
            Step::Get(at) => same(array.get(usize::from(*at)), plain.get(usize::from(*at))),
            Step::Set(at, to) => {
                let place = plain.get_mut(usize::from(*at));
                same(
                    array.set(usize::from(*at), *to),
                    place.is_some().then_some(&()),
                );
                place.into_iter().for_each(|place| *place = *to);
            }
            Step::Update(from, to, more) => {
                let range = usize::from(*from)..usize::from(*to);
                let change = |part: &mut [u16]| {
                    part.reverse();
                    part.iter_mut()
                        .for_each(|element| *element = element.wrapping_add(*more));
                    part.len()
                };
                let changed = array.update(range.clone(), change);
                match plain.get_mut(range) {
                    Some(part) => assert_eq!(changed.expect("in range"), change(part)),
                    None => out_of_range(changed),
                }
            }
            Step::CopyFrom(from, elements) => {
                let from = usize::from(*from);
                let copied = array.copy_range_from(from, elements);
                match plain.get_mut(from..from + elements.len()) {
                    Some(part) => {
                        copied.expect("in range");
                        part.copy_from_slice(elements);
                    }
                    None => out_of_range(copied),
                }
            }
            Step::CopyTo(from, count) => {
                let (from, count) = (usize::from(*from), usize::from(*count));
                let mut out = vec![7; count];
                let copied = array.copy_range_to(from, &mut out);
                match plain.get(from..from + count) {
                    Some(part) => {
                        copied.expect("in range");
                        assert_eq!(out, part);
                    }
                    None => out_of_range(copied),
                }
            }
            Step::Guard(at, to) => {
                let mut guard = array.lock_timeout(SHORT).expect("free");
                assert_eq!(*guard, plain[..]);
                if let Some(place) = guard.get_mut(usize::from(*at)) {
                    *place = *to;
                    plain[usize::from(*at)] = *to;
                }
                assert!(array.try_lock().is_err());
            }
            Step::ToVec => assert_eq!(array.to_vec().expect("whole"), plain),
            Step::AtomicAdd(at, more) => {
                let place = counts.get_mut(usize::from(*at));
                same(atomic.fetch_add(usize::from(*at), *more), place.as_deref());
                place
                    .into_iter()
                    .for_each(|place| *place = place.wrapping_add(*more));
            }
            Step::AtomicSet(at, to) => {
                let place = counts.get_mut(usize::from(*at));
                same(
                    atomic.set(usize::from(*at), *to),
                    place.is_some().then_some(&()),
                );
                place.into_iter().for_each(|place| *place = *to);
            }
            Step::AtomicExchange(at, from, to) => {
                let exchanged = atomic.compare_exchange(usize::from(*at), *from, *to);
                match counts.get_mut(usize::from(*at)) {
                    Some(place) if place == from => {
                        assert_eq!(exchanged.expect("in range"), Ok(*from));
                        *place = *to;
                    }
                    Some(place) => assert_eq!(exchanged.expect("in range"), Err(*place)),
                    None => out_of_range(exchanged),
                }
            }
        }
    }
    assert_eq!(array.to_vec().expect("whole"), plain);
    assert_eq!(atomic.to_vec().expect("whole"), counts);
});

fn same<T: PartialEq + std::fmt::Debug>(ours: outlive::Result<T>, plain: Option<&T>) {
    match plain {
        Some(plain) => assert_eq!(ours.expect("in range"), *plain),
        None => out_of_range(ours),
    }
}

fn out_of_range<T>(ours: outlive::Result<T>) {
    assert_eq!(ours.err().map(|e| e.kind()), Some(ErrorKind::InvalidInput));
}
