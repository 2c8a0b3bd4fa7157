//! Queues, values and maps that a server has and others use.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use outlive::queue::messages::{GetError, PutError};
use outlive::remote::{Address, Remote, Server, ServerBuilder};
use outlive::{Error, ErrorKind, Event, Process, Queue};
use serde::{Deserialize, Serialize, Serializer};

use crate::child::PATIENCE;
use crate::deed::until;

use super::{AuthKey, Key, key};

/// How a process comes to a server.
type To = (Address, Key);

fn to(server: &Server) -> To {
    (server.address().clone(), key().as_bytes().to_vec())
}

fn reach((address, key): To) -> Remote {
    Remote::connect_timeout(address, &AuthKey::new(&key).unwrap(), PATIENCE).unwrap()
}

fn bind(builder: ServerBuilder) -> (Server, Remote) {
    let server = builder.bind(Address::Private, &key()).unwrap();
    let remote = reach(to(&server));
    (server, remote)
}

fn serve(queue: &Queue<u64>) -> (Server, Remote) {
    bind(Server::builder().queue("queue", queue.clone()))
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

/// Takes numbers until the queue is closed, and puts their squares.
fn square(to: To) -> u64 {
    let remote = reach(to);
    let mut jobs = remote.queue::<u64>("jobs").unwrap();
    let mut squares = remote.queue::<u64>("squares").unwrap();
    let mut count = 0;
    loop {
        match jobs.get() {
            Ok(job) => squares.put(&(job * job)).unwrap(),
            Err(GetError::Closed) => return count,
            Err(other) => panic!("{other}"),
        }
        count += 1;
    }
}

#[test]
fn processes_put_and_get_over_tcp_and_unix_sockets() {
    for address in [Address::from(("127.0.0.1", 0)), Address::Private] {
        let [jobs, squares] = [10, 10].map(|items| Queue::<u64>::new(items).unwrap());
        let builder = Server::builder().queue("jobs", jobs.clone());
        let builder = builder.queue("squares", squares.clone());
        let server = builder.bind(address, &key()).unwrap();
        let workers: Vec<_> = (0..3)
            .map(|_| Process::spawn(square, to(&server)).unwrap())
            .collect();
        let sum = std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..200).for_each(|job| jobs.put(&job).unwrap());
                jobs.close().unwrap();
            });
            (0..200).map(|_| squares.get().unwrap()).sum::<u64>()
        });
        assert_eq!(sum, (0..200).map(|job| job * job).sum());
        let counts = workers.into_iter().map(|worker| worker.join().unwrap());
        assert_eq!(counts.sum::<u64>(), 200);
        until(|| server.clients() == 0);
    }
}

#[test]
fn limits_end_where_there_is_nothing_or_no_room() {
    let queue = Queue::new(2).unwrap();
    let (_server, remote) = serve(&queue);
    let mut there = remote.queue::<u64>("queue").unwrap();
    let short = Duration::from_millis(20);
    assert!(matches!(there.try_get(), Err(GetError::Empty)));
    assert!(matches!(there.get_timeout(short), Err(GetError::Empty)));
    assert!(matches!(there.try_receive(), Err(GetError::Empty)));
    there.put(&1).unwrap();
    there.try_put(&2).unwrap();
    assert_eq!(there.len().unwrap(), 2);
    assert!(matches!(there.try_put(&3), Err(PutError::Full)));
    assert!(matches!(there.put_timeout(&3, short), Err(PutError::Full)));
    let instant = Instant::now() + short;
    assert!(matches!(
        there.put_deadline(&3, instant),
        Err(PutError::Full)
    ));
    assert_eq!(queue.get().unwrap(), 1);
    there.put_deadline(&3, Instant::now() + PATIENCE).unwrap();
    assert!(!there.is_closed().unwrap());
    there.close().unwrap();
    assert!(there.is_closed().unwrap() && queue.is_closed());
    assert!(matches!(there.put(&4), Err(PutError::Closed)));
    assert_eq!(there.get_timeout(PATIENCE).unwrap(), 2);
    assert_eq!(there.try_get().unwrap(), 3);
    assert!(matches!(there.get(), Err(GetError::Closed)));
    assert!(there.is_empty().unwrap());
}

