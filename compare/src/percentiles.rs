//! What is kept of a histogram.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Percentiles with a name of their own.
pub const NAMED: [f64; 5] = [50.0, 90.0, 99.0, 99.9, 99.99];

/// Points of a curve for each nine that a percentile gains.
const POINTS: usize = 12;
/// Nines of the last percentile of a curve: 99.99.
const NINES: usize = 4;

/// Nanoseconds at each percentile.
#[derive(Serialize, Deserialize)]
pub struct Percentiles {
    pub count: u64,
    /// At each of [`NAMED`].
    pub named: [u64; NAMED.len()],
    pub most: u64,
    /// From the median on: how many nines the percentile has (a half has 0.3), and the nanoseconds.
    pub curve: Vec<(f64, u64)>,
}

impl Percentiles {
    pub fn of(times: &Histogram<u64>) -> Self {
        let median = nines(50.0);
        let later = (1..=NINES * POINTS)
            .map(|point| point as f64 / POINTS as f64)
            .filter(|nines| *nines > median);
        let at = |nines: f64| times.value_at_quantile(1.0 - 10_f64.powf(-nines));
        Self {
            count: times.len(),
            named: NAMED.map(|percentile| times.value_at_percentile(percentile)),
            most: times.max(),
            curve: std::iter::once(median)
                .chain(later)
                .map(|nines| (nines, at(nines)))
                .collect(),
        }
    }
}

/// How many nines a percentile has: 1 for 90, 2 for 99, 3 for 99.9.
pub fn nines(percentile: f64) -> f64 {
    -(1.0 - percentile / 100.0).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_from_the_median_to_the_last_nine() {
        let mut times = Histogram::new(3).unwrap();
        (1..=100_000).for_each(|nanos| times.record(nanos).unwrap());
        let percentiles = Percentiles::of(&times);
        let near = |value: u64, expected: u64| value.abs_diff(expected) <= expected / 500;
        let expected = [50_000, 90_000, 99_000, 99_900, 99_990];
        for (value, expected) in percentiles.named.into_iter().zip(expected) {
            assert!(near(value, expected), "{value}, not {expected}");
        }
        let (first, last) = (percentiles.curve[0], percentiles.curve.last().unwrap());
        assert!(near(first.1, 50_000) && (first.0 - 0.301).abs() < 0.001);
        assert!(near(last.1, 99_990) && last.0 == 4.0);
        assert!(percentiles.curve.is_sorted_by_key(|point| point.1));
    }
}
