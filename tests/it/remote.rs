//! Connections over sockets: messages between processes that have a key.

mod server;
mod strangers;

use std::io::ErrorKind as IoKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use outlive::process::Exit;
use outlive::remote::{Address, AuthKey, Connection, Listener, RecvError, SendError};
use outlive::{ErrorKind, Process, Queue};

use crate::child::PATIENCE;
use crate::fork::in_fork;

/// A key, for a process to have it too.
type Key = Vec<u8>;

fn key() -> AuthKey {
    AuthKey::new(b"of these tests").unwrap()
}

fn listen(address: impl Into<Address>) -> Listener {
    Listener::bind(address, &key()).unwrap()
}

fn connect<S, R>(listener: &mut Listener) -> (Connection<S, R>, Connection<R, S>) {
    let address = listener.address().clone();
    std::thread::scope(|scope| {
        let there = scope.spawn(|| Connection::connect_timeout(address, &key(), PATIENCE));
        let here = listener.accept_timeout(PATIENCE).unwrap().unwrap();
        (here, there.join().unwrap().unwrap())
    })
}

/// A path that nobody else has.
fn fresh_path(name: &str) -> PathBuf {
    let name = format!("outlive-test-{}-{name}", std::process::id());
    std::env::temp_dir().join(name)
}

