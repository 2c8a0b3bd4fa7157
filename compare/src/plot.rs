//! Plots of a run.

mod bars;
mod canvas;
mod curves;
mod scale;

use crate::table::{Table, distinct};

/// A picture with what it shows.
pub struct Plot {
    pub file: String,
    pub title: String,
    pub kind: Kind,
    pub svg: String,
}

#[derive(PartialEq)]
pub enum Kind {
    /// All contests of a noun.
    Contests(String),
    /// Single operations in one situation.
    Latencies(String),
}

/// Nouns whose contests are plotted.
const NOUNS: [(&str, &str); 8] = [
    ("lock", "Locks"),
    ("value", "Values"),
    ("spsc", "One producer, one consumer"),
    ("mpmc", "Many producers, many consumers"),
    ("queue", "Queues of messages"),
    ("pipe", "Pipes"),
    ("process", "Processes"),
    ("pool", "Pools"),
];

/// Every plot that the table has figures for.
pub fn all(table: &Table) -> Result<Vec<Plot>, String> {
    let mut plots = Vec::new();
    for (noun, title) in NOUNS {
        let figures: Vec<_> = table.figures.iter().filter(|f| f.noun == noun).collect();
        if !figures.is_empty() {
            plots.push(Plot {
                file: format!("{noun}.svg"),
                title: title.into(),
                kind: Kind::Contests(noun.into()),
                svg: bars::draw(title, &figures)?,
            });
        }
    }
    for situation in distinct(table.latencies.iter().map(|l| &*l.situation)) {
        let latencies = table.latencies.iter().filter(|l| l.situation == situation);
        plots.push(Plot {
            file: format!("latency-{}.svg", slug(situation)),
            title: format!("Percentiles: {situation}"),
            kind: Kind::Latencies(situation.into()),
            svg: curves::draw(situation, &latencies.collect::<Vec<_>>())?,
        });
    }
    Ok(plots)
}

/// Words of letters and digits, in small letters.
fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    words.join("-").to_lowercase()
}
