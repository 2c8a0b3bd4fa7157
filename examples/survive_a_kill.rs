//! Two processes share a pair that must stay equal. One dies in the middle; the other goes on.

#![expect(clippy::print_stdout, reason = "this is a program, which prints")]

use std::process::{Command, id};

use outlive::sync::LockError;
use outlive::{Array, Segment};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(name) = std::env::args().nth(1) {
        let pair = Array::<u64>::open(&Segment::open(&name)?, "pair")?;
        let mut guard = pair.lock().map_err(outlive::Error::from)?;
        guard[0] += 1;
        // SIGKILL: no destructor runs, and nobody is told.
        Command::new("kill")
            .args(["-9", &id().to_string()])
            .status()?;
        guard[1] += 1;
    }

    let segment = Segment::create(&format!("survive-a-kill-{}", id()))?;
    let pair = Array::create_from_slice(&segment, "pair", &[41_u64, 41])?;
    let end = Command::new(std::env::current_exe()?)
        .arg(segment.name())
        .status()?;
    segment.unlink()?;
    println!("the other process ended: {end}");

    match pair.lock() {
        Err(LockError::OwnerDied(mut died)) => {
            println!("{died}");
            println!("it left {:?}", &died.get_mut()[..]);
            let mut guard = died.repaired();
            guard[1] = guard[0];
        }
        other => println!("nobody died: {other:?}"),
    }
    println!("we go on with {:?}", pair.to_vec()?);
    Ok(())
}
