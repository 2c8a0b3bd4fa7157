//! Deadlocks: found, told, and never invented.

use std::time::{Duration, Instant};

use outlive::segment::{Deadlock, Wait};
use outlive::sync::LockError;
use outlive::{
    Array, ErrorKind, Event, Lock, Process, RLock, RwLock, Segment, SegmentOptions, Value,
};
use rustix::process::Signal;

use super::child::{Child, PATIENCE, Role, pause, say};
use super::deed::until;

/// Longer than a circle has to stand, even where its members are slow to come.
const LIMIT: Duration = Duration::from_millis(800);

pub const ROLES: &[(&str, Role)] = &[
    // "b a": holds the first, then waits for the second until it is killed.
    ("hold one and wait for another", |segment, names| {
        let (own, other) = two(segment, names);
        let _guard = own.lock().unwrap();
        say("held");
        pause();
        let _other = other.lock();
    }),
    ("hold one and time out at another", |segment, names| {
        let (own, other) = two(segment, names);
        let _guard = own.lock().unwrap();
        say("held");
        pause();
        let end = other.lock_timeout(PATIENCE / 4);
        say(match end {
            Err(LockError::Deadlock(_)) => "a deadlock",
            Err(LockError::TimedOut) => "timed out",
            _ => "taken",
        });
        pause();
    }),
    ("hold and sleep", |segment, name| {
        let lock = Lock::open(segment, name).unwrap();
        let _guard = lock.lock().unwrap();
        say("held");
        pause();
    }),
    ("wait to be killed", |segment, name| {
        let lock = Lock::open(segment, name).unwrap();
        say("waiting");
        let _guard = lock.lock();
    }),
    ("value, then lock", |segment, name| {
        let value = Value::<[u64; 4]>::open(segment, "value").unwrap();
        let _guard = value.lock().unwrap();
        wait_for(segment, name);
    }),
    ("array, then lock", |segment, name| {
        let array = Array::<u32>::open(segment, "array").unwrap();
        let _guard = array.lock().unwrap();
        wait_for(segment, name);
    }),
    ("read and wait for a lock", |segment, names| {
        let (own, other) = names.split_once(' ').unwrap();
        let own = RwLock::open(segment, own).unwrap();
        let other = Lock::open(segment, other).unwrap();
        let _guard = own.read().unwrap();
        say("held");
        pause();
        let _other = other.lock();
    }),
];

/// In a child that holds something: says so, then waits for the lock until it is killed.
fn wait_for(segment: &Segment, name: &str) {
    say("held");
    pause();
    let lock = Lock::open(segment, name).unwrap();
    let _other = lock.lock();
}

fn kind_of<G>(end: Result<G, LockError<G>>) -> String {
    match end {
        Ok(_) => "taken".to_owned(),
        Err(LockError::Deadlock(circle)) => format!("a deadlock of {}", circle.waits().len()),
        Err(e) => format!("{e:?}"),
    }
}

fn two(segment: &Segment, names: &str) -> (Lock, Lock) {
    let (own, other) = names.split_once(' ').unwrap();
    let open = |name| Lock::open(segment, name).unwrap();
    (open(own), open(other))
}

fn watched() -> Segment {
    SegmentOptions::new()
        .detect_deadlocks(true)
        .label("test")
        .anonymous()
        .unwrap()
}

fn locks<const N: usize>(segment: &Segment, names: [&str; N]) -> [Lock; N] {
    names.map(|name| Lock::create(segment, name).unwrap())
}

/// Who waits for what, by pids and names.
fn circle(of: &Deadlock) -> Vec<(u32, Option<&str>, Option<u32>)> {
    let step = |wait: &Wait| wait.holder.as_ref().map(|holder| holder.pid);
    let waits = of.waits().iter();
    waits
        .map(|wait| (wait.pid, wait.name.as_deref(), step(wait)))
        .collect()
}

/// Waits until `count` waits are recorded, and gives them.
fn recorded(segment: &Segment, count: usize) -> Vec<Wait> {
    until(|| segment.waits().unwrap().len() == count);
    segment.waits().unwrap()
}

