//! The page as text, or as JSON.

use std::time::SystemTime;

use super::page::Page;
use crate::failure::Outcome;
use crate::measure::clock;
use crate::output::{Output, Tone};

pub(super) fn print(page: &Page, output: &mut Output) -> Outcome<()> {
    if output.is_json {
        return output.json_line(page);
    }
    let now = output.paint(Tone::Faint, &clock(SystemTime::now()));
    output.line(&format!("{now}  {} segments", page.parts.len()))?;
    for part in &page.parts {
        let title = output.paint(Tone::Head, &part.title());
        output.line("")?;
        output.line(&title)?;
        part.participants().print(output, "  ")?;
        if !part.objects.is_empty() {
            part.object_table().print(output, "  ")?;
        }
        for line in part.waits().into_iter().chain(part.deaths()) {
            let line = output.paint(line.tone, &line.text);
            output.line(&format!("  {line}"))?;
        }
    }
    output.line("")
}
