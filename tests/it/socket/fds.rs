//! The descriptors that travel through sockets.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use outlive::queue::pipe::{self, SendError as PipeError, one_way};
use outlive::queue::socket::{Connection, Fd, RecvError, SendError, pair};
use outlive::{ErrorKind, Queue, Segment, Value};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::FdFlags;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

use super::super::child::{PATIENCE, Role, say};
use super::super::fork::forked;
use super::{BRIEFLY, VAST, alone, child, input, stripes};

/// An open file that says `text`.
pub fn file(text: &str) -> File {
    let mut file: File = memfd_create("said", MemfdFlags::CLOEXEC).unwrap().into();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn text_of(file: &File) -> String {
    use std::os::unix::fs::FileExt;
    let mut bytes = vec![0; 100];
    let len = file.read_at(&mut bytes, 0).unwrap();
    String::from_utf8(bytes[..len].to_vec()).unwrap()
}

/// Descriptors of this process. Only for a child of its own: the tests have many threads.
fn open_fds() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

pub const ROLES: &[(&str, Role)] = &[
    ("report what came", |_, _| {
        let mut here = input::<String, (u8, Vec<Fd<File>>)>();
        let (number, files) = here.recv().unwrap();
        let texts: Vec<_> = files.iter().map(|Fd(file)| text_of(file)).collect();
        here.send(&format!("{number} {}", texts.join(" "))).unwrap();
        say("done");
    }),
    ("open the segment that comes", |_, _| {
        let mut here = input::<u64, Fd<OwnedFd>>();
        let Fd(fd) = here.recv().unwrap();
        let segment = Segment::from_fd(fd).unwrap();
        let value = Value::<u64>::open(&segment, "value").unwrap();
        here.send(&value.get().unwrap()).unwrap();
        value.set(8).unwrap();
    }),
    ("leave no descriptor open", |_, _| {
        none_stays_open();
        say("done");
    }),
    ("have few numbers left", |_, _| {
        numbers_run_out();
        say("done");
    }),
    ("send high numbers", |_, _| {
        let mut here = input::<Vec<Fd<File>>, ()>();
        let high = rustix::io::fcntl_dupfd_cloexec(file("high"), 300).unwrap();
        assert!(high.as_raw_fd() >= 300);
        here.send(&vec![Fd(high.into()), Fd(file("low"))]).unwrap();
        say("done");
    }),
];

#[test]
fn files_sockets_and_ends_of_pipes_travel() {
    #[derive(Serialize, Deserialize)]
    enum Thing {
        Spoken(String, Fd<File>),
        Stream(Fd<TcpStream>),
        Ends(Fd<OwnedFd>, Option<Fd<OwnedFd>>),
        Socket(Box<Fd<Connection<u64>>>),
    }
    let (mut here, mut there) = pair::<Thing, ()>().unwrap();
    let original = file("from here");
    let copy = Fd(original.try_clone().unwrap());
    here.send(&Thing::Spoken("name".to_owned(), copy)).unwrap();
    let Thing::Spoken(name, Fd(file)) = there.recv().unwrap() else {
        panic!("another thing");
    };
    assert_eq!((name, text_of(&file)), ("name".into(), "from here".into()));
    let flags = rustix::io::fcntl_getfd(&file).unwrap();
    assert!(flags.contains(FdFlags::CLOEXEC), "{flags:?}");

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    here.send(&Thing::Stream(Fd(stream))).unwrap();
    let Thing::Stream(Fd(mut stream)) = there.recv().unwrap() else {
        panic!("another thing");
    };
    stream.write_all(b"over tcp").unwrap();
    drop(stream);
    let mut said = String::new();
    listener
        .accept()
        .unwrap()
        .0
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!(said, "over tcp");

    let (read, write) = rustix::pipe::pipe().unwrap();
    here.send(&Thing::Ends(Fd(read), Some(Fd(write)))).unwrap();
    let Thing::Ends(Fd(read), Some(Fd(write))) = there.recv().unwrap() else {
        panic!("another thing");
    };
    File::from(write).write_all(b"through").unwrap();
    let mut said = String::new();
    File::from(read).read_to_string(&mut said).unwrap();
    assert_eq!(said, "through");

    let (mut near, far) = pair::<u64, u64>().unwrap();
    here.send(&Thing::Socket(Box::new(Fd(far)))).unwrap();
    let Thing::Socket(far) = there.recv().unwrap() else {
        panic!("another thing");
    };
    let Fd(mut far) = *far;
    far.send(&5).unwrap();
    assert_eq!(near.recv().unwrap(), 5);
}

#[test]
fn a_segment_goes_to_a_child_that_opens_it() {
    let (mut here, child) = child::<Fd<OwnedFd>, u64>("open the segment that comes", "");
    let segment = Segment::anonymous().unwrap();
    let value = Value::create(&segment, "value", 7_u64).unwrap();
    here.send(&Fd(segment.try_clone_fd().unwrap())).unwrap();
    assert_eq!(here.recv_timeout(PATIENCE).unwrap(), 7);
    child.finish();
    assert_eq!(value.get().unwrap(), 8);
}

#[test]
fn descriptors_reach_another_process_by_any_number_and_in_order() {
    let (mut here, child) = child::<(u8, Vec<Fd<File>>), String>("report what came", "");
    let files = ["a", "b", "c"].map(|text| Fd(file(text)));
    here.send(&(3, Vec::from(files))).unwrap();
    assert_eq!(here.recv_timeout(PATIENCE).unwrap(), "3 a b c");
    child.expect("done");
    child.finish();
    let (mut here, child) = super::child::<(), Vec<Fd<File>>>("send high numbers", "");
    let texts = here.recv_timeout(PATIENCE).unwrap();
    let texts: Vec<_> = texts.iter().map(|Fd(file)| text_of(file)).collect();
    assert_eq!(texts, ["high", "low"]);
    child.finish();
}

/// A [`File`] that is only looked at, or refuses to be written.
#[derive(Serialize)]
struct Lent<'a>(Fd<&'a File>, String);