#[test]
fn a_timed_form_that_ends_in_a_circle_of_two_tells_it_by_names() {
    let segment = watched();
    let [a, b] = locks(&segment, ["a", "b"]);
    let _a = a.lock().unwrap();
    let mut child = Child::start(&segment, "hold one and wait for another", "b a");
    child.expect("held");
    child.go_on();
    recorded(&segment, 1);
    let Err(LockError::Deadlock(found)) = b.lock_timeout(LIMIT) else {
        panic!("no deadlock")
    };
    let (me, other) = (std::process::id(), child.pid());
    assert_eq!(
        circle(&found),
        [(me, Some("b"), Some(other)), (other, Some("a"), Some(me))]
    );
    assert!(found.waits()[0].age >= LIMIT);
    let told = found.to_string();
    assert!(told.contains("for Lock `a`, which process"), "{told}");
    assert!(
        told.contains("`test`") && told.contains("`child`"),
        "{told}"
    );
    let error = outlive::Error::from(b.lock_deadline(Instant::now() + LIMIT).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Deadlock);
    assert!(error.to_string().contains("one order"), "{error}");
    assert!(
        segment.deadlocks().unwrap().is_empty(),
        "nobody waits for b"
    );
    child.kill();
    drop(
        b.lock_timeout(PATIENCE)
            .or_else(|e| e.repair(|_| ()))
            .unwrap(),
    );
    assert!(segment.waits().unwrap().is_empty());
}

#[test]
fn a_circle_of_three_is_seen_by_who_is_not_in_it() {
    let segment = watched();
    let _locks = locks(&segment, ["a", "b", "c"]);
    let mut children = ["a b", "b c", "c a"]
        .map(|names| Child::start(&segment, "hold one and wait for another", names));
    children.iter().for_each(|child| child.expect("held"));
    let pids = children.each_ref().map(Child::pid);
    assert!(segment.deadlocks().unwrap().is_empty());
    children.iter_mut().for_each(Child::go_on);
    until(|| !segment.deadlocks().unwrap().is_empty());
    let found = segment.deadlocks().unwrap();
    assert_eq!(found.len(), 1);
    let told = circle(&found[0]);
    let first = pids.iter().position(|pid| *pid == told[0].0).unwrap();
    for (step, (pid, name, holder)) in told.iter().enumerate() {
        let at = (first + step) % 3;
        let next = (at + 1) % 3;
        assert_eq!(
            (*pid, *name, *holder),
            (pids[at], Some(["b", "c", "a"][at]), Some(pids[next]))
        );
    }
}

#[test]
fn a_holder_that_sleeps_is_no_deadlock() {
    let segment = watched();
    let [a, b] = locks(&segment, ["a", "b"]);
    let _a = a.lock().unwrap();
    let mut child = Child::start(&segment, "hold and sleep", "b");
    child.expect("held");
    assert_eq!(kind_of(b.lock_timeout(LIMIT)), "TimedOut");
    // Nor is one that is stopped.
    child.signal(Signal::STOP);
    assert_eq!(kind_of(b.lock_timeout(LIMIT)), "TimedOut");
    child.signal(Signal::CONT);
    child.kill();
}

#[test]
fn a_chain_that_leads_to_nobody_who_waits_is_no_deadlock() {
    let segment = watched();
    let _locks = locks(&segment, ["a", "b", "c"]);
    let last = Child::start(&segment, "hold and sleep", "c");
    last.expect("held");
    let mut children =
        ["a b", "b c"].map(|names| Child::start(&segment, "hold one and wait for another", names));
    children.iter().for_each(|child| child.expect("held"));
    children.iter_mut().for_each(Child::go_on);
    let waits = recorded(&segment, 2);
    let held_by = |wait: &Wait| wait.holder.as_ref().map(|holder| holder.pid);
    let of = |pid| waits.iter().find(|wait| wait.pid == pid).and_then(held_by);
    assert_eq!(of(children[0].pid()), Some(children[1].pid()));
    assert_eq!(of(children[1].pid()), Some(last.pid()));
    std::thread::sleep(LIMIT / 4);
    assert!(segment.deadlocks().unwrap().is_empty());
}

#[test]
fn a_stopped_member_is_in_the_circle_still() {
    let segment = watched();
    let _locks = locks(&segment, ["a", "b"]);
    let mut children =
        ["a b", "b a"].map(|names| Child::start(&segment, "hold one and wait for another", names));
    children.iter().for_each(|child| child.expect("held"));
    children.iter_mut().for_each(Child::go_on);
    until(|| segment.deadlocks().unwrap().len() == 1);
    children[0].signal(Signal::STOP);
    assert_eq!(segment.deadlocks().unwrap().len(), 1);
    // A death opens it: the other takes over.
    children[0].kill();
    until(|| segment.deadlocks().unwrap().is_empty());
    until(|| segment.waits().unwrap().is_empty());
}

