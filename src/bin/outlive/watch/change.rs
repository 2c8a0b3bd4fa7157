//! What is different between two looks at a segment.

use outlive::inspect::{Object, Snapshot, Who};
use outlive::segment::Participant;
use serde::Serialize;

use crate::deaths;
use crate::output::Tone;
use crate::phrase;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Change {
    SegmentAppeared,
    SegmentGone,
    Joined {
        pid: u32,
        label: String,
    },
    Left {
        pid: u32,
        label: String,
    },
    Died {
        pid: u32,
        label: String,
    },
    Recovered {
        pid: u32,
        label: String,
        sentence: String,
    },
    Created {
        object: String,
        kind: &'static str,
    },
    Removed {
        object: String,
        kind: &'static str,
    },
    Taken {
        object: String,
        kind: &'static str,
        by: Who,
    },
    Freed {
        object: String,
        kind: &'static str,
        by: Who,
    },
    NotRepaired {
        object: String,
        kind: &'static str,
    },
    Repaired {
        object: String,
        kind: &'static str,
    },
    Changed {
        object: String,
        kind: &'static str,
        state: String,
    },
}

impl Change {
    pub(super) fn tone(&self) -> Tone {
        match self {
            Self::Died { .. } => Tone::Bad,
            Self::Recovered { .. } | Self::NotRepaired { .. } => Tone::Warn,
            Self::Joined { .. } | Self::Repaired { .. } => Tone::Good,
            _ => Tone::Plain,
        }
    }

    pub(super) fn sentence(&self) -> String {
        match self {
            Self::SegmentAppeared => "segment appeared".to_owned(),
            Self::SegmentGone => "segment gone".to_owned(),
            Self::Joined { pid, label } => format!("joined: {label} ({pid})"),
            Self::Left { pid, label } => format!("left: {label} ({pid})"),
            Self::Died { pid, label } => format!("DIED: {label} ({pid})"),
            Self::Recovered { sentence, .. } => format!("recovered: {sentence}"),
            Self::Created { object, kind } => format!("created: {kind} `{object}`"),
            Self::Removed { object, kind } => format!("removed: {kind} `{object}`"),
            Self::Taken { object, kind, by } => {
                format!("taken: {kind} `{object}` by {}", phrase::who(by))
            }
            Self::Freed { object, kind, by } => {
                format!("freed: {kind} `{object}` by {}", phrase::who(by))
            }
            Self::NotRepaired { object, kind } => {
                format!("not repaired: the data under {kind} `{object}`")
            }
            Self::Repaired { object, kind } => format!("repaired: {kind} `{object}`"),
            Self::Changed {
                object,
                kind,
                state,
            } => format!("{kind} `{object}`: {state}"),
        }
    }
}

pub(super) fn appeared(now: &Snapshot) -> Vec<Change> {
    let mut changes = vec![Change::SegmentAppeared];
    changes.extend(now.participants.iter().map(joined));
    changes
}

fn joined(who: &Participant) -> Change {
    Change::Joined {
        pid: who.pid,
        label: who.label.clone(),
    }
}

/// What happened since `last`, as far as it can still be seen.
pub(super) fn between(last: &Snapshot, now: &Snapshot) -> Vec<Change> {
    let mut changes = Vec::new();
    participants(last, now, &mut changes);
    let told = deaths::of(last);
    for death in deaths::of(now) {
        let is_told = |before: &deaths::Death| {
            before.at.is_some() && (before.pid, before.at) == (death.pid, death.at)
        };
        if death.repaired_by.is_some() && !told.iter().any(is_told) {
            changes.push(Change::Recovered {
                pid: death.pid,
                label: death.label.clone(),
                sentence: death.sentence(now),
            });
        }
    }
    objects(last, now, &mut changes);
    changes
}

fn participants(last: &Snapshot, now: &Snapshot, changes: &mut Vec<Change>) {
    let is_same = |a: &Participant, b: &Participant| (a.pid, a.since) == (b.pid, b.since);
    for who in &now.participants {
        match last.participants.iter().find(|known| is_same(known, who)) {
            None => changes.push(joined(who)),
            Some(known) if known.is_alive && !who.is_alive => changes.push(died(who)),
            Some(_) => {}
        }
    }
    for who in &last.participants {
        if now.participants.iter().any(|known| is_same(known, who)) {
            continue;
        }
        // Who was repaired between two looks has died all the same.
        let after = |pid, at| pid == who.pid && at > who.since;
        let is_dead = now
            .recoveries
            .iter()
            .any(|death| after(death.pid, death.at));
        changes.push(match (who.is_alive, is_dead) {
            (true, true) => died(who),
            (true, false) => Change::Left {
                pid: who.pid,
                label: who.label.clone(),
            },
            // Told when it died.
            (false, _) => continue,
        });
    }
}

fn died(who: &Participant) -> Change {
    Change::Died {
        pid: who.pid,
        label: who.label.clone(),
    }
}

fn objects(last: &Snapshot, now: &Snapshot, changes: &mut Vec<Change>) {
    let is_same =
        |a: &Object, b: &Object| (a.offset, a.kind, &a.name) == (b.offset, b.kind, &b.name);
    let named = |object: &Object| (phrase::name(object), object.kind);
    for object in &now.objects {
        match last.objects.iter().find(|known| is_same(known, object)) {
            None => {
                let (name, kind) = named(object);
                let made = Change::Created {
                    object: name.clone(),
                    kind,
                };
                changes.push(made);
                let holders = phrase::holders(&object.state).into_iter();
                changes.extend(holders.map(|(_, who)| Change::Taken {
                    object: name.clone(),
                    kind,
                    by: who.clone(),
                }));
            }
            Some(known) => states(known, object, changes),
        }
    }
    for object in &last.objects {
        if !now.objects.iter().any(|known| is_same(known, object)) {
            let (object, kind) = named(object);
            changes.push(Change::Removed { object, kind });
        }
    }
}

fn states(last: &Object, now: &Object, changes: &mut Vec<Change>) {
    let (object, kind) = (phrase::name(now), now.kind);
    let (before, after) = (phrase::holders(&last.state), phrase::holders(&now.state));
    let has = |all: &[(&str, &Who)], one: &(&str, &Who)| {
        all.iter()
            .any(|(verb, who)| (*verb, who.pid) == (one.0, one.1.pid))
    };
    for one in before.iter().filter(|one| !has(&after, one)) {
        changes.push(Change::Freed {
            object: object.clone(),
            kind,
            by: one.1.clone(),
        });
    }
    for one in after.iter().filter(|one| !has(&before, one)) {
        changes.push(Change::Taken {
            object: object.clone(),
            kind,
            by: one.1.clone(),
        });
    }
    match (
        phrase::is_marked(&last.state),
        phrase::is_marked(&now.state),
    ) {
        (false, true) => changes.push(Change::NotRepaired {
            object: object.clone(),
            kind,
        }),
        (true, false) => changes.push(Change::Repaired {
            object: object.clone(),
            kind,
        }),
        _ => {}
    }
    // Depths change all the time: `top` shows them. What is set, broken or closed does not.
    let lasting = phrase::lasting(&now.state);
    if let Some(state) = lasting
        && phrase::lasting(&last.state) != Some(state)
    {
        changes.push(Change::Changed {
            object,
            kind,
            state: state.to_owned(),
        });
    }
}
