//! How figures are written.

use crate::measure::Spread;

/// Three figures are all that a measurement here is good for.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The least and the most.
pub fn range(spread: Spread) -> String {
    format!("{}..{}", number(spread.least), number(spread.most))
}

/// Nanoseconds in the unit that suits them.
pub fn time(nanos: f64) -> String {
    let (divisor, unit) = unit(nanos);
    format!("{} {unit}", number(nanos / divisor))
}

/// As [`time`], of a round number of nanoseconds.
pub fn tick(nanos: f64) -> String {
    if nanos == 0.0 {
        return "0".into();
    }
    let (divisor, unit) = unit(nanos);
    // Three figures of what is round: thousandths would be the floating point's own.
    let round = (nanos / divisor * 1e3).round() / 1e3;
    format!("{round} {unit}")
}

/// The least and the most, in nanoseconds; nothing for a single figure.
pub fn times(spread: Spread) -> String {
    if spread.is_single() {
        return String::new();
    }
    let (divisor, unit) = unit(spread.most);
    let [least, most] = [spread.least, spread.most].map(|nanos| number(nanos / divisor));
    format!("{least}..{most} {unit}")
}

fn unit(nanos: f64) -> (f64, &'static str) {
    match nanos.abs() {
        size if size >= 1e9 => (1e9, "s"),
        size if size >= 1e6 => (1e6, "ms"),
        size if size >= 1e3 => (1e3, "us"),
        _ => (1.0, "ns"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_three_figures_and_its_unit() {
        let times = [0.5, 18.24, 999.0, 1_000.0, 6_477_000.0, 2.5e9].map(time);
        let expected = [
            "0.50 ns", "18.2 ns", "999 ns", "1.00 us", "6.48 ms", "2.50 s",
        ];
        assert_eq!(times, expected);
    }

    #[test]
    fn a_tick_has_no_zeroes_behind_the_point() {
        let ticks = [0.0, 0.1 + 0.2, 20.0, 2_500.0, 1e6].map(tick);
        assert_eq!(ticks, ["0", "0.3 ns", "20 ns", "2.5 us", "1 ms"]);
    }

    #[test]
    fn both_ends_of_a_spread_have_one_unit() {
        let spread = Spread {
            median: 950.0,
            least: 900.0,
            most: 1_100.0,
        };
        assert_eq!(times(spread), "0.90..1.10 us");
        assert_eq!(times(Spread::single(950.0)), "");
    }
}
