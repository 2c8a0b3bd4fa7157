//! What was measured, and which bars are met.

use serde_json::{Value, json};

use crate::measure::{Figures, Spread};

/// The least or the most that a measurement may be.
#[derive(Clone, Copy)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(most) => format!("<= {most}"),
            Self::AtLeast(least) => format!(">= {least}"),
        }
    }
}

/// All rows of one run.
#[derive(Default)]
pub struct Table {
    figures: Vec<[String; 4]>,
    bars: Vec<Bar>,
    notes: Vec<Bar>,
    raw: Vec<Value>,
}

struct Bar {
    what: String,
    bound: Bound,
    unit: &'static str,
    measured: Result<Spread, String>,
}

impl Table {
    /// Figures without a bar, and those behind the bars.
    pub fn figures(&mut self, figures: &Figures) {
        for (contender, values) in &figures.of {
            let (median, spread) = match values {
                Ok(values) => {
                    let spread = Spread::of(values.clone());
                    self.raw.push(json!({
                        "contest": figures.name, "contender": contender,
                        "ns": spread.median, "least": spread.least, "most": spread.most,
                    }));
                    (number(spread.median), range(spread))
                }
                Err(why) => ("-".into(), why.clone()),
            };
            self.figures
                .push([figures.name.into(), (*contender).into(), median, spread]);
        }
    }

    /// A single figure in nanoseconds.
    pub fn figure(&mut self, contest: &str, contender: &'static str, nanos: Result<f64, String>) {
        let row = match nanos {
            Ok(nanos) => {
                self.raw
                    .push(json!({ "contest": contest, "contender": contender, "ns": nanos }));
                [number(nanos), String::new()]
            }
            Err(why) => ["-".into(), why],
        };
        let [nanos, note] = row;
        self.figures
            .push([contest.into(), contender.into(), nanos, note]);
    }

    /// Our cost over a peer's: `most` is the bar.
    pub fn cost(&mut self, figures: &Figures, ours: &str, peer: &str, most: f64) {
        let what = format!("{}: cost of {ours} / {peer}", figures.name);
        self.bar(what, Bound::AtMost(most), "x", figures.ratio(ours, peer));
    }

    /// Our operations per second over a peer's: `least` is the bar.
    pub fn rate(&mut self, figures: &Figures, ours: &str, peer: &str, least: f64) {
        let what = format!("{}: rate of {ours} / {peer}", figures.name);
        self.bar(what, Bound::AtLeast(least), "x", figures.ratio(peer, ours));
    }

    /// A figure that is not a time, without a bar.
    pub fn note(
        &mut self,
        what: impl Into<String>,
        unit: &'static str,
        measured: Result<Spread, String>,
    ) {
        self.notes.push(Bar {
            what: what.into(),
            bound: Bound::AtLeast(0.0),
            unit,
            measured,
        });
    }

    /// Any other bar.
    pub fn bar(
        &mut self,
        what: impl Into<String>,
        bound: Bound,
        unit: &'static str,
        measured: Result<Spread, String>,
    ) {
        self.bars.push(Bar {
            what: what.into(),
            bound,
            unit,
            measured,
        });
    }

    pub fn print(&self) {
        let head = ["contest", "contender", "ns", "least..most"].map(String::from);
        lines(&head, &self.figures);
        println!();
        let rows: Vec<_> = self.bars.iter().map(Bar::row).collect();
        lines(
            &["bar", "bound", "measured", "met"].map(String::from),
            &rows,
        );
        let met = self.bars.iter().filter(|bar| bar.is_met()).count();
        println!("\n{met} of {} bars met", self.bars.len());
        for [what, _, measured, _] in self.notes.iter().map(Bar::row) {
            println!("beside: {what}: {measured}");
        }
    }

    pub fn json(&self) -> String {
        let bars: Vec<_> = self
            .bars
            .iter()
            .map(|bar| {
                json!({
                    "bar": bar.what, "bound": bar.bound.text(), "unit": bar.unit,
                    "measured": bar.measured.as_ref().ok().map(|spread| spread.median),
                    "failure": bar.measured.as_ref().err(), "met": bar.is_met(),
                })
            })
            .collect();
        json!({ "figures": self.raw, "bars": bars }).to_string()
    }
}

impl Bar {
    fn is_met(&self) -> bool {
        self.measured
            .as_ref()
            .is_ok_and(|spread| self.bound.is_met(spread.median))
    }

    fn row(&self) -> [String; 4] {
        let measured = match &self.measured {
            Ok(spread) if spread.least == spread.most => {
                format!("{} {}", number(spread.median), self.unit)
            }
            Ok(spread) => format!(
                "{} {} ({})",
                number(spread.median),
                self.unit,
                range(*spread)
            ),
            Err(why) => why.clone(),
        };
        let met = if self.is_met() { "yes" } else { "no" };
        let bound = format!("{} {}", self.bound.text(), self.unit);
        [self.what.clone(), bound, measured, met.into()]
    }
}

fn range(spread: Spread) -> String {
    format!("{}..{}", number(spread.least), number(spread.most))
}

/// Three figures are all that a measurement here is good for.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn lines(head: &[String; 4], rows: &[[String; 4]]) {
    let mut widths = head.each_ref().map(String::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.len());
        }
    }
    let line = |row: &[String; 4]| {
        let cells: Vec<_> = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        println!("| {} |", cells.join(" | "));
    };
    line(head);
    line(&widths.map(|width| "-".repeat(width)));
    rows.iter().for_each(line);
}
