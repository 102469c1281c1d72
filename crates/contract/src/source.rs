//! Where the contract is read from: variables and files, given from outside.
//!
//! Nothing in this crate looks at the process environment by itself. `main` builds a [`Process`]; tests build a
//! [`Memory`]. Every read is bounded.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt::Debug,
    fs::File,
    io::{self, Read as _},
};

use camino::{Utf8Path, Utf8PathBuf};

/// The most that one file may hold: 64 MiB.
///
/// The platform's own limit is 100 hyperparameters of 2,500 characters; this leaves room for 25,000 of that size, and
/// for 100,000 of several hundred. A parsed file takes tens of times its size. Beyond the limit, reading fails with
/// [`io::ErrorKind::FileTooLarge`].
pub const MAX_FILE_BYTES: u64 = 64 << 20;

/// Variables and files.
pub trait Source: Debug {
    /// The value of a variable, if it is set.
    fn var(&self, name: &str) -> Option<&OsStr>;

    /// Every variable, by name.
    fn vars(&self) -> Box<dyn Iterator<Item = (&OsStr, &OsStr)> + '_>;

    /// The contents of a file.
    ///
    /// # Errors
    /// As the system has it; [`io::ErrorKind::FileTooLarge`] beyond [`MAX_FILE_BYTES`], and
    /// [`io::ErrorKind::InvalidInput`] for what is no regular file (a pipe would block for ever).
    fn read(&self, path: &Utf8Path) -> io::Result<Vec<u8>>;

    /// True if something is there.
    fn exists(&self, path: &Utf8Path) -> bool;
}

/// The variables that it is given, and the real file system.
#[derive(Debug)]
pub struct Process {
    vars: BTreeMap<OsString, OsString>,
}

impl Process {
    /// Takes the variables of the process. Of two with one name the first counts, as for `getenv`.
    pub fn new(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut process = Self {
            vars: BTreeMap::new(),
        };
        for (name, value) in vars {
            process.vars.entry(name).or_insert(value);
        }
        process
    }

    /// Sets variables over those that it has.
    #[must_use]
    pub fn with(mut self, vars: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        self.vars.extend(vars);
        self
    }
}

impl Source for Process {
    fn var(&self, name: &str) -> Option<&OsStr> {
        self.vars.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    fn vars(&self) -> Box<dyn Iterator<Item = (&OsStr, &OsStr)> + '_> {
        Box::new(
            self.vars
                .iter()
                .map(|(name, value)| (name.as_os_str(), value.as_os_str())),
        )
    }

    fn read(&self, path: &Utf8Path) -> io::Result<Vec<u8>> {
        if !path.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        let mut contents = Vec::new();
        // One byte more than allowed tells a full file from one that goes on.
        File::open(path)?
            .take(MAX_FILE_BYTES + 1)
            .read_to_end(&mut contents)?;
        if contents.len() as u64 > MAX_FILE_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(contents)
    }

    fn exists(&self, path: &Utf8Path) -> bool {
        path.exists()
    }
}

/// Variables and files in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    vars: BTreeMap<OsString, OsString>,
    files: BTreeMap<Utf8PathBuf, Vec<u8>>,
}

impl Memory {
    /// Without a variable or a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a variable.
    #[must_use]
    pub fn with_var(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.vars.insert(name.into(), value.into());
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn with_file(mut self, path: impl Into<Utf8PathBuf>, contents: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), contents.into());
        self
    }
}

impl Source for Memory {
    fn var(&self, name: &str) -> Option<&OsStr> {
        self.vars.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    fn vars(&self) -> Box<dyn Iterator<Item = (&OsStr, &OsStr)> + '_> {
        Box::new(
            self.vars
                .iter()
                .map(|(name, value)| (name.as_os_str(), value.as_os_str())),
        )
    }

    fn read(&self, path: &Utf8Path) -> io::Result<Vec<u8>> {
        self.files
            .get(path)
            .cloned()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// A directory is there when a file below it is.
    fn exists(&self, path: &Utf8Path) -> bool {
        self.files.keys().any(|file| file.starts_with(path))
    }
}
