//! Text in columns.

use crate::failure::Outcome;
use crate::harmless::harmless;
use crate::output::{Output, Tone};

/// A piece of text in a column, with what it means.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

impl Cell {
    pub(crate) fn new(tone: Tone, text: impl Into<String>) -> Self {
        Self {
            text: harmless(&text.into()),
            tone,
        }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(Tone::Plain, text)
    }
}

/// Rows under a head; each column is as wide as its widest cell.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// A head that begins with `>` stands, with its column, on the right.
    head: Vec<&'static str>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Table {
    pub(crate) fn new(head: &[&'static str]) -> Self {
        Self {
            head: head.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    /// The heads, without their marks.
    pub(crate) fn heads(&self) -> impl Iterator<Item = (&'static str, bool)> {
        self.head.iter().map(|head| match head.strip_prefix('>') {
            Some(text) => (text, true),
            None => (*head, false),
        })
    }

    /// Columns needed for each column, head and all.
    pub(crate) fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<_> = self.heads().map(|(text, _)| text.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.chars().count());
            }
        }
        widths
    }

    pub(crate) fn print(&self, output: &mut Output, indent: &str) -> Outcome<()> {
        let head = self.heads().map(|(text, _)| Cell::new(Tone::Faint, text));
        let head: Vec<_> = head.collect();
        let widths = self.widths();
        for row in std::iter::once(&head).chain(&self.rows) {
            let mut line = indent.to_owned();
            let last = row.len().saturating_sub(1);
            for (at, ((cell, width), (_, is_right))) in
                row.iter().zip(&widths).zip(self.heads()).enumerate()
            {
                let pad = " ".repeat(width.saturating_sub(cell.text.chars().count()));
                let text = output.paint(cell.tone, &cell.text);
                match (is_right, at == last) {
                    (true, _) => line.extend([pad.as_str(), &text]),
                    (false, true) => line.push_str(&text),
                    (false, false) => line.extend([text.as_str(), &pad]),
                }
                if at != last {
                    line.push_str("  ");
                }
            }
            output.line(line.trim_end())?;
        }
        Ok(())
    }
}
