//! Sockets: killed before every packet of messages, with descriptors and without, and in closing.

use std::fs::File;
use std::sync::Mutex;
use std::time::Duration;

use outlive::queue::socket::{Connection, Fd, RecvError, SendError, pair};

use super::sweep::sweep;
use crate::Law;
use crate::crowd::{End, Forked};

type Message = (u64, Vec<Fd<File>>);
type Here = Connection<u64, Message>;
type There = Connection<Message, u64>;
type Ends = Mutex<Option<(Here, There)>>;

/// Longer than survivors may need.
const LIMIT: Duration = Duration::from_millis(900);
/// Descriptors of a message of two packets.
const MANY: usize = 300;

pub const LAWS: &[Law] = &[
    ("socket::a_death_in_send_leaves_whole_messages", || {
        let before = open_fds();
        let deaths = sweep(
            |_| ends(),
            |_, ends| {
                let (_here, mut there) = ends.lock().unwrap().take().unwrap();
                there.send(&message(1, 1)).unwrap();
                there.send(&message(2, MANY)).unwrap();
                there.send(&message(3, 0)).unwrap();
                there.close().unwrap();
            },
            |_, ends, end| {
                let (mut here, there) = ends.lock().unwrap().take().unwrap();
                drop(there);
                let mut came = Vec::new();
                let end_of_file = loop {
                    match here.recv_timeout(LIMIT) {
                        Ok((number, files)) => came.push((number, files.len())),
                        Err(end) => break end,
                    }
                };
                assert!(matches!(end_of_file, RecvError::Disconnected));
                let all = [(1, 1), (2, MANY), (3, 0)];
                assert_eq!(came, all[..came.len()]);
                assert!(end == End::Killed || came.len() == 3, "finished and lost");
                assert!(matches!(here.send(&1), Err(SendError::Disconnected)));
            },
        );
        // Four packets, and both directions.
        assert_eq!(deaths, 6);
        assert_eq!(open_fds(), before);
    }),
    ("socket::a_death_in_the_middle_is_passed_over", || {
        // By a receiver that goes on with the next sender by the same end.
        sweep(
            |_| ends(),
            |_, ends| {
                let (_here, mut there) = ends.lock().unwrap().take().unwrap();
                there.send(&message(1, MANY)).unwrap();
            },
            |_, ends, end| {
                let (mut here, mut there) = ends.lock().unwrap().take().unwrap();
                let heir = Forked::start(|| u8::from(there.send(&message(2, 3)).is_err())).wait();
                assert_eq!(heir, End::Exited(0));
                let (mut number, mut files) = here.recv_timeout(LIMIT).unwrap();
                if number == 1 {
                    assert!(end != End::Killed && files.len() == MANY);
                    (number, files) = here.recv_timeout(LIMIT).unwrap();
                }
                assert_eq!((number, files.len()), (2, 3));
                drop(there);
                assert!(matches!(
                    here.recv_timeout(LIMIT),
                    Err(RecvError::Disconnected)
                ));
            },
        );
    }),
];

fn ends() -> Ends {
    Mutex::new(Some(pair().unwrap()))
}

fn message(number: u64, count: usize) -> Message {
    let file = || Fd(File::open("/dev/null").unwrap());
    (number, (0..count).map(|_| file()).collect())
}

fn open_fds() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
