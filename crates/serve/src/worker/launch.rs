//! How a worker process is started: its words, its environment, its descriptors, and what `LOAD` tells it.

use std::{
    ffi::OsString,
    io,
    os::{fd::OwnedFd, unix::net::UnixStream as StdUnixStream},
    path::PathBuf,
    rc::Rc,
};

use optml_supervise::{Command, Stdin, sealed_file};
use optml_wire::{
    ARENA_FD_VAR, CONTROL_FD_VAR, ControlToWorker, DATA_FD_VAR, Fault, PairBuf,
    control::{Load, setting},
    limits::VERSION,
};
use tokio::net::UnixStream;

use crate::{
    arena::{Arena, ResponseRange},
    worker::{exchange::Sockets, outbound::Outbound},
};

/// The name and the value of one setting.
pub(crate) type Setting = (&'static [u8], Vec<u8>);

/// What is the same for all workers of a model.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// The complete environment, without the descriptors.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Settings of `LOAD`, without those of one worker.
    pub(crate) settings: Vec<Setting>,
    /// Calls to run at once. `None`: as the worker thinks best.
    pub(crate) concurrency: Option<u32>,
    /// The source of the Python worker; none for other programs.
    pub(crate) source: Option<&'static str>,
    /// Accelerators: each worker gets one of its own.
    pub(crate) n_gpus: u32,
    /// Files that count the kernel's kills for memory.
    pub(crate) memory_events: Vec<PathBuf>,
}

/// What a process needs to be started, and our ends of it.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) command: Command,
    pub(crate) sockets: Sockets,
}

impl Launch {
    /// A command for the worker of this number, with two fresh pairs of sockets. Its output is left to the caller.
    ///
    /// # Errors
    /// When descriptors or memory are not to be had.
    pub(crate) fn prepare(&self, number: u16, arena: Option<&Arena>) -> io::Result<Prepared> {
        let (data, data_theirs) = pair()?;
        let (control, control_theirs) = pair()?;
        let mut command = Command::new(&self.program);
        command.arguments.clone_from(&self.arguments);
        command.environment.clone_from(&self.environment);
        command.stdin = Stdin::Null;
        command.memory_events.clone_from(&self.memory_events);
        command.descriptors = vec![
            (DATA_FD_VAR.into(), data_theirs),
            (CONTROL_FD_VAR.into(), control_theirs),
        ];
        if let Some(arena) = arena {
            command
                .descriptors
                .push((ARENA_FD_VAR.into(), arena.descriptor()?));
        }
        if let Some(source) = self.source {
            command
                .descriptors
                .push((SOURCE_FD_VAR.into(), sealed_file(source.as_bytes())?));
        }
        if let Some(gpu) = self.gpu_of(number) {
            // The worker sees its own accelerator alone, as number 0.
            let name = OsString::from("CUDA_VISIBLE_DEVICES");
            let visible = command
                .environment
                .iter()
                .find(|(variable, _)| *variable == name)
                .and_then(|(_, value)| {
                    value
                        .to_str()?
                        .split(',')
                        .nth(gpu as usize)
                        .map(str::to_owned)
                })
                .unwrap_or_else(|| gpu.to_string());
            command
                .environment
                .retain(|(variable, _)| *variable != name);
            command.environment.push((name, visible.into()));
        }
        Ok(Prepared {
            command,
            sockets: Sockets { data, control },
        })
    }

    /// Adds the frame that tells the worker what to load.
    ///
    /// # Errors
    /// When a setting is longer than a frame allows.
    pub(crate) fn load(
        &self,
        number: u16,
        arena: Option<&Arena>,
        range: Option<&Rc<ResponseRange>>,
        outbound: &Outbound,
    ) -> Result<(), Fault> {
        let mut settings = PairBuf::new();
        for (name, value) in &self.settings {
            settings.push(name, value)?;
        }
        if let Some(gpu) = self.gpu_of(number) {
            settings.push(setting::GPU_ID, gpu.to_string().as_bytes())?;
        }
        if arena.is_some() {
            let (first, n_slots) = range.map_or((0, 0), |range| range.slots());
            settings.push(
                setting::RESPONSE_SLOTS,
                format!("{first}:{n_slots}").as_bytes(),
            )?;
        }
        outbound.control(&ControlToWorker::Load(Load {
            version: VERSION.into(),
            worker: number,
            arena: arena.map(Arena::layout),
            concurrency: self.concurrency,
            settings: settings.as_pairs(),
        }))
    }

    fn gpu_of(&self, number: u16) -> Option<u32> {
        (self.n_gpus > 0).then(|| u32::from(number) % self.n_gpus)
    }
}

/// Our end, ready for the runtime; and theirs, which blocks.
fn pair() -> io::Result<(UnixStream, OwnedFd)> {
    let (ours, theirs) = StdUnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((UnixStream::from_std(ours)?, theirs.into()))
}

/// Variable of a Python worker's environment: the descriptor of its source.
const SOURCE_FD_VAR: &str = "OPTML_SOURCE_FD";