#[test]
fn waits_longer_than_a_slice_end_when_something_comes() {
    let queue = Queue::new(1).unwrap();
    let (_server, remote) = serve(&queue);
    let mut there = remote.queue::<u64>("queue").unwrap();
    std::thread::scope(|scope| {
        let got = scope.spawn(|| there.get_timeout(PATIENCE));
        std::thread::sleep(Duration::from_millis(350));
        queue.put(&5).unwrap();
        assert_eq!(got.join().unwrap().unwrap(), 5);
    });
}

/// Takes a message, says so, and stays.
fn take_and_stay((to, taken): (To, Event)) {
    let remote = reach(to);
    let mut queue = remote.queue::<u64>("queue").unwrap();
    let delivery = queue.receive().unwrap();
    taken.set().unwrap();
    std::thread::sleep(Duration::from_secs(600));
    drop(delivery);
}

#[test]
fn what_a_killed_client_had_taken_is_delivered_again() {
    let queue = Queue::new(2).unwrap();
    let (server, _) = serve(&queue);
    queue.put(&7).unwrap();
    let taken = Event::new().unwrap();
    let process = Process::spawn(take_and_stay, (to(&server), taken.clone())).unwrap();
    assert!(taken.wait_timeout(PATIENCE).unwrap());
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    process.kill().unwrap();
    let again = queue.receive_timeout(PATIENCE).unwrap();
    assert_eq!((*again, again.deliveries()), (7, 2));
}

#[test]
fn a_delivery_is_dealt_with_or_given_back() {
    let queue = Queue::new(2).unwrap();
    let (_server, remote) = serve(&queue);
    let mut there = remote.queue::<u64>("queue").unwrap();
    queue.put(&7).unwrap();
    let delivery = there.receive().unwrap();
    assert_eq!((*delivery, delivery.deliveries()), (7, 1));
    delivery.nack();
    let delivery = there.receive_timeout(PATIENCE).unwrap();
    assert_eq!((*delivery, delivery.deliveries()), (7, 2));
    assert_eq!(delivery.ack().unwrap(), 7);
    queue.put(&8).unwrap();
    drop(there.receive().unwrap());
    assert!(matches!(there.try_get(), Err(GetError::Empty)));
    queue.put(&9).unwrap();
    assert_eq!(there.get().unwrap(), 9);
    assert!(there.is_empty().unwrap());
}

/// Whether a [`Touchy`] panics where it is to be written.
static IS_TOUCHED: AtomicBool = AtomicBool::new(false);

#[derive(Debug, PartialEq, Deserialize)]
struct Touchy(u32);

impl Serialize for Touchy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(!IS_TOUCHED.load(Ordering::Relaxed), "not now");
        serializer.serialize_newtype_struct("Touchy", &self.0)
    }
}

#[test]
fn what_panics_on_its_way_to_a_client_is_delivered_again() {
    let queue = Queue::new(2).unwrap();
    let (_server, remote) = bind(Server::builder().queue("queue", queue.clone()));
    let mut there = remote.queue::<Touchy>("queue").unwrap();
    queue.put(&Touchy(7)).unwrap();
    IS_TOUCHED.store(true, Ordering::Relaxed);
    let lost = there.try_get();
    IS_TOUCHED.store(false, Ordering::Relaxed);
    assert!(matches!(lost, Err(GetError::Broken(_))), "{lost:?}");
    let again = queue.receive_timeout(PATIENCE).unwrap();
    assert_eq!((&*again, again.deliveries()), (&Touchy(7), 2));
}

fn serve_and_look((): ()) -> Vec<bool> {
    let (_server, remote) = serve(&Queue::new(1).unwrap());
    let _queue = remote.queue::<u64>("queue").unwrap();
    let mut leave_alone = Vec::new();
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let read = |what| std::fs::read_to_string(task.path().join(what)).unwrap_or_default();
        if read("comm").trim() == "outlive-remote" {
            let status = read("status");
            let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
            let blocked = u64::from_str_radix(blocked.unwrap_or_default().trim(), 16);
            // SIGTERM is one that can be blocked.
            leave_alone.push(blocked.is_ok_and(|blocked| blocked & (1 << 14) != 0));
        }
    }
    leave_alone
}

#[test]
fn signals_are_for_the_programs_own_threads() {
    let leave_alone = Process::spawn(serve_and_look, ()).unwrap().join().unwrap();
    // Who accepts, and who serves the client; of the one before, perhaps, too.
    assert!(
        leave_alone.len() >= 2 && leave_alone.iter().all(|it| *it),
        "{leave_alone:?}"
    );
}

