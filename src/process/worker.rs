//! The life of a worker: it takes its order, does it, and reports.

#![expect(unsafe_code, reason = "the environment of a process of one thread")]

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Rlimit, fchdir, getrlimit, setrlimit, umask};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::segment::{Segment, baggage};

use super::exit::leave;
use super::letter::{self, Letter};
use super::message::{Call, Environment, Life, Order, Report, Stream};
use super::surroundings::Surroundings;
use super::{current, execution, panicked};

/// The exit code of a worker that could not begin.
pub(super) const NOT_BEGUN: i32 = 127;

/// The exit code after a panic, as std has it.
const PANICKED: i32 = 101;

/// Lives, and exits as programs do: buffers are flushed and exit handlers run.
pub(super) fn live(end: OwnedFd) -> ! {
    let code = match letter::receive(&end) {
        Ok(Some(Letter {
            message: Call::Begin(order),
            body,
            fds,
        })) => act(&end, *order, &body, fds),
        Ok(Some(_)) => execution::execute(end),
        _ => NOT_BEGUN,
    };
    leave(code)
}

fn act(end: &OwnedFd, order: Order, argument: &[u8], fds: Vec<OwnedFd>) -> i32 {
    let function = order.function;
    let name = order.life.name.clone();
    let report = |report: &Report, body: &[u8]| {
        // Where nobody listens any more, nobody wants to know.
        let _ = letter::send(end, report, body, &[]);
    };
    if let Err(error) = settle(order, fds) {
        report(&Report::Failed(format!("prepare {name}: {error}")), &[]);
        return NOT_BEGUN;
    }
    let call = || {
        let mut result = Vec::new();
        function
            .here()?
            .call(&mut Surroundings::default(), argument, &mut result)
            .map(|()| result)
    };
    match panicked::catch(&name, call) {
        Ok(Ok(result)) => {
            report(&Report::Returned, &result);
            0
        }
        Ok(Err(error)) => {
            report(&Report::Failed(error.to_string()), &[]);
            NOT_BEGUN
        }
        Err(panicked) => {
            report(&Report::Panicked(panicked), &[]);
            PANICKED
        }
    }
}

/// Makes the process what the order says.
fn settle(order: Order, fds: Vec<OwnedFd>) -> io::Result<()> {
    let mut fds = fds.into_iter();
    let mut next = || fds.next().ok_or(io::ErrorKind::InvalidData);
    for (number, stream) in (0..).zip(order.streams) {
        let fd = match stream {
            Stream::Null => rustix::fs::open("/dev/null", OFlags::RDWR, Mode::empty())?,
            Stream::Sent => next()?,
        };
        match number {
            0 => rustix::stdio::dup2_stdin(fd)?,
            1 => rustix::stdio::dup2_stdout(fd)?,
            _ => rustix::stdio::dup2_stderr(fd)?,
        }
    }
    if order.has_folder {
        fchdir(next()?)?;
    }
    let parent = next()?;
    for segment in order.segments {
        baggage::arrived(segment.id, next()?);
        if segment.is_home {
            Segment::inherit_home(segment.id);
        }
    }
    surround(&order.life)?;
    current::become_worker(order.life, parent);
    Ok(())
}

fn surround(life: &Life) -> io::Result<()> {
    umask(Mode::from_raw_mode(life.umask));
    for limit in &life.limits {
        let resource = limit.resource.of_system();
        // The soft limit; the hard one stays, and bounds it.
        let limit = Rlimit {
            current: Some(limit.most),
            ..getrlimit(resource)
        };
        setrlimit(resource, limit)?;
    }
    if let Some(processors) = &life.affinity {
        let mut set = CpuSet::new();
        processors.iter().for_each(|number| set.set(*number));
        sched_setaffinity(None, &set)?;
    }
    if let Some(wanted) = &life.environment {
        set_environment(wanted);
    }
    Ok(())
}

fn set_environment(wanted: &Environment) {
    for (name, _) in std::env::vars_os() {
        // SAFETY: the worker has one thread as yet.
        unsafe { std::env::remove_var(name) };
    }
    for (name, value) in wanted {
        // SAFETY: as above.
        unsafe { std::env::set_var(name, value) };
    }
}
