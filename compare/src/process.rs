//! Processes that are started, call a function, give its result and are joined.

use outlive::Process;

use crate::measure::{Contest, Plan, Sample, in_company};
use crate::peers::{procspawn, python};
use crate::table::Table;

pub fn measure(plan: &Plan, table: &mut Table) {
    let count = plan.count(1_000);
    let mut contest = Contest::new("process, from start to end");
    contest
        .enter("procspawn", procspawn::spawn(count / 8))
        .enter("Python, fork", python::spawn(count / 4))
        .enter("outlive", spawn(count));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "procspawn", 0.2);
    table.cost(&figures, "outlive", "Python, fork", 0.1);

    let mut contest = Contest::new("process, and the caller's heap");
    contest
        .enter("outlive", spawn(count / 2))
        .enter("outlive, 1 GiB", spawn_with_heap(1 << 30, count / 2));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive, 1 GiB", "outlive", 1.2);
}

fn square(x: u64) -> u64 {
    x * x
}

fn spawn<'a>(count: u64) -> Sample<'a> {
    in_company(count, |count| {
        for x in 0..count {
            let result = Process::spawn(square, x).map_err(|e| e.to_string())?.join();
            assert_eq!(result.map_err(|e| e.to_string())?, square(x));
        }
        Ok(())
    })
}

/// As [`spawn`], while this process has so many bytes, all of them written to.
fn spawn_with_heap<'a>(bytes: usize, count: u64) -> Sample<'a> {
    let mut spawn = spawn(count);
    Box::new(move || {
        let heap = std::hint::black_box(vec![7_u8; bytes]);
        let nanos = spawn();
        drop(heap);
        nanos
    })
}
