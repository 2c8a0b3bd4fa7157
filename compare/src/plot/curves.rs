//! Single operations as curves: the time at each percentile.

use plotters::style::RGBColor;

use super::canvas::{
    Canvas, Center, Drawn, FAINT, GRID, INK, Left, MARGIN, Right, SMALL, TITLE, svg,
};
use super::scale::Scale;
use crate::numbers;
use crate::percentiles::{NAMED, Percentiles, nines};
use crate::table::Latency;

/// The curves' rectangle.
const LEFT: i32 = 80;
const RIGHT: i32 = 640;
const TOP: i32 = 52;
const BOTTOM: i32 = 380;
const HEIGHT: i32 = 424;
/// Least distance of two names.
const LINE: i32 = 17;

const OURS: [RGBColor; 5] = [
    RGBColor(0x09, 0x69, 0xda),
    RGBColor(0x1a, 0x7f, 0x37),
    RGBColor(0x82, 0x50, 0xdf),
    RGBColor(0x0e, 0x8a, 0x92),
    RGBColor(0x2b, 0x3a, 0x9c),
];
const PEERS: [RGBColor; 5] = [
    RGBColor(0xbc, 0x4c, 0x00),
    RGBColor(0xcf, 0x22, 0x2e),
    RGBColor(0x9a, 0x67, 0x00),
    RGBColor(0x57, 0x60, 0x6a),
    RGBColor(0xbf, 0x39, 0x89),
];

struct Curve<'a> {
    name: &'a str,
    ink: RGBColor,
    width: u32,
    times: &'a Percentiles,
}

pub fn draw(title: &str, latencies: &[&Latency]) -> Result<String, String> {
    let curves = curves(latencies);
    let points = curves.iter().flat_map(|curve| &curve.times.curve);
    let values: Vec<_> = points.map(|(_, nanos)| (*nanos).max(1) as f64).collect();
    let scale = Scale::log(&values);
    let along = |nines_of: f64| {
        let (first, last) = (nines(NAMED[0]), nines(NAMED[NAMED.len() - 1]));
        let part = (nines_of - first) / (last - first);
        LEFT + (part * f64::from(RIGHT - LEFT)).round() as i32
    };
    let up = |nanos: f64| BOTTOM - (scale.part(nanos) * f64::from(BOTTOM - TOP)).round() as i32;
    svg(HEIGHT, |canvas| {
        canvas.text(title, (MARGIN, 26), Left, TITLE, INK)?;
        for tick in scale.ticks() {
            canvas.line(vec![(LEFT, up(tick)), (RIGHT, up(tick))], GRID, 1)?;
            canvas.text(
                &numbers::tick(tick),
                (LEFT - 8, up(tick)),
                Right,
                SMALL,
                FAINT,
            )?;
        }
        for percentile in NAMED {
            let x = along(nines(percentile));
            canvas.line(vec![(x, TOP), (x, BOTTOM)], GRID, 1)?;
            let name = format!("p{percentile}");
            canvas.text(&name, (x, BOTTOM + 16), Center, SMALL, FAINT)?;
        }
        for curve in &curves {
            let points = curve.times.curve.iter();
            let points = points.map(|(nines, nanos)| (along(*nines), up((*nanos).max(1) as f64)));
            canvas.line(points.collect(), curve.ink, curve.width)?;
        }
        names(canvas, &curves, up)
    })
}

/// Those that have times, ours thicker than the peers.
fn curves<'a>(latencies: &[&'a Latency]) -> Vec<Curve<'a>> {
    let (mut ours, mut peers) = (OURS.iter().cycle(), PEERS.iter().cycle());
    let curves = latencies.iter().filter_map(|latency| {
        let times = latency.times.as_ref().ok()?;
        let is_ours = latency.contender.starts_with("outlive");
        let inks = if is_ours { &mut ours } else { &mut peers };
        Some(Curve {
            name: &latency.contender,
            ink: *inks.next()?,
            width: if is_ours { 3 } else { 2 },
            times,
        })
    });
    curves.collect()
}

/// At the curves' ends, moved apart where they would lie on each other.
fn names(canvas: &Canvas<'_>, curves: &[Curve<'_>], up: impl Fn(f64) -> i32) -> Drawn {
    let end = |curve: &Curve<'_>| {
        let last = curve.times.curve.last();
        up(last.map_or(1, |(_, nanos)| (*nanos).max(1)) as f64)
    };
    let mut ends: Vec<_> = curves.iter().map(|curve| (end(curve), curve)).collect();
    ends.sort_by_key(|(end, _)| *end);
    let places = apart(ends.iter().map(|(end, _)| *end).collect());
    for ((end, curve), place) in ends.into_iter().zip(places) {
        let points = vec![(RIGHT, end), (RIGHT + 14, place), (RIGHT + 20, place)];
        canvas.line(points, curve.ink, 1)?;
        let at = (RIGHT + 26, place);
        canvas.text(curve.name, at, Left, SMALL, curve.ink)?;
    }
    Ok(())
}

/// Places in their order, no two nearer than a line, and all within the sheet.
fn apart(mut places: Vec<i32>) -> Vec<i32> {
    for at in 1..places.len() {
        places[at] = places[at].max(places[at - 1] + LINE);
    }
    let mut most = BOTTOM;
    for place in places.iter_mut().rev() {
        *place = (*place).min(most);
        most = *place - LINE;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_lie_on_each_other() {
        assert_eq!(apart(vec![100, 101, 300]), [100, 100 + LINE, 300]);
        assert_eq!(
            apart(vec![BOTTOM, BOTTOM]),
            [BOTTOM - LINE, BOTTOM],
            "within the sheet"
        );
    }
}
