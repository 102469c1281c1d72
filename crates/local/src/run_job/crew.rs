//! All hosts of a run while they run: started together, and ended together.

use std::{sync::mpsc, time::Duration};

use optml_contract::options::LogWrap;
use optml_supervise::{
    ChildEvent, ChildRef, Command, Exit, Pump, SpawnError, SpawnErrorKind, pump::Format,
};

use super::Caller;

/// How the hosts ended.
#[derive(Debug)]
pub(super) struct Ends {
    /// Of each host, in their order.
    pub(super) exits: Vec<Exit>,
    /// The host that failed first. The others failed after it, were stopped because of it, or did well.
    pub(super) failed: Option<usize>,
    /// All were asked to end before one failed.
    is_stopping: bool,
}

impl Ends {
    /// Of a host that was alone.
    pub(super) fn of_one(exit: Exit) -> Self {
        let failed = (!exit.ended.is_success()).then_some(0);
        Self {
            is_stopping: exit.stop.is_some(),
            exits: vec![exit],
            failed,
        }
    }

    /// Whether a host was asked to stop because another had failed.
    pub(super) fn is_aftermath(&self, host: usize) -> bool {
        !self.is_stopping
            && self.failed.is_some_and(|failed| failed != host)
            && self.exits[host].stop.is_some()
    }
}

/// Starts a command for each host and waits for the end of all. Their lines are marked with the host's label.
///
/// When one fails, or cannot be started, the others are asked to end, as the platform does.
///
/// # Errors
/// One could not be started. None runs any more.
pub(super) fn run(commands: Vec<(&str, Command)>, caller: &Caller<'_>) -> Result<Ends, SpawnError> {
    let (sender, events) = mpsc::channel();
    let mut members = Vec::with_capacity(commands.len());
    let mut error = None;
    for (host, (label, command)) in commands.into_iter().enumerate() {
        let sender = sender.clone();
        let listener = move |event| {
            // Nobody waits any more only when all hosts are gone.
            let _ = sender.send((host, event));
        };
        match Member::start(label, command, caller, listener) {
            Ok(member) => members.push(member),
            Err(refused) => {
                error = Some(refused);
                break;
            }
        }
    }
    drop(sender);
    let mut crew = Crew {
        exits: vec![None; members.len()],
        members,
        failed: None,
        is_stopping: false,
    };
    if error.is_some() {
        crew.stop_others(None);
    }
    // The senders live with their hosts: the last event is the end.
    for (host, event) in events {
        match event {
            ChildEvent::Failed(refused) => {
                error.get_or_insert(refused);
                crew.stop_others(Some(host));
            }
            ChildEvent::Died { ended, .. } if !ended.is_success() => {
                crew.fail(host, caller.supervisor.stopping().is_some());
            }
            ChildEvent::Gone(exit) => crew.exits[host] = Some(exit),
            ChildEvent::Started { .. } | ChildEvent::Died { .. } => {}
        }
    }
    crew.finish(error)
}

/// A host that was asked for.
struct Member {
    child: ChildRef,
    pump: Pump,
}

impl Member {
    fn start(
        label: &str,
        mut command: Command,
        caller: &Caller<'_>,
        listener: impl FnMut(ChildEvent) + Send + 'static,
    ) -> Result<Self, SpawnError> {
        let format = match caller.log_wrap {
            LogWrap::Json => Format::Json {
                host: label.to_owned(),
            },
            LogWrap::Raw | LogWrap::Prefix => Format::Prefix(label.to_owned()),
        };
        let (pump, ends) = Pump::start(caller.console, &format).map_err(|error| SpawnError {
            program: command.program.clone(),
            kind: SpawnErrorKind::Os(error),
        })?;
        command.output = Some(ends);
        Ok(Self {
            child: caller.supervisor.watch(command, listener),
            pump,
        })
    }
}

struct Crew {
    members: Vec<Member>,
    exits: Vec<Option<Exit>>,
    failed: Option<usize>,
    is_stopping: bool,
}

impl Crew {
    fn fail(&mut self, host: usize, is_stopping: bool) {
        if self.failed.is_none() {
            self.failed = Some(host);
            self.is_stopping = is_stopping;
            self.stop_others(Some(host));
        }
    }

    /// Each has a grace of its own, which is shorter. One that was asked before, by a signal to us, is not asked again.
    fn stop_others(&self, host: Option<usize>) {
        const GRACE: Duration = Duration::from_hours(48);
        for (number, member) in self.members.iter().enumerate() {
            if Some(number) != host {
                member.child.stop(GRACE);
            }
        }
    }

    fn finish(self, error: Option<SpawnError>) -> Result<Ends, SpawnError> {
        // How long to wait for the end of a stream when all processes that we know of are gone.
        const PATIENCE: Duration = Duration::from_secs(2);
        for member in self.members {
            // The last lines are in the failure report.
            let _ = member.pump.finish(PATIENCE);
        }
        match error {
            Some(error) => Err(error),
            None => Ok(Ends {
                exits: self
                    .exits
                    .into_iter()
                    .map(|exit| exit.expect("a host that was started has an end"))
                    .collect(),
                failed: self.failed,
                is_stopping: self.is_stopping,
            }),
        }
    }
}
