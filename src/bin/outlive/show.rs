//! `outlive show`: one segment, with all that is known of it.

use outlive::inspect::Snapshot;
use serde::Serialize;

use crate::arguments::Show;
use crate::deaths::{self, Death};
use crate::failure::{Outcome, Verdict};
use crate::harmless::harmless;
use crate::measure::{age, clock, size};
use crate::output::{Output, Tone};
use crate::phrase;
use crate::table::{Cell, Table};
use crate::target::Folder;

#[derive(Serialize)]
struct Shown<'a> {
    name: &'a str,
    #[serde(flatten)]
    snapshot: &'a Snapshot,
    deaths: &'a [Death],
}

pub(crate) fn run(show: &Show, folder: &Folder, output: &mut Output) -> Outcome {
    let target = folder.one(&show.segment)?;
    let snapshot = target.look()?;
    let deaths = deaths::of(&snapshot);
    if output.is_json {
        output.json(&Shown {
            name: &target.name,
            snapshot: &snapshot,
            deaths: &deaths,
        })?;
        return Ok(Verdict::Fine);
    }
    head(&target.name, &snapshot, output)?;
    participants(&snapshot, output)?;
    objects(&snapshot, output)?;
    waits(&snapshot, output)?;
    title(output, "deaths", &deaths.len().to_string())?;
    for death in &deaths {
        let tone = match death.at {
            None => Tone::Bad,
            Some(_) => Tone::Plain,
        };
        let text = Cell::new(tone, death.sentence(&snapshot));
        let text = output.paint(text.tone, &text.text);
        output.line(&format!("  {text}"))?;
    }
    Ok(Verdict::Fine)
}

fn head(name: &str, snapshot: &Snapshot, output: &mut Output) -> Outcome<()> {
    let used = snapshot.size.saturating_sub(snapshot.free);
    title(output, "segment", name)?;
    output.line(&format!(
        "  in {}, id {}",
        harmless(&snapshot.path.display().to_string()),
        snapshot.id
    ))?;
    output.line(&format!(
        "  {}, {} used; made {} ago ({}) by process {}",
        size(snapshot.size),
        size(used),
        age(snapshot.created),
        clock(snapshot.created),
        snapshot.creator,
    ))?;
    if let Some(keeper) = &snapshot.bookkeeper {
        output.line(&format!(
            "  its books are held by {}",
            harmless(&phrase::who(keeper))
        ))?;
    }
    Ok(())
}

fn participants(snapshot: &Snapshot, output: &mut Output) -> Outcome<()> {
    let alive = snapshot.living().count();
    let most = snapshot.most_participants;
    title(output, "participants", &format!("{alive} of {most}"))?;
    if !snapshot.participants.is_empty() {
        participant_table(snapshot).print(output, "  ")?;
    }
    Ok(())
}

/// Who takes part, and for how long.
pub(crate) fn participant_table(snapshot: &Snapshot) -> Table {
    let mut table = Table::new(&[">PID", "LABEL", ">FOR", "STATE"]);
    for who in &snapshot.participants {
        let state = match who.is_alive {
            true => Cell::new(Tone::Good, "alive"),
            false => Cell::new(Tone::Bad, "dead, not repaired yet"),
        };
        table.row(vec![
            who.pid.to_string().into(),
            who.label.clone().into(),
            age(who.since).into(),
            state,
        ]);
    }
    table
}

fn objects(snapshot: &Snapshot, output: &mut Output) -> Outcome<()> {
    title(output, "objects", &snapshot.objects.len().to_string())?;
    if snapshot.objects.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(&[
        "NAME",
        "KIND",
        ">BYTES",
        "WAITERS",
        "HOLDER FOR",
        "OPEN IN",
        "STATE",
    ]);
    for object in &snapshot.objects {
        let open_in = object.open_in.iter().map(|who| who.pid.to_string());
        table.row(vec![
            Cell::new(Tone::Head, phrase::name(object)),
            object.kind.into(),
            object.bytes.to_string().into(),
            phrase::waiters(&object.state).into(),
            membership(object, snapshot).into(),
            shortened(open_in.collect()).into(),
            phrase::state(&object.state),
        ]);
    }
    table.print(output, "  ")
}

/// Who waits for what: recorded only in segments that were made to.
fn waits(snapshot: &Snapshot, output: &mut Output) -> Outcome<()> {
    if snapshot.waits.is_empty() {
        return Ok(());
    }
    title(output, "waits", &snapshot.waits.len().to_string())?;
    for line in wait_lines(snapshot) {
        let text = output.paint(line.tone, &line.text);
        output.line(&format!("  {text}"))?;
    }
    Ok(())
}

/// Who waits for whom, and the circles among those.
pub(crate) fn wait_lines(snapshot: &Snapshot) -> Vec<Cell> {
    let wait = |wait: &outlive::segment::Wait| Cell::from(wait.to_string());
    let circle =
        |circle: &outlive::segment::Deadlock| Cell::new(Tone::Bad, format!("DEADLOCK: {circle}"));
    let waits = snapshot.waits.iter().map(wait);
    waits.chain(snapshot.deadlocks.iter().map(circle)).collect()
}

/// For how long its holder has taken part: it cannot have held the object for longer.
fn membership(object: &outlive::inspect::Object, snapshot: &Snapshot) -> String {
    let holders = phrase::holders(&object.state);
    let [(_, holder)] = holders.as_slice() else {
        return String::new();
    };
    let mut known = snapshot.participants.iter();
    let known = known.find(|who| who.pid == holder.pid && who.label == holder.label);
    known.map_or_else(String::new, |who| format!("<= {}", age(who.since)))
}

/// The first few, and how many more.
fn shortened(mut all: Vec<String>) -> String {
    const MOST: usize = 4;
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    match more {
        0 => all.join(" "),
        more => format!("{} +{more}", all.join(" ")),
    }
}

fn title(output: &mut Output, what: &str, text: &str) -> Outcome<()> {
    let what = output.paint(Tone::Faint, what);
    let text = Cell::new(Tone::Head, text);
    let text = output.paint(text.tone, &text.text);
    output.line(&format!("{what} {text}"))
}
