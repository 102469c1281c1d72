//! The processes of this host in a job that a launcher starts: started together with those of the other hosts, watched,
//! and ended with them.
//!
//! One thread waits for everything that can happen, in one channel: what the link to the other hosts says, what becomes
//! of the processes, and stop signals. What fails here is told to the link at once; that others are stopped, and which
//! of all failures is the cause, is decided there, also on a host that is alone.
//!
//! A stop signal reaches the script's own processes: those that we started, and those that Open MPI (for the first host)
//! or torchrun has started here. The engine itself is left alone meanwhile, because it would give them less time.

mod agent;
mod host;
mod start;
mod survey;

use std::{
    ffi::OsString,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, Instant},
};

use optml_contract::{failure::Phase, options::Launcher, text::Text};
use optml_supervise::{ChildEvent, StopSignal};

use self::host::Host;
pub(crate) use self::survey::has_package;
use crate::{
    failing::{Failed, not_done},
    launch::Launch,
    link::{Event, Link, Member, Outcome, PEER_GRACE, Party, Terms},
    run::{Job, Loaded},
    scratch::Scratch,
};

/// How long the others are waited for when something failed here before the start, or a stop signal has ended us.
const WAIT_AFTER_STOP: Duration = Duration::from_secs(5);

type Variables = Vec<(OsString, OsString)>;

/// Something that happened.
enum Turn {
    Link(Event),
    Child(usize, ChildEvent),
    Stop(StopSignal),
}

/// The part of this host in a job.
pub(crate) struct Ranks<'a> {
    job: &'a Job<'a>,
    launcher: Launcher,
    link: Link,
    inbox: Receiver<Turn>,
    sender: Sender<Turn>,
    told: Arc<Told>,
}

/// What the link has said, for those who do not wait for it.
#[derive(Debug, Default)]
struct Told {
    /// Something of the script runs: who watches it ends it.
    is_running: AtomicBool,
    /// What ran before was stopped, because the job ends elsewhere.
    has_stopped: AtomicBool,
    outcome: OnceLock<Outcome>,
}

impl<'a> Ranks<'a> {
    /// Joins the other hosts, if there are any.
    pub(crate) fn join(
        job: &'a Job<'a>,
        loaded: &Loaded,
        launcher: Launcher,
    ) -> Result<Self, Failed> {
        let (sender, inbox) = mpsc::channel();
        let told = Arc::new(Told::default());
        let (note, tell) = (Arc::clone(&told), sender.clone());
        let stopper = job.supervisor.stopper();
        let link = Link::open(party(job, loaded, launcher), move |event| {
            if let Event::Over(outcome) = &event {
                // The first and only one.
                let _ = note.outcome.set(outcome.clone());
            }
            let is_end = matches!(event, Event::Stop { .. } | Event::Over(_));
            if is_end && !note.is_running.load(Ordering::SeqCst) {
                note.has_stopped.store(true, Ordering::SeqCst);
                stopper.stop_all(PEER_GRACE);
            }
            // The receiver is gone: the job is over.
            let _ = tell.send(Turn::Link(event));
        });
        let link = link.map_err(|error| not_done(Phase::HostWait, &error, error.hint()))?;
        let stops = sender.clone();
        job.supervisor.on_each_stop(move |signal| {
            // The same.
            let _ = stops.send(Turn::Stop(signal));
        });
        Ok(Self {
            job,
            launcher,
            link,
            inbox,
            sender,
            told,
        })
    }

    /// Something failed here before the start. Gives the failure of the job: this one, or that of another host.
    pub(crate) fn fail(self, failure: Failed) -> Failed {
        // What was stopped because the job ends elsewhere is no failure of its own.
        let is_ours = !self.told.has_stopped.load(Ordering::SeqCst);
        self.link.ended(is_ours.then(|| failure.clone()));
        let limit = match self.job.supervisor.stopping() {
            Some(_) => WAIT_AFTER_STOP,
            None => PEER_GRACE + WAIT_AFTER_STOP,
        };
        let until = Instant::now() + limit;
        while self.told.outcome.get().is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if self.inbox.recv_timeout(left).is_err() {
                break;
            }
        }
        self.link.close();
        match self.told.outcome.get() {
            Some(Err(cause)) => cause.clone(),
            Some(Ok(())) | None => failure,
        }
    }

    /// Runs what the launcher has to run here, until the job is over on all hosts.
    pub(crate) fn run(
        self,
        loaded: &Loaded,
        launch: &Launch,
        scratch: &Scratch,
    ) -> Result<(), Failed> {
        match start::prepare(&self, loaded, launch, scratch) {
            Ok(task) => Host::new(self, loaded).run(task),
            Err(failure) => {
                // After a stop signal nothing can be started, which is no failure of what can't.
                let stopped = self.job.check_stop(Phase::Start).err();
                Err(self.fail(stopped.unwrap_or(failure)))
            }
        }
    }
}

fn party(job: &Job<'_>, loaded: &Loaded, launcher: Launcher) -> Party {
    let cluster = &loaded.cluster;
    let env = &loaded.env;
    let name = |text: &Text| text.to_string();
    let node_name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let job_name = env.job_name().unwrap_or_else(|| env.sagemaker_job_name());
    let hosts: Vec<_> = cluster.hosts.iter().map(name).collect();
    Party {
        own: Member {
            rank: cluster.rank.unwrap_or_default(),
            host: cluster.current_host.as_ref().map(name).unwrap_or_default(),
            node_name,
            terms: Terms {
                n_hosts: cluster.n_hosts,
                launcher: launcher.word().to_owned(),
                processes_per_host: n_processes(job, loaded),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
        },
        first: cluster.master_address.to_string(),
        port: job.options.control_port,
        secret: job.options.cluster_secret.clone().unwrap_or_default(),
        job: format!("{job_name}\n{}\n{}", cluster.n_hosts, hosts.join("\n")),
        names: hosts,
        join_within: job.options.host_wait,
        stop_grace: job.options.stop_grace,
    }
}

/// How many processes each host is to have.
fn n_processes(job: &Job<'_>, loaded: &Loaded) -> u32 {
    let asked = job.options.processes_per_host;
    asked.map_or(loaded.cluster.processes_per_host, |n| n.get().into())
}

/// One environment over another.
fn over(below: &[(OsString, OsString)], above: &[(OsString, OsString)]) -> Variables {
    let is_above = |name: &OsString| above.iter().any(|(other, _)| other == name);
    let kept = below.iter().filter(|(name, _)| !is_above(name));
    kept.chain(above).cloned().collect()
}
