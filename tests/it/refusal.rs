//! Handles that cannot travel: the reason is told wherever messages are written and read, although
//! the codec has forgotten it.

use std::fs::File;
use std::io;

use outlive::process::JoinError;
use outlive::process::pool::TaskError;
use outlive::queue::messages::{GetError, PutError};
use outlive::queue::pipe::{self, RecvError, SendError};
use outlive::queue::socket::{self, Fd};
use outlive::{Error, ErrorKind, Lock, Pool, Process, Queue, Segment};

/// A lock in a segment of its own, and both gone after the call of `put`.
fn with_lost(put: impl FnOnce(&Lock)) {
    let segment = Segment::anonymous().unwrap();
    put(&Lock::create(&segment, "lost").unwrap());
}

#[test]
fn a_queue_tells_that_the_segment_is_not_open() {
    let queue = Queue::new(4).unwrap();
    with_lost(|lock| queue.put(lock).unwrap());
    let error = queue.try_get().unwrap_err();
    assert!(matches!(error, GetError::Undecodable(_)), "{error:?}");
    let words = error.to_string();
    assert!(words.contains("open the segment before"), "{words}");
    assert!(!words.contains("MsgPack"), "{words}");
    assert_eq!(Error::from(error).kind(), ErrorKind::NotAttached);
}

#[test]
fn a_queue_tells_that_the_object_is_gone() {
    let queue = Queue::new(4).unwrap();
    queue.put(&Lock::new().unwrap()).unwrap();
    let error = Error::from(queue.try_get().unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Gone, "{error}");
}

#[test]
fn a_reason_is_told_once() {
    let queue = Queue::new(4).unwrap();
    queue.put(&Lock::new().unwrap()).unwrap();
    queue.try_get().unwrap_err();
    // Read by hand: that reason is nobody's.
    let gone = postcard::to_stdvec(&Lock::new().unwrap()).unwrap();
    postcard::from_bytes::<Lock>(&gone).unwrap_err();

    let (mut sender, mut receiver) = pipe::one_way::<String>().unwrap();
    sender.send_bytes(b"\x09short").unwrap();
    match receiver.recv() {
        Err(RecvError::Decode(error)) => assert_eq!(error.kind(), ErrorKind::Decode),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pipes_and_sockets_tell_it() {
    let (mut sender, mut receiver) = pipe::one_way::<Lock>().unwrap();
    with_lost(|lock| sender.send(lock).unwrap());
    match receiver.recv() {
        Err(RecvError::Decode(error)) => assert_eq!(error.kind(), ErrorKind::NotAttached),
        other => panic!("{other:?}"),
    }
    let (mut here, mut there) = socket::pair::<Lock, ()>().unwrap();
    with_lost(|lock| here.send(lock).unwrap());
    match there.recv() {
        Err(socket::RecvError::Decode(error)) => assert_eq!(error.kind(), ErrorKind::NotAttached),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_cannot_be_sent_tells_why() {
    let null = || Fd(File::open("/dev/null").unwrap());
    let through = "travels only through";
    let queue = Queue::<Fd<File>>::new(4).unwrap();
    match queue.try_put(&null()) {
        Err(PutError::Unencodable(why)) => assert!(why.to_string().contains(through), "{why}"),
        other => panic!("{other:?}"),
    }
    let (mut sender, _receiver) = pipe::one_way::<Fd<File>>().unwrap();
    match sender.send(&null()) {
        Err(SendError::Encode(error)) => assert!(error.to_string().contains(through), "{error}"),
        other => panic!("{other:?}"),
    }
    let pool = Pool::new(1).unwrap();
    match pool.apply(|_: Fd<File>| (), null()) {
        Err(TaskError::Failed(why)) => assert!(why.contains(through), "{why}"),
        other => panic!("{other:?}"),
    }

    let (mut used, _receiver) = pipe::one_way::<u32>().unwrap();
    used.send(&1).unwrap();
    let error = Process::spawn(|_: pipe::Sender<u32>| (), used).unwrap_err();
    assert_ne!(error.kind(), ErrorKind::Encode, "{error}");
}

#[test]
fn processes_and_pools_tell_it_of_arguments_and_results() {
    // Nobody but the process that makes it keeps the lock, so it ends with it.
    let forgetful = |()| Lock::new().map_err(|e| e.to_string());
    match Process::spawn(forgetful, ()).unwrap().join() {
        Err(JoinError::Failed(error)) => assert_eq!(error.kind(), ErrorKind::Gone, "{error}"),
        other => panic!("{other:?}"),
    }
    let pool = Pool::new(1).unwrap();
    match pool.apply(forgetful, ()) {
        Err(TaskError::Failed(why)) => assert!(why.contains("it has been freed"), "{why}"),
        other => panic!("{other:?}"),
    }
    // The workers do not have this segment.
    let segment = Segment::anonymous().unwrap();
    let lock = Lock::create(&segment, "lost").unwrap();
    match pool.apply(|_: Lock| (), lock) {
        Err(TaskError::Failed(why)) => assert!(why.contains("not open in this process"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_process_that_could_not_be_called_says_why() {
    /// Can be written, and not read.
    #[derive(serde::Serialize)]
    struct OneWay;

    impl<'de> serde::Deserialize<'de> for OneWay {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Err(serde::de::Error::custom(io::ErrorKind::Other))
        }
    }

    match Process::spawn(|_: OneWay| (), OneWay).unwrap().join() {
        Err(JoinError::Failed(error)) => {
            assert_eq!(error.kind(), ErrorKind::Uncalled);
            assert!(error.to_string().contains("decode an argument"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}