/// Waits for what never comes.
fn wait_in_vain((to, begun): (To, Event)) {
    let mut queue = reach(to).queue::<u64>("queue").unwrap();
    begun.set().unwrap();
    queue.get().unwrap();
}

#[test]
fn the_wait_of_a_killed_client_ends_and_takes_nothing() {
    let queue = Queue::new(2).unwrap();
    let (server, _) = serve(&queue);
    let begun = Event::new().unwrap();
    let process = Process::spawn(wait_in_vain, (to(&server), begun.clone())).unwrap();
    assert!(begun.wait_timeout(PATIENCE).unwrap());
    until(|| server.clients() == 1);
    process.kill().unwrap();
    until(|| server.clients() == 0);
    queue.put(&1).unwrap();
    assert_eq!(queue.try_get().unwrap(), 1);
}

/// Does all jobs that it gets, and is killed now and then.
fn work(to: To) {
    let remote = reach(to);
    let mut jobs = remote.queue::<u64>("jobs").unwrap();
    let mut done = remote.queue::<u64>("done").unwrap();
    while let Ok(job) = jobs.receive() {
        done.put(&job).unwrap();
        job.ack().unwrap();
    }
}

#[test]
fn no_job_is_lost_while_workers_are_killed() {
    const JOBS: u64 = 400;
    let [jobs, done] = [1000, 1000].map(|items| Queue::<u64>::new(items).unwrap());
    let builder = Server::builder().queue("jobs", jobs.clone());
    let (server, _) = bind(builder.queue("done", done.clone()));
    (0..JOBS).for_each(|job| jobs.put(&job).unwrap());
    let start = || Process::spawn(work, to(&server)).unwrap();
    let mut workers: Vec<_> = (0..3).map(|_| start()).collect();
    let (mut seen, mut twice) = (BTreeSet::new(), 0);
    while (seen.len() as u64) < JOBS {
        let job: u64 = done.get_timeout(PATIENCE).unwrap();
        twice += u64::from(!seen.insert(job));
        if (seen.len() as u64 + twice).is_multiple_of(40) {
            let victim = workers.remove(0);
            victim.kill().unwrap();
            workers.push(start());
        }
    }
    // Each death can have one job done twice.
    assert!(twice <= 3 * JOBS / 40, "{twice}");
    jobs.close().unwrap();
    workers.into_iter().for_each(|one| one.join().unwrap());
}

#[test]
fn values_and_maps_are_changed_as_a_whole_by_many() {
    fn add((to, count): (To, u64)) {
        let remote = reach(to);
        let mut total = remote.value::<(u64, String)>("total").unwrap();
        let mut map = remote.map::<String, u64>("map").unwrap();
        for _ in 0..count {
            total
                .update(|(total, _)| (total + 1, format!("{total:>7}")))
                .unwrap();
            let key = "count".to_owned();
            map.update(&key, |count| Some(count.copied().unwrap_or(0) + 1))
                .unwrap();
        }
    }
    let total = Arc::new(Mutex::new((0_u64, String::new())));
    let builder = Server::builder().value("total", Arc::clone(&total));
    let (server, remote) = bind(builder.map("map", Mutex::new(HashMap::<String, u64>::new())));
    let adders: Vec<_> = (0..3)
        .map(|_| Process::spawn(add, (to(&server), 50)).unwrap())
        .collect();
    for _ in 0..50 {
        total.lock().unwrap().0 += 1;
    }
    adders.into_iter().for_each(|adder| adder.join().unwrap());
    assert_eq!(total.lock().unwrap().0, 200);
    let mut map = remote.map::<String, u64>("map").unwrap();
    assert_eq!(map.get(&"count".to_owned()).unwrap(), Some(150));
}

#[test]
fn a_value_is_exchanged_only_for_what_it_is() {
    let value = Arc::new(Mutex::new(1_u32));
    let builder = Server::builder().value("value", Arc::clone(&value));
    let (_server, remote) = bind(builder.value("nan", Mutex::new(f64::NAN)));
    let mut there = remote.value::<u32>("value").unwrap();
    assert_eq!(there.get().unwrap(), 1);
    there.set(&2).unwrap();
    assert_eq!(there.compare_exchange(&1, &3).unwrap(), Err(2));
    assert_eq!(there.compare_exchange(&2, &3).unwrap(), Ok(()));
    assert_eq!(there.update(|value| value + 1).unwrap(), 4);
    assert_eq!(*value.lock().unwrap(), 4);
    let mut nan = remote.value::<f64>("nan").unwrap();
    assert_eq!(kind(nan.update(|_| 1.0)), ErrorKind::InvalidInput);
    nan.set(&1.0).unwrap();
    assert_eq!(nan.update(|one| one + 1.0).unwrap(), 2.0);
}

