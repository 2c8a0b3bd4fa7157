//! Looking from outside: every object's state, of the living and the dead, and nothing is touched.

use std::fs;
use std::path::Path;

use outlive::inspect::{Snapshot, State, find, find_anonymous};
use outlive::queue::{mpmc, pipe, spsc};
use outlive::sync::LockError;
use outlive::{
    Array, AtomicArray, Barrier, Condition, ErrorKind, Event, Lock, Queue, RLock, RwLock, Segment,
    SegmentOptions, Semaphore, Value,
};

use super::child::{Child, Role, pause, say};
use super::segment::Folder;

pub const ROLES: &[(&str, Role)] = &[("hold one of each", |segment, _| {
    let lock = Lock::open(segment, "lock").unwrap();
    let _lock = lock.lock().unwrap();
    let rlock = RLock::open(segment, "rlock").unwrap();
    let _rlock = (rlock.lock().unwrap(), rlock.lock().unwrap());
    let rwlock = RwLock::open(segment, "rwlock").unwrap();
    let _read = (rwlock.read().unwrap(), rwlock.read().unwrap());
    let written = RwLock::open(segment, "written").unwrap();
    let _write = written.write().unwrap();
    let semaphore = Semaphore::open(segment, "semaphore").unwrap();
    let _permits = semaphore.acquire_many(2).unwrap();
    let many = Semaphore::open(segment, "many").unwrap();
    let _many = many.acquire_many(1500).unwrap();
    let array = Array::<u64>::open(segment, "array").unwrap();
    let _array = array.lock().unwrap();
    let queue = Queue::<String>::open(segment, "queue").unwrap();
    let _delivery = queue.receive().unwrap();
    let ring = spsc::Spsc::<u64>::open(segment, "spsc").unwrap();
    let _end = ring.consumer().unwrap();
    let barrier = Barrier::open(segment, "barrier").unwrap();
    let condition = Condition::open(segment, "condition").unwrap();
    let below = Lock::open(segment, "below").unwrap();
    std::thread::scope(|threads| {
        threads.spawn(|| barrier.wait());
        threads.spawn(|| condition.wait(below.lock().unwrap()));
        while barrier.n_waiting() == 0 || condition.waiting() == 0 {
            std::thread::yield_now();
        }
        say("held");
        pause();
    });
})];

/// A segment with an object of each kind, and a child that holds what can be held.
struct World {
    segment: Segment,
    child: Child,
    _objects: Vec<Box<dyn std::any::Any>>,
}

impl World {
    fn new(folder: &Folder) -> Self {
        let segment = folder
            .options()
            .size(1 << 20)
            .label("test")
            .create("all")
            .unwrap();
        let at = &segment;
        let queue = Queue::<String>::create(at, "queue", 8).unwrap();
        queue.put(&"one".to_owned()).unwrap();
        queue.put(&"two".to_owned()).unwrap();
        let mpmc = mpmc::Mpmc::<u64>::create(at, "mpmc", 4).unwrap();
        mpmc.put(1).unwrap();
        mpmc.put(2).unwrap();
        mpmc.get().unwrap();
        let ring = spsc::Spsc::<u64>::create(at, "spsc", 8).unwrap();
        ring.producer().unwrap().push(7).unwrap();
        let event = Event::create(at, "event").unwrap();
        event.set().unwrap();
        let objects: Vec<Box<dyn std::any::Any>> = vec![
            Box::new(Lock::create(at, "lock").unwrap()),
            Box::new(RLock::create(at, "rlock").unwrap()),
            Box::new(RwLock::create(at, "rwlock").unwrap()),
            Box::new(RwLock::create(at, "written").unwrap()),
            Box::new(Semaphore::create(at, "semaphore", 3).unwrap()),
            Box::new(Semaphore::create(at, "many", 2000).unwrap()),
            Box::new(Barrier::create(at, "barrier", 2).unwrap()),
            Box::new(Condition::create(at, "condition").unwrap()),
            Box::new(Lock::create(at, "below").unwrap()),
            Box::new(Value::create(at, "value", 5_u64).unwrap()),
            Box::new(Array::<u64>::create(at, "array", 4).unwrap()),
            Box::new(AtomicArray::<u64>::create(at, "atomics", 4).unwrap()),
            Box::new(pipe::Pipe::<u64>::create(at, "pipe", 1 << 10).unwrap()),
            Box::new((queue, mpmc, ring, event)),
        ];
        let child = Child::start(at, "hold one of each", "");
        child.expect("held");
        Self {
            segment,
            child,
            _objects: objects,
        }
    }

    fn look(&self) -> Snapshot {
        Snapshot::at(self.segment.path().unwrap()).unwrap()
    }
}

/// What the object called `name` says of itself, as JSON-like text that the test compares.
fn state(snapshot: &Snapshot, name: &str) -> State {
    snapshot.object(name).unwrap().state.clone()
}

