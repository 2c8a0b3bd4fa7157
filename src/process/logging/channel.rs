//! The queue to the writer, and the level, as all processes share them.

use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use log::LevelFilter;
use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::process::current::current;
use crate::process::function::{decode, encode};
use crate::queue::messages::{ByteQueue, GetError, PutError, Queue, Raw};
use crate::shared::AtomicArray;
use crate::sys::atomic::{AtomicU32 as Word, Ordering};
use crate::sys::epoch;

/// Messages and bytes that the queue holds.
const ITEMS: usize = 8 << 10;
const BYTES: usize = 2 << 20;

/// Places in the array of words.
const LEVEL: usize = 0;
const LOST: usize = 1;
const SHOWN: usize = 2;
const WORDS: usize = 3;

/// How long another thread is waited for that makes the channel. A child forked meanwhile waits in vain.
const TURN: Duration = Duration::from_secs(60);

/// Where the records of this process go.
pub(super) struct Channel {
    /// For the processes that this one starts.
    handle: Vec<u8>,
    queue: ByteQueue,
    words: AtomicArray<u32>,
    /// Whether another process reads it.
    pub(super) is_inherited: bool,
    /// The process that opened it here, and its name.
    pub(super) pid: u32,
    pub(super) name: String,
    /// The fork epoch in which this process is known to take part in the home segment.
    joined: AtomicU32,
}

static CHANNEL: OnceLock<Channel> = OnceLock::new();

/// The channel of this process; none where nothing is logged.
pub(super) fn here() -> Option<&'static Channel> {
    CHANNEL.get()
}

/// What a process that is started now needs to log where this one does.
pub(in crate::process) fn handle() -> Option<Vec<u8>> {
    here().map(|channel| channel.handle.clone())
}

/// The level of this number. Of bytes that another process may have written, any number is one's.
pub(super) fn filter(number: u32) -> LevelFilter {
    let filter = LevelFilter::iter().nth(number as usize);
    filter.unwrap_or(LevelFilter::Trace)
}

/// The channel of this process.
pub(super) fn get_or_make() -> Result<&'static Channel> {
    static MAKING: Mutex<()> = Mutex::new(());
    let doing = "prepare to log";
    let _turn = MAKING
        .try_lock_for(TURN)
        .ok_or_else(|| Error::new(ErrorKind::TimedOut, doing))?;
    if let Some(channel) = here() {
        return Ok(channel);
    }
    let queue = Queue::<Vec<u8>>::options(ITEMS).bytes(BYTES).codec::<Raw>();
    let parts = (queue.anonymous()?, AtomicArray::new(WORDS)?);
    let handle = encode(&parts, "the handle of a log")?;
    Ok(set(handle, parts, false))
}

/// Opens the channel of the parent.
pub(super) fn arrive(handle: Vec<u8>) -> Result<()> {
    let parts = decode(&handle, "the handle of a log")?;
    set(handle, parts, true);
    Ok(())
}

fn set(
    handle: Vec<u8>,
    (queue, words): (ByteQueue, AtomicArray<u32>),
    is_inherited: bool,
) -> &'static Channel {
    let channel = CHANNEL.get_or_init(|| Channel {
        handle,
        queue,
        words,
        is_inherited,
        pid: std::process::id(),
        name: current().name().to_owned(),
        joined: AtomicU32::new(epoch::NEVER),
    });
    channel.join();
    channel
}

impl Channel {
    /// The words, without becoming a participant for that: a record may be made in the middle of it.
    fn word(&self, at: usize) -> Option<&Word> {
        self.words.atomic_here(at)
    }

    /// Up to which number a level is to be logged. One load.
    #[inline]
    pub(super) fn level(&self) -> u32 {
        // Relaxed: a change is seen when it is seen.
        self.word(LEVEL)
            .map_or(0, |word| word.load(Ordering::Relaxed))
    }

    pub(super) fn set_level(&self, level: LevelFilter) {
        if let Some(word) = self.word(LEVEL) {
            // Relaxed: as above.
            word.store(level as u32, Ordering::Relaxed);
        }
    }

    /// Counts a record that finds no room.
    pub(super) fn lose(&self) {
        if let Some(word) = self.word(LOST) {
            // Relaxed: only the number matters.
            word.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many have been lost since the last time.
    pub(super) fn take_lost(&self) -> u32 {
        // Relaxed: as above.
        self.word(LOST)
            .map_or(0, |word| match word.load(Ordering::Relaxed) {
                0 => 0,
                _ => word.swap(0, Ordering::Relaxed),
            })
    }

    /// A number that changes whenever the writer has shown something.
    pub(super) fn shown(&self) -> u32 {
        // Relaxed: only whether it changes matters.
        self.word(SHOWN)
            .map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// Says that the writer has shown something.
    pub(super) fn show(&self) {
        if let Some(word) = self.word(SHOWN) {
            // Relaxed: as above.
            word.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Makes this process a participant, where a fork has made it none; says whether it is one.
    pub(super) fn join(&self) -> bool {
        if !self.is_joined() && self.words.get(LEVEL).is_ok() {
            // Relaxed: of this process only; a thread that misses it joins again, at no cost.
            self.joined.store(epoch::current(), Ordering::Relaxed);
        }
        self.is_joined()
    }

    /// Whether this process is known to take part: then nothing of a put can wait for what a thread
    /// that makes it take part has in its hands.
    pub(super) fn is_joined(&self) -> bool {
        // Relaxed: as above.
        self.joined.load(Ordering::Relaxed) == epoch::current()
    }

    pub(super) fn put(&self, bytes: &Vec<u8>, limit: Option<Duration>) -> Result<(), PutError> {
        match limit {
            Some(limit) => self.queue.put_timeout(bytes, limit),
            None => self.queue.try_put(bytes),
        }
    }

    pub(super) fn get(&self) -> Result<Vec<u8>, GetError> {
        self.queue.get()
    }
}
