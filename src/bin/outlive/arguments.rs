//! What may be said on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ColorChoice, Parser, Subcommand};
use clap_complete::Shell;

/// Looks into the shared memory of programs that use outlive: who takes part, who has died, who
/// holds what, and who waits for whom.
///
/// Looking takes no part: it joins no segment, takes no lock, and repairs nothing. Only `rm` and
/// `doctor --repair` change anything.
#[derive(Debug, Parser)]
#[command(name = "outlive", version, after_long_help = NOTES, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Understood by every subcommand.
#[derive(Debug, Args)]
#[command(next_display_order = 100)]
pub(crate) struct Global {
    /// Print JSON: one value, or one per line where there is no end.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The folder of named segments [default: the environment's OUTLIVE_DIR, or /dev/shm].
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// When to colour; `auto` means on a terminal, and never where NO_COLOR is set.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// List the segments: size, used bytes, who takes part, how many objects.
    Ls(Ls),
    /// Show one segment: participants, objects, holders, waits, deaths.
    Show(Show),
    /// Show segments live: rates, depths, holders, and who waits for whom.
    Top(Top),
    /// Print what changes, a line for each event.
    Watch(Watch),
    /// Remove the names of segments that nobody lives in.
    Rm(Rm),
    /// Look for what is wrong: with this system, leftover names, dead participants, deadlocks.
    Doctor(Doctor),
    /// Measure a few ratios on this machine, in some seconds.
    Bench,
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page, in roff.
    Man,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Only segments with a name, not those of running programs without one.
    #[arg(long)]
    pub(crate) named: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A name, a path, or PID or PID/FD for a segment without a name.
    pub(crate) segment: String,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Names, paths, PID or PID/FD [default: every segment].
    pub(crate) segments: Vec<String>,
    /// Seconds between two looks.
    #[arg(short, long, default_value = "1", value_parser = seconds)]
    pub(crate) interval: Duration,
    /// Print text, one screen after another, as where the output is no terminal.
    #[arg(long)]
    pub(crate) plain: bool,
    /// Print one screen of text and end: rates are those of one interval.
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Names, paths, PID or PID/FD [default: every segment].
    pub(crate) segments: Vec<String>,
    /// Seconds between two looks; what comes and goes between them is not seen.
    #[arg(short, long, default_value = "0.1", value_parser = seconds)]
    pub(crate) interval: Duration,
    /// End after so many seconds [default: never].
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) r#for: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// Names or paths.
    #[arg(required_unless_present = "stale")]
    pub(crate) segments: Vec<String>,
    /// Every segment of the folder that no living process takes part in.
    #[arg(long, conflicts_with = "segments")]
    pub(crate) stale: bool,
    /// Say what would be removed, and leave it.
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Only these; else every segment that this user may look at.
    pub(crate) segments: Vec<String>,
    /// Repair after the dead, in segments where somebody lives or that are kept.
    #[arg(long)]
    pub(crate) repair: bool,
    /// With --repair: remove the names of stale segments too.
    #[arg(long, requires = "repair", conflicts_with = "segments")]
    pub(crate) stale: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| "not a number of seconds".to_owned())?;
    let least = 0.01;
    if !(least..=86_400.0).contains(&number) {
        return Err("give 0.01 to 86400 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(number))
}

const NOTES: &str = "\
Exit codes:
  0  done; nothing wrong was looked for and found
  1  `doctor` found something wrong
  2  the command line cannot be understood
  3  it could not be done: no such segment, no permission, a segment to be removed lives

Segments:
  NAME     a named segment: the file `outlive.NAME` in the folder
  PATH     a segment in a file (with a slash: ./jobs)
  PID      the segment without a name that this process has, its home for example
  PID/FD   the same, by descriptor, where it has more than one

A lock does not record when it was taken, for that would cost each time. `show` tells since when its
holder takes part; `top` and `watch` tell how long they have seen the same one hold it.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Arguments::command().debug_assert();
    }
}
