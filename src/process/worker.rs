//! The life of a worker: it takes its order, does it, and reports.

#![expect(unsafe_code, reason = "the environment of a process of one thread")]

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crate::error::{Error, Result};
use crate::queue::socket::fd;
use crate::segment::{Segment, baggage};
use crate::sys::{descriptors, setting};

use super::exit::leave;
use super::letter::{self, Letter};
use super::message::{Call, Environment, Life, Order, Report, Stream};
use super::panicked::{Aloud, Panicked};
use super::surroundings::Surroundings;
use super::{current, execution, logging, panicked};

/// The exit code of a worker that could not begin.
pub(super) const NOT_BEGUN: i32 = 127;

/// The exit code after a panic, as std has it.
pub(super) const PANICKED: i32 = 101;

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
    log::debug!("child process exiting with exit code {code}");
    leave(code)
}

fn act(end: &OwnedFd, order: Order, argument: &[u8], fds: Vec<OwnedFd>) -> i32 {
    let function = order.function;
    let name = order.life.name.clone();
    let files = match settle(order, fds) {
        Ok(files) => files,
        Err(error) => return tell(end, Ok(Err(Error::os(error, format!("prepare {name}"))))),
    };
    log::debug!("child process calling its function");
    let call = || {
        let (mut result, mut surroundings) = (Vec::new(), Surroundings::with_files());
        function
            .here()?
            .call(&mut surroundings, argument, &mut result)
            .map(|()| (result, surroundings.take_files()))
    };
    let call = || fd::hand_out(files, call).0;
    tell(end, panicked::catch(&name, Aloud::Briefly, call))
}

/// The bytes of a result, and the descriptors in it.
type Told = (Vec<u8>, Vec<OwnedFd>);

/// Reports what became of the function; gives the exit code for it.
pub(super) fn tell(end: &OwnedFd, outcome: Result<Result<Told>, Panicked>) -> i32 {
    let ((body, files), report, code) = match outcome {
        Ok(Ok(told)) => (told, Report::Returned, 0),
        Ok(Err(error)) => (
            Told::default(),
            Report::Failed(error.to_string()),
            NOT_BEGUN,
        ),
        Err(panicked) => (Told::default(), Report::Panicked(panicked), PANICKED),
    };
    let fds: Vec<_> = files.iter().map(AsFd::as_fd).collect();
    if let Err(error) = letter::send(end, &report, &body, &fds) {
        // Where nobody listens any more, nobody wants to know.
        let why = format!("send what became of the function: {error}");
        let _ = letter::send(end, &Report::Failed(why), &[], &[]);
    }
    code
}

/// Makes the process what the order says; gives the descriptors that are part of the argument.
fn settle(mut order: Order, fds: Vec<OwnedFd>) -> io::Result<Vec<OwnedFd>> {
    let mut fds = fds.into_iter();
    let mut next = || fds.next().ok_or(io::ErrorKind::InvalidData);
    for (number, stream) in (0..).zip(order.streams) {
        let fd = match stream {
            Stream::Null => descriptors::null()?,
            Stream::Sent => next()?,
        };
        descriptors::set_stream(number, fd)?;
    }
    if order.has_folder {
        setting::enter(next()?)?;
    }
    let parent = next()?;
    for segment in order.segments {
        baggage::arrived(segment.id, next()?);
        if segment.is_home {
            Segment::inherit_home(segment.id);
        }
    }
    surround(&order.life)?;
    let log = order.life.log.take();
    current::become_worker(order.life, parent);
    if let Some(handle) = log {
        logging::inherit(handle);
    }
    Ok(fds.collect())
}

fn surround(life: &Life) -> io::Result<()> {
    setting::set_mask(life.umask);
    for limit in &life.limits {
        limit.resource.limit(limit.most)?;
    }
    if let Some(processors) = &life.affinity {
        setting::stay_on(processors)?;
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
