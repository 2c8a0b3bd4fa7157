//! Words, and how they are counted in one piece of a file.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// How often each word occurs.
pub(crate) type Counts = HashMap<String, u64, BuildHasherDefault<Quick>>;

/// What somebody saw of a piece: 0 is nothing yet.
///
/// Two bits say what became of it, the others are a hash of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen(pub(crate) u64);

/// What became of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Pending,
    /// The file is gone, or shorter than it was, or nobody may read it.
    Unreadable,
    NotText,
    Counted,
}

impl Seen {
    const FATES: [Fate; 4] = [
        Fate::Pending,
        Fate::Unreadable,
        Fate::NotText,
        Fate::Counted,
    ];
    const UNREADABLE: Self = Self(1);

    fn text(bytes: &[u8], is_text: bool) -> Self {
        Self(hash(bytes) << 2 | if is_text { 3 } else { 2 })
    }

    pub(crate) fn fate(self) -> Fate {
        let [low, ..] = self.0.to_le_bytes();
        Self::FATES[usize::from(low % 4)]
    }
}

/// Adds the words in `range` of the file at `path` to `counts`, if it is text.
pub(crate) fn count_piece(
    path: &Path,
    range: Range<u64>,
    buffer: &mut Vec<u8>,
    counts: &mut Counts,
) -> Seen {
    if read(path, range, buffer).is_err() {
        return Seen::UNREADABLE;
    }
    let text = std::str::from_utf8(buffer);
    if let Ok(text) = text {
        count(text, counts);
    }
    Seen::text(buffer, text.is_ok())
}

fn read(path: &Path, range: Range<u64>, buffer: &mut Vec<u8>) -> std::io::Result<()> {
    // What was a file when the plan was made may be a pipe now, and would block.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    buffer.clear();
    buffer.resize(len, 0);
    file.read_exact_at(buffer, range.start)
}

/// Adds the words of `text` to `counts`.
pub(crate) fn count(text: &str, counts: &mut Counts) {
    let mut word = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        } else if !c.is_ascii() && c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        } else {
            add(&mut word, counts);
        }
    }
    add(&mut word, counts);
}

fn add(word: &mut String, counts: &mut Counts) {
    if word.is_empty() {
        return;
    }
    match counts.get_mut(word.as_str()) {
        Some(count) => *count += 1,
        None => {
            counts.insert(word.clone(), 1);
        }
    }
    word.clear();
}

/// A hash that is the same in every process.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = Quick::default();
    hasher.write(bytes);
    hasher.finish()
}

/// Multiplies and rotates, eight bytes at a time.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Quick(u64);

impl Quick {
    fn mix(&mut self, chunk: u64) {
        self.0 = (self.0.rotate_left(5) ^ chunk).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let (chunks, rest) = bytes.as_chunks::<8>();
        for chunk in chunks {
            self.mix(u64::from_le_bytes(*chunk));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last));
        self.mix(bytes.len() as u64);
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(byte.into());
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits_in_lower_case() {
        let mut counts = Counts::default();
        count(
            "Der \u{dc}bermut, der \u{dc}BERMUT: x2-x2\n\u{4e2d}\u{6587}.",
            &mut counts,
        );
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort();
        let expected = [
            ("der", 2),
            ("x2", 2),
            ("\u{fc}bermut", 2),
            ("\u{4e2d}\u{6587}", 1),
        ];
        assert_eq!(counts, expected.map(|(word, n)| (word.to_owned(), n)));
    }
}
