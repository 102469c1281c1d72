//! The folder of one run, beside the project: `.optml/runs/<id>`.

use std::{
    fs,
    hash::{BuildHasher as _, RandomState},
    io,
    os::unix::fs::symlink,
    time::SystemTime,
};

use camino::{Utf8Path, Utf8PathBuf};
use tracing::warn;

use crate::{hosts::Host, utc};

/// The folder of one run.
///
/// **Shape** — `<root>/algo-1/…` is the `/opt/ml` of the first host, `<root>/artifacts/` what the platform would upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    id: String,
    root: Utf8PathBuf,
}

/// Why a run's folder cannot be made.
#[derive(Debug, thiserror::Error)]
#[error("make the run's folder `{path}`: {source}")]
pub struct RunDirError {
    /// What could not be made.
    pub path: Utf8PathBuf,
    /// Why.
    pub source: io::Error,
}

impl RunDir {
    /// Makes a new folder in `<project>/.optml/runs` and points `latest` at it.
    ///
    /// The id is the time and a random suffix, so that ids sort by time; `mkdir` decides between runs of one second.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn create(project: &Utf8Path, now: SystemTime) -> Result<Self, RunDirError> {
        let own = project.join(".optml");
        let runs = own.join("runs");
        let failed = |path: &Utf8Path| {
            let path = path.to_owned();
            move |source| RunDirError { path, source }
        };
        fs::create_dir_all(&runs).map_err(failed(&runs))?;
        let ignore = own.join(".gitignore");
        if !ignore.exists() {
            fs::write(&ignore, "*\n").map_err(failed(&ignore))?;
        }
        let time = utc::compact(now);
        let run = loop {
            let id = format!("{time}-{}", random_suffix());
            let root = runs.join(&id);
            match fs::create_dir(&root) {
                Ok(()) => break Self { id, root },
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(RunDirError { path: root, source }),
            }
        };
        let artifacts = run.artifacts();
        fs::create_dir(&artifacts).map_err(failed(&artifacts))?;
        if let Err(error) = run.point_latest(&runs) {
            warn!(%error, path = %runs.join("latest"), "the link to the latest run could not be set");
        }
        Ok(run)
    }

    /// The name of the run.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The folder of the run.
    pub fn root(&self) -> &Utf8Path {
        &self.root
    }

    /// The `/opt/ml` of a host.
    pub fn host(&self, host: &Host) -> Utf8PathBuf {
        self.root.join(&host.label)
    }

    /// The `/etc/hosts` of hosts that have names of their own.
    pub fn hosts_file(&self) -> Utf8PathBuf {
        self.root.join("hosts")
    }

    /// What the platform would upload.
    pub fn artifacts(&self) -> Utf8PathBuf {
        self.root.join("artifacts")
    }

    /// Replaces the link in one step: a reader sees the old run or the new one.
    fn point_latest(&self, runs: &Utf8Path) -> io::Result<()> {
        let fresh = runs.join(format!(".latest-{}", self.id));
        symlink(&self.id, &fresh)?;
        fs::rename(&fresh, runs.join("latest")).inspect_err(|_| {
            // The link is only a convenience: what is left of it does no harm.
            let _ = fs::remove_file(&fresh);
        })
    }
}

/// Four letters and digits. The standard library's hash keys are the one source of randomness that needs no dependency.
fn random_suffix() -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = RandomState::new().hash_one(0);
    (0..4)
        .map(|i| char::from(ALPHABET[(random >> (5 * i) & 31) as usize]))
        .collect()
}

#[cfg(test)]
mod tests;
