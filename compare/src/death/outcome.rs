//! What became of the survivors, in a few words.

use crate::measure::quantile;

/// Counted over the tries of one cell.
#[derive(Default)]
pub struct Outcome {
    pub kills: u64,
    /// Kills after which a survivor did not go on in time.
    pub hangs: u64,
    /// Survivors that were told of the death.
    pub told: u64,
    /// How long it took until a survivor went on, in nanoseconds.
    pub times: Vec<f64>,
    /// Items that were put whole, and that nobody got.
    pub lost: u64,
    pub torn: u64,
    /// Items that were got twice.
    pub twice: u64,
    /// Times that two were inside where one may be.
    pub broken: u64,
    /// Survivors that could not go on, and said why.
    pub failures: u64,
    pub why: String,
}

impl Outcome {
    /// A survivor went on, or did not.
    pub fn note(&mut self, time: Option<u64>) {
        self.kills += 1;
        match time {
            Some(time) => self.times.push(time as f64),
            None => self.hangs += 1,
        }
    }

    pub fn text(&self) -> String {
        let kills = self.kills;
        let mut parts = Vec::new();
        if self.hangs > 0 {
            parts.push(format!("hangs: {} of {kills} kills", self.hangs));
        }
        if self.failures > 0 {
            let failures = self.failures;
            parts.push(format!("error: {failures} of {kills} kills: {}", self.why));
        }
        if self.torn > 0 {
            parts.push(format!("torn item: {} of {kills} kills", self.torn));
        }
        if self.broken > 0 {
            let broken = self.broken;
            parts.push(format!("no exclusion: {broken} of {kills} kills"));
        }
        if parts.is_empty() {
            let mut times = self.times.clone();
            times.sort_by(f64::total_cmp);
            let [half, most] = [0.5, 1.0].map(|q| quantile(&times, q) / 1e6);
            let after = if times.is_empty() {
                String::new()
            } else {
                format!(" after {half:.2} ms (most {most:.2})")
            };
            parts.push(format!("goes on{after}, {kills} kills"));
        }
        if self.told > 0 {
            parts.push("told".into());
        }
        if self.lost > 0 {
            parts.push(format!("{} items lost", self.lost));
        }
        if self.twice > 0 {
            parts.push(format!("{} items twice", self.twice));
        }
        parts.join("; ")
    }
}