#[test]
fn a_look_tells_what_everybody_holds() {
    let folder = Folder::new("look");
    let world = World::new(&folder);
    let pid = world.child.pid();
    let seen = world.look();
    assert_eq!(seen.participants.len(), 2);
    assert_eq!(seen.living().count(), 2);
    assert!(seen.participants.iter().all(|who| !who.is_me));
    assert_eq!(seen.size, world.segment.size());
    assert_eq!(seen.free, world.segment.free().unwrap());
    assert_eq!(seen.creator, std::process::id());
    assert_eq!(seen.bookkeeper, None);
    assert!(seen.recoveries.is_empty());
    let named: Vec<_> = seen.objects.iter().map(|o| o.name.clone()).collect();
    let known = world.segment.objects().unwrap();
    assert_eq!(
        named,
        known.iter().map(|o| o.name.clone()).collect::<Vec<_>>()
    );

    let is_child = |who: &Option<outlive::inspect::Who>| {
        who.as_ref()
            .is_some_and(|who| who.pid == pid && who.is_alive)
    };
    let counts = |held: &[outlive::inspect::Holder]| -> Vec<(u32, u64)> {
        held.iter().map(|held| (held.who.pid, held.count)).collect()
    };
    match state(&seen, "lock") {
        State::Lock {
            owner,
            marked,
            died,
            ..
        } => {
            assert!(is_child(&owner) && !marked && died.is_none());
        }
        other => panic!("{other:?}"),
    }
    match state(&seen, "rlock") {
        State::RLock { owner, depth, .. } => assert!(is_child(&owner) && depth == 2),
        other => panic!("{other:?}"),
    }
    match state(&seen, "rwlock") {
        State::RwLock {
            writer, readers, ..
        } => {
            assert_eq!((writer, counts(&readers)), (None, vec![(pid, 2)]));
        }
        other => panic!("{other:?}"),
    }
    match state(&seen, "written") {
        State::RwLock {
            writer, readers, ..
        } => assert!(is_child(&writer) && readers.is_empty()),
        other => panic!("{other:?}"),
    }
    for (name, whole, left, taken) in [("semaphore", 3, 1, 2), ("many", 2000, 500, 1500)] {
        match state(&seen, name) {
            State::Semaphore {
                capacity,
                free,
                permits,
                ..
            } => {
                assert_eq!((free, counts(&permits)), (left, vec![(pid, taken)]));
                assert!(capacity >= whole, "{capacity}");
            }
            other => panic!("{other:?}"),
        }
    }
    match state(&seen, "event") {
        State::Event { is_set, .. } => assert!(is_set),
        other => panic!("{other:?}"),
    }
    match state(&seen, "barrier") {
        State::Barrier {
            parties,
            arrived,
            is_broken,
            ..
        } => {
            assert_eq!((parties, arrived.len(), is_broken), (2, 1, false));
            assert_eq!(arrived[0].pid, pid);
        }
        other => panic!("{other:?}"),
    }
    match state(&seen, "condition") {
        State::Condition {
            waiting, notified, ..
        } => {
            assert_eq!((waiting.len(), waiting[0].pid, notified.len()), (1, pid, 0));
        }
        other => panic!("{other:?}"),
    }
    match state(&seen, "value") {
        State::Value { owner, .. } => assert_eq!(owner, None),
        other => panic!("{other:?}"),
    }
    match state(&seen, "array") {
        State::Array { owner, .. } => assert!(is_child(&owner)),
        other => panic!("{other:?}"),
    }
    assert!(matches!(state(&seen, "atomics"), State::AtomicArray { .. }));
    match state(&seen, "spsc") {
        State::Ring {
            capacity,
            depth,
            put,
            consumer,
            is_closed,
            ..
        } => {
            assert_eq!((capacity, depth, put, is_closed), (8, 1, 1, false));
            assert!(is_child(&consumer.who));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(state(&seen, "pipe"), State::Ring { depth: 0, .. }));
    match state(&seen, "mpmc") {
        State::Queue {
            capacity,
            depth,
            put,
            taken,
            ..
        } => {
            assert_eq!((capacity, depth, put, taken), (4, 1, 2, 1));
        }
        other => panic!("{other:?}"),
    }
    match state(&seen, "queue") {
        State::Queue {
            capacity,
            depth,
            put,
            taking,
            putting,
            ..
        } => {
            assert_eq!((capacity, depth, put), (8, 1, 2));
            assert_eq!((counts(&taking), putting.len()), (vec![(pid, 1)], 0));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_look_changes_no_byte_and_repairs_nothing() {
    let folder = Folder::new("untouched");
    let mut world = World::new(&folder);
    let path = world.segment.path().unwrap().to_owned();
    world.child.kill();
    let before = fs::read(&path).unwrap();
    let seen = world.look();
    let dead: Vec<_> = seen
        .participants
        .iter()
        .filter(|who| !who.is_alive)
        .collect();
    assert_eq!(dead.len(), 1, "{:?}", seen.participants);
    match state(&seen, "lock") {
        State::Lock { owner, marked, .. } => assert!(!owner.unwrap().is_alive && !marked),
        other => panic!("{other:?}"),
    }
    assert!(
        fs::read(&path).unwrap() == before,
        "the look wrote something"
    );

    // Now somebody takes over, and the next look tells it.
    let lock = Lock::open(&world.segment, "lock").unwrap();
    let Err(LockError::OwnerDied(died)) = lock.lock() else {
        panic!("the death was not told");
    };
    match state(&world.look(), "lock") {
        State::Lock {
            owner,
            marked,
            died,
            ..
        } => {
            assert_eq!(owner.unwrap().pid, std::process::id());
            let died = died.unwrap();
            assert_eq!(died.pid, world.child.pid());
            assert_eq!(died.heir, Some(std::process::id()));
            assert!(marked);
        }
        other => panic!("{other:?}"),
    }
    drop(died.repaired());
    world.segment.reap().unwrap();
    let seen = world.look();
    assert_eq!(seen.participants.len(), 1);
    assert_eq!(seen.recoveries.len(), 1);
    match state(&seen, "lock") {
        State::Lock {
            owner,
            marked,
            died,
            ..
        } => {
            assert_eq!((owner, marked), (None, false));
            let died = died.unwrap();
            assert_eq!(died.pid, world.child.pid(), "it stays as history");
            assert_eq!(died.heir, Some(std::process::id()));
        }
        other => panic!("{other:?}"),
    }
    // The repair frees what nobody waits for.
    for name in ["rlock", "written", "array"] {
        match state(&seen, name) {
            State::RLock { died, marked, .. }
            | State::RwLock { died, marked, .. }
            | State::Array { died, marked, .. } => {
                let died = died.unwrap();
                assert_eq!((died.pid, died.heir), (world.child.pid(), None), "{name}");
                assert_eq!(died.label, "child");
                assert!(marked);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn who_looks_needs_no_slot_and_no_right_to_write() {
    let folder = Folder::new("full");
    let segment = folder.options().participants(1).create("full").unwrap();
    let path = segment.path().unwrap();
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o400)).unwrap();
    let _child_would_not_fit = segment.participants();
    assert_eq!(Snapshot::at(path).unwrap().participants.len(), 1);
    assert_eq!(segment.participants().len(), 1);
}

#[test]
fn what_is_no_segment_is_said_to_be_none() {
    let folder = Folder::new("none");
    let path = |name: &str| folder.path().join(format!("outlive.{name}"));
    fs::write(path("empty"), b"").unwrap();
    fs::write(path("blank"), vec![0; 1 << 16]).unwrap();
    fs::write(path("garbage"), vec![0xA5; 1 << 16]).unwrap();
    fs::create_dir(path("folder")).unwrap();
    std::os::unix::fs::symlink(path("garbage"), path("link")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(path("fifo"))
        .status();
    assert!(made.unwrap().success());
    let found = find(Some(folder.path())).unwrap();
    let names: Vec<_> = found.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(
        names,
        ["blank", "empty", "fifo", "folder", "garbage", "link"]
    );
    for found in found {
        let refused = Snapshot::at(&found.path).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::NotASegment, "{refused}");
    }
    let gone = Snapshot::at(&path("gone")).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    assert!(find(Some(Path::new("/nowhere/at/all"))).is_err());
}

#[test]
fn garbage_in_an_object_is_a_state_too() {
    let folder = Folder::new("scribbled");
    let world = World::new(&folder);
    let path = world.segment.path().unwrap().to_owned();
    let whole = fs::read(&path).unwrap();
    let objects = world.look().objects;
    let copy = folder.path().join("outlive.copy");
    for fill in [0x00, 0x5A, 0xFF] {
        for object in &objects {
            let mut bytes = whole.clone();
            let at = usize::try_from(object.offset).unwrap();
            let len = usize::try_from(object.bytes).unwrap();
            bytes[at..at + len].fill(fill);
            fs::write(&copy, &bytes).unwrap();
            let seen = Snapshot::at(&copy).unwrap();
            assert_eq!(seen.objects.len(), objects.len());
        }
    }
    // And in everything behind the header, a page at a time.
    for page in (128..whole.len()).step_by(4096) {
        let mut bytes = whole.clone();
        let end = bytes.len().min(page + 4096);
        bytes[page..end].fill(0xA5);
        fs::write(&copy, &bytes).unwrap();
        Snapshot::at(&copy).unwrap();
    }
}

#[test]
fn segments_without_a_name_are_found_at_their_processes() {
    let segment = SegmentOptions::new().label("nameless").anonymous().unwrap();
    // No other run of this test has it.
    let name = format!("here {}", std::process::id());
    let _value = Value::create(&segment, &name, 1_u8).unwrap();
    let found = find_anonymous().unwrap();
    let mine = found
        .iter()
        .filter_map(|found| Snapshot::at(&found.path).ok());
    let mut mine = mine.filter(|seen| seen.object(&name).is_some());
    let seen = mine.next().expect("found");
    assert_eq!(seen.creator, std::process::id());
    assert_eq!(mine.next(), None, "found once");
}
