//! `outlive bench`: what crash safety costs on this machine, as ratios, in some seconds.
//!
//! Each pair does the same work in turn, round after round, on one processor, so that what else the
//! machine does meets both alike. `compare/` in the sources measures far more, beside the peers.

use std::hint::black_box;
use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use outlive::queue::mpmc::Mpmc;
use outlive::queue::spsc::Spsc;
use outlive::{Lock, Value};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::Serialize;

use crate::failure::{Failure, Outcome, Verdict};
use crate::output::{Output, Tone};
use crate::table::{Cell, Table};

/// Rounds of each pair; odd, for the median.
const ROUNDS: usize = 15;
/// How long one side of a round takes, at least.
const TURN: Duration = Duration::from_millis(20);

/// How one pair came out.
#[derive(Debug, Serialize)]
struct Ratio {
    operation: &'static str,
    ours: &'static str,
    theirs: &'static str,
    /// Time of ours over time of theirs, the median of the rounds.
    ratio: f64,
    /// The quarter of the rounds below, and above.
    from: f64,
    to: f64,
    nanos: f64,
    their_nanos: f64,
}

pub(crate) fn run(output: &mut Output) -> Outcome {
    let pinned = pin();
    let ratios = measure()?;
    if output.is_json {
        output.json(&ratios)?;
        return Ok(Verdict::Fine);
    }
    let mut table = Table::new(&[
        "OPERATION",
        "OURS",
        "BESIDE",
        ">TIMES",
        ">QUARTILES",
        ">NS",
        ">THEIR NS",
    ]);
    for ratio in &ratios {
        table.row(vec![
            ratio.operation.into(),
            ratio.ours.into(),
            ratio.theirs.into(),
            Cell::new(Tone::Head, format!("{:.2}", ratio.ratio)),
            format!("{:.2} - {:.2}", ratio.from, ratio.to).into(),
            format!("{:.1}", ratio.nanos).into(),
            format!("{:.1}", ratio.their_nanos).into(),
        ]);
    }
    table.print(output, "")?;
    let place = match pinned {
        true => "on one processor",
        false => "not pinned: this process may not choose its processor",
    };
    output.line(&format!(
        "\ntimes as long as the other, nobody else at it; median of {ROUNDS} rounds, {place}"
    ))?;
    if cfg!(debug_assertions) {
        let text = "built without optimisation: these figures say nothing";
        let text = output.paint(Tone::Bad, text);
        output.line(&text)?;
    }
    Ok(Verdict::Fine)
}

/// Keeps this thread on the first processor that it may use.
fn pin() -> bool {
    let Ok(allowed) = sched_getaffinity(None) else {
        return false;
    };
    let first = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu));
    first.is_some_and(|cpu| {
        let mut one = CpuSet::new();
        one.set(cpu);
        sched_setaffinity(None, &one).is_ok()
    })
}

fn measure() -> Outcome<Vec<Ratio>> {
    let mut ratios = Vec::new();

    let (lock, plain) = (Lock::new()?, std::sync::Mutex::new(()));
    let ours = || drop(black_box(black_box(&lock).lock()));
    let std = || drop(black_box(black_box(&plain).lock()));
    ratios.push(pair(
        "lock and unlock",
        ["Lock", "std::sync::Mutex"],
        ours,
        std,
    ));

    let parking = parking_lot::Mutex::new(());
    let small = || drop(black_box(black_box(&parking).lock()));
    ratios.push(pair(
        "lock and unlock",
        ["Lock", "parking_lot::Mutex"],
        ours,
        small,
    ));

    let (value, atomic) = (Value::new(0_u64)?, AtomicU64::new(0));
    let ours = || drop(black_box(value.fetch_add(1)));
    let std = || {
        black_box(atomic.fetch_add(1, Ordering::AcqRel));
    };
    ratios.push(pair(
        "add to a number",
        ["Value<u64>", "AtomicU64"],
        ours,
        std,
    ));

    let wide = Value::new([0_u64; 4])?;
    let locked = parking_lot::Mutex::new([0_u64; 4]);
    let ours = || {
        drop(black_box(
            wide.update(|all| all[0] = all[0].wrapping_add(1)),
        ))
    };
    let std = || {
        let mut all = black_box(&locked).lock();
        all[0] = all[0].wrapping_add(1);
    };
    ratios.push(pair(
        "change 32 bytes, all or nothing",
        ["Value<[u64; 4]>", "parking_lot::Mutex"],
        ours,
        std,
    ));

    let queue = Mpmc::<u64>::new(1024)?;
    let (sender, receiver) = std::sync::mpsc::sync_channel::<u64>(1024);
    let ours = || {
        let _ = black_box(queue.try_put(7));
        let _ = black_box(queue.try_get());
    };
    let std = || {
        let _ = black_box(sender.try_send(7));
        let _ = black_box(receiver.try_recv());
    };
    ratios.push(pair(
        "put and get an item",
        ["Mpmc<u64>", "std::sync::mpsc"],
        ours,
        std,
    ));

    let ring = Spsc::<u64>::new(1024)?;
    let (mut producer, mut consumer) = (ring.producer()?, ring.consumer()?);
    let (mut reader, mut writer) = std::io::pipe().map_err(os)?;
    let ours = || {
        let _ = black_box(producer.try_push(7));
        let _ = black_box(consumer.try_pop());
    };
    let std = || {
        let mut bytes = 7_u64.to_le_bytes();
        let _ = black_box(writer.write_all(&bytes));
        let _ = black_box(reader.read_exact(&mut bytes));
    };
    ratios.push(pair(
        "send 8 bytes",
        ["Spsc<u64>", "a pipe of the system"],
        ours,
        std,
    ));
    Ok(ratios)
}

fn os(error: std::io::Error) -> Failure {
    Failure::Said(format!("make a pipe: {error}; raise RLIMIT_NOFILE"))
}

/// Runs both sides in turn, and takes the medians.
fn pair(
    operation: &'static str,
    names: [&'static str; 2],
    mut ours: impl FnMut(),
    mut theirs: impl FnMut(),
) -> Ratio {
    let counts = [enough(&mut ours), enough(&mut theirs)];
    let mut rounds: Vec<(f64, f64)> = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        rounds.push((turn(counts[0], &mut ours), turn(counts[1], &mut theirs)));
    }
    let ratios = sorted(rounds.iter().map(|(ours, theirs)| ours / theirs));
    Ratio {
        operation,
        ours: names[0],
        theirs: names[1],
        ratio: ratios[ROUNDS / 2],
        from: ratios[ROUNDS / 4],
        to: ratios[ROUNDS - 1 - ROUNDS / 4],
        nanos: sorted(rounds.iter().map(|(ours, _)| *ours))[ROUNDS / 2],
        their_nanos: sorted(rounds.iter().map(|(_, theirs)| *theirs))[ROUNDS / 2],
    }
}

fn sorted(all: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<_> = all.collect();
    all.sort_by(f64::total_cmp);
    all
}

/// How often it can be done in a turn.
fn enough(work: &mut impl FnMut()) -> u32 {
    let mut count = 64;
    while count < u32::MAX / 4 {
        let begin = Instant::now();
        (0..count).for_each(|_| work());
        if begin.elapsed() >= TURN {
            break;
        }
        count *= 2;
    }
    count
}

/// Nanoseconds for each time.
fn turn(count: u32, work: &mut impl FnMut()) -> f64 {
    let begin = Instant::now();
    (0..count).for_each(|_| work());
    begin.elapsed().as_secs_f64() * 1e9 / f64::from(count)
}
