//! A record as it travels, and as it is shown.

use std::fmt::{self, Write};

use log::kv::{Error, Key, Value, VisitSource};
use log::{Level, Record};
use serde::{Deserialize, Serialize};

use crate::process::current;

use super::channel::{self, Channel};

/// The longest message in bytes, and all key-values and the target likewise; more is cut.
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
    let mut room = LONGEST;
    let message = shorten(record.args(), &mut room);
    let target = record.target();
    let mut pairs = Pairs {
        list: Vec::new(),
        room: LONGEST,
    };
    // What a pair refuses is left out.
    let _ = record.key_values().visit(&mut pairs);
    let entry = Entry {
        level: record.level() as u32,
        process: &name(channel),
        target: &target[..target.floor_char_boundary(LONGEST)],
        message: &message,
        module: record.module_path(),
        file: record.file(),
        line: record.line(),
        pairs: pairs.list.iter().map(|(k, v)| (&**k, &**v)).collect(),
    };
    postcard::to_stdvec(&Item::Record(entry)).ok()
}

/// What something says of itself, as far as there is room. Where that fails on the way, it is what was
/// said before: to log is no reason to panic.
fn shorten(what: impl fmt::Display, room: &mut usize) -> String {
    let mut short = Short {
        text: String::new(),
        room: *room,
        rest: 0,
    };
    let _ = write!(short, "{what}");
    *room = short.room;
    if short.rest > 0 {
        let _ = write!(short.text, " [and {} bytes more]", short.rest);
    }
    short.text
}

struct Short {
    text: String,
    room: usize,
    /// Bytes that are left out.
    rest: usize,
}

impl Write for Short {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let (fits, rest) = more.split_at(more.floor_char_boundary(self.room));
        self.text.push_str(fits);
        self.rest += rest.len();
        self.room = match rest {
            "" => self.room - fits.len(),
            // Nothing comes behind what is left out.
            _ => 0,
        };
        Ok(())
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

struct Pairs {
    list: Vec<(String, String)>,
    room: usize,
}

impl<'kvs> VisitSource<'kvs> for Pairs {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        // Behind what was cut there is no room.
        let key = key.to_string();
        if let Some(room @ 1..) = self.room.checked_sub(key.len()) {
            self.room = room;
            self.list.push((key, shorten(value, &mut self.room)));
        }
        Ok(())
    }
}

impl Entry<'_> {
    pub(super) fn level(&self) -> Level {
        let level = channel::filter(self.level).to_level();
        level.unwrap_or(Level::Error)
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
