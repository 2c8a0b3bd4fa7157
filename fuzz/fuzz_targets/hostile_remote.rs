//! Both sides of a connection, at whose other end somebody sends bytes: into the handshake, or behind
//! one that an honest side has made; to a listener, to a client, and to a server.

#![no_main]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use outlive::Queue;
use outlive::remote::{
    Address, AuthKey, Connection, Listener, Receiver, RecvError, Remote, Server,
};
use outlive_fuzz::hostile::options;

type Message = (u64, Vec<String>);

/// Longer than anything takes that ends at all.
const PATIENCE: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_micros(200);

const HELLO: usize = 40;
const ANSWER: usize = 72;
const VERDICT: usize = 33;

static KEY: LazyLock<AuthKey> = LazyLock::new(|| AuthKey::new(b"fuzz").expect("not empty"));

#[derive(Debug, Arbitrary)]
enum Part {
    Bytes(Vec<u8>),
    /// A packet that is one; what it says may be wrong.
    Packet {
        is_first: bool,
        number: u8,
        len: u64,
        here: u8,
        part: Vec<u8>,
        counts: bool,
    },
    /// A message of a server's client, or of its server, in one packet.
    Whole(Vec<u8>),
}

#[derive(Debug, Arbitrary)]
enum Input {
    /// What a stranger says to a listener.
    ToListener(Vec<Vec<u8>>),
    /// What something says that a client takes for a listener.
    ToClient(Vec<u8>),
    /// What comes over a connection.
    Connection(Vec<Part>, u16),
    /// What a client that has the key says to a server.
    ToServer(Vec<Part>),
    /// What a server that has the key says to a client.
    FromServer(Vec<Part>),
}

/// A name that nobody has.
fn fresh() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("outlive-fuzz-{}-{next}", std::process::id())
}

fn knock(name: &str) -> UnixStream {
    let address = SocketAddr::from_abstract_name(name).expect("short");
    UnixStream::connect_addr(&address).expect("somebody listens")
}

fn door() -> (Address, UnixListener) {
    let name = fresh();
    let address = SocketAddr::from_abstract_name(&name).expect("short");
    let door = UnixListener::bind_addr(&address).expect("a new name");
    (Address::Abstract(name), door)
}

