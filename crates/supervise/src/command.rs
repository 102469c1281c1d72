//! What to start: data only.

use std::{
    ffi::{NulError, OsStr, OsString},
    fs,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::{ffi::OsStrExt, fs::PermissionsExt},
    },
    path::{Path, PathBuf},
    process,
};

use crate::sys::Image;

#[cfg(test)]
mod tests;

/// Where a child's standard input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdin {
    /// `/dev/null`.
    Null,
    /// Ours; but `/dev/null` when ours is a terminal: the child is in a group of its own, and a background group that
    /// reads from a terminal is stopped by the kernel.
    Inherit,
}

/// What a stop signal to this process, where it is passed on at all, does to a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnStop {
    /// The child gets it, like every other signal that is passed on, and is killed after the grace.
    #[default]
    PassOn,
    /// Nothing, nor do other signals. Whoever started it asks first what *it* has started, then stops it
    /// ([`crate::ChildRef::stop`]).
    Leave,
}

/// A program, its words, its whole environment, and its streams. No shell is ever involved.
#[derive(Debug)]
pub struct Command {
    /// The program: a path. A bare name must have been looked up before, see [`find_program`].
    pub program: PathBuf,
    /// What the program is called, its first word; its path when `None`. Some programs behave differently by it.
    pub name: Option<OsString>,
    /// The words after the program's own name.
    pub arguments: Vec<OsString>,
    /// The complete environment: nothing is inherited.
    pub environment: Vec<(OsString, OsString)>,
    /// The working directory; ours when `None`.
    pub directory: Option<PathBuf>,
    /// Where standard input comes from.
    pub stdin: Stdin,
    /// The writing ends for standard output and standard error, usually a pump's; ours are inherited when `None`.
    pub output: Option<(OwnedFd, OwnedFd)>,
    /// Files that the child inherits under the same numbers, each with the variable that tells it the number. Nobody else
    /// inherits them, and ours are closed when the child has been started (or could not be).
    pub descriptors: Vec<(OsString, OwnedFd)>,
    /// Files whose `oom_kill` line counts the kernel's kills for memory; read before the start and after the end.
    pub memory_events: Vec<PathBuf>,
    /// What a stop signal to this process does to it.
    pub on_stop: OnStop,
}

impl Command {
    /// `program` with no words, an empty environment, no input, and our own output.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            name: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: None,
            stdin: Stdin::Null,
            output: None,
            descriptors: Vec::new(),
            memory_events: Vec::new(),
            on_stop: OnStop::PassOn,
        }
    }

    /// Adds the variables that tell the numbers of the inherited descriptors.
    pub(crate) fn name_descriptors(&mut self) {
        for (variable, descriptor) in &self.descriptors {
            // The first of two variables with one name is what most programs see.
            self.environment.retain(|(name, _)| name != variable);
            let number = descriptor.as_raw_fd().to_string();
            self.environment.push((variable.clone(), number.into()));
        }
    }

    /// What the kernel is to run, and the frame in which it runs: group, directory and streams.
    pub(crate) fn into_parts(self) -> Result<(Image, process::Command), NulError> {
        use std::os::unix::process::CommandExt;
        let mut frame = process::Command::new(&self.program);
        frame.process_group(0);
        if let Some(directory) = &self.directory {
            frame.current_dir(directory);
        }
        if self.stdin == Stdin::Null || rustix::termios::isatty(rustix::stdio::stdin()) {
            frame.stdin(process::Stdio::null());
        }
        if let Some((stdout, stderr)) = self.output {
            frame.stdout(stdout).stderr(stderr);
        }
        let kept = self
            .descriptors
            .into_iter()
            .map(|(_, descriptor)| descriptor);
        let name = self.name.unwrap_or_else(|| self.program.clone().into());
        let words = std::iter::once(name).chain(self.arguments);
        let image = Image::new(&self.program, words, self.environment)?;
        Ok((image.keeping(kept.collect()), frame))
    }
}

/// The path of a program, as a shell would find it: a name with a slash is taken as it is, another is looked up in
/// `path` (the value of `PATH`). Only files with an execute bit count.
pub fn find_program(name: &OsStr, path: Option<&OsStr>) -> Option<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(name));
    }
    // What execvp searches when PATH is unset.
    let path = path.unwrap_or_else(|| OsStr::new("/usr/local/bin:/usr/bin:/bin"));
    path.as_bytes()
        .split(|byte| *byte == b':')
        .filter(|folder| !folder.is_empty())
        .map(|folder| Path::new(OsStr::from_bytes(folder)).join(name))
        .find(|candidate| is_executable(candidate))
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
