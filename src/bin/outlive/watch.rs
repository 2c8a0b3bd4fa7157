//! `outlive watch`: what changes, a line for each event.

#![expect(
    clippy::disallowed_methods,
    reason = "between two looks there is nothing to wait for but time"
)]

mod change;

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use outlive::inspect::Snapshot;
use serde::Serialize;

use crate::arguments::Watch;
use crate::failure::{Outcome, Verdict};
use crate::measure::clock;
use crate::output::{Output, Tone};
use crate::table::Cell;
use crate::target::{Folder, Target};
use change::Change;

/// One line of the watch.
#[derive(Debug, Serialize)]
struct Event<'a> {
    /// In seconds since the Unix epoch.
    at: f64,
    segment: &'a str,
    #[serde(flatten)]
    change: &'a Change,
}

/// What was last seen of each segment, by the segment's own number.
type Seen = HashMap<String, (Target, Snapshot)>;

pub(crate) fn run(watch: &Watch, folder: &Folder, output: &mut Output) -> Outcome {
    let end = watch.r#for.map(|length| Instant::now() + length);
    if !watch.segments.is_empty() {
        // What is asked for by name must be there; of others there may be none yet.
        for target in folder.chosen(&watch.segments)? {
            target.look()?;
        }
    }
    let mut known: Option<Seen> = None;
    loop {
        let now = look(watch, folder)?;
        match &known {
            // What is there already is where it begins.
            None => greet(&now, output)?,
            Some(before) => tell(before, &now, output)?,
        }
        known = Some(now);
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Ok(Verdict::Fine);
        }
        std::thread::sleep(left.map_or(watch.interval, |left| left.min(watch.interval)));
    }
}

fn look(watch: &Watch, folder: &Folder) -> Outcome<Seen> {
    let targets = match watch.segments.is_empty() {
        true => folder.all()?,
        false => {
            let targets = watch.segments.iter().map(|text| folder.one(text));
            // What was there and is gone is told as that.
            targets.filter_map(Result::ok).collect()
        }
    };
    let mut seen = Seen::new();
    for target in targets {
        if let Ok(snapshot) = target.look() {
            let id = snapshot.id.clone();
            seen.entry(id).or_insert((target, snapshot));
        }
    }
    Ok(seen)
}

fn greet(now: &Seen, output: &mut Output) -> Outcome<()> {
    if output.is_json {
        return Ok(());
    }
    let count = now.len();
    let text = format!(
        "watching {count} segment{}",
        if count == 1 { "" } else { "s" }
    );
    let text = output.paint(Tone::Faint, &text);
    output.line(&text)
}

fn tell(before: &Seen, now: &Seen, output: &mut Output) -> Outcome<()> {
    for (id, (target, snapshot)) in now {
        let changes = match before.get(id) {
            Some((_, last)) => change::between(last, snapshot),
            None => change::appeared(snapshot),
        };
        for change in &changes {
            print(&target.name, change, output)?;
        }
    }
    for (id, (target, _)) in before {
        if !now.contains_key(id) {
            print(&target.name, &Change::SegmentGone, output)?;
        }
    }
    Ok(())
}

fn print(segment: &str, change: &Change, output: &mut Output) -> Outcome<()> {
    let at = SystemTime::now();
    if output.is_json {
        let since = at.duration_since(SystemTime::UNIX_EPOCH);
        return output.json_line(&Event {
            at: since.unwrap_or_default().as_secs_f64(),
            segment,
            change,
        });
    }
    let text = Cell::new(change.tone(), change.sentence());
    let text = output.paint(text.tone, &text.text);
    let segment = output.paint(Tone::Head, &Cell::from(segment).text);
    output.line(&format!("{}  {segment}: {text}", clock(at)))
}
