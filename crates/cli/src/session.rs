//! What every command needs of this process: its environment, options, console and supervisor.

use std::{ffi::OsString, time::Duration};

use anyhow::Context;
use optml_contract::{ConfigError, Source, options::Options, source::Process};
use optml_supervise::{Console, Grace, Second, StopPolicy, Supervisor};
use tracing::warn;

use crate::log;

/// How long what a script leaves behind may take to end before it is killed.
const LEFTOVERS: Duration = Duration::from_secs(2);
/// How long the last of our output may take, when nothing reads it.
const LAST_OUTPUT: Duration = Duration::from_secs(5);

/// Longer than any grace that can be set: a supervisor below ends by itself.
const NEVER: Duration = Duration::from_hours(48);

/// What a session is going to supervise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChildKind {
    /// A script, an installer, any command.
    Program,
    /// `optml train`, which has a grace of its own, and a report to write after it.
    Ourselves,
}

/// The process, set up.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) source: Process,
    pub(crate) options: Options,
    pub(crate) option_problems: Vec<ConfigError>,
    pub(crate) console: Console,
    pub(crate) supervisor: Supervisor,
}

impl Session {
    /// Signal handlers first: from here on nothing can end us by surprise.
    ///
    /// `child`: what is going to be supervised.
    pub(crate) fn start(source: Process, child: ChildKind) -> anyhow::Result<Self> {
        let (options, option_problems) = Options::read(&source);
        let grace = match child {
            ChildKind::Program => Grace {
                stop: options.stop_grace,
                leftovers: LEFTOVERS,
                second: Second::Kill,
            },
            ChildKind::Ourselves => Grace {
                stop: NEVER,
                leftovers: LEFTOVERS,
                second: Second::PassOn,
            },
        };
        let supervisor = Supervisor::start(grace, StopPolicy::PassOn)
            .context("take over signals and children")?;
        let (stdout, stderr) = Console::own_streams().context("copy our output descriptors")?;
        let console =
            Console::start(stdout, stderr, options.log_stall).context("start writing output")?;
        log::start(console.clone(), options.log_format, options.log_level);
        Ok(Self {
            source,
            options,
            option_problems,
            console,
            supervisor,
        })
    }

    /// The complete environment, to be handed on.
    pub(crate) fn environment(&self) -> Vec<(OsString, OsString)> {
        self.source
            .vars()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Writes what is left, and gives back the exit code.
    pub(crate) fn end(self, code: u8) -> u8 {
        let n_bytes = self.console.flush(LAST_OUTPUT);
        if n_bytes > 0 {
            warn!(n_bytes, "output was lost: nothing took it");
            // If this line is lost too there is nobody left to tell.
            let _ = self.console.flush(LAST_OUTPUT);
        }
        code
    }
}
