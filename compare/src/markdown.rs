//! A run as Markdown: the README's part, and all of its figures.

use std::fmt::Write;

use crate::latency::{BUSY_INTERVAL, INTERVAL, LOCK_INTERVAL};
use crate::matrix::matrices;
use crate::numbers::{tick, time, times};
use crate::percentiles::NAMED;
use crate::plot::{Kind, Plot};
use crate::run::Run;
use crate::table::{Bar, Table, distinct};

/// What the README shows of the plots.
const SHOWN: [&str; 2] = ["lock.svg", "latency-hand-over-processors-busy.svg"];

/// What stands between the README's marks.
pub fn readme(run: &Run, plots: &[Plot]) -> String {
    let mut text = about(run);
    let table = &run.table;
    let _ = writeln!(
        text,
        "- bounds: {} of {} are met\n",
        table.met(),
        table.bars.len()
    );
    for plot in plots.iter().filter(|plot| SHOWN.contains(&&*plot.file)) {
        let _ = writeln!(text, "![{}](docs/figures/{})\n", plot.title, plot.file);
    }
    text += &bars(table);
    if !table.deaths.is_empty() {
        let _ = write!(text, "\n{}", deaths(table));
    }
    text
}

/// `docs/figures.md`.
pub fn figures(run: &Run, plots: &[Plot]) -> String {
    let table = &run.table;
    let mut text = "\
# Figures

Written by `compare/`: change nothing here by hand. The [README](../README.md#performance) says how it measures.

"
    .to_owned();
    text += &about(run);
    for noun in distinct(table.figures.iter().map(|figure| &*figure.noun)) {
        let _ = write!(text, "\n## {noun}\n\n");
        images(&mut text, plots, |kind| {
            *kind == Kind::Contests(noun.into())
        });
        let of_noun = table.figures.iter().filter(|figure| figure.noun == noun);
        let rows = of_noun.map(|figure| {
            let (nanos, spread) = match &figure.nanos {
                Ok(spread) => (time(spread.median), times(*spread)),
                Err(why) => ("-".into(), why.clone()),
            };
            vec![
                figure.contest.clone(),
                figure.contender.clone(),
                nanos,
                spread,
            ]
        });
        text += &grid(&["contest", "contender", "median", "spread"], rows);
    }
    if !table.latencies.is_empty() {
        let [lock, other, busy] =
            [LOCK_INTERVAL, INTERVAL, BUSY_INTERVAL].map(|nanos| tick(nanos as f64));
        let _ = write!(
            text,
            "
## Single operations

An operation is due every {lock} (locks, which both sides want at the same instant) or {other}, with a processor for each side, and every
{busy} where a busy process is on each of the two processors. Its time counts from when it was due, not from when its side got round to
it, so what a stall holds up counts too: no omission is coordinated. *No operation* is what the clock, the timer and the scheduler cost
alone. *Polled* forms never sleep; on busy processors they give the processor away after a few looks.

"
        );
        latencies(&mut text, table, plots);
    }
    if !table.deaths.is_empty() {
        let _ = write!(text, "\n## What a death does\n\n{}", deaths(table));
    }
    let _ = write!(text, "\n## Ratios\n\n{}", bars(table));
    if !table.notes.is_empty() {
        let rows = table
            .notes
            .iter()
            .map(|note| vec![note.what.clone(), note.text()]);
        let _ = write!(
            text,
            "\nWithout a bound:\n\n{}",
            grid(&["measured", "figure"], rows)
        );
    }
    text
}

/// The machine, the versions and the run.
fn about(run: &Run) -> String {
    let machine = &run.machine;
    let versions = machine
        .peers
        .iter()
        .map(|(name, version)| format!("{name} {version}"));
    let versions: Vec<_> = versions.collect();
    let minutes = machine.seconds as f64 / 60.0;
    format!(
        "\
- run: {}, {minutes:.1} minutes, medians of {} rounds, in brackets the least and the most
- machine: {} processors, {}; {}, {}
- made with: {}; outlive {}
- peers: {}; {}; pthread, `sem_t`, pipes and sockets of the system
",
        machine.date,
        machine.rounds,
        machine.processors,
        machine.processor,
        machine.kernel,
        machine.libc,
        machine.rustc,
        machine.outlive,
        versions.join(", "),
        machine.python,
    )
}

fn bars(table: &Table) -> String {
    let rows = table.bars.iter().map(Bar::row).map(Vec::from);
    grid(&["measured", "bound", "ratio", "met"], rows)
}

fn deaths(table: &Table) -> String {
    let tables = matrices(&table.deaths).into_iter().map(|matrix| {
        let head: Vec<_> = std::iter::once("peer").chain(matrix.situations).collect();
        let rows = matrix.peers.into_iter().map(|(peer, cells)| {
            let cells = std::iter::once(peer).chain(cells);
            cells.map(String::from).collect()
        });
        grid(&head, rows)
    });
    tables.collect::<Vec<_>>().join("\n")
}

fn latencies(text: &mut String, table: &Table, plots: &[Plot]) {
    let percentiles = NAMED.map(|percentile| format!("p{percentile}"));
    let mut head = vec!["contender", "operations"];
    head.extend(percentiles.iter().map(String::as_str));
    head.push("most");
    for situation in distinct(table.latencies.iter().map(|latency| &*latency.situation)) {
        let _ = write!(text, "**{situation}**\n\n");
        images(text, plots, |kind| {
            *kind == Kind::Latencies(situation.into())
        });
        let here = table
            .latencies
            .iter()
            .filter(|latency| latency.situation == situation);
        let rows = here.map(|latency| {
            let mut row = vec![latency.contender.clone()];
            match &latency.times {
                Ok(times) => {
                    row.push(times.count.to_string());
                    let all = times.named.iter().chain([&times.most]);
                    row.extend(all.map(|nanos| time(*nanos as f64)));
                }
                Err(why) => row.push(why.clone()),
            }
            row
        });
        *text += &grid(&head, rows);
        text.push('\n');
    }
    // The next heading brings its own.
    text.pop();
}

fn images(text: &mut String, plots: &[Plot], is_wanted: impl Fn(&Kind) -> bool) {
    for plot in plots.iter().filter(|plot| is_wanted(&plot.kind)) {
        let _ = write!(text, "![{}](figures/{})\n\n", plot.title, plot.file);
    }
}

/// A table, every row as long as its head.
fn grid(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| {
        let cell = |at| cells.get(at).map_or("", String::as_str).replace('|', r"\|");
        let cells: Vec<_> = (0..head.len()).map(cell).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let names: Vec<_> = head.iter().map(|name| (*name).to_owned()).collect();
    let mut text = line(&names) + &"|---".repeat(head.len()) + "|\n";
    rows.for_each(|row| text += &line(&row));
    text
}