/// The parts as `src/remote/packet.rs` writes them.
fn bytes(parts: &[Part]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut packet = |is_first, number: u64, len: u64, here: u16, part: &[u8], counts: bool| {
        bytes.extend(u16::try_from(part.len()).unwrap_or(u16::MAX).to_le_bytes());
        bytes.extend([if is_first { 0xA1 } else { 0xA2 }, 0]);
        bytes.extend(here.to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend(number.to_le_bytes());
        bytes.extend(len.to_le_bytes());
        bytes.extend(part);
        bytes.push(u8::from(counts));
    };
    let mut raw: Vec<&[u8]> = Vec::new();
    for (at, part) in parts.iter().take(30).enumerate() {
        match part {
            Part::Bytes(bytes) => raw.push(bytes),
            Part::Packet {
                is_first,
                number,
                len,
                here,
                part,
                counts,
            } => {
                let (number, here) = (u64::from(number % 3), u16::from(here % 2));
                packet(*is_first, number, *len, here, part, *counts);
            }
            Part::Whole(message) => {
                packet(true, 10 + at as u64, message.len() as u64, 0, message, true);
            }
        }
    }
    bytes.extend(raw.concat());
    bytes
}

/// Both sides of a connection, with what may be said in their place behind the handshake.
fn between() -> (UnixStream, Connection<Message>) {
    let mut listener = Listener::bind(Address::Abstract(fresh()), &KEY).expect("a new name");
    let Address::Abstract(name) = listener.address() else {
        panic!("{listener:?}")
    };
    let (address, door) = door();
    let mut to_listener = knock(name);
    let client = std::thread::spawn(move || {
        Connection::<Message>::connect_timeout(address, &KEY, PATIENCE).expect("the same key")
    });
    let (mut to_client, _) = door.accept().expect("it comes");
    let accepting = std::thread::spawn(move || {
        let accepted = listener.accept_timeout(PATIENCE).expect("no trouble");
        accepted.expect("the same key")
    });
    relay(&mut to_listener, &mut to_client);
    // Closed: what the honest client says is not needed any more.
    drop(client.join().expect("no panic"));
    (to_listener, accepting.join().expect("no panic"))
}

/// Hands on a handshake between the two.
fn relay(to_listener: &mut UnixStream, to_client: &mut UnixStream) {
    let mut said = [0; ANSWER];
    to_listener
        .read_exact(&mut said[..HELLO])
        .expect("a challenge");
    to_client.write_all(&said[..HELLO]).expect("room");
    to_client.read_exact(&mut said).expect("an answer");
    to_listener.write_all(&said).expect("room");
    to_listener
        .read_exact(&mut said[..VERDICT])
        .expect("a verdict");
    to_client.write_all(&said[..VERDICT]).expect("room");
}

fn to_listener(clients: &[Vec<u8>]) {
    let mut listener = Listener::bind(Address::Abstract(fresh()), &KEY).expect("a new name");
    listener.set_handshakes(3);
    let Address::Abstract(name) = listener.address().clone() else {
        panic!("{listener:?}")
    };
    let mut knocking = Vec::new();
    for said in clients.iter().take(8) {
        let mut stream = knock(&name);
        let _ = stream.write_all(said);
        knocking.push(stream);
        assert!(
            listener
                .try_accept::<u8, u8>()
                .expect("no trouble")
                .is_none()
        );
    }
    drop(knocking);
    let count = clients.len().min(8) as u64;
    while listener.refused() < count {
        let accepted = listener
            .accept_timeout::<u8, u8>(SHORT)
            .expect("no trouble");
        assert!(accepted.is_none(), "nobody had the key");
    }
}

fn to_client(said: &[u8]) {
    let (address, door) = door();
    let client = std::thread::spawn(move || {
        Connection::<Message>::connect_timeout(address, &KEY, PATIENCE).is_err()
    });
    let (mut stream, _) = door.accept().expect("it comes");
    let _ = stream.write_all(said);
    drop(stream);
    assert!(client.join().expect("no panic"), "nobody had the key");
}

fn end(mut receiver: Receiver<Message>) {
    let mut rest = 0;
    loop {
        rest += 1;
        assert!(rest < 100_000, "it does not end");
        match receiver.recv() {
            Err(RecvError::Disconnected | RecvError::Broken(_)) => return,
            _ => drop(receiver.poll()),
        }
    }
}

fn connection(parts: &[Part], most: u16) {
    let (mut hostile, mut end_here) = between();
    end_here.receiver().set_max_message(most.into());
    let said = bytes(parts);
    let writing = std::thread::spawn(move || {
        let _ = hostile.write_all(&said);
        let _ = hostile.shutdown(Shutdown::Write);
        hostile
    });
    let _ = end_here.try_recv();
    let _ = end_here.recv_timeout(SHORT);
    let (_, receiver) = end_here.split();
    end(receiver);
    drop(writing.join());
}

fn to_server(parts: &[Part]) {
    let segment = options().anonymous().expect("memory");
    let queue = Queue::<Message>::options(4).bytes(2048);
    let queue = queue.create(&segment, "q").expect("room");
    let _ = queue.put(&(1, Vec::new()));
    let server = Server::builder()
        .queue("q", queue.clone())
        .value("v", std::sync::Mutex::new(1_u64))
        .bind(Address::Abstract(fresh()), &KEY)
        .expect("a new name");
    let Address::Abstract(name) = server.address() else {
        panic!("{server:?}")
    };
    let (address, door) = door();
    let mut to_server = knock(name);
    let client = std::thread::spawn(move || {
        Connection::<Message>::connect_timeout(address, &KEY, PATIENCE).expect("the same key")
    });
    let (mut to_client, _) = door.accept().expect("it comes");
    relay(&mut to_server, &mut to_client);
    drop(client.join().expect("no panic"));
    let _ = to_server.write_all(&bytes(parts));
    let _ = to_server.shutdown(Shutdown::Write);
    // What it answers, until it has had enough.
    let _ = to_server.set_read_timeout(Some(PATIENCE));
    let _ = to_server.read_to_end(&mut Vec::new());
    server.shutdown();
}

fn from_server(parts: &[Part]) {
    let mut listener = Listener::bind(Address::Abstract(fresh()), &KEY).expect("a new name");
    let address = listener.address().clone();
    let said = bytes(parts);
    let client = std::thread::spawn(move || {
        let remote = Remote::connect_timeout(address, &KEY, PATIENCE)?;
        let mut queue = remote.queue::<Message>("q")?;
        let _ = queue.try_put(&(1, Vec::new()));
        let _ = queue.try_get();
        let _ = queue.len();
        Ok::<(), outlive::Error>(())
    });
    // Each step of the client's may be another connection.
    while !client.is_finished() {
        let accepted = listener
            .accept_timeout::<(), ()>(SHORT)
            .expect("no trouble");
        if let Some(mut connection) = accepted {
            for message in said.chunks(64) {
                let _ = connection.sender().try_send_bytes(message);
            }
        }
    }
    let _ = client.join().expect("no panic");
}

fn open_fds() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fuzz_target!(|input: Input| {
    let before = open_fds();
    match &input {
        Input::ToListener(clients) => to_listener(clients),
        Input::ToClient(said) => to_client(said),
        Input::Connection(parts, most) => connection(parts, *most),
        Input::ToServer(parts) => to_server(parts),
        Input::FromServer(parts) => from_server(parts),
    }
    assert_eq!(open_fds(), before, "a descriptor leaks");
});