/// Says `end` at last, and before that every message backwards.
fn echo((address, key): (Address, Key)) {
    let key = AuthKey::new(&key).unwrap();
    let mut connection = Connection::<Vec<u8>>::connect(address, &key).unwrap();
    loop {
        match connection.recv_bytes() {
            Ok(mut bytes) => {
                bytes.reverse();
                connection.send_bytes(&bytes).unwrap();
            }
            Err(RecvError::Disconnected) => return,
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn messages_of_any_length_go_to_and_fro_over_every_kind_of_address() {
    let name = format!("outlive-test-{}", std::process::id());
    let addresses = [
        Address::from(("localhost", 0)),
        Address::from(("127.0.0.1", 0)),
        Address::from(fresh_path("echo")),
        Address::Abstract(name),
        Address::Private,
    ];
    for address in addresses {
        let is_tcp = matches!(address, Address::Tcp(..));
        let mut listener = listen(address);
        let to = (listener.address().clone(), key().as_bytes().to_vec());
        let process = Process::spawn(echo, to).unwrap();
        let mut here = listener
            .accept_timeout::<Vec<u8>, Vec<u8>>(PATIENCE)
            .unwrap()
            .unwrap();
        assert_eq!(here.peer().is_some(), is_tcp);
        for len in [0, 1, 61_439, 61_440, 61_441, 3 << 20] {
            let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            here.send_bytes(&bytes).unwrap();
            let mut back = here.recv_bytes().unwrap();
            back.reverse();
            assert!(back == bytes, "{len}");
        }
        drop(here);
        process.join().unwrap();
    }
}

#[test]
fn an_address_is_one_listeners_and_free_when_it_is_dropped() {
    let path = fresh_path("bound");
    let name = format!("outlive-test-bound-{}", std::process::id());
    for address in [
        Address::from(("127.0.0.1", 0)),
        Address::from(path.clone()),
        Address::Abstract(name),
    ] {
        let first = listen(address);
        let address = first.address().clone();
        assert_ne!(address, Address::from(("127.0.0.1", 0)));
        let second = Listener::bind(&address, &key()).unwrap_err();
        assert_eq!(second.kind(), ErrorKind::AlreadyExists, "{second}");
        drop(first);
        assert!(!path.exists());
        drop(listen(address));
    }
}

#[test]
fn addresses_are_read_as_they_are_written() {
    for text in ["localhost:80", "[::1]:80", "/run/here", "@name"] {
        assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
    }
    for text in ["", "localhost", "localhost:", "localhost:65536"] {
        assert!(text.parse::<Address>().is_err(), "{text}");
    }
    let private = Connection::<u8>::connect(Address::Private, &key()).unwrap_err();
    assert_eq!(private.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_file_that_is_no_socket_stays() {
    let path = fresh_path("file");
    std::fs::write(&path, "mine").unwrap();
    assert!(Listener::bind(path.clone(), &key()).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    std::fs::remove_file(path).unwrap();
}

fn listen_and_stay((address, bound): (Address, Queue<Address>)) {
    let listener = listen(address);
    bound.put(listener.address()).unwrap();
    std::thread::sleep(Duration::from_secs(600));
}

/// Where it listened.
fn killed_listener(address: Address) -> PathBuf {
    let bound = Queue::new(1).unwrap();
    let process = Process::spawn(listen_and_stay, (address.clone(), bound.clone())).unwrap();
    let at = bound.get_timeout(PATIENCE).unwrap();
    if address != Address::Private {
        let refused = Listener::bind(&address, &key()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "it lives");
    }
    process.kill().unwrap();
    assert_eq!(process.wait().unwrap(), Exit::Signal(9));
    path_of(&at)
}

fn path_of(address: &Address) -> PathBuf {
    match address {
        Address::Path(path) => path.clone(),
        other => panic!("{other}"),
    }
}

#[test]
fn the_file_of_a_killed_listener_is_replaced() {
    let path = fresh_path("killed");
    killed_listener(path.clone().into());
    assert!(path.exists());
    let to_nobody = Connection::<u8>::connect(path.clone(), &key()).unwrap_err();
    assert_eq!(to_nobody.kind(), ErrorKind::NotFound);
    let mut listener = listen(path.clone());
    let (mut here, mut there) = connect::<u8, u8>(&mut listener);
    here.send(&7).unwrap();
    assert_eq!(there.recv().unwrap(), 7);
    drop(listener);
    assert!(!path.exists());
}

#[test]
fn a_private_socket_is_its_users_alone_and_leaves_nothing() {
    let left = killed_listener(Address::Private);
    let (first, second) = (listen(Address::Private), listen(Address::Private));
    let folders = [&first, &second].map(|one| path_of(one.address()).parent().unwrap().to_owned());
    assert_ne!(folders[0], folders[1]);
    for folder in &folders {
        let mode = std::fs::metadata(folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
    // What the killed one left went with the next one; what is in use did not.
    assert!(!left.parent().unwrap().exists());
    drop((first, second));
    assert!(folders.iter().all(|folder| !folder.exists()));
}

#[test]
fn what_strangers_put_beside_private_sockets_holds_nobody_up() {
    let name = format!("outlive-remote-test-{}", std::process::id());
    let pipe = std::env::temp_dir().join(name);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(Listener::bind(Address::Private, &key())).is_ok());
    let bound = is_done.recv_timeout(PATIENCE);
    assert!(pipe.exists());
    std::fs::remove_file(&pipe).unwrap();
    bound.expect("nobody opens the pipe").unwrap();
}

#[test]
fn another_key_is_an_error_at_both_ends() {
    let mut listener = listen(("127.0.0.1", 0));
    let address = listener.address().clone();
    let wrong = AuthKey::random().unwrap();
    std::thread::scope(|scope| {
        let client = scope.spawn(|| Connection::<u8>::connect_timeout(address, &wrong, PATIENCE));
        while listener.refused() == 0 {
            let accepted = listener.accept_timeout::<u8, u8>(Duration::from_millis(10));
            assert!(accepted.unwrap().is_none());
        }
        let error = client.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized, "{error}");
        assert_eq!(std::io::Error::from(error).kind(), IoKind::PermissionDenied);
    });
    // And the next is served.
    connect::<u8, u8>(&mut listener);
    assert_eq!(listener.refused(), 1);
}

#[test]
fn a_key_is_shown_by_nothing() {
    let key = key();
    let listener = listen(Address::Private);
    for shown in [format!("{key:?}"), format!("{listener:?}")] {
        assert!(
            !shown.contains("tests") && !shown.contains("111"),
            "{shown}"
        );
    }
    assert_eq!(
        AuthKey::new(b"").unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    let [one, other] = [AuthKey::random().unwrap(), AuthKey::random().unwrap()];
    assert_ne!(one.as_bytes(), other.as_bytes());
    assert_eq!(one.as_bytes().len(), 32);
}

#[test]
fn connecting_ends_in_time_where_nobody_accepts() {
    let listener = listen(Address::Private);
    let short = Duration::from_millis(30);
    let error = Connection::<u8>::connect_timeout(listener.address(), &key(), short);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
    let error =
        Connection::<u8>::connect_deadline(listener.address(), &key(), Instant::now() + short);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
    // The backlog of a Unix socket is bounded, and it does not wait behind it either.
    let path = path_of(listener.address());
    let mut waiting = Vec::new();
    while waiting.len() < 10_000 {
        let full = connect_at_once(&path);
        match full {
            Some(stream) => waiting.push(stream),
            None => break,
        }
    }
    let error = Connection::<u8>::connect_timeout(listener.address(), &key(), short);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::TimedOut);
}

/// Connects without waiting; `None` where the backlog is full.
fn connect_at_once(path: &Path) -> Option<std::os::fd::OwnedFd> {
    use rustix::net::{
        AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with,
    };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let fd = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
    connect(&fd, &SocketAddrUnix::new(path).unwrap()).ok()?;
    Some(fd)
}

#[test]
fn a_message_that_does_not_go_out_in_time_is_never_received() {
    for address in [Address::Private, Address::from(("127.0.0.1", 0))] {
        let (here, there) = connect::<(), ()>(&mut listen(address));
        let ((mut sender, _from_there), (_to_here, mut receiver)) = (here.split(), there.split());
        let long = vec![1; 32 << 20];
        let short = Duration::from_millis(30);
        let refused = sender.send_bytes_timeout(&long, short);
        assert!(matches!(refused, Err(SendError::Full)), "{refused:?}");
        // Over TCP the room may have grown.
        let is_sent = sender.try_send_bytes(&[2; 50_000]).is_ok();
        std::thread::scope(|scope| {
            let sent = scope.spawn(|| sender.send_bytes_timeout(&[3; 100_000], PATIENCE));
            if is_sent {
                assert_eq!(receiver.recv_bytes_timeout(PATIENCE).unwrap(), [2; 50_000]);
            }
            assert_eq!(receiver.recv_bytes_timeout(PATIENCE).unwrap(), [3; 100_000]);
            sent.join().unwrap().unwrap();
        });
        sender.send_bytes(&[4]).unwrap();
        assert_eq!(receiver.recv_bytes_timeout(PATIENCE).unwrap(), [4]);
        assert!(matches!(receiver.try_recv_bytes(), Err(RecvError::Empty)));
    }
}

#[test]
fn what_was_sent_without_waiting_is_received_or_was_refused() {
    // Short ones, and such as go out in part.
    for (address, len) in [
        (Address::Private, 8),
        (Address::Private, 61_440),
        (Address::from(("127.0.0.1", 0)), 61_440),
    ] {
        let (mut here, mut there) = connect::<(), ()>(&mut listen(address));
        for round in 0..3 {
            let mut sent = 0;
            while here.sender().try_send_bytes(&vec![round; len]).is_ok() {
                sent += 1;
            }
            assert!(sent > 0);
            for _ in 0..sent {
                let came = there.receiver().recv_bytes_timeout(PATIENCE).unwrap();
                assert!(came == vec![round; len]);
            }
            here.send_bytes(b"behind").unwrap();
            let came = there.receiver().recv_bytes_timeout(PATIENCE).unwrap();
            assert_eq!(came, b"behind");
        }
    }
}

#[test]
fn what_is_too_long_or_of_another_type_is_passed_over() {
    let (mut here, mut there) = connect::<Vec<u8>, ()>(&mut listen(Address::Private));
    there.receiver().set_max_message(1000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            here.send_bytes(&vec![1; 5 << 20]).unwrap();
            here.send_bytes(&[0xFF; 20]).unwrap();
            here.send(&vec![2; 100]).unwrap();
        });
        for kind in [ErrorKind::Full, ErrorKind::Decode] {
            match there.recv_timeout(PATIENCE) {
                Err(RecvError::Decode(error)) => assert_eq!(error.kind(), kind),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(there.recv_timeout(PATIENCE).unwrap(), [2; 100]);
    });
    here.sender().set_max_message(10);
    let refused = here.send(&vec![1; 100]);
    assert!(matches!(refused, Err(SendError::TooLong { longest: 10 })));
}

#[test]
fn it_can_be_asked_whether_something_came() {
    let (mut here, mut there) = connect::<u8, ()>(&mut listen(Address::Private));
    assert!(!there.poll().unwrap());
    assert!(!there.poll_timeout(Duration::from_millis(5)).unwrap());
    here.send(&7).unwrap();
    assert!(there.poll_timeout(PATIENCE).unwrap());
    assert!(there.poll().unwrap(), "it takes nothing");
    assert_eq!(there.try_recv().unwrap(), 7);
    here.send_bytes(&[0xFF, 0xFF]).unwrap();
    assert!(there.poll_timeout(PATIENCE).unwrap());
    assert!(matches!(there.recv(), Err(RecvError::Decode(_))));
    here.close().unwrap();
    here.close().unwrap();
    assert!(there.poll_timeout(PATIENCE).unwrap(), "the end counts");
    assert!(matches!(there.recv(), Err(RecvError::Disconnected)));
    assert!(matches!(there.recv(), Err(RecvError::Disconnected)));
    assert!(matches!(here.send(&1), Err(SendError::Disconnected)));
}

#[test]
fn halves_are_closed_one_by_one() {
    let (here, mut there) = connect::<u8, u8>(&mut listen(Address::Private));
    let (mut sender, mut receiver) = here.split();
    sender.send(&1).unwrap();
    drop(sender);
    assert_eq!(there.recv().unwrap(), 1);
    assert!(matches!(there.recv(), Err(RecvError::Disconnected)));
    there.send(&2).unwrap();
    assert_eq!(receiver.recv().unwrap(), 2);
    drop(receiver);
    assert!(matches!(there.send(&3), Err(SendError::Disconnected)));
}

/// Sends three messages whole, and a part of a fourth.
fn send_until_killed((address, key): (Address, Key)) {
    let key = AuthKey::new(&key).unwrap();
    let mut connection = Connection::<Vec<u8>, ()>::connect(address, &key).unwrap();
    for number in 0..3 {
        connection.send(&vec![number; 10]).unwrap();
    }
    connection.send_bytes(&vec![9; 64 << 20]).unwrap();
}

#[test]
fn what_a_killed_sender_had_sent_comes_and_of_the_rest_nothing() {
    for address in [Address::Private, Address::from(("127.0.0.1", 0))] {
        let mut listener = listen(address);
        let to = (listener.address().clone(), key().as_bytes().to_vec());
        let process = Process::spawn(send_until_killed, to).unwrap();
        let mut here = listener
            .accept_timeout::<(), Vec<u8>>(PATIENCE)
            .unwrap()
            .unwrap();
        assert_eq!(here.recv().unwrap(), [0; 10]);
        process.kill().unwrap();
        assert_eq!(process.wait().unwrap(), Exit::Signal(9));
        loop {
            match here.recv_timeout(PATIENCE) {
                Ok(bytes) => assert!(bytes.len() == 10 && bytes[0] < 3),
                Err(RecvError::Disconnected) => break,
                Err(other) => panic!("{other:?}"),
            }
        }
        // TCP has to ask the other side first.
        let patience = Instant::now() + PATIENCE;
        while !matches!(here.send(&()), Err(SendError::Disconnected)) {
            assert!(Instant::now() < patience);
        }
    }
}

#[test]
fn a_forked_child_has_no_part_in_it() {
    let path = fresh_path("forked");
    let mut listener = listen(path.clone());
    let (here, mut there) = connect::<u8, u8>(&mut listener);
    let (mut here, mut listener) = (Some(here), Some(listener));
    let code = in_fork(|| {
        // Neither ends anything by dropping its copy.
        let (Some(mut here), Some(mut listener)) = (here.take(), listener.take()) else {
            return 1;
        };
        let sent = here.send(&1);
        let accepted = listener.try_accept::<u8, u8>();
        let refused = matches!(sent, Err(SendError::Broken(e)) if e.kind() == ErrorKind::NotOwner);
        let is_ours = accepted.is_err_and(|e| e.kind() == ErrorKind::NotOwner);
        u8::from(!(refused && is_ours))
    });
    assert_eq!(code, 0);
    assert!(path.exists());
    let (here, listener) = (here.as_mut().unwrap(), listener.as_mut().unwrap());
    here.send(&2).unwrap();
    assert_eq!(there.recv_timeout(PATIENCE).unwrap(), 2);
    connect::<u8, u8>(listener);
}