#[test]
fn both_of_two_processes_are_told_that_time_out() {
    let segment = watched();
    let _locks = locks(&segment, ["a", "b"]);
    let mut children = ["a b", "b a"]
        .map(|names| Child::start(&segment, "hold one and time out at another", names));
    children.iter().for_each(|child| child.expect("held"));
    children.iter_mut().for_each(Child::go_on);
    // The first to time out leaves the circle; the second may be told too, or not any more.
    let said = children.each_ref().map(Child::hears);
    assert!(said.iter().any(|said| said == "a deadlock"), "{said:?}");
    assert!(said.iter().all(|said| said != "taken"), "{said:?}");
}

#[test]
fn a_process_alone_that_waits_for_itself_is_told() {
    let segment = watched();
    let [a] = locks(&segment, ["a"]);
    let [alone, beside] = Process::spawn(lock_twice, a).unwrap().join().unwrap();
    assert_eq!(alone, "a deadlock of 1");
    // Another thread may have taken it, and give it back.
    assert_eq!(beside, "TimedOut");
}

fn lock_twice(lock: Lock) -> [String; 2] {
    let _guard = lock.lock().unwrap();
    let alone = kind_of(lock.lock_timeout(LIMIT));
    let beside = std::thread::scope(|scope| {
        scope.spawn(|| std::thread::sleep(2 * LIMIT));
        kind_of(lock.lock_timeout(LIMIT))
    });
    [alone, beside]
}

#[test]
fn threads_that_contend_are_no_deadlock() {
    let segment = watched();
    let [a] = locks(&segment, ["a"]);
    let guard = a.lock().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| drop(a.lock().unwrap()));
        recorded(&segment, 1);
        std::thread::sleep(LIMIT / 4);
        let found = segment.deadlocks().unwrap();
        drop(guard);
        assert!(found.is_empty(), "{}", found[0]);
    });
}

#[test]
fn an_rlock_of_another_thread_is_no_deadlock() {
    let segment = watched();
    let lock = RLock::create(&segment, "lock").unwrap();
    let _guard = lock.lock().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(kind_of(lock.lock_timeout(LIMIT)), "TimedOut");
        });
        recorded(&segment, 1);
        std::thread::sleep(LIMIT / 4);
        assert!(segment.deadlocks().unwrap().is_empty());
    });
}

#[test]
fn a_writer_that_waits_for_a_reader_is_part_of_a_circle() {
    let segment = watched();
    let shared = RwLock::create(&segment, "shared").unwrap();
    let [a] = locks(&segment, ["a"]);
    let _a = a.lock().unwrap();
    let mut child = Child::start(&segment, "read and wait for a lock", "shared a");
    child.expect("held");
    child.go_on();
    recorded(&segment, 1);
    let Err(LockError::Deadlock(found)) = shared.write_timeout(LIMIT) else {
        panic!("no deadlock")
    };
    let (me, other) = (std::process::id(), child.pid());
    assert_eq!(
        circle(&found),
        [
            (me, Some("shared"), Some(other)),
            (other, Some("a"), Some(me))
        ]
    );
    assert_eq!(found.waits()[0].kind, "RwLock");
    drop(shared.read().unwrap());
}

#[test]
fn values_and_arrays_tell_it_too() {
    let segment = watched();
    let [a] = locks(&segment, ["a"]);
    let _a = a.lock().unwrap();
    let (value, array) = (
        Value::create(&segment, "value", [0_u64; 4]).unwrap(),
        Array::<u32>::create(&segment, "array", 4).unwrap(),
    );
    let mut children =
        ["value, then lock", "array, then lock"].map(|role| Child::start(&segment, role, "a"));
    children.iter().for_each(|child| child.expect("held"));
    children.iter_mut().for_each(Child::go_on);
    recorded(&segment, 2);
    let error = value.lock_timeout(LIMIT).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadlock, "{error}");
    assert!(error.to_string().contains("for Value `value`"), "{error}");
    let Err(LockError::Deadlock(found)) = array.lock_timeout(LIMIT) else {
        panic!("no deadlock")
    };
    assert_eq!(found.waits()[0].kind, "Array");
}

