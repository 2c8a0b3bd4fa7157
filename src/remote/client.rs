//! How a client comes to a line that a listener has accepted.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::queue::patience::Patience;
use crate::sys::clock::Deadline;
use crate::sys::{readiness, stream};

use super::address::Address;
use super::handshake::{Failure, Handshake};
use super::key::AuthKey;
use super::line::Line;

pub(super) fn connect(address: &Address, key: &AuthKey, patience: Patience) -> Result<Line> {
    if *address == Address::Private {
        return Err(
            Error::new(ErrorKind::InvalidInput, format!("connect to {address}"))
                .advise("take what Listener::address says"),
        );
    }
    let deadline = patience.deadline().unwrap_or(Deadline::NEVER);
    let line = reach(address, deadline).map_err(|error| match error.kind() {
        // A Unix socket whose listener has no time.
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => timed_out(address),
        _ => Error::os(error, format!("connect to {address}")),
    })?;
    authenticate(&line, address, key, deadline)?;
    Ok(line)
}

fn reach(address: &Address, deadline: Deadline) -> io::Result<Line> {
    let unix = match address {
        Address::Tcp(host, port) => return reach_tcp(host, *port, deadline),
        Address::Path(path) => SocketAddr::from_pathname(path)?,
        Address::Abstract(name) => SocketAddr::from_abstract_name(name)?,
        Address::Private => return Err(io::ErrorKind::InvalidInput.into()),
    };
    Line::new(stream::connect_unix(&unix, deadline)?, None)
}

/// Tries all numbers of a host, one after the other.
fn reach_tcp(host: &str, port: u16, deadline: Deadline) -> io::Result<Line> {
    let mut reached = Err(io::ErrorKind::NotFound.into());
    for number in (host, port).to_socket_addrs()? {
        let connected = match deadline.left() {
            None => TcpStream::connect(number),
            Some(Duration::ZERO) => return Err(io::ErrorKind::TimedOut.into()),
            Some(left) => TcpStream::connect_timeout(&number, left),
        };
        reached = connected.and_then(|connected| Line::new(connected.into(), Some(number)));
        if reached.is_ok() {
            break;
        }
    }
    reached
}

fn authenticate(line: &Line, address: &Address, key: &AuthKey, deadline: Deadline) -> Result<()> {
    let doing = || format!("connect to {address}");
    let new = |kind| Error::new(kind, doing());
    let os = |error| Error::os(error, doing());
    let mut handshake = Handshake::of_client(key.clone()).map_err(os)?;
    loop {
        let ready = match handshake.go_on(line.as_fd()) {
            Ok(None) => return Ok(()),
            Ok(Some(ready)) => ready,
            Err(Failure::Unauthorized) => return Err(new(ErrorKind::Unauthorized)),
            Err(Failure::Stranger) => {
                return Err(new(ErrorKind::WrongVersion)
                    .advise("what listens there is no outlive::remote of this version"));
            }
            Err(Failure::Gone) => return Err(new(ErrorKind::Disconnected)),
            Err(Failure::Os(error)) => return Err(os(error)),
        };
        if deadline.is_past() || !readiness::wait(line.as_fd(), ready, deadline).map_err(os)? {
            return Err(timed_out(address));
        }
    }
}

fn timed_out(address: &Address) -> Error {
    Error::new(ErrorKind::TimedOut, format!("connect to {address}"))
        .advise("the listener does not accept in time")
}
