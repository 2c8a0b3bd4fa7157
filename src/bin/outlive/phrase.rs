//! States of objects in words.

use outlive::inspect::{Died, Holder, Object, State, Who};

use crate::output::Tone;
use crate::table::Cell;

/// Somebody, with the label first.
pub(crate) fn who(who: &Who) -> String {
    let dead = if who.is_alive { "" } else { ", dead" };
    match (who.label.as_str(), who.pid) {
        ("", 0) => format!("somebody forgotten{dead}"),
        ("", pid) => format!("{pid}{dead}"),
        (label, pid) => format!("{label} ({pid}{dead})"),
    }
}

/// The name of an object, or where it lies.
pub(crate) fn name(object: &Object) -> String {
    match &object.name {
        Some(name) => name.clone(),
        None => format!("{:#x}", object.offset),
    }
}

/// Who has the object so that others must wait, with the verb for it.
pub(crate) fn holders(state: &State) -> Vec<(&'static str, &Who)> {
    match state {
        State::Lock { owner, .. }
        | State::RLock { owner, .. }
        | State::Value { owner, .. }
        | State::Array { owner, .. } => owner.iter().map(|who| ("holds", who)).collect(),
        State::RwLock {
            writer, readers, ..
        } => {
            let mut all: Vec<_> = writer.iter().map(|who| ("writes", who)).collect();
            all.extend(whose("reads", readers));
            all
        }
        State::Semaphore { permits, .. } => whose("has a permit of", permits),
        State::Ring {
            producer, consumer, ..
        } => {
            let ends = [("puts into", producer), ("takes from", consumer)];
            let end = ends
                .iter()
                .filter_map(|(verb, end)| Some((*verb, end.who.as_ref()?)));
            end.collect()
        }
        _ => Vec::new(),
    }
}

fn whose<'a>(verb: &'static str, all: &'a [Holder]) -> Vec<(&'static str, &'a Who)> {
    all.iter().map(|holder| (verb, &holder.who)).collect()
}

/// Who died with the object in hand, last.
pub(crate) fn died(state: &State) -> Option<&Died> {
    match state {
        State::Lock { died, .. }
        | State::RLock { died, .. }
        | State::RwLock { died, .. }
        | State::Array { died, .. } => died.as_ref(),
        _ => None,
    }
}

/// Whether a death left data that nobody has declared whole.
pub(crate) fn is_marked(state: &State) -> bool {
    match state {
        State::Lock { marked, .. }
        | State::RLock { marked, .. }
        | State::RwLock { marked, .. }
        | State::Array { marked, .. } => *marked,
        _ => false,
    }
}

/// Whether somebody may be asleep at it, where that is known.
pub(crate) fn waiters(state: &State) -> &'static str {
    match state {
        State::Lock { waiters, .. }
        | State::RLock { waiters, .. }
        | State::RwLock { waiters, .. }
        | State::Event { waiters, .. }
        | State::Value { waiters, .. }
        | State::Array { waiters, .. } => match waiters {
            true => "yes",
            false => "no",
        },
        State::Condition { waiting, .. } if !waiting.is_empty() => "yes",
        State::Condition { .. } => "no",
        _ => "",
    }
}

/// How full it is, and how many ever came.
pub(crate) fn flow(state: &State) -> Option<(u64, u64, u64)> {
    match state {
        State::Ring {
            depth,
            capacity,
            put,
            ..
        }
        | State::Queue {
            depth,
            capacity,
            put,
            ..
        } => Some((*depth, *capacity, *put)),
        _ => None,
    }
}

/// The state in one line.
pub(crate) fn state(state: &State) -> Cell {
    let mut parts = parts(state);
    let is_dead = |who: &Who| !who.is_alive;
    let mut tone = match holders(state).iter().any(|(_, who)| is_dead(who)) {
        true => Tone::Bad,
        false => Tone::Plain,
    };
    if is_marked(state) {
        tone = tone.worse(Tone::Warn);
        parts.push(match died(state) {
            Some(died) => format!(
                "not repaired since {} ({}) died with it",
                died.label, died.pid
            ),
            None => "not repaired since a death".to_owned(),
        });
    }
    Cell::new(tone, parts.join("; "))
}

