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
struct Removal {
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
            Ok(attempt(segment, &path, rm.dry_run))
        });
        named.collect::<Outcome<Vec<_>>>()?
    };
    if output.is_json {
        output.json(&removals)?;
    } else {
        for removal in &removals {
            removal.print(rm.stale, output)?;
        }
        if rm.stale && !removals.iter().any(Removal::is_done) {
            let place = harmless(&folder.path().display().to_string());
            output.line(&format!("no stale segment in {place}"))?;
        }
    }
    let is_partial = |removal: &Removal| match removal.fate {
        Fate::Removed | Fate::WouldBeRemoved | Fate::Anothers => false,
        // Told to remove what is stale, it has no business with the others.
        Fate::Lives => !rm.stale,
        Fate::Kept { .. } => true,
    };
    Ok(match removals.iter().any(is_partial) {
        true => Verdict::Partial,
        false => Verdict::Fine,
    })
}

/// Removes the name of every stale segment in `folder`, and says how many.
pub(crate) fn clear(folder: &Folder, output: &mut Output) -> Outcome<usize> {
    let removals = remove_stale(folder, false)?;
    for removal in &removals {
        if !output.is_json {
            removal.print(true, output)?;
        }
    }
    Ok(removals.iter().filter(|removal| removal.is_done()).count())
}

fn remove_stale(folder: &Folder, is_dry: bool) -> Outcome<Vec<Removal>> {
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
        Err(e) => Fate::Kept { why: e.to_string() },
    }
}

impl Removal {
    fn is_done(&self) -> bool {
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
