//! Clients and listeners that do not have the key, or do not keep to the rules.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use outlive::ErrorKind;
use outlive::remote::{Address, Connection, Listener, RecvError};

use crate::child::PATIENCE;

use super::{connect, key, listen};

const HELLO: usize = 40;
const ANSWER: usize = 72;
const VERDICT: usize = 33;

fn knock(listener: &Listener) -> TcpStream {
    let Address::Tcp(host, port) = listener.address() else {
        panic!("{listener:?}")
    };
    let stream = TcpStream::connect((host.as_str(), *port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn local() -> Listener {
    listen(("127.0.0.1", 0))
}

/// Accepts for as long as nobody was refused but `before`.
fn until_refused(listener: &mut Listener, count: u64) {
    let patience = Instant::now() + PATIENCE;
    while listener.refused() < count {
        assert!(Instant::now() < patience, "nobody is refused");
        let accepted = listener.accept_timeout::<u8, u8>(Duration::from_millis(5));
        assert!(accepted.unwrap().is_none());
    }
}

#[test]
fn silence_garbage_and_drops_of_bytes_hold_nobody_up() {
    let mut listener = local();
    let mut silent: Vec<_> = (0..100).map(|_| knock(&listener)).collect();
    for (number, stream) in silent.iter_mut().enumerate() {
        match number % 5 {
            0 => {}
            1 => stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap(),
            2 => stream.write_all(b"outlive\x01").unwrap(),
            3 => stream.write_all(&[0xFF; 5000]).unwrap(),
            _ => stream.write_all(b"out").unwrap(),
        }
    }
    let mut slow = knock(&listener);
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for byte in b"outlive\x01".iter().cycle() {
                if ended.load(std::sync::atomic::Ordering::Relaxed)
                    || slow.write_all(&[*byte]).is_err()
                {
                    return;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        for _ in 0..5 {
            let (mut here, mut there) = connect::<u8, u8>(&mut listener);
            here.send(&1).unwrap();
            assert_eq!(there.recv_timeout(PATIENCE).unwrap(), 1);
        }
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    // Whoever said something wrong was refused at once, and of the rest the oldest had to go.
    assert!(listener.refused() >= 40, "{}", listener.refused());
}

#[test]
fn the_oldest_of_too_many_goes() {
    let mut listener = local();
    listener.set_handshakes(2);
    let mut knocking: Vec<_> = (0..5).map(|_| knock(&listener)).collect();
    until_refused(&mut listener, 3);
    for (number, stream) in knocking.iter_mut().enumerate() {
        let mut hello = [0; HELLO];
        let greeted = stream.read_exact(&mut hello);
        if number < 3 {
            // It hears the end, perhaps before anything else.
            let ended = greeted.is_err() || !matches!(stream.read(&mut [0; 1]), Ok(1..));
            assert!(ended, "{number}");
        } else {
            greeted.unwrap();
            stream.write_all(b"?").unwrap();
        }
    }
    until_refused(&mut listener, 5);
}

#[test]
fn a_handshake_has_its_time_and_no_more() {
    let mut listener = local();
    listener.set_handshake_limit(Duration::from_millis(50));
    let mut silent = knock(&listener);
    until_refused(&mut listener, 1);
    silent.read_exact(&mut [0; HELLO]).unwrap();
    assert!(matches!(silent.read(&mut [0; 1]), Ok(0) | Err(_)));
}

#[test]
fn who_goes_in_the_middle_is_forgotten() {
    let mut listener = local();
    for cut in [0, 1, 7, 8, 39, 40, 71] {
        let mut stream = knock(&listener);
        let mut said = b"outlive\x01".to_vec();
        said.resize(ANSWER, 7);
        stream.write_all(&said[..cut]).unwrap();
        drop(stream);
    }
    until_refused(&mut listener, 7);
    connect::<u8, u8>(&mut listener);
}

/// Stands between a client and a listener while they shake hands, and has what both said.
struct Between {
    to_client: TcpStream,
    to_listener: TcpStream,
    answer: [u8; ANSWER],
    here: Connection<u8, u8>,
    there: Connection<u8, u8>,
}

fn between(listener: &mut Listener) -> Between {
    let door = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = door.local_addr().unwrap();
    let mut to_listener = knock(listener);
    std::thread::scope(|scope| {
        let client = scope.spawn(move || Connection::connect_timeout(address, &key(), PATIENCE));
        let here = scope.spawn(|| listener.accept_timeout(PATIENCE));
        let (mut to_client, _) = door.accept().unwrap();
        let (mut hello, mut answer, mut verdict) = ([0; HELLO], [0; ANSWER], [0; VERDICT]);
        to_listener.read_exact(&mut hello).unwrap();
        to_client.write_all(&hello).unwrap();
        to_client.read_exact(&mut answer).unwrap();
        to_listener.write_all(&answer).unwrap();
        to_listener.read_exact(&mut verdict).unwrap();
        to_client.write_all(&verdict).unwrap();
        Between {
            to_client,
            to_listener,
            answer,
            here: here.join().unwrap().unwrap().unwrap(),
            there: client.join().unwrap().unwrap(),
        }
    })
}

#[test]
fn an_answer_that_was_heard_opens_nothing_later() {
    let mut listener = local();
    let heard = between(&mut listener).answer;
    let mut again = knock(&listener);
    again.write_all(&heard).unwrap();
    until_refused(&mut listener, 1);
    let mut verdict = [7; HELLO + VERDICT];
    again.read_exact(&mut verdict).unwrap();
    assert_eq!(verdict[HELLO..], [0; VERDICT]);
}

#[test]
fn a_tag_cannot_be_sent_back_to_who_made_it() {
    let door = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = door.local_addr().unwrap();
    std::thread::scope(|scope| {
        let client =
            scope.spawn(move || Connection::<u8>::connect_timeout(address, &key(), PATIENCE));
        let (mut stream, _) = door.accept().unwrap();
        let mut hello = b"outlive\x01".to_vec();
        hello.resize(HELLO, 7);
        stream.write_all(&hello).unwrap();
        let mut answer = [0; ANSWER];
        stream.read_exact(&mut answer).unwrap();
        let mut verdict = vec![1];
        verdict.extend(&answer[HELLO..]);
        stream.write_all(&verdict).unwrap();
        let error = client.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
    });
}

#[test]
fn a_client_hears_that_something_else_listens() {
    for (said, kind) in [
        (&b"SSH-2.0-OpenSSH"[..], ErrorKind::WrongVersion),
        (b"outl", ErrorKind::Disconnected),
        (b"", ErrorKind::Disconnected),
    ] {
        let door = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = door.local_addr().unwrap();
        let client = std::thread::spawn(move || {
            Connection::<u8>::connect_timeout(address, &key(), PATIENCE)
        });
        door.accept().unwrap().0.write_all(said).unwrap();
        assert_eq!(client.join().unwrap().unwrap_err().kind(), kind);
    }
}

#[test]
fn garbage_after_the_handshake_ends_the_connection_and_nothing_else() {
    let mut listener = local();
    for garbage in [&[0xFF; 100][..], &[0; 100], b"\x01\x00", &[0xA1; 70_000]] {
        let mut between = between(&mut listener);
        between.here.send(&1).unwrap();
        assert!(between.there.try_recv().is_err(), "nobody passes it on");
        for to in [&mut between.to_listener, &mut between.to_client] {
            to.write_all(garbage).unwrap();
            to.shutdown(std::net::Shutdown::Write).unwrap();
        }
        for end in [&mut between.here, &mut between.there] {
            let patience = Instant::now() + PATIENCE;
            loop {
                match end.recv_timeout(PATIENCE) {
                    Err(RecvError::Decode(_)) => assert!(Instant::now() < patience),
                    Err(RecvError::Broken(error)) => {
                        assert_eq!(error.kind(), ErrorKind::Decode);
                        break;
                    }
                    Err(RecvError::Disconnected) => break,
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    connect::<u8, u8>(&mut listener);
}

#[test]
fn a_length_without_its_bytes_is_refused_or_waited_for() {
    let mut listener = local();
    let mut between = between(&mut listener);
    // The first packet of a message of a terabyte, and one of 200 MiB.
    for (len, is_refused) in [(1_u64 << 40, true), (200 << 20, false)] {
        let mut packet = vec![1, 0, 0xA1, 0, 0, 0, 0, 0, 0, 0];
        packet.extend(7_u64.to_le_bytes());
        packet.extend(len.to_le_bytes());
        packet.extend([9, 1]);
        between.to_listener.write_all(&packet).unwrap();
        match between.here.recv_timeout(Duration::from_millis(500)) {
            Err(RecvError::Decode(error)) => {
                assert!(is_refused);
                assert_eq!(error.kind(), ErrorKind::Full);
            }
            Err(RecvError::Empty) => assert!(!is_refused),
            other => panic!("{other:?}"),
        }
    }
}