fn parts(state: &State) -> Vec<String> {
    let free = |owner: &Option<Who>| match owner {
        Some(owner) => format!("held by {}", who(owner)),
        None => "free".to_owned(),
    };
    match state {
        State::Lock { owner, .. } | State::Array { owner, .. } => vec![free(owner)],
        State::Value { owner, .. } => vec![match owner {
            Some(owner) => format!("changed by {}", who(owner)),
            None => String::new(),
        }],
        State::RLock { owner, depth, .. } => match depth {
            0 | 1 => vec![free(owner)],
            _ => vec![format!("{}, {depth} times", free(owner))],
        },
        State::RwLock {
            writer, readers, ..
        } => match (writer, readers.as_slice()) {
            (None, []) => vec!["free".to_owned()],
            (Some(writer), []) => vec![format!("written by {}", who(writer))],
            (Some(writer), readers) => vec![
                format!("read by {}", tally(readers)),
                format!("{} is to write next", who(writer)),
            ],
            (None, readers) => vec![format!("read by {}", tally(readers))],
        },
        State::Semaphore { free, permits, .. } => {
            let mut parts = vec![format!("{free} free")];
            if !permits.is_empty() {
                parts.push(format!("taken by {}", tally(permits)));
            }
            parts
        }
        State::Event { is_set: true, .. } => vec!["set".to_owned()],
        State::Event { .. } => vec!["clear".to_owned()],
        State::Barrier {
            is_broken: true,
            broken_by,
            ..
        } => vec![match broken_by {
            Some(by) => format!("broken by the death of {}", who(by)),
            None => "broken".to_owned(),
        }],
        State::Barrier {
            parties, arrived, ..
        } => {
            let mut parts = vec![format!("{} of {parties} arrived", arrived.len())];
            parts.extend(named(arrived));
            parts
        }
        State::Condition {
            waiting, notified, ..
        } => {
            let mut parts = vec![format!("{} waiting", waiting.len())];
            parts.extend(named(waiting));
            if !notified.is_empty() {
                parts.push(format!("{} notified", notified.len()));
            }
            parts
        }
        State::Ring {
            capacity,
            depth,
            producer,
            consumer,
            is_closed,
            ..
        } => {
            let mut parts = vec![format!("{depth} of {capacity}")];
            let ends = [("from", producer), ("to", consumer)];
            let ends = ends
                .iter()
                .filter_map(|(word, end)| Some(format!("{word} {}", who(end.who.as_ref()?))));
            parts.push(ends.collect::<Vec<_>>().join(" "));
            parts.extend(is_closed.then(|| "closed".to_owned()));
            parts.retain(|part| !part.is_empty());
            parts
        }
        State::Queue {
            capacity,
            depth,
            putting,
            taking,
            is_closed,
            ..
        } => {
            let mut parts = vec![format!("{depth} of {capacity}")];
            if !putting.is_empty() {
                parts.push(format!("put by {}", tally(putting)));
            }
            if !taking.is_empty() {
                parts.push(format!("in the hands of {}", tally(taking)));
            }
            parts.extend(is_closed.then(|| "closed".to_owned()));
            parts
        }
        State::Unknown { .. } => vec!["its bytes make no sense".to_owned()],
        _ => vec![String::new()],
    }
}

fn tally(holders: &[Holder]) -> String {
    let one = |holder: &Holder| match holder.count {
        1 => who(&holder.who),
        count => format!("{} x{count}", who(&holder.who)),
    };
    holders.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn named(all: &[Who]) -> Option<String> {
    let names = all.iter().map(who).collect::<Vec<_>>();
    (!names.is_empty()).then(|| names.join(", "))
}

/// What it stays until somebody changes it on purpose.
pub(crate) fn lasting(state: &State) -> Option<&'static str> {
    Some(match state {
        State::Event { is_set: true, .. } => "set",
        State::Event { .. } => "clear",
        State::Barrier {
            is_broken: true, ..
        } => "broken",
        State::Barrier { .. } => "whole",
        State::Ring {
            is_closed: true, ..
        }
        | State::Queue {
            is_closed: true, ..
        } => "closed",
        _ => return None,
    })
}
