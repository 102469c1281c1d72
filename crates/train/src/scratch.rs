//! A folder for what the script needs besides its own files: values that are too large for its environment.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
};

use camino::{Utf8Path, Utf8PathBuf};
use optml_contract::{Exported, Layout, Source};
use thiserror::Error;

/// The folder of one job: below `TMPDIR`, else below `output/`, which is the one place that can always be written.
/// It is made when it is first needed, and removed with this value.
#[derive(Debug)]
pub struct Scratch {
    folder: Utf8PathBuf,
}

/// Something could not be written there.
#[derive(Debug, Error)]
#[error("write `{path}`: {source}")]
pub struct ScratchError {
    path: Utf8PathBuf,
    source: io::Error,
}

impl Scratch {
    /// Chooses the folder; makes nothing.
    pub fn new(source: &dyn Source, layout: &Layout) -> Self {
        let temporary = source
            .var("TMPDIR")
            .and_then(|folder| folder.to_str())
            .filter(|folder| !folder.is_empty());
        let parent = match temporary
            .map(Utf8Path::new)
            .filter(|folder| folder.is_dir())
        {
            Some(folder) => folder.to_owned(),
            None => layout.output(),
        };
        Self {
            folder: parent.join(format!(
                "optml-{}",
                rustix::process::getpid().as_raw_nonzero()
            )),
        }
    }

    /// The folder: it may not be there yet.
    pub fn folder(&self) -> &Utf8Path {
        &self.folder
    }

    /// Writes what is too large for the environment, for the owner's eyes only, and names the files there.
    ///
    /// # Errors
    ///
    /// When the folder or a file can't be written.
    pub fn place(&self, exported: &mut Exported) -> Result<(), ScratchError> {
        if exported.spills.is_empty() {
            return Ok(());
        }
        let failed = |path: &Utf8Path, source| ScratchError {
            path: path.to_owned(),
            source,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)
            .map_err(|error| failed(&self.folder, error))?;
        for spill in &exported.spills {
            let path = self.folder.join(&spill.file_name);
            let write = || {
                let mut file = fs::OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path)?;
                io::Write::write_all(&mut file, &spill.contents)
            };
            write().map_err(|error| failed(&path, error))?;
        }
        exported.place_spills(&self.folder);
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Usually it was never made.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
