//! Short programs that are asked a question: run to the end within a time limit, their output kept and not shown.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::OwnedFd,
    path::PathBuf,
    thread,
    time::Duration,
};

use rustix::pipe::{PipeFlags, pipe_with};

use crate::{command::Command, ended::Ended, exec_error::SpawnError, supervisor::Supervisor};

#[cfg(test)]
mod tests;

/// The most that is kept of each stream.
const LIMIT_BYTES: u64 = 1024 * 1024;

/// What a program answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// How it ended.
    pub ended: Ended,
    /// What it wrote to standard output, at most 1 MiB of it.
    pub stdout: Vec<u8>,
    /// What it wrote to standard error, at most 1 MiB of it.
    pub stderr: Vec<u8>,
}

/// A program gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// It could not be started.
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    /// It was killed at the time limit.
    #[error("`{}` did not end within {} s", program.display(), limit.as_secs_f64())]
    TooSlow {
        /// The program.
        program: PathBuf,
        /// How long it had.
        limit: Duration,
    },
    /// A pipe or thread was not to be had.
    #[error("capture the output of a program")]
    Io(#[from] io::Error),
}

impl Supervisor {
    /// Runs `command` (whose `output` is replaced) to its end, or kills it after `limit`.
    ///
    /// # Errors
    ///
    /// When it can't be started or does not end in time. A code other than 0 is no error here.
    pub fn capture(&self, mut command: Command, limit: Duration) -> Result<Captured, CaptureError> {
        let program = command.program.clone();
        let (stdout, to_stdout) = pipe()?;
        let (stderr, to_stderr) = pipe()?;
        command.output = Some((to_stdout, to_stderr));
        let child = self.spawn(command)?;
        let (stdout, stderr) = (read(stdout)?, read(stderr)?);
        let in_time = child.wait_for(limit);
        if in_time.is_none() {
            // Twice: the second skips the grace.
            self.stop(&child);
            self.stop(&child);
            child.wait();
        }
        // Everything that could hold the pipes has been ended, so both threads come to their end.
        let join = |thread: thread::JoinHandle<Vec<u8>>| thread.join().unwrap_or_default();
        let (stdout, stderr) = (join(stdout), join(stderr));
        match in_time {
            Some(exit) => Ok(Captured {
                ended: exit.ended,
                stdout,
                stderr,
            }),
            None => Err(CaptureError::TooSlow { program, limit }),
        }
    }
}

fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC)?)
}

fn read(pipe: OwnedFd) -> io::Result<thread::JoinHandle<Vec<u8>>> {
    thread::Builder::new()
        .name("capture".to_owned())
        .spawn(move || {
            let mut kept = Vec::new();
            let mut pipe = File::from(pipe);
            // What was read before an error is as good as it gets.
            let _ = (&mut pipe).take(LIMIT_BYTES).read_to_end(&mut kept);
            // The rest is thrown away, so that the program isn't held up.
            let _ = io::copy(&mut pipe, &mut io::sink());
            kept
        })
}