#[test]
fn a_killed_waiter_leaves_no_cell() {
    let segment = watched();
    let [a] = locks(&segment, ["a"]);
    let _a = a.lock().unwrap();
    // More often than there are cells for the process's slots.
    for _ in 0..6 {
        let mut child = Child::start(&segment, "wait to be killed", "a");
        child.expect("waiting");
        assert_eq!(recorded(&segment, 1)[0].pid, child.pid());
        child.kill();
        assert!(
            segment.waits().unwrap().is_empty(),
            "a dead one waits for nothing"
        );
        assert_eq!(segment.reap().unwrap(), 1);
    }
    assert!(segment.waits().unwrap().is_empty());
}

#[test]
fn who_finds_the_table_full_waits_all_the_same() {
    let segment = SegmentOptions::new()
        .participants(1)
        .detect_deadlocks(true)
        .anonymous()
        .unwrap();
    let event = Event::create(&segment, "go").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| assert!(event.wait_timeout(PATIENCE).unwrap()));
        }
        recorded(&segment, 4);
        std::thread::sleep(LIMIT / 4);
        let waits = segment.waits().unwrap();
        assert_eq!(waits.len(), 4, "as many as there are cells");
        assert!(waits.iter().all(|wait| wait.name.as_deref() == Some("go")));
        assert!(waits.iter().all(|wait| wait.holder.is_none()));
        event.set().unwrap();
    });
    assert!(segment.waits().unwrap().is_empty());
}

#[test]
fn without_the_option_there_is_no_table_and_a_timeout_is_a_timeout() {
    let options = SegmentOptions::new().detect_deadlocks(false);
    let segment = options.anonymous().unwrap();
    let room = options.anonymous().unwrap().free().unwrap();
    assert!(watched().free().unwrap() < room, "the table takes room");
    let [a, b] = locks(&segment, ["a", "b"]);
    let _a = a.lock().unwrap();
    let mut child = Child::start(&segment, "hold one and wait for another", "b a");
    child.expect("held");
    child.go_on();
    std::thread::sleep(LIMIT / 4);
    assert_eq!(kind_of(b.lock_timeout(LIMIT)), "TimedOut");
    assert!(segment.waits().unwrap().is_empty());
    assert!(segment.deadlocks().unwrap().is_empty());
}

#[test]
fn the_table_is_no_object_of_the_users() {
    let segment = watched();
    assert!(segment.objects().unwrap().is_empty());
    segment.reap().unwrap();
    let small = SegmentOptions::new().size(20 << 10).participants(64);
    let error = small.detect_deadlocks(true).anonymous().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

/// Whatever another process writes over the table, looking at it ends, and so do waits.
#[test]
fn garbage_in_the_table_harms_nobody() {
    use std::os::unix::fs::FileExt;
    let segment = watched();
    let [a] = locks(&segment, ["a"]);
    let _a = a.lock().unwrap();
    let file = std::fs::File::from(segment.try_clone_fd().unwrap());
    let mut at = [0; 8];
    file.read_exact_at(&mut at, 104).unwrap();
    let table = u64::from_le_bytes(at) + 64;
    let len = 64 * 256;
    let mut noise = 0x2545_f491_4f6c_dd1d_u64;
    for round in 0..40_u8 {
        let bytes: Vec<u8> = (0..len)
            .map(|_| {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                if round < 8 {
                    round.wrapping_mul(37)
                } else {
                    noise.to_le_bytes()[0]
                }
            })
            .collect();
        file.write_all_at(&bytes, table).unwrap();
        let _ = segment.waits().unwrap();
        let _ = segment.deadlocks().unwrap();
        let end = a.lock_timeout(Duration::from_millis(30));
        assert!(matches!(end, Err(LockError::TimedOut)), "{end:?}");
    }
    // And over what says where it is.
    for offset in [0, 1, 64, 1 << 20, u64::MAX, u64::MAX - 63] {
        file.write_all_at(&offset.to_le_bytes(), 104).unwrap();
        assert!(segment.waits().unwrap().is_empty());
        let end = a.lock_timeout(Duration::from_millis(30));
        assert!(matches!(end, Err(LockError::TimedOut)), "{end:?}");
    }
}
