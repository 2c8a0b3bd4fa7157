//! The writers and the reader from the supervisor's side: hired, killed, buried, replaced.

use std::fs::OpenOptions;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use outlive::{AtomicArray, Event, Queue, Segment, SegmentOptions};
use rustix::process::{Signal, getppid, set_parent_process_death_signal};

use crate::{Arguments, Result, read, write};

const PART: &str = "LOGGER_PART";
const SEGMENT: &str = "LOGGER_SEGMENT";
const PARENT: &str = "LOGGER_PARENT";
const READER: &str = "reader";

/// How long the log is written at least.
const LEAST: Duration = Duration::from_millis(500);

/// All processes, and what they share.
pub(crate) struct Crew {
    segment: Segment,
    fd: OwnedFd,
    lines: Queue<String>,
    /// For each writer that there ever was, how many of its lines were put.
    put: AtomicArray<u64>,
    over: Event,
    reader: Child,
    writers: Vec<Child>,
    hired: usize,
    kills: usize,
    outcome: Outcome,
}

#[derive(Default)]
pub(crate) struct Outcome {
    /// For each writer, how many of its lines were put.
    pub(crate) put: Vec<u64>,
    /// Writers and readers.
    pub(crate) killed: [usize; 2],
}

impl Crew {
    pub(crate) fn hire(arguments: &Arguments) -> Result<Self> {
        let Arguments { writers, kills, .. } = *arguments;
        let segment = SegmentOptions::new()
            .size(4 << 20)
            // The writers, the reader and this process.
            .participants(u32::try_from(writers + 2)?)
            .label("supervisor")
            .anonymous()?;
        let fd = segment.try_clone_fd()?;
        let mut crew = Self {
            lines: Queue::create(&segment, "lines", 1000)?,
            put: AtomicArray::create(&segment, "put", writers + kills)?,
            over: Event::create(&segment, "over")?,
            reader: start(&fd, READER)?,
            writers: Vec::new(),
            hired: 0,
            kills,
            outcome: Outcome::default(),
            segment,
            fd,
        };
        for _ in 0..writers {
            let writer = crew.writer()?;
            crew.writers.push(writer);
        }
        Ok(crew)
    }

    /// Each writer has a number of its own, so that it begins with line 1.
    fn writer(&mut self) -> Result<Child> {
        let writer = start(&self.fd, &self.hired.to_string());
        self.hired += 1;
        writer
    }

    /// Kills somebody again and again, at random moments, and has somebody else go on.
    pub(crate) fn harass(&mut self) -> Result<()> {
        let end = Instant::now() + LEAST;
        for _ in 0..self.kills {
            // It takes a while until the next one is at work.
            wait(Duration::from_micros(random(30_000)));
            if random(3) == 0 {
                end_of(&mut self.reader)?;
                self.segment.reap()?;
                self.reader = start(&self.fd, READER)?;
                self.outcome.killed[1] += 1;
            } else {
                let at = usize::try_from(random(self.writers.len() as u64))?;
                end_of(&mut self.writers[at])?;
                self.segment.reap()?;
                self.writers[at] = self.writer()?;
                self.outcome.killed[0] += 1;
            }
        }
        wait(end.saturating_duration_since(Instant::now()));
        Ok(())
    }

    /// Lets the writers end, then the reader.
    pub(crate) fn dismiss(mut self) -> Result<Outcome> {
        self.over.set()?;
        for writer in &mut self.writers {
            ended_well(writer)?;
        }
        self.lines.close()?;
        ended_well(&mut self.reader)?;
        self.outcome.put = self.put.to_vec()?;
        Ok(std::mem::take(&mut self.outcome))
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for process in self.writers.iter_mut().chain([&mut self.reader]) {
            // They may be gone already.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn end_of(process: &mut Child) -> Result<()> {
    // What ended by itself was not to end.
    if let Some(status) = process.try_wait()? {
        return Err(format!("a process ended by itself: {status}").into());
    }
    process.kill()?;
    process.wait()?;
    Ok(())
}

fn ended_well(process: &mut Child) -> Result<()> {
    let status = process.wait()?;
    let is_well = status.success().then_some(());
    is_well.ok_or_else(|| format!("a process ended with {status}").into())
}

#[expect(clippy::disallowed_methods, reason = "nothing is waited for but time")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

/// Starts this program again in a part; it opens the segment through our descriptor.
fn start(fd: &OwnedFd, part: &str) -> Result<Child> {
    let parent = std::process::id().to_string();
    let segment = format!("/proc/{parent}/fd/{}", fd.as_raw_fd());
    let child = Command::new("/proc/self/exe")
        .args(std::env::args_os().skip(1))
        .envs([(PART, part), (SEGMENT, &segment), (PARENT, &parent)])
        .spawn()?;
    Ok(child)
}

/// What a process other than the supervisor does.
pub(crate) struct Part {
    part: String,
    segment: String,
    parent: String,
}

impl Part {
    /// `None` in the supervisor.
    pub(crate) fn from_environment() -> Option<Self> {
        let [part, segment, parent] = [PART, SEGMENT, PARENT].map(|name| std::env::var(name).ok());
        Some(Self {
            part: part?,
            segment: segment?,
            parent: parent?,
        })
    }

    pub(crate) fn play(self, file: &Path) -> Result<()> {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        if getppid().is_none_or(|pid| pid.to_string() != self.parent) {
            return Err("the supervisor is gone".into());
        }
        let fd = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&self.segment)?;
        let segment = SegmentOptions::new()
            .label(&*self.part)
            .from_fd(fd.into())?;
        match self.part.parse() {
            Ok(writer) => write(&segment, writer),
            Err(_) => read(&segment, file),
        }
    }
}

fn random(end: u64) -> u64 {
    RandomState::new().build_hasher().finish() % end
}
