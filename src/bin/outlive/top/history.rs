//! What was seen before: rates, and since when the same one has been seen to hold an object.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use outlive::inspect::{Object, Snapshot, Who};

use super::page::{ObjectLine, Page, Part};
use crate::phrase;
use crate::target::Target;

/// The object of a segment: the segment's number, and where it lies.
type Key = (String, u64);

/// What earlier looks have shown.
#[derive(Debug, Default)]
pub(super) struct History {
    objects: HashMap<Key, Memory>,
}

#[derive(Debug)]
struct Memory {
    kind: &'static str,
    name: Option<String>,
    at: Instant,
    /// How many ever came.
    put: Option<u64>,
    /// Who holds it alone, and since when it has been seen to.
    holder: Option<(u32, Instant)>,
}

impl History {
    /// Looks at `targets`.
    pub(super) fn page(&mut self, targets: &[Target]) -> Page {
        let mut seen = HashSet::new();
        let mut parts = Vec::new();
        for target in targets {
            let Ok(snapshot) = target.look() else {
                continue;
            };
            // The same segment may have a name and descriptors.
            if !seen.insert(snapshot.id.clone()) {
                continue;
            }
            let objects = snapshot.objects.iter();
            let mut lines: Vec<_> = objects.map(|object| self.line(&snapshot, object)).collect();
            lines.sort_by(|a, b| b.interest().total_cmp(&a.interest()));
            parts.push(Part {
                name: target.name.clone(),
                objects: lines,
                snapshot,
            });
        }
        self.objects.retain(|(id, _), _| seen.contains(id));
        Page { parts }
    }

    fn line(&mut self, snapshot: &Snapshot, object: &Object) -> ObjectLine {
        let now = Instant::now();
        let key = (snapshot.id.clone(), object.offset);
        // Another object may have come to the same place.
        let before = self
            .objects
            .remove(&key)
            .filter(|memory| memory.kind == object.kind && memory.name == object.name);
        let put = phrase::flow(&object.state).map(|(_, _, put)| put);
        let rate = before.as_ref().zip(put).and_then(|(memory, put)| {
            let passed = now.duration_since(memory.at).as_secs_f64();
            (passed > 0.0).then(|| rate(memory.put?, put, passed))?
        });
        let held_by = alone(object).map(|who| who.pid);
        let seen_before = before.and_then(|memory| memory.holder);
        let holder = held_by.map(|pid| match seen_before {
            Some((last, since)) if last == pid => (pid, since),
            _ => (pid, now),
        });
        let memory = Memory {
            kind: object.kind,
            name: object.name.clone(),
            at: now,
            put,
            holder,
        };
        self.objects.insert(key, memory);
        ObjectLine {
            name: phrase::name(object),
            kind: object.kind,
            flow: phrase::flow(&object.state),
            rate,
            held_for: holder.map(|(_, since)| now.duration_since(since)),
            waiters: phrase::waiters(&object.state),
            state: phrase::state(&object.state),
        }
    }
}

/// Who holds the object, where that is one.
fn alone(object: &Object) -> Option<&Who> {
    match phrase::holders(&object.state).as_slice() {
        [("holds" | "writes", who)] => Some(*who),
        _ => None,
    }
}

/// Items each second; counters wrap, and garbage is no rate.
fn rate(before: u64, now: u64, passed: f64) -> Option<f64> {
    let came = u32::try_from(now.wrapping_sub(before)).ok()?;
    Some(f64::from(came) / passed)
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn rates_survive_a_wrap_and_garbage() {
        assert_eq!(rate(u64::MAX, 9, 2.0), Some(5.0));
        assert_eq!(rate(9, 0, 1.0), None);
    }
}
