//! A run: what was measured and where; saved, read again, and written into the documents.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::machine::Machine;
use crate::table::Table;
use crate::{markdown, plot};

/// Where the README's part begins and ends.
const BEGIN: &str = "<!-- compare: begin -->\n";
const END: &str = "<!-- compare: end -->\n";

#[derive(Serialize, Deserialize)]
pub struct Run {
    pub machine: Machine,
    /// Whether everything was measured, as thoroughly as for the record.
    pub is_full: bool,
    pub table: Table,
}

impl Run {
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| told(path, error))?;
        serde_json::from_str(&text).map_err(|error| told(path, error))
    }

    pub fn save(&self, path: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| told(path, error))?;
        write(path, &text)
    }

    /// Writes the README's part, `docs/figures.md` and its plots below `root`.
    pub fn publish(&self, root: &Path) -> Result<(), String> {
        if !self.is_full {
            return Err("only a full run is for the record: no nouns, no --quick".into());
        }
        let readme = root.join("README.md");
        let text = fs::read_to_string(&readme).map_err(|error| told(&readme, error))?;
        let plots = plot::all(&self.table)?;
        let text = replaced(&text, &markdown::readme(self, &plots))?;

        let folder = root.join("docs/figures");
        // Plots of contests that are no more go too.
        if let Err(error) = fs::remove_dir_all(&folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(told(&folder, error));
        }
        fs::create_dir_all(&folder).map_err(|error| told(&folder, error))?;
        for plot in &plots {
            write(&folder.join(&plot.file), &plot.svg)?;
        }
        write(
            &root.join("docs/figures.md"),
            &markdown::figures(self, &plots),
        )?;
        write(&readme, &text)
    }
}

/// `text` with `part` between its two marks.
fn replaced(text: &str, part: &str) -> Result<String, String> {
    let outer = || {
        let (before, rest) = text.split_once(BEGIN)?;
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    };
    let (before, after) = outer().ok_or(format!("README.md without {BEGIN}and {END}"))?;
    Ok(format!("{before}{BEGIN}{part}{END}{after}"))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| told(path, error))
}

fn told(path: &Path, error: impl std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Spread;
    use crate::table::Bound;

    fn run() -> Run {
        let mut table = Table::default();
        table.begin("lock");
        table.figure("lock + unlock, alone", "pthread robust", Ok(30.0));
        table.figure("lock + unlock, alone", "outlive Lock", Ok(20.0));
        table.figure("lock + unlock, alone", "raw_sync", Err("it | hangs".into()));
        table.bar("cost", Bound::AtMost(1.0), "x", Ok(Spread::single(0.67)));
        table.outcome("the holder is killed", "sem_t", Ok("hangs".into()));
        let mut times = hdrhistogram::Histogram::new(3).unwrap();
        (1..=1000).for_each(|nanos| times.record(nanos).unwrap());
        table.latency("hand-over", "outlive", Ok(&times));
        table.latency("hand-over", "slow", Err("falls behind".into()));
        Run {
            machine: Machine::here(400, 15),
            is_full: true,
            table,
        }
    }

    #[test]
    fn only_what_lies_between_the_marks_is_replaced() {
        let text = format!("above\n{BEGIN}old\n{END}below\n");
        let new = replaced(&text, "new\n").unwrap();
        assert_eq!(new, format!("above\n{BEGIN}new\n{END}below\n"));
        assert_eq!(replaced(&new, "old\n").unwrap(), text);
        assert!(replaced("no marks", "new").is_err());
        assert!(replaced(&format!("{END}{BEGIN}"), "new").is_err());
    }

    #[test]
    fn a_run_that_was_saved_is_published_as_if_it_had_just_been_made() {
        let root = std::env::temp_dir().join(format!("outlive-compare-{}", std::process::id()));
        fs::create_dir_all(root.join("docs")).unwrap();
        let published = |run: &Run| {
            fs::write(
                root.join("README.md"),
                format!("above\n{BEGIN}{END}below\n"),
            )
            .unwrap();
            run.publish(&root).unwrap();
            ["README.md", "docs/figures.md", "docs/figures/lock.svg"]
                .map(|path| fs::read_to_string(root.join(path)).unwrap())
        };
        let run = run();
        let documents = published(&run);
        run.save(&root.join("run.json")).unwrap();
        let loaded = Run::load(&root.join("run.json")).unwrap();
        assert_eq!(published(&loaded), documents);
        fs::remove_dir_all(&root).unwrap();

        let [readme, figures, plot] = documents;
        assert!(readme.contains("| cost | <= 1 x | 0.67 x | yes |"));
        assert!(readme.contains(&loaded.machine.date));
        assert!(readme.contains("](docs/figures/lock.svg)"));
        assert!(figures.contains(r"it \| hangs") && figures.contains("falls behind"));
        assert!(figures.contains("| sem_t | hangs |"));
        assert!(plot.contains("outlive Lock") && plot.contains("20.0 ns"));
    }

    #[test]
    fn a_run_of_some_nouns_is_not_published() {
        let mut run = run();
        run.is_full = false;
        // It must not come so far as to look for this.
        let nowhere = Path::new("/nonexistent");
        assert!(run.publish(nowhere).unwrap_err().contains("full run"));
    }
}
