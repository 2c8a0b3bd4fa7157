//! Where and with what a run was made.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// Dependencies of this program that are tools, not peers.
const TOOLS: [&str; 11] = [
    "bytemuck",
    "clap",
    "crossbeam-utils",
    "hdrhistogram",
    "jiff",
    "libc",
    "outlive",
    "plotters",
    "serde",
    "serde_json",
    "toml",
];

/// Everything that a figure depends on and that has a name.
#[derive(Serialize, Deserialize)]
pub struct Machine {
    /// Of the world's clock.
    pub date: String,
    pub seconds: u64,
    pub rounds: usize,
    pub processor: String,
    pub processors: usize,
    pub kernel: String,
    pub libc: String,
    pub rustc: String,
    pub python: String,
    pub outlive: String,
    /// Crates with their versions.
    pub peers: Vec<(String, String)>,
}

impl Machine {
    /// This one, after a run of so many seconds.
    pub fn here(seconds: u64, rounds: usize) -> Self {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let lock = include_str!("../Cargo.lock");
        Self {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            seconds,
            rounds,
            processor: processor(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()),
            processors: crate::pinning::cores().len(),
            kernel: format!("Linux {}", kernel.trim()),
            libc: libc_version(),
            rustc: env!("COMPARE_RUSTC").into(),
            python: said(Command::new("python3").arg("--version")),
            outlive: outlive(lock),
            peers: peers(lock),
        }
    }
}

/// The name of the processor, and whether it is a machine's own.
fn processor(cpuinfo: &str) -> String {
    let field = |name: &str| {
        let mut lines = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        lines.find_map(|(key, value)| (key.trim() == name).then_some(value.trim()))
    };
    let model = field("model name").unwrap_or("processor without a name");
    let flags = field("flags").unwrap_or_default();
    if flags.split(' ').any(|flag| flag == "hypervisor") {
        format!("{model}, virtual")
    } else {
        model.into()
    }
}

#[cfg(target_env = "gnu")]
fn libc_version() -> String {
    // SAFETY: gives the address of a text that is never freed.
    let version = unsafe { libc::gnu_get_libc_version() };
    // SAFETY: as above, and it ends with a zero.
    let version = unsafe { std::ffi::CStr::from_ptr(version) };
    format!("glibc {}", version.to_string_lossy())
}

#[cfg(not(target_env = "gnu"))]
fn libc_version() -> String {
    std::env::consts::OS.to_owned() + " without glibc"
}

/// What a program says, in one line.
fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout);
    let said = output.unwrap_or_default();
    String::from_utf8_lossy(&said).trim().to_owned()
}

/// The version, and the commit where there is one.
fn outlive(lock: &str) -> String {
    let packages = packages(lock);
    let own = packages.iter().find(|package| package.name == "outlive");
    let version = own.map_or("?", |package| &package.version);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let args = ["describe", "--always", "--dirty"];
    match said(Command::new("git").current_dir(root).args(args)) {
        commit if commit.is_empty() => version.into(),
        commit => format!("{version} ({commit})"),
    }
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

fn packages(lock: &str) -> Vec<Package> {
    let lock: Lock = toml::from_str(lock).expect("cargo wrote it");
    lock.package
}

/// What this program depends on by itself, without its tools.
fn peers(lock: &str) -> Vec<(String, String)> {
    let packages = packages(lock);
    let own = packages
        .iter()
        .find(|package| package.name == env!("CARGO_PKG_NAME"));
    let names = own.map_or(&[][..], |own| &own.dependencies);
    let peers = names.iter().filter_map(|dependency| {
        // A version follows where the lock has more than one.
        let mut parts = dependency.split(' ');
        let (name, version) = (parts.next()?, parts.next());
        let package = packages.iter().find(|package| {
            package.name == name && version.is_none_or(|version| package.version == version)
        })?;
        let is_tool = TOOLS.contains(&name);
        (!is_tool).then(|| (name.to_owned(), package.version.clone()))
    });
    peers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_direct_dependencies_in_the_version_that_is_used() {
        let lock = r#"
            [[package]]
            name = "outlive-compare"
            version = "0.0.0"
            dependencies = ["ipc-channel 0.23.1", "libc", "rtrb"]
            [[package]]
            name = "ipc-channel"
            version = "0.22.0"
            [[package]]
            name = "ipc-channel"
            version = "0.23.1"
            [[package]]
            name = "libc"
            version = "0.2.1"
            [[package]]
            name = "rtrb"
            version = "0.4.1"
            dependencies = ["far"]
            [[package]]
            name = "far"
            version = "1.0.0"
        "#;
        let expected = [("ipc-channel", "0.23.1"), ("rtrb", "0.4.1")];
        assert_eq!(
            peers(lock),
            expected.map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
    }

    #[test]
    fn a_virtual_processor_is_called_so() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu hypervisor\n";
        assert_eq!(processor(cpuinfo), "Some CPU @ 2 GHz, virtual");
        assert_eq!(
            processor(&cpuinfo.replace("hypervisor", "sse")),
            "Some CPU @ 2 GHz"
        );
        assert_eq!(processor(""), "processor without a name");
    }
}