#[test]
fn a_map_does_what_maps_do() {
    let map = Arc::new(Mutex::new(HashMap::<String, Vec<u8>>::new()));
    let (_server, remote) = bind(Server::builder().map("map", Arc::clone(&map)));
    let mut there = remote.map::<String, Vec<u8>>("map").unwrap();
    let [a, b] = ["a", "b"].map(str::to_owned);
    assert!(there.is_empty().unwrap());
    assert_eq!(there.insert(&a, &vec![1]).unwrap(), None);
    assert_eq!(there.insert(&a, &vec![2]).unwrap(), Some(vec![1]));
    assert_eq!(there.get(&a).unwrap(), Some(vec![2]));
    assert_eq!(there.get(&b).unwrap(), None);
    let (two, three) = (vec![2], vec![3]);
    let exchanged = there.compare_exchange(&a, None, Some(&three)).unwrap();
    assert_eq!(exchanged, Err(Some(vec![2])));
    there
        .compare_exchange(&a, Some(&two), Some(&three))
        .unwrap()
        .unwrap();
    there
        .compare_exchange(&b, None, Some(&two))
        .unwrap()
        .unwrap();
    assert_eq!(there.len().unwrap(), 2);
    let mut keys = there.keys().unwrap();
    keys.sort();
    assert_eq!(keys, [a.clone(), b.clone()]);
    assert_eq!(there.snapshot().unwrap(), *map.lock().unwrap());
    there
        .compare_exchange(&b, Some(&two), None)
        .unwrap()
        .unwrap();
    assert_eq!(there.remove(&a).unwrap(), Some(three));
    assert!(map.lock().unwrap().is_empty());
    there.insert(&b, &two).unwrap();
    there.clear().unwrap();
    assert!(there.is_empty().unwrap());
}

#[test]
fn a_lock_whose_holder_panicked_is_no_reason_to_serve_no_more() {
    let value = Arc::new(Mutex::new(1_u32));
    let (_server, remote) = bind(Server::builder().value("value", Arc::clone(&value)));
    let panicked = std::thread::spawn(move || {
        let _held = value.lock().unwrap();
        panic!("with the lock");
    });
    assert!(panicked.join().is_err());
    assert_eq!(remote.value::<u32>("value").unwrap().get().unwrap(), 1);
}

#[test]
fn names_and_types_must_be_the_servers() {
    let queue = Queue::<u64>::new(1).unwrap();
    let (_server, remote) = bind(
        Server::builder()
            .queue("queue", queue.clone())
            .value("value", Mutex::new(0_u8)),
    );
    assert_eq!(remote.names().unwrap(), ["queue", "value"]);
    assert_eq!(kind(remote.queue::<u64>("other")), ErrorKind::NotFound);
    let wrong = remote.queue::<u32>("queue").unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::WrongType);
    assert!(wrong.to_string().contains("queue of u64"), "{wrong}");
    assert_eq!(kind(remote.value::<u64>("queue")), ErrorKind::WrongType);
    assert_eq!(kind(remote.map::<u8, u8>("value")), ErrorKind::WrongType);
    let twice = Server::builder().queue("queue", queue.clone());
    let twice = twice.queue("queue", queue).bind(Address::Private, &key());
    assert_eq!(kind(twice), ErrorKind::InvalidInput);
}

#[test]
fn who_has_another_key_is_not_served() {
    let (server, _) = serve(&Queue::new(1).unwrap());
    let other = AuthKey::random().unwrap();
    let refused = Remote::connect_timeout(server.address(), &other, PATIENCE);
    assert_eq!(kind(refused), ErrorKind::Unauthorized);
}

#[test]
fn there_are_as_many_clients_as_the_server_takes() {
    let builder = Server::builder().queue("queue", Queue::<u64>::new(9).unwrap());
    let (server, remote) = bind(builder.clients(2));
    until(|| server.clients() == 0);
    let mut one = remote.queue::<u64>("queue").unwrap();
    let two = remote.queue::<u64>("queue").unwrap();
    assert_eq!(kind(remote.queue::<u64>("queue")), ErrorKind::Full);
    one.put(&1).unwrap();
    drop(two);
    until(|| server.clients() == 1);
    remote.queue::<u64>("queue").unwrap().put(&2).unwrap();
}

