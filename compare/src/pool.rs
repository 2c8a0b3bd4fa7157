//! Pools of two workers.

use outlive::Pool;

use crate::measure::{Contest, Plan, Sample, in_company};
use crate::peers::{procspawn, python};
use crate::table::Table;

/// Tasks of a map.
const TASKS: u64 = 10_000;

pub fn measure(plan: &Plan, table: &mut Table) {
    // What it starts is to have both cores.
    crate::pinning::pin_to_two();
    let pool = Pool::new(2).expect("a pool");
    let count = plan.count(8_000);
    let mut contest = Contest::new("pool of two, apply");
    contest
        .enter("procspawn", procspawn::apply(count / 4))
        .enter("Python", python::apply(count / 4))
        .enter("outlive", apply(&pool, count));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "procspawn", 0.25);
    table.cost(&figures, "outlive", "Python", 0.1);

    let mut contest = Contest::new("pool of two, map of 10 000 squares, each");
    contest
        .enter("Python", python::map(TASKS))
        .enter("outlive", map(&pool));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "Python", 0.5);

    let pool = pool.with_chunk(1);
    let mut contest = Contest::new("the same one by one, each");
    contest
        .enter("Python", python::map_one_by_one(TASKS))
        .enter("outlive", map(&pool));
    let figures = contest.hold(plan.rounds, table);
    table.cost(&figures, "outlive", "Python", 0.2);
}

fn square(x: u64) -> u64 {
    x * x
}

fn apply(pool: &Pool, count: u64) -> Sample<'_> {
    in_company(count, |count| {
        for x in 0..count {
            let result = pool.apply(square, x).map_err(|e| e.to_string());
            assert_eq!(result?, square(x));
        }
        Ok(())
    })
}

fn map(pool: &Pool) -> Sample<'_> {
    in_company(TASKS, |count| {
        let squares = pool.map(square, 0..count).map_err(|e| e.to_string())?;
        assert!(squares.into_iter().eq((0..count).map(square)));
        Ok(())
    })
}
