//! Which records come through, and how they look.

use std::fmt;
use std::io::Write;

use log::LevelFilter;
use outlive::process::Method;
use outlive::process::logging::{self, get_logger};
use outlive::process::pool::TaskError;
use outlive::{ErrorKind, Event, Pool, Process};

use super::log_of;
use crate::deed;

pub const SCENES: &[(&str, fn())] = &[
    ("twice", twice),
    ("everywhere", everywhere),
    ("level", level),
    ("own logger", own_logger),
    ("refused", refused),
    ("talkative", talkative),
    ("off", off),
    ("unwieldy", unwieldy),
    ("losses", losses),
];

fn twice() {
    let first = outlive::log_to_stderr(LevelFilter::Warn).unwrap();
    log::info!("too low");
    log::warn!("doomed");
    let second = outlive::log_to_stderr(LevelFilter::Info).unwrap();
    assert!(std::ptr::eq(first, second));
    assert_eq!(first.level(), LevelFilter::Info);
    log::info!("once");
    assert!(log::log_enabled!(log::Level::Info));
    assert!(!log::log_enabled!(log::Level::Debug));
}

#[test]
fn a_second_call_changes_the_level_and_doubles_no_line() {
    let log = log_of("twice");
    assert_eq!(
        log,
        ["[WARN/MainProcess] doomed", "[INFO/MainProcess] once"]
    );
}

fn speak(word: String) {
    log::warn!(answer = 42, word = word.as_str(); "says {word}");
    log::debug!("too low");
}

fn everywhere() {
    outlive::log_to_stderr(LevelFilter::Warn).unwrap();
    speak("main".into());
    let own = Process::builder().name("own").spawn(speak, "own".into());
    own.unwrap().join().unwrap();
    let new = Process::builder().name("new").method(Method::Execute);
    new.spawn(speak, "new".into()).unwrap().join().unwrap();
    let nested = Process::spawn(
        |(): ()| {
            Process::spawn(speak, "grandchild".into())
                .unwrap()
                .join()
                .is_ok()
        },
        (),
    );
    assert!(nested.unwrap().join().unwrap());
    let pool = Pool::new(2).unwrap();
    pool.map(speak, ["task".to_owned(), "other".to_owned()])
        .unwrap();
}

#[test]
fn records_of_all_processes_come_with_their_names() {
    let mut log = log_of("everywhere");
    log.sort();
    let line =
        |process: &str, word: &str| format!("[WARN/{process}] says {word} answer=42 word={word}");
    let of_pool = |line: &String| line.starts_with("[WARN/PoolWorker-");
    let pool: Vec<_> = log.extract_if(.., |line| of_pool(line)).collect();
    assert_eq!(pool.len(), 2, "{pool:?}");
    assert!(
        pool.iter().all(|line| line.contains("answer=42")),
        "{pool:?}"
    );
    // The names of processes count on.
    let expected = [
        line("MainProcess", "main"),
        line("Process-3:1", "grandchild"),
        line("new", "new"),
        line("own", "own"),
    ];
    assert_eq!(log, expected);
}

fn level() {
    outlive::log_to_stderr(LevelFilter::Info).unwrap();
    let (raised, seen) = (Event::new().unwrap(), Event::new().unwrap());
    let child = Process::spawn(
        |(raised, seen): (Event, Event)| {
            log::debug!("not yet");
            seen.set().unwrap();
            raised.wait().unwrap();
            log::debug!("now");
            assert_eq!(get_logger().level(), LevelFilter::Debug);
            outlive::log_to_stderr(LevelFilter::Error).unwrap();
            log::warn!("no more");
        },
        (raised.clone(), seen.clone()),
    );
    seen.wait().unwrap();
    get_logger().set_level(LevelFilter::Debug).unwrap();
    raised.set().unwrap();
    child.unwrap().join().unwrap();
    assert_eq!(get_logger().level(), LevelFilter::Error);
    log::warn!("nor here");
    log::error!("end");
}

#[test]
fn a_change_of_the_level_reaches_all_that_run() {
    let log = log_of("level");
    let said: Vec<_> = log
        .iter()
        .filter(|line| !line.contains("process"))
        .collect();
    assert_eq!(said, ["[DEBUG/Process-1] now", "[ERROR/MainProcess] end"]);
}

fn off() {
    assert!(get_logger().set_level(LevelFilter::Info).is_err());
    let (on, ready) = (Event::new().unwrap(), Event::new().unwrap());
    outlive::log_to_stderr(LevelFilter::Off).unwrap();
    let child = Process::spawn(
        |(on, ready): (Event, Event)| {
            log::error!("nobody wants to know");
            ready.set().unwrap();
            on.wait().unwrap();
            log::error!("somebody does");
        },
        (on.clone(), ready.clone()),
    );
    ready.wait().unwrap();
    get_logger().set_level(LevelFilter::Error).unwrap();
    on.set().unwrap();
    child.unwrap().join().unwrap();
}

#[test]
fn what_is_off_can_be_turned_on_while_processes_run() {
    assert_eq!(log_of("off"), ["[ERROR/Process-1] somebody does"]);
}

