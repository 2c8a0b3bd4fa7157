//! A segment file that is mapped a second time, and written through that mapping behind the back
//! of the first.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use arbitrary::Arbitrary;
use memmap2::{MmapOptions, MmapRaw};
use outlive::{Segment, SegmentOptions};

/// Bytes of a segment under attack: a few objects fill it, so that few offsets are dull.
const SIZE: u64 = 16 << 10;
const PARTICIPANTS: u32 = 3;

/// Options of all segments here. No lifeline: it would be a thread per input.
pub fn options() -> SegmentOptions {
    SegmentOptions::new()
        .size(SIZE)
        .participants(PARTICIPANTS)
        .lifeline(false)
        .label("fuzz")
}

/// A path in memory that no other input uses; the file is removed with this.
pub struct Place(PathBuf);

impl Place {
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("outlive-fuzz.{}.{next}", std::process::id());
        Self(PathBuf::from("/dev/shm").join(name))
    }

    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A write that no protocol allows.
#[derive(Debug, Clone, Arbitrary)]
pub struct Blow {
    at: u16,
    bytes: Bytes,
}

#[derive(Debug, Clone, Arbitrary)]
enum Bytes {
    /// One byte.
    One(u8),
    /// A whole word, at a multiple of its size.
    Word(u32),
    /// A whole word, at a multiple of its size.
    Long(u64),
    /// What stands there with these bits turned round.
    Flip(u32),
    /// The same byte so many times.
    Fill(u8, u8),
}

/// The bytes of a segment, as an attacker sees them.
pub struct Ground {
    bytes: MmapRaw,
    place: Place,
}

impl Ground {
    /// Makes a segment and maps it a second time.
    pub fn new() -> (Segment, Self) {
        Self::with(&options())
    }

    /// The same with a table of who waits for what.
    pub fn watched() -> (Segment, Self) {
        Self::with(&options().detect_deadlocks(true))
    }

    fn with(options: &SegmentOptions) -> (Segment, Self) {
        let place = Place::new();
        let segment = options.create_file(place.path()).expect("a segment");
        let bytes = Self::map(&place);
        (segment, Self { bytes, place })
    }

    fn map(place: &Place) -> MmapRaw {
        let file = OpenOptions::new().read(true).write(true).open(place.path());
        MmapOptions::new()
            .map_raw(&file.expect("the file"))
            .expect("a mapping")
    }

    pub fn path(&self) -> &std::path::Path {
        self.place.path()
    }

    /// Strikes anywhere in the segment.
    pub fn strike(&self, blow: &Blow) {
        self.strike_within(0, self.bytes.len(), blow);
    }

    /// Strikes within `len` bytes from `from`.
    pub fn strike_within(&self, from: usize, len: usize, blow: &Blow) {
        let at = from + usize::from(blow.at) % len.max(1);
        match &blow.bytes {
            Bytes::One(byte) => self.write(at, &[*byte]),
            Bytes::Word(word) => self.write(at & !3, &word.to_le_bytes()),
            Bytes::Long(word) => self.write(at & !7, &word.to_le_bytes()),
            Bytes::Flip(bits) => {
                let at = at & !3;
                let flipped: Vec<_> = (bits.to_le_bytes().iter().enumerate())
                    .map(|(nth, bits)| self.read(at + nth) ^ bits)
                    .collect();
                self.write(at, &flipped);
            }
            Bytes::Fill(byte, times) => self.write(at, &vec![*byte; usize::from(*times)]),
        }
    }

    /// Where the first byte lies that `change` changes.
    pub fn first_change(&self, change: impl FnOnce()) -> usize {
        let all = || (0..self.bytes.len()).map(|at| self.read(at));
        let before: Vec<_> = all().collect();
        change();
        let changed = all().zip(before).position(|(now, then)| now != then);
        changed.expect("a change")
    }

    fn read(&self, at: usize) -> u8 {
        if at >= self.bytes.len() {
            return 0;
        }
        // SAFETY: within the mapping.
        let byte = unsafe { self.bytes.as_ptr().add(at) };
        // SAFETY: mapped, and any byte is one.
        unsafe { byte.read_volatile() }
    }

    /// Writes what of `bytes` lies within the mapping.
    pub fn write(&self, at: usize, bytes: &[u8]) {
        for (nth, byte) in bytes.iter().enumerate() {
            if at + nth < self.bytes.len() {
                // SAFETY: within the mapping.
                let place = unsafe { self.bytes.as_mut_ptr().add(at + nth) };
                // SAFETY: mapped, and no reference to it exists on this side.
                unsafe { place.write_volatile(*byte) };
            }
        }
    }
}
