//! One look at everything, as tables.

use std::time::Duration;

use outlive::inspect::Snapshot;
use serde::{Serialize, Serializer};

use crate::deaths;
use crate::measure::{size, span};
use crate::output::Tone;
use crate::table::{Cell, Table};

/// Everything that one look has shown.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    pub(super) parts: Vec<Part>,
}

/// One segment.
#[derive(Debug, Serialize)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) objects: Vec<ObjectLine>,
    pub(super) snapshot: Snapshot,
}

/// One object, with what only time shows.
#[derive(Debug, Serialize)]
pub(super) struct ObjectLine {
    pub(super) name: String,
    pub(super) kind: &'static str,
    /// Depth, capacity, and how many ever came.
    pub(super) flow: Option<(u64, u64, u64)>,
    /// Items each second.
    pub(super) rate: Option<f64>,
    /// For how long the same one has been seen to hold it, in seconds.
    #[serde(serialize_with = "seconds")]
    pub(super) held_for: Option<Duration>,
    pub(super) waiters: &'static str,
    #[serde(serialize_with = "text")]
    pub(super) state: Cell,
}

fn seconds<S: Serializer>(span: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs_f64()).serialize(to)
}

fn text<S: Serializer>(cell: &Cell, to: S) -> Result<S::Ok, S::Error> {
    cell.text.serialize(to)
}

impl ObjectLine {
    /// The more, the higher it stands: what is held longest, then what is busiest.
    pub(super) fn interest(&self) -> f64 {
        const HELD: f64 = 1e9;
        let held = self
            .held_for
            .map_or(0.0, |held| HELD * (1.0 + held.as_secs_f64()));
        let loud = if self.state.tone == Tone::Plain {
            0.0
        } else {
            1e15
        };
        loud + held + self.rate.unwrap_or(0.0)
    }
}

impl Part {
    /// The segment in one line.
    pub(super) fn title(&self) -> String {
        let snapshot = &self.snapshot;
        let alive = snapshot.living().count();
        let dead = snapshot.participants.len() - alive;
        let used = snapshot.size.saturating_sub(snapshot.free);
        let mut title = format!(
            "{}: {} of {} used, {alive} alive",
            self.name,
            size(used),
            size(snapshot.size)
        );
        if dead > 0 {
            title.push_str(&format!(", {dead} DEAD and not repaired"));
        }
        Cell::from(title).text
    }

    /// The first few participants: a crowd must not hide the objects.
    pub(super) fn participants(&self) -> Table {
        const MOST: usize = 10;
        let mut table = crate::show::participant_table(&self.snapshot);
        let more = table.rows.len().saturating_sub(MOST);
        if more > 0 {
            table.rows.truncate(MOST);
            table.row(vec!["..".into(), format!("{more} more").into()]);
        }
        table
    }

    pub(super) fn object_table(&self) -> Table {
        let mut table = Table::new(&[
            "OBJECT",
            "KIND",
            ">DEPTH",
            ">PER S",
            ">HELD FOR",
            "WAITERS",
            "STATE",
        ]);
        for line in &self.objects {
            let depth = line
                .flow
                .map(|(depth, capacity, _)| format!("{depth}/{capacity}"));
            table.row(vec![
                Cell::new(Tone::Head, &line.name),
                line.kind.into(),
                depth.unwrap_or_default().into(),
                line.rate
                    .map(|rate| format!("{rate:.0}"))
                    .unwrap_or_default()
                    .into(),
                line.held_for
                    .map(|held| format!(">= {}", span(held)))
                    .unwrap_or_default()
                    .into(),
                line.waiters.into(),
                line.state.clone(),
            ]);
        }
        table
    }

    /// Who waits for whom, where that is recorded.
    pub(super) fn waits(&self) -> Vec<Cell> {
        crate::show::wait_lines(&self.snapshot)
    }

    /// The last deaths.
    pub(super) fn deaths(&self) -> Vec<Cell> {
        const MOST: usize = 3;
        let deaths = deaths::of(&self.snapshot);
        let last = &deaths[deaths.len().saturating_sub(MOST)..];
        let line = |death: &deaths::Death| {
            let tone = if death.at.is_none() {
                Tone::Bad
            } else {
                Tone::Faint
            };
            Cell::new(tone, death.sentence(&self.snapshot))
        };
        last.iter().map(line).collect()
    }
}
