//! Which segments are meant.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use outlive::Error;
use outlive::inspect::{self, Found, Snapshot};

use crate::arguments::Global;
use crate::failure::{Failure, Outcome};

/// Where named segments are.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    path: PathBuf,
    /// The user has said which.
    is_chosen: bool,
}

/// A segment, or what is called as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl From<Found> for Target {
    fn from(found: Found) -> Self {
        Self {
            name: found.name,
            path: found.path,
        }
    }
}

impl Target {
    pub(crate) fn look(&self) -> Result<Snapshot, Error> {
        Snapshot::at(&self.path)
    }

    /// Whether the file is another user's, who is the one to judge it.
    pub(crate) fn is_anothers(&self) -> bool {
        let owner = self.path.symlink_metadata().map(|facts| facts.uid());
        owner.is_ok_and(|owner| owner != rustix::process::geteuid().as_raw())
    }
}

impl Folder {
    pub(crate) fn new(global: &Global) -> Self {
        let named = || std::env::var_os("OUTLIVE_DIR").map(PathBuf::from);
        let chosen = global.folder.clone().or_else(named);
        Self {
            is_chosen: chosen.is_some(),
            path: chosen.unwrap_or_else(|| PathBuf::from("/dev/shm")),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Everything in the folder that is called as a segment is.
    pub(crate) fn named(&self) -> Outcome<Vec<Target>> {
        let found = inspect::find(Some(&self.path)).map_err(|e| {
            let advice = "`--folder` or OUTLIVE_DIR says where named segments are";
            Failure::Said(format!("{e}; {advice}"))
        })?;
        Ok(found.into_iter().map(Target::from).collect())
    }

    /// The same, and what running processes have without a name: they need no folder, and a system
    /// may have none.
    pub(crate) fn all(&self) -> Outcome<Vec<Target>> {
        let is_none = !self.is_chosen && !self.path.exists();
        let mut all = if is_none { Vec::new() } else { self.named()? };
        all.extend(inspect::find_anonymous()?.into_iter().map(Target::from));
        Ok(all)
    }

    /// Those that are named, or all where none is.
    pub(crate) fn chosen(&self, texts: &[String]) -> Outcome<Vec<Target>> {
        if texts.is_empty() {
            return self.all();
        }
        texts.iter().map(|text| self.one(text)).collect()
    }

    /// The segment that `text` means: a name, a path, PID or PID/FD.
    pub(crate) fn one(&self, text: &str) -> Outcome<Target> {
        let target = |path| Target {
            name: text.to_owned(),
            path,
        };
        if let Some((pid, fd)) = text.split_once('/')
            && is_number(pid)
            && is_number(fd)
        {
            return Ok(target(format!("/proc/{pid}/fd/{fd}").into()));
        }
        let path = self.path_of(text)?;
        if !is_number(text) || path.symlink_metadata().is_ok() {
            return Ok(target(path));
        }
        of_process(text)
    }

    /// The path of a named segment, or a path as it is.
    pub(crate) fn path_of(&self, text: &str) -> Outcome<PathBuf> {
        if text.is_empty() {
            let advice = "give the name of a segment; `outlive ls` lists them";
            return Err(Failure::Said(advice.to_owned()));
        }
        Ok(match text.contains('/') {
            true => PathBuf::from(text),
            false => self.path.join(format!("outlive.{text}")),
        })
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The only segment without a name that the process has.
fn of_process(pid: &str) -> Outcome<Target> {
    let folder = format!("/proc/{pid}/fd");
    let descriptors = std::fs::read_dir(&folder).map_err(|e| {
        Failure::Said(format!(
            "look into process {pid}: {e}; `outlive ls` lists the segments that can be looked at"
        ))
    })?;
    let mut found: Vec<(Target, String)> = Vec::new();
    for entry in descriptors.flatten() {
        let fd = entry.file_name().to_string_lossy().into_owned();
        let target = Target {
            name: format!("{pid}/{fd}"),
            path: entry.path(),
        };
        // A process has more than one descriptor of each segment.
        if is_segment_memfd(&entry.path())
            && let Ok(snapshot) = target.look()
            && !found.iter().any(|(_, id)| *id == snapshot.id)
        {
            found.push((target, snapshot.id));
        }
    }
    let names = found.iter().map(|(target, _)| target.name.clone());
    let names = names.collect::<Vec<_>>().join(", ");
    match found.len() {
        0 => Err(Failure::Said(format!(
            "process {pid} has no segment without a name, and no segment is called `{pid}`; \
             `outlive ls` lists what there is"
        ))),
        1 => Ok(found.swap_remove(0).0),
        _ => Err(Failure::Said(format!(
            "process {pid} has more than one segment: say which of {names}"
        ))),
    }
}

fn is_segment_memfd(path: &Path) -> bool {
    std::fs::read_link(path).is_ok_and(|to| {
        to.as_os_str()
            .as_encoded_bytes()
            .starts_with(b"/memfd:outlive")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_a_folder_may_have_segments_without_a_name() {
        let folder = |is_chosen| Folder {
            path: PathBuf::from("/nowhere/at/all"),
            is_chosen,
        };
        assert!(folder(false).all().is_ok());
        let refused = folder(true).all().unwrap_err().to_string();
        assert!(refused.contains("--folder"), "{refused}");
        assert!(folder(false).named().is_err());
    }
}
