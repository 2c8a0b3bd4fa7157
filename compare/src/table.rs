//! What was measured, and which bars are met: the rows of one run.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::measure::{Figures, Spread};
use crate::numbers::{number, range};
use crate::percentiles::Percentiles;

/// What a measurement gave, or why it gave nothing.
pub type Outcome<T> = Result<T, String>;

/// The least or the most that a measurement may be.
#[derive(Clone, Copy, Serialize, Deserialize)]
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
#[derive(Default, Serialize, Deserialize)]
pub struct Table {
    /// What is being measured.
    noun: String,
    pub figures: Vec<Figure>,
    pub bars: Vec<Bar>,
    pub notes: Vec<Note>,
    pub deaths: Vec<Death>,
    pub latencies: Vec<Latency>,
}

/// Nanoseconds of one contender of one contest.
#[derive(Serialize, Deserialize)]
pub struct Figure {
    pub noun: String,
    pub contest: String,
    pub contender: String,
    pub nanos: Outcome<Spread>,
}

/// A measurement that is to keep a bound.
#[derive(Serialize, Deserialize)]
pub struct Bar {
    pub bound: Bound,
    pub note: Note,
}

/// A measurement that is not a time.
#[derive(Serialize, Deserialize)]
pub struct Note {
    pub what: String,
    pub unit: String,
    pub measured: Outcome<Spread>,
}

/// What a peer does in a situation, in words.
#[derive(Serialize, Deserialize)]
pub struct Death {
    pub situation: String,
    pub peer: String,
    pub text: String,
}

/// How long single operations took.
#[derive(Serialize, Deserialize)]
pub struct Latency {
    pub situation: String,
    pub contender: String,
    pub times: Outcome<Percentiles>,
}

impl Table {
    /// Whose figures come from here on.
    pub fn begin(&mut self, noun: &str) {
        self.noun = noun.into();
    }

    /// Figures without a bar, and those behind the bars.
    pub fn figures(&mut self, figures: &Figures) {
        for (contender, values) in &figures.of {
            let spread = values.clone().map(Spread::of);
            self.record(figures.name, contender, spread);
        }
    }

    /// A single figure in nanoseconds.
    pub fn figure(&mut self, contest: &str, contender: &'static str, nanos: Outcome<f64>) {
        self.record(contest, contender, nanos.map(Spread::single));
    }

    fn record(&mut self, contest: &str, contender: &str, nanos: Outcome<Spread>) {
        self.figures.push(Figure {
            noun: self.noun.clone(),
            contest: contest.into(),
            contender: contender.into(),
            nanos: sound(nanos),
        });
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
    pub fn note(&mut self, what: impl Into<String>, unit: &'static str, measured: Outcome<Spread>) {
        self.notes.push(Note::new(what.into(), unit, measured));
    }

    /// Any other bar.
    pub fn bar(
        &mut self,
        what: impl Into<String>,
        bound: Bound,
        unit: &'static str,
        measured: Outcome<Spread>,
    ) {
        let note = Note::new(what.into(), unit, measured);
        self.bars.push(Bar { bound, note });
    }

    /// What a peer does in a situation, in words, or why that was not seen.
    pub fn outcome(&mut self, situation: &str, peer: &str, seen: Result<String, String>) {
        self.deaths.push(Death {
            situation: situation.into(),
            peer: peer.into(),
            text: seen.unwrap_or_else(|why| format!("- ({why})")),
        });
    }

    /// The times of single operations, in nanoseconds.
    pub fn latency(
        &mut self,
        situation: &str,
        contender: &'static str,
        times: Outcome<&Histogram<u64>>,
    ) {
        self.latencies.push(Latency {
            situation: situation.into(),
            contender: contender.into(),
            times: times.map(Percentiles::of),
        });
    }

    /// How many bars are met.
    pub fn met(&self) -> usize {
        self.bars.iter().filter(|bar| bar.is_met()).count()
    }
}

/// Each once, in the order in which they first come.
pub fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}

/// A figure that is no number is none: it could be neither compared nor saved.
fn sound(measured: Outcome<Spread>) -> Outcome<Spread> {
    let is_number = |spread: &Spread| {
        [spread.median, spread.least, spread.most]
            .iter()
            .all(|value| value.is_finite())
    };
    match measured {
        Ok(spread) if !is_number(&spread) => Err("nothing was measured".into()),
        other => other,
    }
}

impl Note {
    fn new(what: String, unit: &str, measured: Outcome<Spread>) -> Self {
        Self {
            what,
            unit: unit.into(),
            measured: sound(measured),
        }
    }

    /// The median and the spread with their unit, or why there are none.
    pub fn text(&self) -> String {
        match &self.measured {
            Ok(spread) if spread.is_single() => format!("{} {}", number(spread.median), self.unit),
            Ok(spread) => {
                let median = number(spread.median);
                format!("{median} {} ({})", self.unit, range(*spread))
            }
            Err(why) => why.clone(),
        }
    }
}

impl Bar {
    pub fn is_met(&self) -> bool {
        let measured = self.note.measured.as_ref();
        measured.is_ok_and(|spread| self.bound.is_met(spread.median))
    }

    /// What, its bound, what was measured, and whether that keeps it.
    pub fn row(&self) -> [String; 4] {
        let bound = format!("{} {}", self.bound.text(), self.note.unit);
        let met = if self.is_met() { "yes" } else { "no" };
        [self.note.what.clone(), bound, self.note.text(), met.into()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_that_was_not_measured_is_not_met() {
        let mut table = Table::default();
        table.bar("a", Bound::AtMost(1.0), "x", Ok(Spread::single(1.0)));
        table.bar("b", Bound::AtMost(1.0), "x", Ok(Spread::single(1.01)));
        table.bar("c", Bound::AtLeast(0.0), "x", Err("gone".into()));
        table.bar("d", Bound::AtLeast(0.0), "x", Ok(Spread::of(Vec::new())));
        let met: Vec<_> = table.bars.iter().map(Bar::is_met).collect();
        assert_eq!(met, [true, false, false, false]);
        assert_eq!(table.bars[3].row()[2], "nothing was measured");
    }
}