fn own_logger() {
    env_logger::Builder::new()
        .filter_level(LevelFilter::Info)
        .filter_module("quiet", LevelFilter::Off)
        .format(|out, record| {
            let (module, line) = (record.module_path().unwrap(), record.line().unwrap());
            let file = record.file().unwrap().rsplit('/').next().unwrap();
            let (level, target, args) = (record.level(), record.target(), record.args());
            let number = record.key_values().get("number".into());
            assert!(module.ends_with("scenes") && line > 100, "{module} {line}");
            writeln!(out, "{level} {target} {file} {args} {number:?}")
        })
        .init();
    let refused = outlive::log_to_stderr(LevelFilter::Info).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    logging::forward(LevelFilter::Warn).unwrap();
    log::info!(target: "near", "my own");
    let child = |(): ()| {
        log::warn!(target: "far", number = 7; "hello");
        log::warn!(target: "quiet", "left out by the program's own logger");
        log::info!("left out by the level");
    };
    Process::spawn(child, ()).unwrap().join().unwrap();
    log::logger().flush();
    get_logger().flush();
    log::warn!(logger: get_logger(), target: "outlive", "by the common way");
}

#[test]
fn records_reach_a_logger_of_the_program_whole() {
    let expected = [
        "INFO near scenes.rs my own None",
        "WARN far scenes.rs Process-1: hello Some(\"7\")",
        "WARN outlive scenes.rs MainProcess: by the common way None",
    ];
    assert_eq!(log_of("own logger"), expected);
}

fn refused() {
    // Not logged in common: the process may have its own.
    let child = |(): ()| env_logger::try_init().is_ok();
    assert!(Process::spawn(child, ()).unwrap().join().unwrap());
    outlive::log_to_stderr(LevelFilter::Warn).unwrap();
    let child = |(): ()| {
        let is_set = env_logger::try_init().is_ok();
        log::warn!("set: {is_set}");
    };
    Process::spawn(child, ()).unwrap().join().unwrap();
}

#[test]
fn a_logger_of_the_child_is_refused_only_where_all_log_in_common() {
    assert_eq!(log_of("refused"), ["[WARN/Process-2] set: false"]);
}

struct Talkative;

impl fmt::Display for Talkative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        log::warn!("while it is formatted");
        f.write_str("a record")
    }
}

fn talkative() {
    outlive::log_to_stderr(LevelFilter::Trace).unwrap();
    let child = |(): ()| log::warn!("{Talkative}\nof {} lines", 2);
    Process::spawn(child, ()).unwrap().join().unwrap();
    let long = "x".repeat(1 << 20);
    log::warn!("{long}");
}

#[test]
fn records_may_be_made_by_records_and_be_of_any_length() {
    let log = log_of("talkative");
    let at = |line: &str| log.iter().position(|other| other == line).unwrap();
    let first = at("[WARN/Process-1] while it is formatted");
    assert!(first < at("[WARN/Process-1] a record"));
    at("of 2 lines");
    assert!(at("[DEBUG/Process-1] child process calling its function") < first);
    at("[DEBUG/Process-1] child process exiting with exit code 0");
    let long = log.iter().find(|line| line.len() > 1000).unwrap();
    assert!(long.starts_with("[WARN/MainProcess] xxx"));
    assert!(
        long.ends_with("x [and 786432 bytes more]"),
        "{}",
        long.len()
    );
}

struct Failing;

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("so far")?;
        Err(fmt::Error)
    }
}

fn unwieldy() {
    outlive::log_to_stderr(LevelFilter::Info).unwrap();
    log::info!(value:% = Failing; "{Failing}, and no further");
    let huge = "x".repeat(3 << 20);
    log::info!(target: &huge, "of a long target");
    log::info!(a = &*huge, b = &*huge, c = 7; "with long values");
    get_logger().flush();
    let record = log::Record::builder()
        .level(log::Level::Info)
        .file(Some(&huge))
        .args(format_args!("for which no queue has room"))
        .build();
    log::logger().log(&record);
    log::info!("the next one");
}

#[test]
fn what_is_too_long_or_cannot_be_shown_is_no_harm_to_the_others() {
    let log = log_of("unwieldy");
    assert_eq!(log[0], "[INFO/MainProcess] so far value=so far");
    assert_eq!(log[1], "[INFO/MainProcess] of a long target");
    assert!(log[2].starts_with("[INFO/MainProcess] with long values a=xxx"));
    assert!(log[2].ends_with("x [and 2883585 bytes more]"));
    assert_eq!(log[3], "[INFO/MainProcess] the next one");
    assert!(log[4].contains("1 records were lost"));
}

fn losses() {
    outlive::log_to_stderr(LevelFilter::Info).unwrap();
    let pool = Pool::builder().workers(1).retries(1).build().unwrap();
    let doomed = pool.apply(deed::die, ()).unwrap_err();
    assert!(matches!(doomed, TaskError::WorkerLost { .. }), "{doomed}");
    assert_eq!(pool.apply(|n: u8| n, 7).unwrap(), 7);
}

#[test]
fn each_worker_that_is_lost_is_told_of_and_what_becomes_of_its_task() {
    let log = log_of("losses");
    let end = "ended: signal 9; its task";
    assert_eq!(log.len(), 2, "{log:?}");
    for (line, fate) in log.iter().zip(["is done again (1 of 1)", "has failed"]) {
        assert!(
            line.starts_with("[WARN/MainProcess] PoolWorker-1 ("),
            "{line}"
        );
        assert!(line.ends_with(&format!(") {end} {fate}")), "{line}");
    }
}
