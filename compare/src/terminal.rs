//! A run as text.

use crate::numbers::{number, range, time};
use crate::percentiles::NAMED;
use crate::table::{Bar, Table};

pub fn print(table: &Table) {
    let mut rows = vec![cells(["contest", "contender", "ns", "least..most"])];
    rows.extend(table.figures.iter().map(|figure| {
        let (nanos, spread) = match &figure.nanos {
            Ok(spread) if spread.is_single() => (number(spread.median), String::new()),
            Ok(spread) => (number(spread.median), range(*spread)),
            Err(why) => ("-".into(), why.clone()),
        };
        vec![
            figure.contest.clone(),
            figure.contender.clone(),
            nanos,
            spread,
        ]
    }));
    lines(&rows);

    let mut rows = vec![
        ["single operations", "contender"]
            .map(String::from)
            .to_vec(),
    ];
    rows[0].extend(NAMED.map(|percentile| format!("p{percentile}")));
    rows[0].push("most".into());
    rows.extend(table.latencies.iter().map(|latency| {
        let mut row = vec![latency.situation.clone(), latency.contender.clone()];
        match &latency.times {
            Ok(times) => {
                let all = times.named.iter().chain([&times.most]);
                row.extend(all.map(|nanos| time(*nanos as f64)));
            }
            Err(why) => row.push(why.clone()),
        }
        row
    }));
    lines(&rows);

    for death in &table.deaths {
        println!("{}: {}: {}", death.peer, death.situation, death.text);
    }

    let mut rows = vec![cells(["bar", "bound", "measured", "met"])];
    rows.extend(table.bars.iter().map(|bar: &Bar| bar.row().to_vec()));
    lines(&rows);
    for note in &table.notes {
        println!("beside: {}: {}", note.what, note.text());
    }
    println!("{} of {} bars met", table.met(), table.bars.len());
}

fn cells<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(String::from).to_vec()
}

/// Columns as wide as their widest cell; nothing where there is a head only.
fn lines(rows: &[Vec<String>]) {
    if rows.len() < 2 {
        return;
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(String::len).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        println!("{}", cells.join("  ").trim_end());
    }
    println!();
}
