//! The folder of named segments: what it is, and how much room it has.

use rustix::fs::{Access, FsWord, statfs};

use super::Check;
use crate::measure::size;
use crate::target::Folder;

/// Less than this is what containers have that nobody has thought of.
const SMALL: u64 = 128 << 20;
const TMPFS: FsWord = 0x0102_1994;

pub(super) fn checks(folder: &Folder) -> Vec<Check> {
    let name = folder.path().display().to_string();
    let facts = match statfs(folder.path()) {
        Ok(facts) => facts,
        Err(e) => {
            return vec![Check::fail(
                name,
                e.to_string(),
                "named segments lie here: mount a tmpfs on /dev/shm, or set OUTLIVE_DIR",
            )];
        }
    };
    let block = u64::try_from(facts.f_bsize).unwrap_or(0);
    let bytes = [facts.f_blocks, facts.f_bavail].map(|blocks| blocks.saturating_mul(block));
    let room = room(&name, bytes, [facts.f_files, facts.f_ffree]);
    vec![room, kind(&name, facts.f_type), access(&name, folder)]
}

/// How many bytes and files there may be, and how many more. No limit is zero.
fn room(name: &str, [all, free]: [u64; 2], [files, files_free]: [u64; 2]) -> Check {
    let found = format!("{}, {} free", size(all), size(free));
    if files > 0 && files_free <= files / 10 {
        let found = format!("room for {files} files, {files_free} free");
        let advice = "nearly full: segments are refused as `no room left`; remove files that nobody \
                      uses, or mount it with a larger nr_inodes";
        Check::warn(name, found, advice)
    } else if all > 0 && free < all / 10 {
        let advice = "nearly full: segments are refused as `no room left`; `outlive rm --stale` frees \
                      what nobody uses";
        Check::warn(name, found, advice)
    } else if all > 0 && all < SMALL {
        let advice =
            "small: containers have 64 MiB unless told otherwise; `docker run --shm-size=1g`";
        Check::warn(name, found, advice)
    } else {
        Check::ok(name, found)
    }
}

fn kind(name: &str, kind: FsWord) -> Check {
    let name = format!("{name} is");
    if kind == TMPFS {
        return Check::ok(name, "tmpfs, in memory");
    }
    Check::warn(
        name,
        format!("a file system of type {kind:#x}"),
        "no tmpfs: pages are written to disk now and then, and leases need a local file system",
    )
}

fn access(name: &str, folder: &Folder) -> Check {
    let check = format!("{name} lets");
    match rustix::fs::access(folder.path(), Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Check::ok(check, "this user make segments"),
        Err(e) => Check::fail(
            check,
            format!("nobody in: {e}"),
            "this user cannot make segments here: change its mode, or set OUTLIVE_DIR to a folder of its own",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Health;
    use super::*;

    #[test]
    fn a_folder_can_be_full_of_files_as_well_as_of_bytes() {
        let [much, no_limit] = [[1 << 30, 1 << 30], [0, 0]];
        assert_eq!(room("it", much, [100, 50]).health, Health::Ok);
        assert_eq!(room("it", no_limit, no_limit).health, Health::Ok);
        assert_eq!(
            room("it", [1 << 30, 1 << 20], [100, 50]).health,
            Health::Warn
        );
        let full = room("it", much, [5, 0]);
        assert!(full.health == Health::Warn && full.advice.contains("nr_inodes"));
    }
}
