//! What a project's folder holds, read once.

use std::{fs, io, os::unix::fs::PermissionsExt as _};

use camino::{Utf8Path, Utf8PathBuf};

use crate::config::{ConfigError, ProjectFile};

/// The folder of a project as a plan needs to know it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// The folder, absolute.
    pub folder: Utf8PathBuf,
    /// Its `optml.toml` or `pyproject.toml`.
    pub file: Option<ProjectFile>,
    /// The names of the plain files in it, sorted.
    pub files: Vec<ProjectEntry>,
    /// The subfolders of its `data/`, sorted; `None` without a `data/`. Hidden ones are left out.
    pub data: Option<Vec<String>>,
}

/// A plain file in a project's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectEntry {
    /// Its name.
    pub name: String,
    /// Whether it has an execute bit.
    pub kind: FileKind,
}

/// Whether a file could be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// It has an execute bit.
    Executable,
    /// It has none.
    Plain,
}

/// Why a project cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// What the command line names is not there.
    #[error("find the project `{path}`: {source}")]
    Missing {
        /// The path.
        path: Utf8PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder cannot be read.
    #[error("read the project folder `{path}`: {source}")]
    Read {
        /// The folder.
        path: Utf8PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The project file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Project {
    /// The project's folder, and the script's name if `target` is a file. Without a target: the current directory.
    ///
    /// # Errors
    /// There is no such folder or file.
    pub fn locate(
        current_directory: &Utf8Path,
        target: Option<&Utf8Path>,
    ) -> Result<(Utf8PathBuf, Option<String>), ProjectError> {
        let Some(target) = target else {
            return Ok((current_directory.to_owned(), None));
        };
        let path = current_directory.join(target);
        let meta = fs::metadata(&path).map_err(|source| ProjectError::Missing {
            path: target.to_owned(),
            source,
        })?;
        if meta.is_dir() {
            return Ok((path, None));
        }
        let folder = path.parent().unwrap_or(current_directory).to_owned();
        Ok((folder, path.file_name().map(str::to_owned)))
    }

    /// Reads the folder of a project: its project file, its scripts, its data.
    ///
    /// # Errors
    /// The folder or its project file cannot be read.
    pub fn load(folder: &Utf8Path) -> Result<Self, ProjectError> {
        let failed = |path: &Utf8Path| {
            let path = path.to_owned();
            move |source| ProjectError::Read { path, source }
        };
        let folder = folder.canonicalize_utf8().map_err(failed(folder))?;
        let file = ProjectFile::load(&folder)?;
        let mut files = Vec::new();
        // A name that is not UTF-8 can be neither an entry point nor a channel: the contract is JSON.
        for entry in fs::read_dir(&folder).map_err(failed(&folder))? {
            let entry = entry.map_err(failed(&folder))?;
            let (Ok(name), Ok(meta)) =
                (entry.file_name().into_string(), fs::metadata(entry.path()))
            else {
                continue;
            };
            if meta.is_file() {
                let is_executable = meta.permissions().mode() & 0o111 != 0;
                files.push(ProjectEntry {
                    name,
                    kind: if is_executable {
                        FileKind::Executable
                    } else {
                        FileKind::Plain
                    },
                });
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let data = subfolders(&folder.join("data")).map_err(failed(&folder))?;
        Ok(Self {
            folder,
            file,
            files,
            data,
        })
    }
}

impl ProjectError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } | Self::Read { .. } => None,
            Self::Config(error) => error.hint(),
        }
    }
}

fn subfolders(folder: &Utf8Path) -> io::Result<Option<Vec<String>>> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
            && entry.path().is_dir()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(Some(names))
}

#[cfg(test)]
mod tests;
