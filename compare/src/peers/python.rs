//! Python's `multiprocessing.Queue`, from one process of Python's to another.

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
    let near = cores()[0];
    let far = cores()[1 % cores().len()];
    let output = Command::new("python3")
        .args(["-c", SCRIPT])
        .args([count.to_string(), len.to_string(), capacity.to_string()])
        .args([near.to_string(), far.to_string()])
        .output()
        .map_err(|error| format!("python3: {error}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(format!("python3: {}", why.lines().last().unwrap_or("?")));
    }
    let nanos: f64 = String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .map_err(|error| format!("python3: {error}"))?;
    Ok(nanos / count as f64)
}
