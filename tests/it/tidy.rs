//! What the house style asks of every file, checked by a machine.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, from the lowest up: a file names only its own and those before it.
const LAYERS: [&str; 9] = [
    "sys", "raw", "segment", "sync", "shared", "queue", "process", "remote", "inspect",
];
/// Layers from here on report through `crate::error`; those below have no names to put in it.
const FIRST_WITH_ERRORS: &str = "segment";
/// Lines of a file, documentation and all.
const MOST_LINES: usize = 400;
/// Names of drawers, not of ideas.
const DRAWERS: [&str; 4] = ["utils", "common", "helpers", "misc"];

/// A source file, by its path from the repository's root.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// Its folders and its own name, below `src`: the path of its module.
    fn module(&self) -> Vec<&str> {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let module = below.strip_suffix(".rs").unwrap_or(below);
        module
            .split('/')
            .filter(|part| !matches!(*part, "mod" | "lib"))
            .collect()
    }

    /// Its lines without comments, numbered from 1.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate();
        lines.map(|(at, line)| (at + 1, line.split("//").next().unwrap_or_default()))
    }

    /// `path:line: what`
    fn at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open: Vec<PathBuf> = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        // A folder that does not exist yet holds nothing untidy.
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(root).unwrap().display().to_string();
                found.push(Source { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn all_sources() -> Vec<Source> {
    ["src", "tests", "examples", "benches"]
        .into_iter()
        .flat_map(sources)
        .collect()
}

fn none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// The identifiers that follow each `prefix` in `line`.
fn after<'a>(line: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(prefix).map(move |(at, _)| {
        let rest = &line[at + prefix.len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

#[test]
fn layers_import_downward_only() {
    let rank = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let mut violations = Vec::new();
    for source in sources("src") {
        let module = source.module();
        let Some(own) = module.first().and_then(|layer| rank(layer)) else {
            continue;
        };
        for (number, line) in source.code() {
            for name in after(line, "crate::") {
                let is_below = match name {
                    "error" => rank(FIRST_WITH_ERRORS).is_some_and(|first| own >= first),
                    _ => rank(name).is_some_and(|other| other <= own),
                };
                if !is_below {
                    violations.push(source.at(number, &format!("reaches up to crate::{name}")));
                }
            }
            let ups = line.matches("super::").count();
            if ups >= module.len() && line.contains(&"super::".repeat(module.len())) {
                violations.push(source.at(number, "reaches the crate's root through super"));
            }
        }
    }
    none(violations);
}

#[test]
fn every_file_is_one_idea() {
    let too_long = |source: &Source| source.text.lines().count() > MOST_LINES;
    let lines = |source: Source| {
        format!(
            "{}: {} lines, of {MOST_LINES}",
            source.path,
            source.text.lines().count()
        )
    };
    none(
        sources("src")
            .into_iter()
            .filter(too_long)
            .map(lines)
            .collect(),
    );
}

#[test]
fn no_file_is_a_drawer() {
    let is_drawer = |path: &str| path.split(['/', '.']).any(|part| DRAWERS.contains(&part));
    let paths = all_sources().into_iter().map(|source| source.path);
    none(paths.filter(|path| is_drawer(path)).collect());
}

#[test]
fn sources_are_ascii() {
    let mut violations = Vec::new();
    for source in all_sources() {
        for (at, line) in source.text.lines().enumerate() {
            if !line.is_ascii() {
                violations.push(source.at(at + 1, "is not ASCII"));
            }
        }
    }
    none(violations);
}

#[test]
fn sequential_consistency_gives_its_reason() {
    /// How far above its use a reason may stand.
    const NEARBY: usize = 6;
    let is_reason = |line: &&str| {
        let comment = line.split_once("//").map(|(_, comment)| comment);
        comment.is_some_and(|comment| {
            ["SeqCst", "fence", "As "]
                .iter()
                .any(|r| comment.contains(r))
        })
    };
    let mut violations = Vec::new();
    for source in sources("src") {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, _) in source.code().filter(|(_, code)| code.contains("SeqCst")) {
            let nearby = &lines[number.saturating_sub(NEARBY + 1)..number];
            if !nearby.iter().any(is_reason) {
                violations.push(source.at(number, "SeqCst without a reason"));
            }
        }
    }
    none(violations);
}

#[test]
fn module_pages_hold_no_logic() {
    let mut violations = Vec::new();
    for source in sources("src") {
        if !source.path.ends_with("/mod.rs") && !source.path.ends_with("/lib.rs") {
            continue;
        }
        for (number, line) in source.code() {
            if line.split_whitespace().any(|word| word == "fn") {
                violations.push(source.at(number, "holds a fn"));
            }
        }
    }
    none(violations);
}

#[test]
fn only_sys_names_the_system() {
    let names = ["target_os", "target_arch", "libc::", "rustix::"];
    let mut violations = Vec::new();
    for source in sources("src") {
        // The crate's root says once on which system it runs at all, and the command is a program
        // of its own.
        let layer = source.module().first().copied();
        if layer.is_none_or(|layer| layer == "sys" || layer == "bin") {
            continue;
        }
        for (number, line) in source.code() {
            for name in names.iter().filter(|name| line.contains(**name)) {
                violations.push(source.at(number, &format!("names {name}")));
            }
        }
    }
    none(violations);
}

#[test]
fn blocking_methods_say_what_a_death_does() {
    let mut violations = Vec::new();
    for source in ["sync", "shared", "queue", "process", "remote"]
        .into_iter()
        .flat_map(|layer| sources(&format!("src/{layer}")))
    {
        let mut page = String::new();
        for (at, line) in source.text.lines().enumerate() {
            let line = line.trim_start();
            if let Some(doc) = line.strip_prefix("///") {
                page.push_str(doc.trim());
                page.push('\n');
            } else if line.starts_with("pub fn") || line.starts_with("pub unsafe fn") {
                let blocks = page.lines().any(|line| line == "# Blocking");
                if blocks && !page.lines().any(|line| line == "# If a process dies") {
                    violations.push(source.at(at + 1, "blocks, and is silent about death"));
                }
                page.clear();
            } else if !line.starts_with("#[") && !line.is_empty() {
                page.clear();
            }
        }
    }
    none(violations);
}

/// Waits are monotonic: a step of the wall clock must not matter to any of them.
#[test]
fn the_wall_clock_is_read_only_to_show_it_to_people() {
    let mut violations = Vec::new();
    for source in sources("src") {
        let may = source.path.ends_with("sys/clock.rs") || source.path.starts_with("src/bin/");
        for (number, line) in source.code() {
            let reads = line.contains("SystemTime::now") || line.contains("ClockId::Realtime");
            if reads && !may {
                violations.push(source.at(number, "reads the wall clock"));
            }
            let is_wait = ["src/raw/", "linux/futex.rs", "segment/seat.rs"];
            if line.contains("unix_nanos") && is_wait.iter().any(|p| source.path.contains(p)) {
                violations.push(source.at(number, "waits by the wall clock"));
            }
        }
    }
    none(violations);
}

/// The protocols are modelled and counted only through the facade.
#[test]
fn protocols_use_the_facade_of_atomics() {
    let mut violations = Vec::new();
    for source in sources("src")
        .into_iter()
        .filter(|source| source.path.contains("src/raw/"))
    {
        for (number, line) in source.code() {
            if line.contains("core::sync") || line.contains("std::sync") {
                violations.push(source.at(number, "goes round crate::sys::atomic"));
            }
        }
    }
    none(violations);
}

/// As GitHub makes it of a heading.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}

/// The lines of a page that are no code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

#[test]
fn links_between_documents_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut violations = Vec::new();
    let mut links = 0;
    for folder in ["", "docs", "docs/guide"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let page = entry.unwrap().path();
            if page.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let text = fs::read_to_string(&page).unwrap();
            for target in prose(&text).flat_map(|line| line.split("](").skip(1)) {
                let target = target.split(')').next().unwrap_or_default();
                if target.contains("://") {
                    continue;
                }
                links += 1;
                let (file, place) = target.split_once('#').unwrap_or((target, ""));
                let file = match file {
                    "" => page.clone(),
                    file => page.parent().unwrap().join(file),
                };
                let is_there = place.is_empty()
                    || fs::read_to_string(&file).is_ok_and(|text| {
                        let mut headings = prose(&text).filter(|line| line.starts_with('#'));
                        headings.any(|heading| anchor(heading) == place)
                    });
                if !file.exists() || !is_there {
                    violations.push(format!("{}: {target} leads nowhere", page.display()));
                }
            }
        }
    }
    assert!(links > 20, "{links} links were found");
    none(violations);
}
