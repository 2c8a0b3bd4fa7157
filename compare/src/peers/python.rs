//! Python's `multiprocessing`: a queue from one process to another, processes and pools, locks and
//! values.

use std::process::Command;

use crate::measure::Sample;
use crate::pinning::cores;

/// Prints the nanoseconds from the first put to the last get. Both sides are pinned, and wait for
/// each other before the clock starts; the receiver checks what comes.
const SCRIPT: &str = r#"
import multiprocessing, os, signal, sys, time

count, length, capacity, near, far = map(int, sys.argv[1:])
context = multiprocessing.get_context("fork")
queue = context.Queue(capacity)
gate = context.Barrier(2)
receiving, sending = context.Pipe(False)

def drain():
    os.sched_setaffinity(0, {far})
    signal.alarm(60)
    gate.wait()
    for nth in range(count):
        item = queue.get()
        if length:
            assert (len(item), item[0], item[-1]) == (length, 7, 7)
        else:
            assert item == nth
    sending.send(time.monotonic_ns())

side = context.Process(target=drain)
side.start()
os.sched_setaffinity(0, {near})
signal.alarm(60)
message = b"\7" * length
gate.wait()
begin = time.monotonic_ns()
if length:
    for nth in range(count):
        queue.put(message)
else:
    for nth in range(count):
        queue.put(nth)
sending.close()
end = receiving.recv()
side.join()
assert side.exitcode == 0
print(end - begin)
"#;

/// Numbers one by one.
pub fn stream<'a>(capacity: usize, count: u64) -> Sample<'a> {
    Box::new(move || run(count, 0, capacity))
}

/// Messages of `len` bytes.
pub fn bytes<'a>(capacity: usize, len: usize, count: u64) -> Sample<'a> {
    Box::new(move || run(count, len, capacity))
}

fn run(count: u64, len: usize, capacity: usize) -> Result<f64, String> {
    let nanos = python(SCRIPT, &[count, len as u64, capacity as u64])?;
    Ok(nanos / count as f64)
}

/// The number that a script prints that is called with numbers and two cores.
fn python(script: &str, numbers: &[u64]) -> Result<f64, String> {
    let near = cores()[0];
    let far = cores()[1 % cores().len()];
    let output = Command::new("python3")
        .args(["-c", script])
        .args(numbers.iter().map(u64::to_string))
        .args([near.to_string(), far.to_string()])
        .output()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => "not here: no python3".to_owned(),
            _ => format!("python3: {error}"),
        })?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("python3: {}", why.lines().last().unwrap_or("?")));
    }
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .map_err(|error| format!("python3: {error}"))
}

/// Prints the nanoseconds that `count` processes take, or so many tasks of a pool of two.
const PROCESSES: &str = r#"
import multiprocessing, os, signal, sys, time

way, count, near, far = map(int, sys.argv[1:])
os.sched_setaffinity(0, {near, far})
signal.alarm(60)
context = multiprocessing.get_context("fork")

def leave(code):
    sys.exit(code)

def square(x):
    return x * x

if way == 0:
    begin = time.monotonic_ns()
    for nth in range(count):
        side = context.Process(target=leave, args=(nth % 100,))
        side.start()
        side.join()
        assert side.exitcode == nth % 100
    end = time.monotonic_ns()
else:
    with context.Pool(2) as pool:
        pool.map(square, range(100), 1)
        begin = time.monotonic_ns()
        if way == 1:
            squares = [pool.apply(square, (x,)) for x in range(count)]
        else:
            squares = pool.map(square, range(count), None if way == 2 else 1)
        end = time.monotonic_ns()
        assert squares == [x * x for x in range(count)]
print(end - begin)
"#;

/// Processes that are forked, and joined, one after the other.
pub fn spawn<'a>(count: u64) -> Sample<'a> {
    processes(0, count)
}

/// Tasks of a pool, one after the other.
pub fn apply<'a>(count: u64) -> Sample<'a> {
    processes(1, count)
}

/// Tasks of one map: nanoseconds for each, in chunks as long as Python likes.
pub fn map<'a>(count: u64) -> Sample<'a> {
    processes(2, count)
}

/// As [`map`], each a chunk of its own.
pub fn map_one_by_one<'a>(count: u64) -> Sample<'a> {
    processes(3, count)
}

fn processes<'a>(way: u64, count: u64) -> Sample<'a> {
    Box::new(move || Ok(python(PROCESSES, &[way, count])? / count as f64))
}

/// Prints the nanoseconds of one of `count` rounds on a lock or a value, or of one of the rounds
/// that two processes make on a lock in `count` nanoseconds.
const SHARED: &str = r#"
import multiprocessing, os, signal, sys, time

way, count, near, far = map(int, sys.argv[1:])
signal.alarm(60)
context = multiprocessing.get_context("fork")
lock = context.Lock()
value = context.Value("Q", 0)

def taken(count):
    for nth in range(count):
        with lock:
            pass

def get(count):
    for nth in range(count):
        assert value.value == 0

def put(count):
    for nth in range(count):
        value.value = nth
    assert value.value == count - 1

def add(count):
    for nth in range(count):
        with value.get_lock():
            value.value += 1
    assert value.value == count

def contended(core, gate, rounds):
    os.sched_setaffinity(0, {core})
    raw = value.get_obj()
    made = 0
    gate.wait()
    end = time.monotonic_ns() + count
    while time.monotonic_ns() < end:
        for nth in range(32):
            with lock:
                raw.value += 1
        made += 32
    rounds.send(made)

if way < 4:
    os.sched_setaffinity(0, {near})
    begin = time.monotonic_ns()
    (taken, get, put, add)[way](count)
    print((time.monotonic_ns() - begin) / count)
else:
    gate = context.Barrier(2)
    receiving, sending = context.Pipe(False)
    sides = [context.Process(target=contended, args=(core, gate, sending)) for core in (near, far)]
    for side in sides:
        side.start()
    made = sum(receiving.recv() for side in sides)
    for side in sides:
        side.join()
        assert side.exitcode == 0
    assert value.value == made, "no exclusion"
    print(count / made)
"#;

fn shared<'a>(way: u64, count: u64) -> Sample<'a> {
    Box::new(move || python(SHARED, &[way, count]))
}

/// A lock, taken and given back by one process.
pub fn lock_alone<'a>(count: u64) -> Sample<'a> {
    shared(0, count)
}

/// A lock that two processes want, for so long.
pub fn lock_contended<'a>(time: std::time::Duration) -> Sample<'a> {
    shared(4, time.as_nanos() as u64)
}

pub fn value_get<'a>(count: u64) -> Sample<'a> {
    shared(1, count)
}

pub fn value_set<'a>(count: u64) -> Sample<'a> {
    shared(2, count)
}

/// `+=` with the value's own lock, as Python's documentation wants it.
pub fn value_add<'a>(count: u64) -> Sample<'a> {
    shared(3, count)
}
