//! What this process may use.

use rustix::process::{Resource, getrlimit};

use super::Check;
use crate::measure::size;

pub(super) fn checks() -> Vec<Check> {
    vec![descriptors(), file_size(), address_space(), locked_memory()]
}

fn descriptors() -> Check {
    let name = "RLIMIT_NOFILE";
    match getrlimit(Resource::Nofile).current {
        Some(most @ ..256) => Check::warn(
            name,
            format!("{most} descriptors"),
            "a segment takes one or two, a process of a pool some more: raise it with `ulimit -n 1024`",
        ),
        Some(most) => Check::ok(name, format!("{most} descriptors")),
        None => Check::ok(name, "no limit"),
    }
}

fn file_size() -> Check {
    let name = "RLIMIT_FSIZE";
    match getrlimit(Resource::Fsize).current {
        Some(most) => Check::warn(
            name,
            format!("files of {} at the most", size(most)),
            "larger segments cannot be made, and the home segment is one of 1 GiB: `ulimit -f unlimited`",
        ),
        None => Check::ok(name, "no limit"),
    }
}

fn address_space() -> Check {
    let name = "RLIMIT_AS";
    match getrlimit(Resource::As).current {
        Some(most @ ..0x8000_0000) => Check::warn(
            name,
            size(most),
            "the home segment takes 1 GiB of address space: `ulimit -v unlimited`",
        ),
        Some(most) => Check::ok(name, size(most)),
        None => Check::ok(name, "no limit"),
    }
}

fn locked_memory() -> Check {
    let most = getrlimit(Resource::Memlock).current;
    let found = most.map_or_else(|| "no limit".to_owned(), size);
    // Nothing of this crate locks memory; programs in a hurry do.
    Check::ok("RLIMIT_MEMLOCK", found)
}
