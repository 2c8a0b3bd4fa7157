//! Single operations, as histograms: locks, hand-overs and round trips.
//!
//! Every operation is due at a time of a schedule, and counts from then on, not from when its side
//! got round to it: a stall is counted for every operation that it holds up, so nothing is omitted
//! in a coordinated way. Once each side has a processor of its own and polls for what is due; once a
//! busy process is on each of the two processors, and a side sleeps until it is due.

mod channel;
mod lock;
mod schedule;
mod ways;

use hdrhistogram::Histogram;

use crate::measure::Plan;
use crate::table::Table;
use channel::{hand_over, round_trip};
use schedule::Schedule;
use ways::WAYS;

/// Nanoseconds from one operation to the next.
pub const LOCK_INTERVAL: u64 = 20_000;
pub const INTERVAL: u64 = 40_000;
pub const BUSY_INTERVAL: u64 = 200_000;

/// The longest time that a histogram tells from longer ones: a minute, in nanoseconds.
const MOST: u64 = 60_000_000_000;

/// Times of one run of a contender, in nanoseconds.
type Times = Result<Vec<u64>, String>;
type Entry<'a> = (&'static str, Box<dyn FnMut(Schedule) -> Times + 'a>);

pub fn measure(plan: &Plan, table: &mut Table) {
    let robust = crate::peers::pthread::RobustMutex::new();
    let ours = outlive::Lock::new().expect("a lock");
    for schedule in schedules(plan, LOCK_INTERVAL) {
        let entries: Vec<Entry<'_>> = vec![
            ("pthread robust", Box::new(|s| lock::wanted(s, &robust))),
            ("outlive Lock", Box::new(|s| lock::wanted(s, &ours))),
        ];
        hold(plan, table, "lock wanted by two", schedule, entries);
    }
    for schedule in schedules(plan, INTERVAL) {
        let mut entries: Vec<Entry<'_>> = vec![("no operation", Box::new(channel::nothing))];
        entries.extend(WAYS.map(|(name, way)| -> Entry<'_> {
            (name, Box::new(move |schedule| hand_over(schedule, way())))
        }));
        hold(plan, table, "hand-over", schedule, entries);
        let entries = WAYS.map(|(name, way)| -> Entry<'_> {
            (
                name,
                Box::new(move |schedule| round_trip(schedule, way(), way())),
            )
        });
        hold(plan, table, "round trip", schedule, entries.into());
    }
}

/// With a processor for each side and so many nanoseconds from one operation to the next, and with
/// busy processors and more time.
fn schedules(plan: &Plan, interval: u64) -> [Schedule; 2] {
    [
        Schedule {
            count: plan.count(12_000),
            interval,
            is_busy: false,
        },
        Schedule {
            count: plan.count(4_000),
            interval: BUSY_INTERVAL,
            is_busy: true,
        },
    ]
}

/// Runs every contender once per round; those that fail are out.
fn hold(
    plan: &Plan,
    table: &mut Table,
    operation: &str,
    schedule: Schedule,
    mut entries: Vec<Entry<'_>>,
) {
    let load = match schedule.is_busy {
        false => "a processor each",
        true => "processors busy",
    };
    let situation = format!("{operation}, {load}");
    let empty =
        |_: &Entry<'_>| Histogram::new_with_bounds(1, MOST, 3).map_err(|error| error.to_string());
    let mut kept: Vec<_> = entries.iter().map(empty).collect();
    for _ in 0..if plan.quick { 1 } else { 3 } {
        for ((_, run), kept) in entries.iter_mut().zip(&mut kept) {
            let Ok(histogram) = kept else { continue };
            match run(schedule) {
                Ok(times) => times
                    .iter()
                    .for_each(|nanos| histogram.saturating_record(*nanos)),
                Err(why) => *kept = Err(why),
            }
        }
    }
    for ((contender, _), times) in entries.iter().zip(&kept) {
        let times = times.as_ref().map_err(String::clone);
        table.latency(&situation, contender, times);
    }
}
