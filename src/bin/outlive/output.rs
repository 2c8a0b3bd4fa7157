//! Where the output goes, and in which form and colours.

use std::io::{self, IsTerminal, Write};

use clap::ColorChoice;
use clap::builder::styling::{AnsiColor, Style};
use serde::Serialize;

use crate::arguments::Global;
use crate::failure::Outcome;
use crate::harmless::harmless_json;

/// What a piece of text means to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Head,
    Good,
    Warn,
    Bad,
    Faint,
}

impl Tone {
    /// The louder one.
    pub(crate) fn worse(self, other: Self) -> Self {
        if self == Self::Bad { self } else { other }
    }
}

/// Whether it is a terminal that understands more than lines.
fn is_screen(stream: &io::Stdout) -> bool {
    stream.is_terminal() && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}

/// Standard output, as the user wants it.
pub(crate) struct Output {
    stream: io::Stdout,
    pub(crate) is_json: bool,
    pub(crate) is_coloured: bool,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let stream = io::stdout();
        let is_wished = match global.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                is_screen(&stream) && !refused
            }
        };
        Self {
            stream,
            is_json: global.json,
            is_coloured: is_wished && !global.json,
        }
    }

    pub(crate) fn is_terminal(&self) -> bool {
        is_screen(&self.stream)
    }

    /// One value, on lines of its own.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Outcome<()> {
        let text = serde_json::to_string_pretty(value)?;
        self.line(&harmless_json(&text))
    }

    /// One value, on one line.
    pub(crate) fn json_line(&mut self, value: &impl Serialize) -> Outcome<()> {
        let text = serde_json::to_string(value)?;
        self.line(&harmless_json(&text))
    }

    pub(crate) fn line(&mut self, text: &str) -> Outcome<()> {
        Ok(writeln!(self.stream, "{text}")?)
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.stream.write_all(bytes)?;
        Ok(self.stream.flush()?)
    }

    /// `text` in the colour of its tone, where there are colours.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let style = match tone {
            _ if !self.is_coloured => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Head => Style::new().bold(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Warn => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Faint => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }
}
