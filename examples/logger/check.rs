//! Whether the file has what it must have.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::{Result, line};

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Lines whose `put` has returned.
    pub(crate) put: u64,
    /// Lines of the file.
    pub(crate) lines: u64,
    /// Of them, those whose writers died before their `put` returned.
    pub(crate) unreturned: u64,
    /// Put, and not in the file.
    pub(crate) missing: u64,
    /// In the file more than once, or out of their writer's order.
    pub(crate) again: u64,
    /// In the file, and no line that any writer writes.
    pub(crate) torn: u64,
}

/// Compares the file with the lines that were `put`, by writer.
pub(crate) fn check(path: &Path, put: &[u64]) -> Result<Report> {
    let mut report = Report {
        put: put.iter().sum(),
        ..Report::default()
    };
    let mut last = vec![0; put.len()];
    let mut missing = 0;
    for text in BufReader::new(File::open(path)?).split(b'\n') {
        let text = text?;
        report.lines += 1;
        let Some((writer, number)) = parse(&text).filter(|(writer, _)| *writer < put.len()) else {
            report.torn += 1;
            continue;
        };
        if number <= last[writer] {
            report.again += 1;
            continue;
        }
        missing += number - last[writer] - 1;
        last[writer] = number;
    }
    for (put, last) in put.iter().zip(last) {
        missing += put.saturating_sub(last);
        report.unreturned += last.saturating_sub(*put);
    }
    report.missing = missing;
    Ok(report)
}

/// Writer and number of a line; `None` where it is not exactly what its writer wrote.
fn parse(text: &[u8]) -> Option<(usize, u64)> {
    let text = str::from_utf8(text).ok()?;
    let mut words = text.split(' ');
    let (writer, number) = (words.nth(1)?.parse().ok()?, words.nth(1)?.parse().ok()?);
    (line(writer, number) == text).then_some((writer, number))
}

impl Report {
    pub(crate) fn is_whole(&self) -> bool {
        (self.missing, self.again, self.torn) == (0, 0, 0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "put     {} lines", self.put)?;
        writeln!(
            f,
            "file    {} lines ({} whose writers died before put returned)",
            self.lines, self.unreturned
        )?;
        write!(
            f,
            "wrong   {} missing, {} again, {} torn",
            self.missing, self.again, self.torn
        )
    }
}