#[test]
fn many_descriptors_go_in_one_message() {
    let (mut here, mut there) = pair::<(Vec<Fd<File>>, Vec<u8>), ()>().unwrap();
    for (count, len) in [(252, 0), (253, 9), (254, 0), (600, VAST), (1024, 9)] {
        let files = (0..count).map(|nth| Fd(file(&nth.to_string()))).collect();
        let message = (files, stripes(1, len));
        std::thread::scope(|scope| {
            scope.spawn(|| here.send(&message).unwrap());
            let (files, bytes) = there.recv_timeout(PATIENCE).unwrap();
            assert!(bytes == message.1 && files.len() == count);
            for (nth, Fd(file)) in files.iter().enumerate() {
                assert_eq!(text_of(file), nth.to_string());
            }
        });
    }
    let too_many = |refused| {
        let Err(SendError::Fds(error)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    };
    let one = file("one");
    let lent = |count| (0..count).map(|_| Fd(one.try_clone().unwrap())).collect();
    too_many(here.send(&(lent(1025), vec![])));
    too_many(here.try_send(&(lent(254), vec![])));
    here.try_send(&(lent(253), vec![])).unwrap();
    assert_eq!(there.try_recv().unwrap().0.len(), 253);
    // The receiver has a bound of its own, and says so.
    there.receiver().set_max_fds(10);
    for _ in 0..2 {
        here.send(&(lent(300), vec![])).unwrap();
        here.send(&(lent(10), vec![])).unwrap();
        let refused = there.recv();
        assert!(matches!(refused, Err(RecvError::Fds(_))), "{refused:?}");
        assert_eq!(there.recv().unwrap().0.len(), 10);
    }
}

#[test]
fn what_is_lent_is_sent_as_a_copy() {
    let original = file("lent");
    let (here, there) = pair::<(), ()>().unwrap();
    let mut here: Connection<Lent<'_>> = OwnedFd::try_from(here).unwrap().into();
    let mut there: Connection<(), (Fd<File>, String)> = OwnedFd::try_from(there).unwrap().into();
    here.send(&Lent(Fd(&original), "file".to_owned())).unwrap();
    let (Fd(copy), name) = there.recv().unwrap();
    assert_eq!(name, "file");
    (&copy).write_all(b", and given back").unwrap();
    assert_eq!(text_of(&original), "lent, and given back");
}

#[test]
fn a_descriptor_that_did_not_come_is_an_error_of_its_message() {
    let (mut here, mut there) = pair::<(Fd<File>, u64), ()>().unwrap();
    // As `Fd` is written, but with nothing beside it.
    for index in [0_u8, 1, 100] {
        here.send_bytes(&[index, 5]).unwrap();
        let refused = there.recv();
        assert!(matches!(refused, Err(RecvError::Fds(_))), "{refused:?}");
    }
    // One, that is named twice.
    let twice = |fd: Fd<OwnedFd>| (fd, 5);
    let mut raw: Connection<(Fd<OwnedFd>, u64)> = OwnedFd::try_from(here).unwrap().into();
    raw.send(&twice(Fd(file("one").into()))).unwrap();
    let mut doubled: Connection<(), (Fd<File>, Fd<File>)> =
        there.as_fd().try_clone_to_owned().unwrap().into();
    raw.send_bytes(&[0, 0]).unwrap();
    assert_eq!(text_of(&there.recv().unwrap().0.0), "one");
    let refused = doubled.recv();
    assert!(matches!(refused, Err(RecvError::Fds(_))), "{refused:?}");
}

#[test]
fn shared_memory_carries_no_descriptors_and_says_so() {
    let says = |error: &dyn std::fmt::Display| {
        let error = error.to_string();
        assert!(error.contains("outlive::queue::socket"), "{error}");
    };
    let (mut sender, mut receiver) = one_way::<(Vec<u8>, Fd<File>)>().unwrap();
    for len in [0, 100_000] {
        let Err(PipeError::Encode(error)) = sender.send(&(vec![1; len], Fd(file("no")))) else {
            panic!("sent");
        };
        says(&error);
    }
    assert!(matches!(receiver.try_recv(), Err(pipe::RecvError::Empty)));
    let queue = Queue::<(u8, Fd<File>)>::new(4).unwrap();
    says(&queue.put(&(1, Fd(file("no")))).unwrap_err());
    assert!(queue.is_empty());
    assert!(postcard::to_stdvec(&Fd(file("no"))).is_err());
    assert!(postcard::from_bytes::<Fd<File>>(&[0]).is_err());
    // Another reason is not mistaken for it.
    let (mut sender, _receiver) = one_way::<Unwritable>().unwrap();
    let refused = sender.send(&Unwritable).unwrap_err().to_string();
    assert!(!refused.contains("socket"), "{refused}");
}

struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

#[test]
fn a_message_that_cannot_be_written_sends_nothing() {
    let (mut here, mut there) = pair::<(Fd<File>, Vec<u8>, Unwritable), ()>().unwrap();
    let message = (Fd(file("no")), vec![1; VAST], Unwritable);
    let refused = here.send(&message);
    let Err(SendError::Encode(error)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(error.kind(), ErrorKind::Encode);
    let nothing = there.receiver().try_recv_bytes();
    assert!(matches!(nothing, Err(RecvError::Empty)), "{nothing:?}");
}

/// In a process of its own: whatever becomes of messages, their descriptors are closed.
fn none_stays_open() {
    let round = || {
        let (mut here, mut there) = pair::<(Vec<Fd<File>>, u64), ()>().unwrap();
        let message = |count| {
            let files = (0..count).map(|_| Fd(file("it"))).collect();
            (files, 1)
        };
        // Taken.
        here.send(&message(3)).unwrap();
        drop(there.recv().unwrap());
        // Received as bytes.
        here.send(&message(3)).unwrap();
        there.recv_bytes().unwrap();
        // Kept, and then received as bytes.
        here.send(&message(3)).unwrap();
        assert!(there.recv_bytes_into(&mut []).is_err());
        there.recv_bytes_into(&mut [0; 100]).unwrap();
        // Of another type.
        here.send(&message(3)).unwrap();
        let mut other: Connection<(), String> = there.as_fd().try_clone_to_owned().unwrap().into();
        assert!(other.recv().is_err());
        // Too many for this side.
        there.receiver().set_max_fds(2);
        here.send(&message(300)).unwrap();
        assert!(there.recv().is_err());
        there.receiver().set_max_fds(1024);
        // Given up by the sender, received in part.
        let (files, _) = message(600);
        let mut vast: Connection<(Vec<Fd<File>>, String)> =
            here.as_fd().try_clone_to_owned().unwrap().into();
        let late = vast.send_timeout(&(files, "x".repeat(VAST)), BRIEFLY);
        assert!(matches!(late, Err(SendError::Full)), "{late:?}");
        assert!(!there.poll().unwrap());
        here.send(&message(1)).unwrap();
        drop(there.recv().unwrap());
        // Under way, and in the inbox, when the end is dropped.
        here.send(&message(3)).unwrap();
        here.send(&message(3)).unwrap();
        assert!(there.poll().unwrap());
        drop((there, other));
        // To nobody.
        assert!(here.send(&message(3)).is_err());
        // Written in part.
        let (mut here, _there) = pair::<(Fd<File>, Unwritable), ()>().unwrap();
        assert!(here.send(&(Fd(file("no")), Unwritable)).is_err());
        say("next");
    };
    // Whatever is opened once.
    round();
    let before = open_fds();
    (0..20).for_each(|_| round());
    assert_eq!(open_fds(), before);
    // A sender that dies between the packets of a message.
    for _ in 0..20 {
        let (mut here, mut there) = pair::<(), (Vec<Fd<File>>, String)>().unwrap();
        let victim = forked(|| {
            let files = (0..300).map(|_| Fd(file("it"))).collect();
            u8::from(there.send(&(files, "x".repeat(VAST))).is_err())
        });
        drop(there);
        while !here.poll_timeout(BRIEFLY).unwrap() && open_fds() < before + 200 {}
        victim.kill();
        say("next");
    }
    assert_eq!(open_fds(), before);
}

#[test]
fn descriptors_that_are_not_taken_are_closed() {
    alone("leave no descriptor open");
}

/// In a process of its own: too few numbers are an error that names the remedy.
fn numbers_run_out() {
    let (mut here, mut there) = pair::<Vec<Fd<File>>, ()>().unwrap();
    let send = |here: &mut Connection<Vec<Fd<File>>, ()>, count| {
        here.send(&(0..count).map(|_| Fd(file("it"))).collect())
    };
    // On both sides, at the first use of each, something is opened once.
    send(&mut here, 1).unwrap();
    drop(there.recv().unwrap());
    let before = open_fds();
    send(&mut here, 300).unwrap();
    send(&mut here, 20).unwrap();
    send(&mut here, 5).unwrap();
    let limits = getrlimit(Resource::Nofile);
    let few = Some(u64::try_from(before).unwrap() + 10);
    let limit = |current| {
        let maximum = limits.maximum;
        setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
    };
    limit(few);
    for _ in 0..2 {
        let refused = there.recv();
        let Err(RecvError::Fds(error)) = refused else {
            panic!("{refused:?}");
        };
        let error = error.to_string();
        assert!(
            error.contains("RLIMIT_NOFILE") && error.contains("os error 24"),
            "{error}"
        );
    }
    assert_eq!(there.recv().unwrap().len(), 5);
    let files: Vec<_> = (0..8).map(|_| Fd(file("it"))).collect();
    let refused = here.send(&files);
    let Err(SendError::Fds(error)) = refused else {
        panic!("{refused:?}");
    };
    assert!(error.to_string().contains("RLIMIT_NOFILE"), "{error}");
    drop(files);
    limit(limits.current);
    assert_eq!(open_fds(), before);
    send(&mut here, 2).unwrap();
    assert_eq!(there.recv().unwrap().len(), 2);
}

#[test]
fn too_few_numbers_are_an_error_that_names_the_remedy() {
    alone("have few numbers left");
}
