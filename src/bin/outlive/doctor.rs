//! `outlive doctor`: what is wrong with this system, and with the segments on it.

mod death;
mod kernel;
mod limits;
mod memory;
mod segments;

use serde::{Serialize, Serializer};

use crate::arguments::Doctor;
use crate::failure::{Outcome, Verdict};
use crate::harmless::harmless;
use crate::output::{Output, Tone};
use crate::rm::{self, Removal};
use crate::target::Folder;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Health {
    Ok,
    /// It works, but worse than it could, or not for long.
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) health: Health,
    /// What was found.
    pub(super) found: String,
    /// What that means, and what to do; empty where nothing is to be done.
    pub(super) advice: String,
}

impl Check {
    pub(super) fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            health: Health::Ok,
            found: found.into(),
            advice: String::new(),
        }
    }

    pub(super) fn warn(
        name: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            health: Health::Warn,
            advice: advice.into(),
            ..Self::ok(name, found)
        }
    }

    pub(super) fn fail(
        name: impl Into<String>,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            health: Health::Fail,
            ..Self::warn(name, found, advice)
        }
    }
}

/// What was done about it.
#[derive(Debug, Default, Serialize)]
struct Repairs {
    repaired: Vec<segments::Repair>,
    #[serde(serialize_with = "count")]
    removed: Vec<Removal>,
}

/// How many were removed of those that were looked at.
fn count<S: Serializer>(removals: &[Removal], serializer: S) -> Result<S::Ok, S::Error> {
    let done = removals.iter().filter(|removal| removal.is_done()).count();
    done.serialize(serializer)
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    repairs: Option<&'a Repairs>,
    checks: &'a [Check],
}

pub(crate) fn run(doctor: &Doctor, folder: &Folder, output: &mut Output) -> Outcome {
    let repairs = doctor.repair.then(|| repair(doctor, folder)).transpose()?;
    let mut checks = kernel::checks();
    checks.extend(limits::checks());
    checks.extend(memory::checks(folder));
    checks.push(death::check());
    checks.extend(segments::checks(folder, &doctor.segments));
    let is_ill = checks.iter().any(|check| check.health != Health::Ok);
    let verdict = match is_ill {
        true => Verdict::Wrong,
        false => Verdict::Fine,
    };
    // All is done by now: that nobody hears of it changes nothing.
    verdict.told(tell(repairs.as_ref(), &checks, output))
}

fn repair(doctor: &Doctor, folder: &Folder) -> Outcome<Repairs> {
    // What is stale goes first, where it may: nobody needs it repaired.
    let removed = match doctor.stale {
        true => rm::remove_stale(folder, false)?,
        false => Vec::new(),
    };
    let repaired = segments::repair(folder, &doctor.segments)?;
    Ok(Repairs { repaired, removed })
}

fn tell(repairs: Option<&Repairs>, checks: &[Check], output: &mut Output) -> Outcome<()> {
    if output.is_json {
        return output.json(&Report { repairs, checks });
    }
    if let Some(repairs) = repairs {
        rm::print(&repairs.removed, true, output)?;
        for repair in &repairs.repaired {
            output.line(&harmless(&repair.sentence()))?;
        }
    }
    print(checks, output)
}

fn print(checks: &[Check], output: &mut Output) -> Outcome<()> {
    let width = checks.iter().map(|check| check.name.chars().count()).max();
    let width = width.unwrap_or_default().min(28);
    for check in checks {
        let mark = match check.health {
            Health::Ok => output.paint(Tone::Good, "ok  "),
            Health::Warn => output.paint(Tone::Warn, "warn"),
            Health::Fail => output.paint(Tone::Bad, "FAIL"),
        };
        // Labels and names in it are others' words.
        let (found, name) = (harmless(&check.found), harmless(&check.name));
        output.line(&format!("{mark}  {name:width$}  {found}"))?;
        if !check.advice.is_empty() {
            let arrow = output.paint(Tone::Faint, "->");
            let advice = harmless(&check.advice);
            output.line(&format!("      {:width$}  {arrow} {advice}", ""))?;
        }
    }
    let count = |health| checks.iter().filter(|check| check.health == health).count();
    let (warned, failed) = (count(Health::Warn), count(Health::Fail));
    output.line("")?;
    output.line(&match (warned, failed) {
        (0, 0) => "nothing is wrong".to_owned(),
        _ => format!("{failed} failed, {warned} to be warned of"),
    })
}
