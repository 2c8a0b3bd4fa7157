//! The thread of the main process that shows all records, one at a time.

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, ThreadId};
use std::time::Duration;

use log::Level;
use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Result};
use crate::queue::messages::GetError;
use crate::sys::readiness;
use crate::sys::thread::block_signals;

use super::channel::{self, Channel};
use super::entry::{Entry, Item};
use super::logger;
use super::sender::{PATIENCE, aside, put_while_shown};

/// The writer, and how far it is.
struct Writer {
    pid: u32,
    thread: ThreadId,
}

/// How far the writer is.
#[derive(Default)]
struct Progress {
    items: u64,
    /// The number of the last flush that it has come to.
    flushed: u64,
}

static WRITER: OnceLock<Writer> = OnceLock::new();
static PROGRESS: Mutex<Progress> = Mutex::new(Progress {
    items: 0,
    flushed: 0,
});
static TOLD: Condvar = Condvar::new();

/// Between two tries where the queue or the standard error cannot be used for now.
const PAUSE: Duration = Duration::from_millis(1);

/// Starts the writer, once.
pub(super) fn begin(channel: &'static Channel) -> Result<()> {
    static BEGINNING: Mutex<()> = Mutex::new(());
    // The first look is for forked children, which have no writer of their own.
    if WRITER.get().is_some() {
        return Ok(());
    }
    let _turn = BEGINNING.lock();
    if WRITER.get().is_some() {
        return Ok(());
    }
    let builder = thread::Builder::new().name("outlive-log".to_owned());
    let thread = builder
        .spawn(|| {
            block_signals();
            write(channel);
        })
        .map_err(|e| Error::os(e, "start the thread that writes the log"))?;
    WRITER.get_or_init(|| Writer {
        pid: std::process::id(),
        thread: thread.thread().id(),
    });
    Ok(())
}

fn write(channel: &Channel) {
    loop {
        let (got, by_the_way) = aside(|| channel.get());
        match got {
            Ok(bytes) => show(channel, &bytes),
            Err(GetError::Closed) => return,
            Err(_) => pause(),
        }
        by_the_way.iter().for_each(|bytes| show(channel, bytes));
    }
}

/// Shows a record, and those made by that.
fn show(channel: &Channel, bytes: &[u8]) {
    let item = postcard::from_bytes(bytes);
    let mut by_the_way = match &item {
        Ok(Item::Record(entry)) => aside(|| tell(entry)).1,
        // Other bytes than a record's are nobody's words.
        _ => Vec::new(),
    };
    // What the sink says of each of its own records would never end.
    by_the_way.truncate(1);
    for bytes in by_the_way {
        if let Ok(Item::Record(entry)) = postcard::from_bytes(&bytes) {
            aside(|| tell(&entry));
        }
    }
    let lost = channel.take_lost();
    if lost > 0 {
        aside(|| tell_lost(channel, lost));
    }
    channel.show();
    let mut progress = PROGRESS.lock();
    progress.items += 1;
    if let Ok(Item::Flush(number)) = item {
        progress.flushed = progress.flushed.max(number);
    }
    TOLD.notify_all();
}

fn tell_lost(channel: &Channel, lost: u32) {
    tell(&Entry {
        level: Level::Warn as u32,
        process: &channel.name,
        target: "outlive",
        message: &format!("{lost} records were lost: the log is written more slowly than made"),
        module: Some(module_path!()),
        file: None,
        line: None,
        pairs: Vec::new(),
    });
}

fn tell(entry: &Entry<'_>) {
    if logger::is_installed() {
        write_whole(entry.to_string().as_bytes());
    } else {
        // A panic of the program's logger is not to end the records of all.
        let _ = catch_unwind(AssertUnwindSafe(|| entry.hand_over()));
    }
}

/// Writes a line with nothing of this process in between. Where nobody reads any more, nobody wants to
/// know.
fn write_whole(mut line: &[u8]) {
    let mut stderr = io::stderr().lock();
    while !line.is_empty() {
        match stderr.write(line) {
            Ok(0) => return,
            Ok(count) => line = line.get(count..).unwrap_or_default(),
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => pause(),
                _ => return,
            },
        }
    }
}

fn pause() {
    readiness::rest(PAUSE);
}

/// Waits until all that was logged before is written, or the writer does not come on.
pub(in crate::process) fn flush() {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let (Some(writer), Some(channel)) = (WRITER.get(), channel::here()) else {
        return;
    };
    if writer.pid != std::process::id() || writer.thread == thread::current().id() {
        return;
    }
    // Relaxed: only that no two have the same.
    let number = ASKED.fetch_add(1, Ordering::Relaxed) + 1;
    let Ok(bytes) = postcard::to_stdvec(&Item::Flush(number)) else {
        return;
    };
    if aside(|| put_while_shown(channel, &bytes)).0.is_err() {
        return;
    }
    let mut progress = PROGRESS.lock();
    while progress.flushed < number {
        let seen = progress.items;
        let waited = TOLD.wait_for(&mut progress, PATIENCE);
        if waited.timed_out() && progress.items == seen {
            return;
        }
    }
}
