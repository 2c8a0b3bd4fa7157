//! Files made elsewhere: which of them become segments, and which stay as they are.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use outlive::{ErrorKind, Lock, Segment, SegmentOptions};

const LEN: u64 = 1 << 18;

fn zeroes() -> File {
    let file = File::from(
        rustix::fs::memfd_create("adopted", rustix::fs::MemfdFlags::ALLOW_SEALING).unwrap(),
    );
    file.set_len(LEN).unwrap();
    rustix::fs::fcntl_add_seals(&file, rustix::fs::SealFlags::SHRINK).unwrap();
    file
}

fn bytes(file: &File) -> Vec<u8> {
    let mut all = vec![0; usize::try_from(LEN).unwrap()];
    file.read_exact_at(&mut all, 0).unwrap();
    all
}

fn adopt(file: &File, participants: u32) -> outlive::Result<Segment> {
    SegmentOptions::new()
        .participants(participants)
        .from_fd(file.try_clone().unwrap().into())
}

#[test]
fn a_file_with_anything_but_zeroes_stays_as_it_is() {
    for at in [8, 63, 64, 100, 2176, 1 << 17, LEN - 1] {
        let file = zeroes();
        file.write_all_at(&[0xAB], at).unwrap();
        let before = bytes(&file);
        let error = adopt(&file, 8).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotASegment, "{at}: {error}");
        assert!(error.to_string().contains("something else"), "{error}");
        assert!(before == bytes(&file), "nothing is written, {at}");
    }
}

/// What a process leaves that dies before the magic is stored.
fn half_made(participants: u32) -> File {
    let file = zeroes();
    drop(adopt(&file, participants).unwrap());
    let made = bytes(&file);
    let half = zeroes();
    // docs/segment-format.md: layout to participants, id to creator, untouched; the first block.
    let block = usize::try_from(2176 + 64 * participants).unwrap();
    for range in [8..28, 32..60, 80..88, block..block + 8] {
        half.write_all_at(&made[range.clone()], range.start as u64)
            .unwrap();
    }
    half
}

#[test]
fn a_segment_that_a_death_left_half_made_is_made_from_the_start() {
    for participants in [4, 8, 64] {
        let segment = adopt(&half_made(8), participants).unwrap();
        assert_eq!(segment.participants().len(), 1);
        let objects: Vec<_> = (0..100)
            .map(|i| Lock::create(&segment, &format!("lock {i}")).unwrap())
            .collect();
        for lock in &objects {
            assert!(lock.lock_timeout(Duration::ZERO).is_ok());
        }
    }
}

#[test]
fn half_a_segment_with_something_else_is_not_blank() {
    let file = half_made(8);
    file.write_all_at(&[1], 1 << 17).unwrap();
    assert_eq!(adopt(&file, 8).unwrap_err().kind(), ErrorKind::NotASegment);
}
