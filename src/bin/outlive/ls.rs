//! `outlive ls`: what segments there are.

use std::path::PathBuf;

use outlive::inspect::Snapshot;
use serde::Serialize;

use crate::arguments::Ls;
use crate::failure::{Outcome, Verdict};
use crate::harmless::harmless;
use crate::measure::{age, size};
use crate::output::{Output, Tone};
use crate::table::{Cell, Table};
use crate::target::{Folder, Target};

/// A segment in the list.
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    path: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    segment: Option<Summary>,
    /// Why it cannot be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Summary {
    size: u64,
    used: u64,
    alive: usize,
    dead: usize,
    objects: usize,
    /// When it was made, in seconds since the Unix epoch.
    created: f64,
    #[serde(skip)]
    age: String,
}

impl Summary {
    fn of(snapshot: &Snapshot) -> Self {
        let alive = snapshot.living().count();
        let since = snapshot.created.duration_since(std::time::UNIX_EPOCH);
        Self {
            size: snapshot.size,
            used: snapshot.size.saturating_sub(snapshot.free),
            alive,
            dead: snapshot.participants.len() - alive,
            objects: snapshot.objects.len(),
            created: since.unwrap_or_default().as_secs_f64(),
            age: age(snapshot.created),
        }
    }
}

pub(crate) fn run(ls: &Ls, folder: &Folder, output: &mut Output) -> Outcome {
    let targets = match ls.named {
        true => folder.named()?,
        false => folder.all()?,
    };
    let lines: Vec<_> = targets.into_iter().map(line).collect();
    if output.is_json {
        output.json(&lines)?;
        return Ok(Verdict::Fine);
    }
    if lines.is_empty() {
        let folder = harmless(&folder.path().display().to_string());
        output.line(&format!("no segments in {folder}, nor in running programs"))?;
        return Ok(Verdict::Fine);
    }
    let mut table = Table::new(&[
        "SEGMENT", ">SIZE", ">USED", ">ALIVE", ">DEAD", ">OBJECTS", ">AGE", "",
    ]);
    for line in &lines {
        table.row(line.cells());
    }
    table.print(output, "")?;
    Ok(Verdict::Fine)
}

fn line(target: Target) -> Line {
    let (segment, error) = match target.look() {
        Ok(snapshot) => (Some(Summary::of(&snapshot)), None),
        Err(e) => (None, Some(e.to_string())),
    };
    Line {
        name: target.name,
        path: target.path,
        segment,
        error,
    }
}

impl Line {
    fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![Cell::new(Tone::Head, &self.name)];
        let Some(segment) = &self.segment else {
            let why = self.error.as_deref().unwrap_or_default();
            cells.extend(std::iter::repeat_n(Cell::from("-"), 6));
            cells.push(Cell::new(Tone::Warn, why));
            return cells;
        };
        let (dead, note) = match (segment.alive, segment.dead) {
            (0, _) => (
                Tone::Faint,
                Cell::new(Tone::Warn, "stale: nobody lives in it"),
            ),
            (_, 0) => (Tone::Faint, Cell::from("")),
            _ => (Tone::Bad, Cell::new(Tone::Warn, "not repaired yet")),
        };
        cells.extend([
            size(segment.size).into(),
            size(segment.used).into(),
            segment.alive.to_string().into(),
            Cell::new(dead, segment.dead.to_string()),
            segment.objects.to_string().into(),
            segment.age.clone().into(),
            note,
        ]);
        cells
    }
}
