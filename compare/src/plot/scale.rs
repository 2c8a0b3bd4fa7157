//! Axes: from a value to a place.

/// Beyond this ratio a linear axis would hide the small.
const WIDE: f64 = 20.0;

/// A linear axis from zero, or a logarithmic one between powers of ten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    Linear { most: f64 },
    Log { least: i32, most: i32 },
}

impl Scale {
    /// One that holds all values, which are positive: linear if it can be.
    pub fn of(values: &[f64]) -> Self {
        let (least, most) = ends(values);
        if most <= WIDE * least {
            Self::Linear { most }
        } else {
            Self::log(values)
        }
    }

    pub fn log(values: &[f64]) -> Self {
        let (least, most) = ends(values);
        let least = least.log10().floor() as i32;
        // Never an axis without a length.
        let most = (most.log10().ceil() as i32).max(least + 1);
        Self::Log { least, most }
    }

    pub fn is_log(self) -> bool {
        matches!(self, Self::Log { .. })
    }

    /// The part of the axis below `value`, from 0 to 1.
    pub fn part(self, value: f64) -> f64 {
        let part = match self {
            Self::Linear { most } => value / most,
            Self::Log { least, most } => {
                (value.log10() - f64::from(least)) / f64::from(most - least)
            }
        };
        part.clamp(0.0, 1.0)
    }

    /// Round values along the axis.
    pub fn ticks(self) -> Vec<f64> {
        match self {
            Self::Linear { most } => {
                let rough = most / 5.0;
                let power = 10_f64.powf(rough.log10().floor());
                let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
                let step = steps.into_iter().find(|step| *step >= rough);
                let step = step.unwrap_or(most);
                (0..=(most / step) as u32)
                    .map(|nth| f64::from(nth) * step)
                    .collect()
            }
            Self::Log { least, most } => (least..=most).map(|power| 10_f64.powi(power)).collect(),
        }
    }
}

fn ends(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    // Also where there is no value at all.
    let most = if most > 0.0 { most } else { 1.0 };
    (least.clamp(most / 1e9, most), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_is_linear_until_it_would_hide_the_small() {
        let linear = Scale::of(&[10.0, 100.0]);
        assert_eq!(linear, Scale::Linear { most: 100.0 });
        assert_eq!(linear.ticks(), [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]);
        assert_eq!(linear.part(25.0), 0.25);
        let log = Scale::of(&[20.0, 9_000.0]);
        assert_eq!(log, Scale::Log { least: 1, most: 4 });
        assert_eq!(log.ticks(), [10.0, 100.0, 1_000.0, 10_000.0]);
        assert!((log.part(100.0) - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn an_axis_has_a_length_whatever_the_values() {
        for values in [&[][..], &[0.0], &[10.0], &[0.0, 5.0]] {
            for scale in [Scale::of(values), Scale::log(values)] {
                assert!(scale.part(7.0).is_finite(), "{values:?}: {scale:?}");
                assert!(scale.ticks().len() < 20, "{values:?}: {scale:?}");
            }
        }
    }
}
