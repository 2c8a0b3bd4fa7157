//! Who died in a segment, when, holding what, and who took over: put together from the recoveries,
//! from what locks remember, and from the dead who are not repaired yet.

use std::time::SystemTime;

use outlive::inspect::{Snapshot, State, Who};
use serde::{Serialize, Serializer};

use crate::measure::{age, clock};
use crate::phrase;

/// One death.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Death {
    pub(crate) pid: u32,
    pub(crate) label: String,
    /// When it was noticed, or repaired; not known of one that nobody has noticed.
    #[serde(serialize_with = "seconds")]
    pub(crate) at: Option<SystemTime>,
    /// Process id of the participant that repaired.
    pub(crate) repaired_by: Option<u32>,
    /// What it held, as far as that is remembered or still seen.
    pub(crate) held: Vec<Possession>,
}

/// An object that somebody died with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Possession {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    /// Who has it now.
    pub(crate) held_now_by: Option<Who>,
    /// Nobody has said that the data are whole again.
    pub(crate) is_marked: bool,
}

fn seconds<S: Serializer>(at: &Option<SystemTime>, to: S) -> Result<S::Ok, S::Error> {
    let since = at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map(|since| since.as_secs_f64()).serialize(to)
}

/// The deaths that the snapshot tells of, the latest last.
pub(crate) fn of(snapshot: &Snapshot) -> Vec<Death> {
    let mut deaths: Vec<Death> = Vec::new();
    for recovery in &snapshot.recoveries {
        deaths.push(Death {
            pid: recovery.pid,
            label: recovery.label.clone(),
            at: Some(recovery.at),
            repaired_by: Some(recovery.by),
            held: Vec::new(),
        });
    }
    for dead in snapshot.participants.iter().filter(|who| !who.is_alive) {
        deaths.push(Death {
            pid: dead.pid,
            label: dead.label.clone(),
            at: None,
            repaired_by: None,
            held: Vec::new(),
        });
    }
    for object in &snapshot.objects {
        let holders = phrase::holders(&object.state);
        let owner = match holders.as_slice() {
            [(_, who)] => Some(*who),
            _ => None,
        };
        let possession = Possession {
            kind: object.kind,
            name: phrase::name(object),
            held_now_by: owner.filter(|who| who.is_alive).cloned(),
            is_marked: phrase::is_marked(&object.state),
        };
        for (_, holder) in holders.iter().filter(|(_, who)| !who.is_alive) {
            let whose =
                |death: &&mut Death| death.at.is_none() && death.is_of(holder.pid, &holder.label);
            if let Some(death) = deaths.iter_mut().find(whose) {
                death.held.push(possession.clone());
            }
        }
        if let Some(died) = phrase::died(&object.state) {
            // The latest of that process: a number is used again.
            let whose = |death: &&mut Death| death.is_of(died.pid, &died.label);
            match deaths.iter_mut().rev().find(whose) {
                Some(death) if !death.held.contains(&possession) => death.held.push(possession),
                Some(_) => {}
                // Its recovery has left the ring, or is still to come.
                None => deaths.push(Death {
                    pid: died.pid,
                    label: died.label.clone(),
                    at: Some(died.at),
                    repaired_by: None,
                    held: vec![possession],
                }),
            }
        }
    }
    deaths.sort_by_key(|death| death.at.unwrap_or_else(SystemTime::now));
    deaths
}

impl Death {
    fn is_of(&self, pid: u32, label: &str) -> bool {
        self.pid == pid && self.label == label
    }

    /// The death in a sentence.
    pub(crate) fn sentence(&self, snapshot: &Snapshot) -> String {
        let who = match self.label.as_str() {
            "" => self.pid.to_string(),
            label => format!("{label} ({})", self.pid),
        };
        let mut text = match self.at {
            Some(at) => format!("{}, {} ago: {who} died", clock(at), age(at)),
            None => format!("{who} has died"),
        };
        let held: Vec<_> = self.held.iter().map(Possession::phrase).collect();
        if !held.is_empty() {
            text.push_str(&format!(" holding {}", held.join(", ")));
        }
        text.push_str(&match self.repaired_by {
            Some(by) => format!("; repaired by {}", label_of(snapshot, by)),
            None if self.at.is_none() => "; nobody has repaired yet".to_owned(),
            None => String::new(),
        });
        text
    }
}

impl Possession {
    fn phrase(&self) -> String {
        let mut text = format!("{} `{}`", self.kind, self.name);
        if let Some(now) = &self.held_now_by {
            text.push_str(&format!(", taken over by {}", phrase::who(now)));
        }
        if self.is_marked {
            text.push_str(" (data not declared repaired)");
        }
        text
    }
}

/// A participant by its number, as far as it is known.
fn label_of(snapshot: &Snapshot, pid: u32) -> String {
    let known = snapshot.participants.iter().find(|who| who.pid == pid);
    match known.map(|who| who.label.as_str()) {
        Some(label) if !label.is_empty() => format!("{label} ({pid})"),
        _ => pid.to_string(),
    }
}

/// Whether any object says that the dead still have it.
pub(crate) fn is_held_by_dead(state: &State) -> bool {
    phrase::holders(state).iter().any(|(_, who)| !who.is_alive)
}
