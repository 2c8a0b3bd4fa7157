//! Contests as bars: a panel for each contest, a bar for each contender.

use super::canvas::{
    Canvas, Center, Drawn, FAINT, GRID, INK, Left, MARGIN, NORMAL, OURS, PEERS, Right, SMALL,
    TITLE, WIDTH, svg,
};
use super::scale::Scale;
use crate::measure::Spread;
use crate::numbers::{self, time, times};
use crate::table::{Figure, distinct};

/// Where names end, and where bars end.
const NAMES: i32 = 200;
const BARS: i32 = 620;
const MEDIANS: i32 = BARS + 80;
const ROW: i32 = 24;
const HEAD: i32 = 44;
/// A panel's heading, and its axis.
const HEADING: i32 = 30;
const AXIS: i32 = 34;

pub fn draw(title: &str, figures: &[&Figure]) -> Result<String, String> {
    let contests = distinct(figures.iter().map(|figure| &*figure.contest));
    let height = HEAD + contests.len() as i32 * (HEADING + AXIS) + figures.len() as i32 * ROW;
    svg(height, |canvas| {
        canvas.text(title, (MARGIN, HEAD / 2 + 4), Left, TITLE, INK)?;
        for (name, right) in [("median", MEDIANS), ("least..most", WIDTH - MARGIN)] {
            canvas.text(name, (right, HEAD + HEADING / 2), Right, SMALL - 1, FAINT)?;
        }
        let mut top = HEAD;
        for contest in contests {
            let of_contest = figures.iter().filter(|figure| figure.contest == contest);
            let of_contest: Vec<_> = of_contest.copied().collect();
            panel(canvas, top, contest, &of_contest)?;
            top += HEADING + of_contest.len() as i32 * ROW + AXIS;
        }
        Ok(())
    })
}

fn panel(canvas: &Canvas<'_>, top: i32, contest: &str, figures: &[&Figure]) -> Drawn {
    let spreads = figures
        .iter()
        .filter_map(|figure| figure.nanos.as_ref().ok());
    let values: Vec<_> = spreads.flat_map(|s| [s.least, s.median, s.most]).collect();
    let scale = Scale::of(&values);
    let place = |nanos| NAMES + (scale.part(nanos) * f64::from(BARS - NAMES)).round() as i32;

    let heading = if scale.is_log() {
        format!("{contest} (logarithmic)")
    } else {
        contest.to_owned()
    };
    canvas.text(&heading, (MARGIN, top + HEADING / 2), Left, NORMAL, INK)?;
    let first = top + HEADING;
    let last = first + figures.len() as i32 * ROW;
    for tick in scale.ticks() {
        canvas.line(vec![(place(tick), first), (place(tick), last)], GRID, 1)?;
        let at = (place(tick), last + 10);
        canvas.text(&numbers::tick(tick), at, Center, SMALL - 1, FAINT)?;
    }
    for (nth, figure) in figures.iter().enumerate() {
        let middle = first + nth as i32 * ROW + ROW / 2;
        let is_ours = figure.contender.starts_with("outlive");
        canvas.text(&figure.contender, (NAMES - 8, middle), Right, SMALL, INK)?;
        match &figure.nanos {
            Ok(spread) => bar(canvas, middle, *spread, is_ours, place)?,
            Err(why) => {
                let why: String = why.chars().take(80).collect();
                canvas.text(&why, (NAMES + 6, middle), Left, SMALL, FAINT)?;
            }
        }
    }
    Ok(())
}

fn bar(
    canvas: &Canvas<'_>,
    middle: i32,
    spread: Spread,
    is_ours: bool,
    place: impl Fn(f64) -> i32,
) -> Drawn {
    const HALF: i32 = 8;
    const CAP: i32 = 4;
    let ink = if is_ours { OURS } else { PEERS };
    let end = place(spread.median).max(NAMES + 1);
    canvas.bar((NAMES, middle - HALF), (end, middle + HALF), ink)?;
    if !spread.is_single() {
        let (least, most) = (place(spread.least), place(spread.most));
        canvas.line(vec![(least, middle), (most, middle)], INK, 1)?;
        for end in [least, most] {
            canvas.line(vec![(end, middle - CAP), (end, middle + CAP)], INK, 1)?;
        }
    }
    let median = time(spread.median);
    canvas.text(&median, (MEDIANS, middle), Right, SMALL, INK)?;
    let range = times(spread);
    canvas.text(&range, (WIDTH - MARGIN, middle), Right, SMALL - 1, FAINT)
}
