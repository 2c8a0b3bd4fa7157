//! A record as it travels, and as it is shown.

use std::fmt::{self, Write};

use log::kv::{Error, Key, Value, VisitSource};
use log::{Level, Record};
use serde::{Deserialize, Serialize};

use crate::process::current;

use super::channel::Channel;

/// The longest message in bytes; a longer one is cut.
const LONGEST: usize = 256 << 10;

/// What goes through the queue.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Item<'a> {
    Record(#[serde(borrow)] Entry<'a>),
    /// All before it is to be written, and its number to be told. From the writer's own process.
    Flush(u64),
}

/// A record, and who made it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry<'a> {
    pub(super) level: u32,
    pub(super) process: &'a str,
    pub(super) target: &'a str,
    pub(super) message: &'a str,
    pub(super) module: Option<&'a str>,
    pub(super) file: Option<&'a str>,
    pub(super) line: Option<u32>,
    #[serde(borrow)]
    pub(super) pairs: Vec<(&'a str, &'a str)>,
}

/// A record of this process as it travels; none where it cannot be written.
pub(super) fn pack(channel: &Channel, record: &Record<'_>) -> Option<Vec<u8>> {
    let mut message = record.args().to_string();
    cut(&mut message);
    let mut pairs = Pairs::default();
    // What a pair refuses is left out.
    let _ = record.key_values().visit(&mut pairs);
    let entry = Entry {
        level: record.level() as u32,
        process: &name(channel),
        target: record.target(),
        message: &message,
        module: record.module_path(),
        file: record.file(),
        line: record.line(),
        pairs: pairs.0.iter().map(|(k, v)| (&**k, &**v)).collect(),
    };
    postcard::to_stdvec(&Item::Record(entry)).ok()
}

fn cut(message: &mut String) {
    if message.len() > LONGEST {
        let end = message.floor_char_boundary(LONGEST);
        let rest = message.len() - end;
        message.truncate(end);
        let _ = write!(message, " [and {rest} bytes more]");
    }
}

/// The name of this process; of a forked child that has none, its parent's with its own number.
fn name(channel: &Channel) -> String {
    let pid = std::process::id();
    if pid == channel.pid {
        return channel.name.clone();
    }
    match current::try_current() {
        Some(current) if current.name() != channel.name => current.name().to_owned(),
        _ => format!("{}({pid})", channel.name),
    }
}

#[derive(Default)]
struct Pairs(Vec<(String, String)>);

impl<'kvs> VisitSource<'kvs> for Pairs {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let mut value = value.to_string();
        cut(&mut value);
        self.0.push((key.to_string(), value));
        Ok(())
    }
}

impl Entry<'_> {
    /// Of bytes that another process may have written, any level is one.
    pub(super) fn level(&self) -> Level {
        match self.level {
            0 | 1 => Level::Error,
            2 => Level::Warn,
            3 => Level::Info,
            4 => Level::Debug,
            _ => Level::Trace,
        }
    }

    /// Shows it to the program's own logger.
    pub(super) fn hand_over(&self) {
        let pairs = self.pairs.as_slice();
        let mut record = Record::builder();
        record
            .level(self.level())
            .target(self.target)
            .module_path(self.module)
            .file(self.file)
            .line(self.line)
            .key_values(&pairs);
        let logger = log::logger();
        if self.level() <= log::max_level() && logger.enabled(record.build().metadata()) {
            let (process, message) = (self.process, self.message);
            logger.log(&record.args(format_args!("{process}: {message}")).build());
        }
    }
}

/// The line on the standard error.
impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = self.level();
        write!(f, "[{level}/{}] {}", self.process, self.message)?;
        for (key, value) in &self.pairs {
            write!(f, " {key}={value}")?;
        }
        f.write_char('\n')
    }
}
