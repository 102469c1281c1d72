//! From a plan to the first process: keys, servers, and the others.

use optml_contract::{
    failure::{Failure, Phase},
    options::Launcher,
};
use tracing::warn;

use super::{Ranks, Turn, Variables, over, survey::Survey};
use crate::{
    failing::{Failed, cut_short, not_done},
    launch::Launch,
    launcher::Role,
    link::{self, Event},
    run::Loaded,
    same_name,
    scratch::Scratch,
    ssh::{self, Ssh},
};

/// What is to be started.
pub(super) struct Task {
    pub(super) role: Role,
    /// Variables over those of the plan.
    pub(super) more: Variables,
    pub(super) server: Option<ssh::Server>,
}

/// Everything that comes before the first process; returns when all hosts are there.
pub(super) fn prepare(
    ranks: &Ranks<'_>,
    loaded: &Loaded,
    launch: &Launch,
    scratch: &Scratch,
) -> Result<Task, Failed> {
    let failed = |error: &ssh::SshError| not_done(Phase::Start, error, error.hint());
    let mut site = Survey::new(ranks.job, loaded, launch);
    let by_ssh =
        matches!(ranks.launcher, Launcher::Mpirun | Launcher::Smddp) && loaded.cluster.n_hosts > 1;
    let ssh = if by_ssh {
        let ssh = Ssh::new(ranks.job.source, scratch.folder()).map_err(|error| failed(&error))?;
        site.ssh_config = Some(ssh.client_file());
        Some(ssh)
    } else {
        None
    };
    let plan = site.plan(ranks.launcher)?;
    // What was asked after a stop signal has not answered.
    ranks.job.check_stop(Phase::Start)?;
    for note in &plan.notes {
        warn!("{note}");
    }
    let mut task = Task {
        role: plan.role,
        more: Vec::new(),
        server: None,
    };
    let (source, supervisor) = (ranks.job.source, ranks.job.supervisor);
    let (key, known_as) = match (&ssh, &task.role) {
        (Some(ssh), Role::Runs(_)) => {
            let key = ssh
                .make_key(source, supervisor)
                .map_err(|error| failed(&error))?;
            (Some(key), None)
        }
        (Some(ssh), Role::Serves(variables)) => {
            let environment = over(&loaded.exported.vars, variables);
            let server = ssh
                .server(source, supervisor, &environment)
                .map_err(|error| failed(&error))?;
            let known_as = server.known_as.clone();
            task.server = Some(server);
            (None, Some(known_as))
        }
        (None, _) => (None, None),
    };
    ranks.job.check_stop(Phase::Start)?;
    ranks.link.ready(known_as, key);
    let all = wait_for_the_start(ranks)?;
    if let Some(ssh) = &ssh {
        if all.share_a_name {
            let variable = same_name::variable(scratch.folder(), &loaded.exported.vars);
            task.more
                .push(variable.map_err(|error| not_done(Phase::Start, &error, None))?);
        }
        match &task.role {
            Role::Runs(_) => {
                let hosts: Vec<_> = loaded
                    .cluster
                    .hosts
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                ssh.client_config(&hosts, &all.servers)
                    .map_err(|error| failed(&error))?;
                wait_for_servers(ranks)?;
            }
            Role::Serves(variables) => {
                let environment = over(&over(&loaded.exported.vars, variables), &task.more);
                ssh.admit(all.key.as_deref().unwrap_or_default(), &environment)
                    .map_err(|error| failed(&error))?;
            }
        }
    }
    Ok(task)
}

fn wait_for_the_start(ranks: &Ranks<'_>) -> Result<link::Start, Failed> {
    loop {
        if let Event::Start(start) = next(ranks)? {
            return Ok(start);
        }
    }
}

fn wait_for_servers(ranks: &Ranks<'_>) -> Result<(), Failed> {
    while next(ranks)? != Event::AllServe {}
    Ok(())
}

/// What the link says next; an error when that is the end.
fn next(ranks: &Ranks<'_>) -> Result<Event, Failed> {
    loop {
        match ranks.inbox.recv().expect("we have a sender ourselves") {
            Turn::Link(Event::Over(outcome)) => {
                let failure = outcome.err();
                return Err(failure.unwrap_or_else(|| Box::new(Failure::new(Phase::Cluster))));
            }
            // It is followed by the reason.
            Turn::Link(Event::Stop { .. }) => ranks.link.ended(None),
            Turn::Link(event) => return Ok(event),
            Turn::Stop(signal) => return Err(cut_short(Phase::HostWait, signal)),
            Turn::Child(..) => {}
        }
    }
}
