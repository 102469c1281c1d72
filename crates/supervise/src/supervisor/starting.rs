//! From a command to a running process.

use std::{io, sync::Arc, time::Duration};

use rustix::{
    event::{Timespec, poll},
    process::Pid,
};

use crate::{command::Command, exec_error::SpawnError, sys};

/// Starts `command`, tied to the calling thread.
pub(super) fn start(mut command: Command) -> Result<Pid, SpawnError> {
    command.name_descriptors();
    let (program, directory) = (command.program.clone(), command.directory.clone());
    let n_bytes = size_for_exec(&command);
    spawn_when_not_busy(command)
        .map_err(|error| SpawnError::diagnose(&program, directory.as_deref(), n_bytes, error))
}

/// Becomes the program of `command`, with its words and its environment; directory, streams and descriptors stay as they
/// are. Returns only when that failed.
pub fn replace_process(command: Command) -> SpawnError {
    let (program, n_bytes) = (command.program.clone(), size_for_exec(&command));
    let error = match command.into_parts() {
        Ok((image, _)) => image.execute(),
        Err(error) => error.into(),
    };
    SpawnError::diagnose(&program, None, n_bytes, error)
}

/// A file that was written a moment ago may still be open in a process that is between fork and exec.
fn spawn_when_not_busy(command: Command) -> io::Result<Pid> {
    const TRIES: u32 = 20;
    let (image, mut frame) = command.into_parts()?;
    let image = Arc::new(image);
    for _ in 1..TRIES {
        match sys::spawn_tied_to_this_thread(&mut frame, Arc::clone(&image)) {
            Err(error) if error.raw_os_error() == Some(libc::ETXTBSY) => {
                let pause = Timespec::try_from(Duration::from_millis(5)).expect("5 ms fit");
                // Nothing to poll: a pause.
                let _ = poll(&mut [], Some(&pause));
            }
            other => return other,
        }
    }
    sys::spawn_tied_to_this_thread(&mut frame, image)
}

/// What execve has to copy: every word and variable with its end.
fn size_for_exec(command: &Command) -> usize {
    let words = command.arguments.iter().map(|word| word.len() + 1);
    let variables = command
        .environment
        .iter()
        .map(|(name, value)| name.len() + value.len() + 2);
    command.program.as_os_str().len() + 1 + words.chain(variables).sum::<usize>()
}
