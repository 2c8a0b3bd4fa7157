//! `outlive rm`: takes away the names of segments that nobody lives in, never of others.

use std::path::{Path, PathBuf};

use outlive::{Error, inspect};
use serde::Serialize;

use crate::arguments::Rm;
use crate::complaint::complain;
use crate::failure::{Failure, Outcome, Verdict};
use crate::harmless::harmless;
use crate::output::{Output, Tone};
use crate::target::Folder;

/// What became of one name.
#[derive(Debug, Serialize)]
pub(crate) struct Removal {
    name: String,
    path: PathBuf,
    #[serde(flatten)]
    fate: Fate,
}

#[derive(Debug, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
enum Fate {
    Removed,
    WouldBeRemoved,
    /// Somebody lives in it.
    Lives,
    /// Another user's, found by a sweep.
    Anothers,
    /// It cannot be judged, or its name not be removed.
    Kept {
        why: String,
    },
}

pub(crate) fn run(rm: &Rm, folder: &Folder, output: &mut Output) -> Outcome {
    let removals = if rm.stale {
        remove_stale(folder, rm.dry_run)?
    } else {
        let named = rm.segments.iter().map(|segment| {
            let path = folder.path_of(segment)?;
            Ok((segment, path))
        });
        // Nothing is removed where one of them is no name.
        let named = named.collect::<Outcome<Vec<_>>>()?;
        let attempts = named
            .iter()
            .map(|(segment, path)| attempt(segment, path, rm.dry_run));
        attempts.collect()
    };
    let is_partial = |removal: &Removal| match removal.fate {
        Fate::Removed | Fate::WouldBeRemoved | Fate::Anothers => false,
        // Told to remove what is stale, it has no business with the others.
        Fate::Lives => !rm.stale,
        Fate::Kept { .. } => true,
    };
    let verdict = match removals.iter().any(is_partial) {
        true => Verdict::Partial,
        false => Verdict::Fine,
    };
    verdict.told(tell(rm, &removals, folder, output))
}

fn tell(rm: &Rm, removals: &[Removal], folder: &Folder, output: &mut Output) -> Outcome<()> {
    if output.is_json {
        return output.json(&removals);
    }
    print(removals, rm.stale, output)?;
    if rm.stale && !removals.iter().any(Removal::is_done) {
        let place = harmless(&folder.path().display().to_string());
        output.line(&format!("no stale segment in {place}"))?;
    }
    Ok(())
}

/// What became of each; what is complained of is also where nobody reads the output.
pub(crate) fn print(removals: &[Removal], is_sweep: bool, output: &mut Output) -> Outcome<()> {
    let mut told = Ok(());
    for removal in removals {
        told = told.and(removal.print(is_sweep, output));
    }
    told
}

/// Removes the name of every stale segment in `folder`.
pub(crate) fn remove_stale(folder: &Folder, is_dry: bool) -> Outcome<Vec<Removal>> {
    let found = folder.named()?;
    let attempts = found.into_iter().map(|found| {
        let removal = attempt(&found.name, &found.path, is_dry);
        match removal.fate {
            Fate::Kept { .. } if found.is_anothers() => Removal {
                fate: Fate::Anothers,
                ..removal
            },
            _ => removal,
        }
    });
    // Another sweep may have been faster.
    let is_there = |removal: &Removal| removal.is_done() || removal.path.symlink_metadata().is_ok();
    Ok(attempts.filter(is_there).collect())
}

fn attempt(name: &str, path: &Path, is_dry: bool) -> Removal {
    let fate = if is_dry {
        fate(inspect::is_stale(path), Fate::WouldBeRemoved)
    } else {
        fate(inspect::remove_stale(path), Fate::Removed)
    };
    Removal {
        name: name.to_owned(),
        path: path.to_owned(),
        fate,
    }
}

fn fate(answer: Result<bool, Error>, gone: Fate) -> Fate {
    match answer {
        Ok(true) => gone,
        Ok(false) => Fate::Lives,
        Err(e) => Fate::Kept {
            why: Failure::from(e).to_string(),
        },
    }
}

impl Removal {
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.fate, Fate::Removed | Fate::WouldBeRemoved)
    }

    fn print(&self, is_sweep: bool, output: &mut Output) -> Outcome<()> {
        let path = harmless(&self.path.display().to_string());
        match &self.fate {
            Fate::Removed => output.line(&format!("removed {path}")),
            Fate::WouldBeRemoved => output.line(&format!("would remove {path}")),
            Fate::Lives | Fate::Anothers if is_sweep => {
                let why = match self.fate {
                    Fate::Lives => "somebody lives in it",
                    _ => "another user's",
                };
                let text = format!("kept {path}: {why}");
                let text = output.paint(Tone::Faint, &text);
                output.line(&text)
            }
            Fate::Lives | Fate::Anothers => {
                complain(&Failure::Said(format!(
                    "keep {path}: somebody lives in it; `outlive show {}` says who: end them first",
                    self.name
                )));
                Ok(())
            }
            Fate::Kept { why } => {
                complain(&Failure::Said(format!("keep {path}: {why}")));
                Ok(())
            }
        }
    }
}
