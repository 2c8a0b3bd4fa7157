//! The command `outlive`: see `docs/command.md`.
//!
//! It stands on the crate's public interface alone: what it shows, any program can ask for.

mod arguments;
mod bench;
mod complaint;
mod deaths;
mod doctor;
mod failure;
mod harmless;
mod ls;
mod measure;
mod output;
mod phrase;
mod rm;
mod shell;
mod show;
mod table;
mod target;
mod top;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use complaint::complain;
use failure::{Failure, Outcome, Verdict};
use output::Output;
use target::Folder;

fn main() -> ExitCode {
    // `doctor` and `bench` start processes, also where there is no constructor.
    outlive::process::init();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) if e.use_stderr() => {
            // Where nobody listens, nobody is told.
            let _ = e.print();
            return ExitCode::from(2);
        }
        // What was asked for: the help, or the version.
        Err(e) => return end(Verdict::Fine.told(e.print().map_err(Failure::from))),
    };
    end(run(&arguments))
}

fn end(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(verdict) => verdict.into(),
        Err(Failure::Unread) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure);
            ExitCode::from(3)
        }
    }
}

fn run(arguments: &Arguments) -> Outcome {
    let output = &mut Output::new(&arguments.global);
    let folder = &Folder::new(&arguments.global);
    match &arguments.command {
        Command::Ls(ls) => ls::run(ls, folder, output),
        Command::Show(show) => show::run(show, folder, output),
        Command::Top(top) => top::run(top, folder, output),
        Command::Watch(watch) => watch::run(watch, folder, output),
        Command::Rm(rm) => rm::run(rm, folder, output),
        Command::Doctor(doctor) => doctor::run(doctor, folder, output),
        Command::Bench => bench::run(output),
        Command::Completions { shell } => shell::completions(*shell, output),
        Command::Man => shell::man(output),
    }
}
