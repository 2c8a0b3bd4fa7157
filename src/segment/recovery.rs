//! The ring of recoveries: which deaths were repaired, when, and by whom.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};

use crate::raw::Token;
use crate::raw::registry::{Description, LABEL_WORDS, Slot};
use crate::sys::atomic::{AtomicU64, Ordering};
use crate::sys::{bytes, clock};

use super::layout::{Header, RECOVERIES, RecoveryEntry};

/// A death that was noticed and repaired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Recovery {
    /// Process id of the dead participant, in its own process-id namespace.
    pub pid: u32,
    /// What the participant called itself.
    pub label: String,
    /// When the repair ended.
    #[serde(serialize_with = "seconds")]
    pub at: SystemTime,
    /// Process id of the participant that repaired.
    pub by: u32,
    /// Objects that the dead participant had open.
    pub objects: u32,
}

/// Who a token belongs to or belonged to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Identity {
    pub(crate) pid: u32,
    pub(crate) label: String,
}

impl Identity {
    /// As the slot describes its participant.
    pub(crate) fn of(slot: &Slot) -> Self {
        // Relaxed: the Acquire of the slot's state orders it.
        Self {
            pid: slot.pid.load(Ordering::Relaxed),
            label: read_label(&slot.label),
        }
    }
}

impl From<Description> for Identity {
    fn from(slot: Description) -> Self {
        Self {
            pid: slot.pid,
            label: label_text(slot.label),
        }
    }
}

pub(crate) fn read_label(words: &[AtomicU64; LABEL_WORDS]) -> String {
    let mut text = [0; LABEL_WORDS * 8];
    bytes::load(words, &mut text);
    let len = text
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(text.len());
    String::from_utf8_lossy(&text[..len]).into_owned()
}

pub(crate) fn write_label(words: &[AtomicU64; LABEL_WORDS], label: &str) {
    let mut end = label.len().min(LABEL_WORDS * 8);
    while !label.is_char_boundary(end) {
        end -= 1;
    }
    let mut text = [0; LABEL_WORDS * 8];
    text[..end].copy_from_slice(&label.as_bytes()[..end]);
    bytes::store(words, &text);
}

/// A label as the words in which a resident keeps it.
pub(crate) fn label_words(label: &str) -> [u64; LABEL_WORDS] {
    let words: [AtomicU64; LABEL_WORDS] = core::array::from_fn(|_| AtomicU64::new(0));
    write_label(&words, label);
    words.map(|word| word.load(Ordering::Relaxed))
}

/// A label out of such words.
pub(crate) fn label_text(words: [u64; LABEL_WORDS]) -> String {
    read_label(&words.map(AtomicU64::new))
}

/// An instant that a segment holds as nanoseconds since the Unix epoch.
pub(crate) fn instant(nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(nanos)
}

/// Writes an instant as seconds since the Unix epoch.
pub(crate) fn seconds<S: Serializer>(at: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    to.serialize_f64(since.as_secs_f64())
}

/// The ring in one segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ring<'a> {
    pub(crate) header: &'a Header,
    pub(crate) entries: &'a [RecoveryEntry],
}

impl<'a> Ring<'a> {
    /// Enters a recovery. Only for the holder of the books.
    pub(crate) fn enter(self, dead: Token, who: &Identity, by: u32, objects: u32) {
        let number = self
            .header
            .recoveries
            .load(Ordering::Relaxed)
            .wrapping_add(1)
            .max(1);
        let Some(entry) = self.place(number) else {
            return;
        };
        // Release on both ends: a reader that sees any of the new entry sees no old number with it.
        entry.number.store(0, Ordering::Release);
        crate::sys::atomic::fence(Ordering::Release);
        entry.token.store(dead.bits(), Ordering::Relaxed);
        entry.pid.store(who.pid, Ordering::Relaxed);
        entry.when.store(clock::unix_nanos(), Ordering::Relaxed);
        write_label(&entry.label, &who.label);
        entry.by.store(by, Ordering::Relaxed);
        entry.objects.store(objects, Ordering::Relaxed);
        // Release: pairs with the Acquire in `read`.
        entry.number.store(number, Ordering::Release);
        self.header.recoveries.store(number, Ordering::Relaxed);
    }

    #[expect(clippy::cast_possible_truncation, reason = "smaller than the ring")]
    fn place(self, number: u64) -> Option<&'a RecoveryEntry> {
        self.entries.get((number % RECOVERIES as u64) as usize)
    }

    /// The recoveries that are still in the ring, oldest first.
    pub(crate) fn list(self) -> Vec<Recovery> {
        let mut all: Vec<_> = self.entries.iter().filter_map(read).collect();
        all.sort_unstable_by_key(|(number, _, _)| *number);
        all.into_iter().map(|(_, _, recovery)| recovery).collect()
    }

    /// Who `dead` was, if the ring still has it.
    pub(crate) fn identity(self, dead: Token) -> Option<Identity> {
        self.entries
            .iter()
            .filter_map(read)
            .filter(|(_, token, _)| *token == dead.bits())
            .max_by_key(|(number, _, _)| *number)
            .map(|(_, _, recovery)| Identity {
                pid: recovery.pid,
                label: recovery.label,
            })
    }
}

/// One entry; `None` where it is empty or was being written.
fn read(entry: &RecoveryEntry) -> Option<(u64, u32, Recovery)> {
    // Acquire: pairs with the Release in `enter`.
    let number = entry.number.load(Ordering::Acquire);
    let token = entry.token.load(Ordering::Relaxed);
    let recovery = Recovery {
        pid: entry.pid.load(Ordering::Relaxed),
        label: read_label(&entry.label),
        at: instant(entry.when.load(Ordering::Relaxed)),
        by: entry.by.load(Ordering::Relaxed),
        objects: entry.objects.load(Ordering::Relaxed),
    };
    // Acquire: the copy above comes before the second look at the number.
    crate::sys::atomic::fence(Ordering::Acquire);
    let same = entry.number.load(Ordering::Relaxed) == number;
    (number != 0 && same).then_some((number, token, recovery))
}
