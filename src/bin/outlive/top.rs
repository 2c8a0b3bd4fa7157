//! `outlive top`: segments live.

#![expect(
    clippy::disallowed_methods,
    reason = "between two looks there is nothing to wait for but time"
)]

mod hangup;
mod history;
mod page;
mod plain;
mod screen;
mod signals;

use crate::arguments::Top;
use crate::failure::{Outcome, Verdict};
use crate::output::Output;
use crate::target::Folder;
use history::History;
use page::Page;

pub(crate) fn run(top: &Top, folder: &Folder, output: &mut Output) -> Outcome {
    if !top.segments.is_empty() {
        // What is asked for by name must be there; of others there may be none yet.
        for target in folder.chosen(&top.segments)? {
            target.look()?;
        }
    }
    let mut history = History::default();
    let mut look = || -> Outcome<Page> {
        let targets = match top.segments.is_empty() {
            true => folder.all()?,
            false => {
                let targets = top.segments.iter().map(|text| folder.one(text));
                // What has gone meanwhile is not shown any more.
                targets.filter_map(Result::ok).collect()
            }
        };
        Ok(history.page(&targets))
    };
    if top.once {
        look()?;
        std::thread::sleep(top.interval);
        plain::print(&look()?, output)?;
    } else if top.plain || output.is_json || !output.is_terminal() {
        loop {
            plain::print(&look()?, output)?;
            std::thread::sleep(top.interval);
        }
    } else {
        screen::run(top.interval, output.is_coloured, look)?;
    }
    Ok(Verdict::Fine)
}
