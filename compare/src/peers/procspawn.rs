//! `procspawn`: processes and pools of this program.

use procspawn::Pool;

use crate::measure::{Sample, in_company};

fn square(x: u64) -> u64 {
    x * x
}

/// Processes that are started, and joined, one after the other.
pub fn spawn<'a>(count: u64) -> Sample<'a> {
    in_company(count, |count| {
        for x in 0..count {
            let result = procspawn::spawn(x, square).join();
            assert_eq!(result.map_err(|e| e.to_string())?, square(x));
        }
        Ok(())
    })
}

/// Tasks of a pool of two, one after the other.
pub fn apply<'a>(count: u64) -> Sample<'a> {
    let pool = Pool::new(2).expect("a pool");
    in_company(count, move |count| {
        for x in 0..count {
            let result = pool.spawn(x, square).join();
            assert_eq!(result.map_err(|e| e.to_string())?, square(x));
        }
        Ok(())
    })
}