#[test]
fn messages_of_clients_have_a_bound() {
    let queue = Queue::<Vec<u8>>::options(4).bytes(1 << 20);
    let queue = queue.anonymous().unwrap();
    let builder = Server::builder().queue("queue", queue.clone());
    let (_server, remote) = bind(builder.max_message(1000));
    let mut there = remote.queue::<Vec<u8>>("queue").unwrap();
    let refused = there.put(&vec![1; 2000]);
    assert!(matches!(refused, Err(PutError::Broken(_))), "{refused:?}");
    there.put(&vec![2; 100]).unwrap();
    assert_eq!(there.get().unwrap(), [2; 100]);
    // What is too long for the way stays where it is.
    queue.put(&vec![3; 2000]).unwrap();
    assert!(matches!(there.get(), Err(GetError::Broken(_))));
    assert_eq!(queue.get().unwrap(), [3; 2000]);
    queue.put(&vec![4]).unwrap();
    assert_eq!(there.get().unwrap(), [4]);
}

#[test]
fn what_the_queue_has_no_bytes_for_is_refused() {
    let queue = Queue::<Vec<u8>>::options(4)
        .bytes(4096)
        .anonymous()
        .unwrap();
    let (_server, remote) = bind(Server::builder().queue("queue", queue));
    let mut there = remote.queue::<Vec<u8>>("queue").unwrap();
    let refused = there.put(&vec![1; 100_000]);
    assert!(matches!(refused, Err(PutError::TooLarge { .. })));
}

#[test]
fn a_shutdown_ends_waits_and_says_so_to_all() {
    let queue = Queue::new(1).unwrap();
    let (server, remote) = serve(&queue);
    let mut idle = remote.queue::<u64>("queue").unwrap();
    let mut waiting = remote.queue::<u64>("queue").unwrap();
    std::thread::scope(|scope| {
        let waited = scope.spawn(|| waiting.get());
        until(|| server.clients() == 2);
        server.shutdown();
        let Err(GetError::Broken(error)) = waited.join().unwrap() else {
            panic!("it got something");
        };
        assert_eq!(error.kind(), ErrorKind::Disconnected);
    });
    assert_eq!(server.clients(), 0);
    server.shutdown();
    for _ in 0..2 {
        assert_eq!(kind(idle.len()), ErrorKind::Disconnected);
    }
    assert_eq!(kind(remote.names()), ErrorKind::NotFound);
    drop(server);
    // The queue is as it was.
    queue.put(&1).unwrap();
    assert_eq!(queue.get().unwrap(), 1);
}

#[test]
fn dropping_a_server_ends_it_too() {
    let (server, remote) = serve(&Queue::new(1).unwrap());
    let mut there = remote.queue::<u64>("queue").unwrap();
    drop(server);
    assert!(matches!(there.get(), Err(GetError::Broken(_))));
    until(|| {
        remote
            .names()
            .is_err_and(|e| e.kind() == ErrorKind::NotFound)
    });
}

/// Serves a queue until it is killed.
fn serve_and_stay((queue, told): (Queue<u64>, Queue<Address>)) {
    let (server, _) = serve(&queue);
    told.put(server.address()).unwrap();
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn the_death_of_a_server_is_an_error_and_its_queue_lives_on() {
    let (queue, told) = (Queue::new(4).unwrap(), Queue::new(1).unwrap());
    let process = Process::spawn(serve_and_stay, (queue.clone(), told.clone())).unwrap();
    let address = told.get_timeout(PATIENCE).unwrap();
    let remote = Remote::connect_timeout(address, &key(), PATIENCE).unwrap();
    let mut there = remote.queue::<u64>("queue").unwrap();
    let mut waiting = remote.queue::<u64>("queue").unwrap();
    there.put(&1).unwrap();
    let delivery = there.receive().unwrap();
    std::thread::scope(|scope| {
        let waited = scope.spawn(|| waiting.get());
        process.kill().unwrap();
        assert!(matches!(waited.join().unwrap(), Err(GetError::Broken(_))));
    });
    // The server took it out, and so it comes again.
    assert_eq!(queue.get_timeout(PATIENCE).unwrap(), 1);
    drop(delivery);
    assert_eq!(kind(there.len()), ErrorKind::Disconnected);
    assert_eq!(kind(remote.queue::<u64>("queue")), ErrorKind::NotFound);
}
