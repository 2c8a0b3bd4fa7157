//! What the user asks for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::Result;

pub(crate) const USAGE: &str = "\
usage: wordcount [--workers N] [--kill K] [PATH..]

Counts the words of all text files under the paths, or of the repository that
it was built from, with N worker processes (as many as there are processors),
of which it kills K while they work.";

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) workers: usize,
    pub(crate) kills: usize,
    pub(crate) paths: Vec<PathBuf>,
}

/// More would not fit into a segment's registry together with the dead whom they replace.
const MOST_WORKERS: usize = 256;

impl Arguments {
    /// `None` where the user asks for help.
    pub(crate) fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Option<Self>> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let mut arguments = Self {
            workers: processors.min(MOST_WORKERS),
            kills: 0,
            paths: Vec::new(),
        };
        while let Some(word) = words.next() {
            match word.to_str() {
                Some("-h" | "--help") => return Ok(None),
                Some("--workers") => arguments.workers = number("--workers", words.next())?,
                Some("--kill") => arguments.kills = number("--kill", words.next())?,
                Some("--") => arguments.paths.extend(words.by_ref().map(PathBuf::from)),
                Some(option) if option.starts_with("--") => {
                    return Err(format!("there is no option {option}\n{USAGE}").into());
                }
                _ => arguments.paths.push(word.into()),
            }
        }
        if !(1..=MOST_WORKERS).contains(&arguments.workers) {
            return Err(format!("--workers takes 1 to {MOST_WORKERS}").into());
        }
        if arguments.paths.is_empty() {
            let here = Path::new(env!("CARGO_MANIFEST_DIR"));
            let here = if here.is_dir() { here } else { Path::new(".") };
            arguments.paths.push(here.to_owned());
        }
        Ok(Some(arguments))
    }
}

fn number(option: &str, word: Option<OsString>) -> Result<usize> {
    let number = word.as_ref().and_then(|word| word.to_str()?.parse().ok());
    number.ok_or_else(|| format!("{option} takes a number\n{USAGE}").into())
}
