//! What came out, and whether both counts are the same.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Result;
use crate::crew::{Outcome, Tally};
use crate::plan::Plan;
use crate::words::{Counts, Fate, Seen};

pub(crate) struct Report {
    tally: Tally,
    /// Deaths with the table's lock, and those in the middle of a commit.
    deaths: [u64; 2],
    /// What the workers saw of each piece, and what the parent saw.
    seen: Vec<[Seen; 2]>,
    times: [Duration; 2],
    /// The most frequent words.
    top: Vec<(u64, String)>,
    words: u64,
    different: usize,
    /// Words whose counts differ.
    wrong: usize,
}

const TOP: usize = 10;

impl Report {
    /// Compares the table with `counts`.
    pub(crate) fn new(
        outcome: Outcome,
        counts: &Counts,
        seen: Vec<Seen>,
        times: [Duration; 2],
    ) -> Result<Self> {
        let Outcome { table, tally } = outcome;
        let (mut top, mut words, mut different, mut wrong) = (Vec::new(), 0, 0, 0);
        table.for_each(|word, count| {
            words += count;
            different += 1;
            wrong += usize::from(counts.get(word) != Some(&count));
            if top.len() < TOP || top.last().is_some_and(|(least, _)| count > *least) {
                top.push((count, word.to_owned()));
                top.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
                top.truncate(TOP);
            }
        })?;
        // Those of the table that are right are all in `counts`.
        wrong += counts.len() - (different - wrong).min(counts.len());
        Ok(Self {
            tally,
            deaths: table.deaths()?,
            seen: table
                .seen()?
                .into_iter()
                .zip(seen)
                .map(|(a, b)| [a, b])
                .collect(),
            times,
            top,
            words,
            different,
            wrong,
        })
    }

    pub(crate) fn is_match(&self) -> bool {
        self.wrong == 0 && self.seen.iter().all(|[then, now]| then == now)
    }

    /// Files of which the two saw something else because they have changed since `begun`.
    ///
    /// A difference in a file that has not changed is a mistake of this program, and no excuse.
    pub(crate) fn changed(&self, plan: &Plan, begun: SystemTime) -> HashSet<PathBuf> {
        plan.pieces()
            .zip(&self.seen)
            .filter(|(_, [then, now])| then != now)
            .map(|((path, _), _)| path)
            .filter(|path| has_changed(path, begun))
            .map(Path::to_owned)
            .collect()
    }

    pub(crate) fn print(&self, plan: &Plan, changed: usize) {
        let mut skipped = BTreeMap::from([
            ("empty", plan.empty),
            ("unreadable", plan.unreadable),
            ("changed", changed),
            ("not UTF-8", 0),
        ]);
        let (mut files, mut bytes, mut parts) = (0, 0, 0);
        let pieces: Vec<_> = plan.pieces().zip(&self.seen).collect();
        for file in pieces.chunk_by(|((a, _), _), ((b, _), _)| a == b) {
            let is_counted = |seen: &[Seen; 2]| seen[0].fate() == Fate::Counted;
            let counted = file.iter().filter(|(_, seen)| is_counted(seen));
            let counted: Vec<u64> = counted.map(|((_, at), _)| at.end - at.start).collect();
            bytes += counted.iter().sum::<u64>();
            if !counted.is_empty() {
                files += 1;
                parts += file.len() - counted.len();
            } else if file.iter().any(|(_, seen)| seen[0].fate() == Fate::NotText) {
                *skipped.entry("not UTF-8").or_default() += 1;
            } else {
                *skipped.entry("unreadable").or_default() += 1;
            }
        }

        for (count, word) in &self.top {
            println!("{count:>12} {word}");
        }
        println!("words    {} ({} different)", self.words, self.different);
        println!("files    {files}");
        let total: usize = skipped.values().sum();
        let reasons: Vec<_> = skipped
            .iter()
            .map(|(why, n)| format!("{n} {why}"))
            .collect();
        println!("skipped  {total} ({})", reasons.join(", "));
        if parts > 0 {
            println!("         and {parts} pieces of files that are counted otherwise");
        }
        println!("bytes    {bytes}");
        let Tally {
            workers,
            wanted,
            killed,
            at_work,
        } = self.tally;
        let [shared, alone] = self.times.map(|time| time.as_secs_f64());
        println!("seconds  {shared:.3} with {workers} workers, {alone:.3} alone");
        println!("kills    {killed} of {wanted} ({at_work} at work)");
        let [inherited, redone] = self.deaths;
        if inherited > 0 {
            println!("locks    {inherited} inherited from the dead, {redone} with a commit to end");
        }
        if self.wrong > 0 {
            println!("wrong    {} words", self.wrong);
        }
    }
}

/// Whether a file is other than it was at `begun`, as its file system says.
fn has_changed(path: &Path, begun: SystemTime) -> bool {
    // File systems take the time from a clock that ticks a hundred times a second or more.
    let begun = begun.duration_since(UNIX_EPOCH).unwrap_or_default();
    let begun = begun.saturating_sub(Duration::from_millis(50));
    fs::metadata(path).map_or(true, |data| {
        let seconds = u64::try_from(data.ctime()).unwrap_or_default();
        let nanos = u32::try_from(data.ctime_nsec()).unwrap_or_default();
        Duration::new(seconds, nanos) >= begun
    })
}
