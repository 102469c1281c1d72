//! A host while its processes run.

use std::{
    cell::RefCell,
    ffi::OsString,
    path::PathBuf,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use optml_contract::{
    failure::{Ended, Failure, Phase, redact_words},
    options::{Launcher, LogWrap},
    vars,
};
use optml_supervise::{
    ChildEvent, ChildRef, Command, Exit, Format, OnStop, Pump, SpawnError, SpawnErrorKind, Stdin,
    StopSignal, stop_marked,
};
use tracing::info;

use super::{Ranks, Turn, WAIT_AFTER_STOP, agent, n_processes, over, start::Task};
use crate::{
    failing::{
        Failed, cut_short, ended, explain, explain_open_mpi, message, not_done, not_started,
    },
    launcher::{Part, Process, Role},
    link::{Event, Outcome},
    probe,
    run::{Loaded, say_end},
    ssh, untangle,
};

/// How long a program that is no longer needed may take to end.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How long the end of a stream is waited for when all processes that we know of are gone.
const PATIENCE: Duration = Duration::from_secs(2);
/// What Open MPI sets for each process that it starts for the job.
const MARK_OF_OPEN_MPI: &str = "OMPI_COMM_WORLD_RANK";
/// The same of torchrun.
const MARK_OF_TORCHRUN: &str = "TORCHELASTIC_RUN_ID";
/// How long Open MPI may take to end what it has started. It gives its processes 2 s on the first host and 4 s on others,
/// but waits for ever for a host that is gone.
const OPEN_MPI_ENDS: Duration = Duration::from_secs(10);
/// How often it is looked what processes print, and whether they still do.
const LOOK: Duration = Duration::from_secs(1);

/// The host while its processes run.
pub(super) struct Host<'a> {
    ranks: Ranks<'a>,
    loaded: &'a Loaded,
    children: Vec<Running>,
    /// The first failure here.
    failure: Option<Failed>,
    has_ended: bool,
    stopped: Option<StopSignal>,
    /// What runs here was asked to stop, and nothing had failed.
    stops_gently: bool,
    /// When the grace of what an engine has started is over.
    grace_ends: Option<Instant>,
    /// When nothing is waited for any more.
    give_up: Option<Instant>,
    is_silent: bool,
    over: Option<Outcome>,
}

/// A process of this host.
struct Running {
    process: Process,
    shown: Vec<String>,
    child: ChildRef,
    pump: Option<Pump>,
    on_stop: OnStop,
}

impl<'a> Host<'a> {
    pub(super) fn new(ranks: Ranks<'a>, loaded: &'a Loaded) -> Self {
        ranks.told.is_running.store(true, Ordering::SeqCst);
        Self {
            ranks,
            loaded,
            children: Vec::new(),
            failure: None,
            has_ended: false,
            stopped: None,
            stops_gently: false,
            grace_ends: None,
            give_up: None,
            is_silent: false,
            over: None,
        }
    }

    /// Starts what is to be started, and waits for the end of the job.
    pub(super) fn run(mut self, task: Task) -> Result<(), Failed> {
        if let Err(failure) = self.start(task) {
            self.fail(failure);
        }
        self.end_if_all_have();
        loop {
            let now = Instant::now();
            if self.over.is_some() && self.children.iter().all(Running::is_gone) {
                break;
            }
            if self.give_up.is_some_and(|limit| now >= limit) {
                break;
            }
            self.keep_time(now);
            match self.next(now) {
                Some(Turn::Link(event)) => self.told(event),
                Some(Turn::Child(index, event)) => self.child(index, event),
                Some(Turn::Stop(signal)) => self.stop(signal),
                None => {}
            }
        }
        self.ranks.link.close();
        match (self.over, self.failure) {
            (Some(Err(failure)), _) | (_, Some(failure)) => Err(failure),
            (Some(Ok(())), None) => Ok(()),
            // Nobody told us how it ended, within the time that a stop leaves.
            (None, None) => match self.stopped {
                Some(signal) if self.children.iter().any(Running::serves) => {
                    Err(cut_short(Phase::Script, signal))
                }
                _ => Ok(()),
            },
        }
    }

    fn next(&self, now: Instant) -> Option<Turn> {
        let silence_limit = self.ranks.job.options.silence_limit;
        let looks = (silence_limit.is_some() || self.hears_the_agent()).then(|| now + LOOK);
        let next = [self.give_up, self.grace_ends, looks]
            .into_iter()
            .flatten()
            .min();
        match next {
            None => Some(self.ranks.inbox.recv().expect("we have a sender ourselves")),
            // Too late or not at all: what is due is looked at.
            Some(next) => {
                let left = next.saturating_duration_since(now);
                self.ranks.inbox.recv_timeout(left).ok()
            }
        }
    }

    fn start(&mut self, task: Task) -> Result<(), Failed> {
        let Task { role, more, server } = task;
        match role {
            Role::Runs(processes) => {
                let n_alike = processes
                    .iter()
                    .filter(|process| process.rank.is_some())
                    .count();
                for process in processes {
                    self.start_process(process, &more, n_alike > 1)?;
                }
            }
            Role::Serves(_) => {
                let server = server.expect("a host that serves has a server");
                self.start_server(server)?;
            }
        }
        Ok(())
    }

    fn start_process(
        &mut self,
        process: Process,
        more: &[(OsString, OsString)],
        among_others: bool,
    ) -> Result<(), Failed> {
        let shown = redact_words(&process.display_words());
        let mut command = Command::new(&process.program);
        command.arguments.clone_from(&process.words);
        command.environment = over(&over(&self.loaded.exported.vars, &process.variables), more);
        command.directory =
            Some(self.loaded.layout.code().into()).filter(|folder: &PathBuf| folder.is_dir());
        command.stdin = Stdin::Inherit;
        if self.is_open_mpi() {
            // Called by its path, it takes the folder above for the place of Open MPI on all hosts.
            command.name = process.program.file_name().map(Into::into);
        }
        if process.part == Part::Trains && self.mark().is_some() {
            command.on_stop = OnStop::Leave;
        }
        info!(
            rank = process.rank,
            command = shown.join(" "),
            "{}",
            match process.part {
                Part::Trains => "starting the script",
                Part::Helps => "starting a server",
            }
        );
        let format = self.format(&process, among_others);
        self.spawn(command, process, shown, &format)
    }

    fn start_server(&mut self, server: ssh::Server) -> Result<(), Failed> {
        let mut command = server.command;
        command.on_stop = OnStop::Leave;
        let process = Process {
            rank: None,
            part: Part::Helps,
            program: command.program.clone(),
            words: command.arguments.clone(),
            variables: Vec::new(),
        };
        let shown = process.display_words();
        self.spawn(command, process, shown, &Format::Prefix("sshd".to_owned()))?;
        let index = self.children.len() - 1;
        let inbox = &self.ranks.inbox;
        let held = RefCell::new(Vec::new());
        let is_there = |pause: Duration| match inbox.recv_timeout(pause) {
            Ok(turn) => {
                let gone = matches!(&turn, Turn::Child(at, ChildEvent::Died { .. } | ChildEvent::Failed(_)) if *at == index);
                held.borrow_mut().push(turn);
                !gone
            }
            Err(_) => true,
        };
        let answers = ssh::wait_for(&server.known_as, &is_there);
        for turn in held.take() {
            // We have the other end: it is looked at as if it had just come.
            let _ = self.ranks.sender.send(turn);
        }
        answers.map_err(|error| not_done(Phase::Start, &error, error.hint()))?;
        info!(
            port = server.known_as.port,
            "the first host may start processes here"
        );
        self.ranks.link.serving();
        Ok(())
    }

    fn spawn(
        &mut self,
        mut command: Command,
        process: Process,
        shown: Vec<String>,
        format: &Format,
    ) -> Result<(), Failed> {
        let on_stop = command.on_stop;
        let os = |error| {
            let program = command.program.clone();
            let kind = SpawnErrorKind::Os(error);
            not_started(Phase::Start, &SpawnError { program, kind })
        };
        let (pump, (stdout, stderr)) = Pump::start(self.ranks.job.console, format).map_err(os)?;
        command.output = Some(if self.is_open_mpi() && process.part == Part::Trains {
            let stdout = untangle::whole_lines(stdout).map_err(os)?;
            (stdout, untangle::whole_lines(stderr).map_err(os)?)
        } else {
            (stdout, stderr)
        });
        command.memory_events = probe::memory_events(self.ranks.job.source);
        let (index, sender) = (self.children.len(), self.ranks.sender.clone());
        let child = self.ranks.job.supervisor.watch(command, move |event| {
            // The receiver is gone: the job is over.
            let _ = sender.send(Turn::Child(index, event));
        });
        self.children.push(Running {
            process,
            shown,
            child,
            pump: Some(pump),
            on_stop,
        });
        Ok(())
    }

    fn format(&self, process: &Process, among_others: bool) -> Format {
        let host = self.loaded.env.current_host().to_string();
        let name = match (process.rank, process.part) {
            (_, Part::Helps) => Some("server".to_owned()),
            (Some(rank), Part::Trains) if among_others => Some(format!("rank {rank}")),
            _ => None,
        };
        match (self.ranks.job.options.log_wrap, name) {
            (LogWrap::Raw, None) => Format::Raw,
            (LogWrap::Raw, Some(name)) => Format::Prefix(name),
            (LogWrap::Prefix, None) => Format::Prefix(host),
            (LogWrap::Prefix, Some(name)) => Format::Prefix(format!("{host} {name}")),
            (LogWrap::Json, _) => Format::Json { host },
        }
    }

    fn is_open_mpi(&self) -> bool {
        matches!(self.ranks.launcher, Launcher::Mpirun | Launcher::Smddp)
    }

    /// What an engine sets for the processes that it starts, where we ask these to stop ourselves, and not the engine: Open
    /// MPI would leave them one second, torchrun thirty, and it would not end well when they have. A torchrun that starts
    /// its ranks again takes their end for a reason to do so.
    fn mark(&self) -> Option<&'static str> {
        match self.ranks.launcher {
            Launcher::Mpirun | Launcher::Smddp => Some(MARK_OF_OPEN_MPI),
            Launcher::Torchrun if !self.starts_again() => Some(MARK_OF_TORCHRUN),
            _ => None,
        }
    }

    fn told(&mut self, event: Event) {
        match event {
            Event::Stop { grace, gently } if self.stopped.is_none() => {
                let who = match self.failure {
                    Some(_) => "a process has failed: the others end",
                    None => "another host ends, and so does this one",
                };
                info!(grace_s = grace.as_secs(), "{who}");
                self.ask_to_end(grace, gently);
            }
            // We have been asked to stop ourselves: the grace is running.
            Event::Stop { .. } | Event::Start(_) | Event::AllServe => {}
            Event::Over(outcome) => {
                self.over = Some(outcome);
                self.end_the_rest();
            }
        }
    }

    /// The job is over: whatever still runs here is ended. A stop is another matter: hosts that are done early do not
    /// wait for those that still save their work, and these keep their grace.
    fn end_the_rest(&self) {
        let saves = self.stops_gently
            && self
                .children
                .iter()
                .any(|running| running.process.part == Part::Trains && !running.is_gone());
        if self.over.is_none() || saves {
            return;
        }
        for running in &self.children {
            running.child.stop(LAST_WORDS);
        }
    }

    /// Asks everything that trains here.
    fn ask_to_end(&mut self, grace: Duration, gently: bool) {
        let mark = self.mark().filter(|_| gently || self.is_open_mpi());
        let n_asked = mark.map_or(0, stop_marked);
        for running in self
            .children
            .iter()
            .filter(|running| running.process.part == Part::Trains)
        {
            match running.on_stop {
                OnStop::Leave if self.is_open_mpi() && !gently => {
                    running.child.stop(grace.min(OPEN_MPI_ENDS));
                }
                // An engine ends by itself when its processes have.
                OnStop::Leave if gently && (n_asked > 0 || self.is_open_mpi()) => {}
                OnStop::Leave | OnStop::PassOn => running.child.stop(grace),
            }
        }
        if gently {
            self.stops_gently = true;
            self.grace_ends = Some(Instant::now() + grace);
        }
    }

    fn stop(&mut self, signal: StopSignal) {
        if self.stopped.is_some() {
            // The second one skips what is left of the grace.
            self.children
                .iter()
                .for_each(|running| running.child.kill());
            return;
        }
        self.stopped = Some(signal);
        self.stops_gently = true;
        self.ranks.link.stopping();
        let grace = self.ranks.job.options.stop_grace;
        // The supervisor passes it on to the others.
        if self.mark().is_some() {
            self.ask_to_end(grace, true);
        }
        if self.children.iter().any(Running::serves) {
            self.give_up = Some(Instant::now() + grace + WAIT_AFTER_STOP);
        }
        self.give_up_soon();
    }

    fn keep_time(&mut self, now: Instant) {
        if self.grace_ends.is_some_and(|end| now >= end) {
            self.grace_ends = None;
            for running in self
                .children
                .iter()
                .filter(|running| running.on_stop == OnStop::Leave)
            {
                running.child.stop(LAST_WORDS);
            }
        }
        self.look_for_silence();
        self.listen_to_the_agent();
    }

    /// Whether torchrun is listened to: it has not failed yet, and does not start its ranks again when they fail.
    fn hears_the_agent(&self) -> bool {
        self.ranks.launcher == Launcher::Torchrun
            && self.failure.is_none()
            && !self.stops_gently
            && !self.starts_again()
    }

    /// Whether torchrun starts its ranks again when one of them has failed.
    fn starts_again(&self) -> bool {
        let job = self.ranks.job;
        let is_set = |name: &str| self.loaded.exported.vars.iter().any(|(set, _)| set == name);
        let options = job.options.torchrun_options.as_deref().unwrap_or_default();
        is_set(vars::PET_MAX_RESTARTS.name) || options.replace('-', "_").contains("max_restarts")
    }

    /// A rank of torchrun's has failed, and torchrun waits for other hosts.
    fn listen_to_the_agent(&mut self) {
        if !self.hears_the_agent() {
            return;
        }
        let found = self.children.iter().find_map(|running| {
            let stderr = running.pump.as_ref()?.last_lines(Duration::ZERO);
            agent::FailedRank::find(&stderr).map(|_| (stderr, running.shown.clone()))
        });
        let Some((stderr_tail, command)) = found else {
            return;
        };
        let mut failure = Failure::new(Phase::Script);
        // As torchrun itself will end.
        failure.ended = Some(Ended::Exited { code: 1 });
        failure.stderr_tail = stderr_tail;
        failure.command = command;
        self.explain(&mut failure);
        self.fail(Box::new(failure));
    }

    /// What the script itself said, and which rank it was.
    fn explain(&self, failure: &mut Failure) {
        if self.is_open_mpi() {
            explain_open_mpi(failure, &self.loaded.layout);
            return;
        }
        explain(failure, &self.loaded.layout);
        if self.ranks.launcher == Launcher::Torchrun && failure.rank.is_none() {
            let failed = agent::FailedRank::find(&failure.stderr_tail);
            let n_local = n_processes(self.ranks.job, self.loaded);
            let host = self.loaded.cluster.rank;
            failure.rank = failed.and_then(|rank| rank.rank(host, n_local));
        }
    }

    fn look_for_silence(&mut self) {
        let Some(limit) = self.ranks.job.options.silence_limit else {
            return;
        };
        let pumps = self
            .children
            .iter()
            .filter_map(|running| running.pump.as_ref());
        let silent = pumps.map(Pump::silent_for).min();
        let trains = self
            .children
            .iter()
            .any(|running| running.process.part == Part::Trains && !running.is_gone());
        if self.is_silent || !trains || silent.is_none_or(|silent| silent < limit) {
            return;
        }
        self.is_silent = true;
        let mut failure = Failure::new(Phase::Script);
        failure.exception = Some(message(format!(
            "nothing was printed for {} s: the job is taken to hang",
            limit.as_secs()
        )));
        failure.hint = Some("OPTML_SILENCE_LIMIT_S sets the time".to_owned());
        self.fail(Box::new(failure));
    }

    fn child(&mut self, index: usize, event: ChildEvent) {
        match event {
            ChildEvent::Started { .. } | ChildEvent::Died { .. } => {}
            ChildEvent::Failed(error) => {
                let running = &mut self.children[index];
                running.pump = None;
                let mut failure = not_started(Phase::Start, &error);
                failure.command.clone_from(&running.shown);
                failure.rank = running.process.rank;
                self.fail(failure);
                self.end_if_all_have();
            }
            ChildEvent::Gone(exit) => {
                self.gone(index, &exit);
                self.end_if_all_have();
            }
        }
    }

    fn gone(&mut self, index: usize, exit: &Exit) {
        let running = &mut self.children[index];
        let output = running
            .pump
            .take()
            .map(|pump| pump.finish(PATIENCE))
            .unwrap_or_default();
        if running.process.part == Part::Trains {
            say_end(exit, running.process.rank);
        }
        let is_expected = self.over.is_some() || exit.stop.is_some();
        if exit.ended.is_success() || (running.process.part == Part::Helps && is_expected) {
            return;
        }
        let mut failure = ended(Phase::Script, exit, output, self.ranks.job.source);
        if self.stops_gently && exit.stop.is_none() {
            failure.ended = Some(Ended::Stopped {
                signal: self.stopped.unwrap_or(StopSignal::Term).number(),
                code: exit.ended.exit_code(),
                killed: false,
            });
        }
        self.explain(&mut failure);
        let running = &self.children[index];
        failure.command.clone_from(&running.shown);
        failure.rank = running.process.rank.or(failure.rank);
        // Open MPI may call the first host by another name than the job does.
        let hosts = &self.loaded.cluster.hosts;
        let named = failure
            .host
            .take()
            .filter(|name| hosts.iter().any(|host| *host == **name));
        failure.host = named.or_else(|| failure.rank.and_then(|rank| self.host_of(rank)));
        self.fail(failure);
    }

    /// The host of a rank: all have the same number, in the order of the hosts.
    fn host_of(&self, rank: u32) -> Option<String> {
        let cluster = &self.loaded.cluster;
        let place = rank.checked_div(n_processes(self.ranks.job, self.loaded))?;
        cluster.hosts.get(place as usize).map(ToString::to_string)
    }

    fn fail(&mut self, mut failure: Failed) {
        failure
            .host
            .get_or_insert_with(|| self.loaded.env.current_host().to_string());
        self.ranks.link.failing(failure.clone());
        self.failure.get_or_insert(failure);
    }

    /// Tells the others when nothing trains here any more. A host that serves has not ended before the first.
    fn end_if_all_have(&mut self) {
        let trains = |running: &Running| running.process.part == Part::Trains;
        let all_gone = self
            .children
            .iter()
            .filter(|running| trains(running))
            .all(Running::is_gone);
        let serves = self.children.iter().any(Running::serves) && self.failure.is_none();
        if self.has_ended || !all_gone || serves {
            return;
        }
        self.has_ended = true;
        self.ranks.link.ended(None);
        self.end_the_rest();
        self.give_up_soon();
    }

    /// After a stop signal the others are not waited for much longer: time is short.
    fn give_up_soon(&mut self) {
        if self.has_ended && self.stopped.is_some() {
            self.give_up = Some(Instant::now() + WAIT_AFTER_STOP);
        }
    }
}

impl Running {
    fn is_gone(&self) -> bool {
        self.pump.is_none()
    }

    /// It is the server by which the first host starts processes here.
    fn serves(&self) -> bool {
        self.process.part == Part::Helps && self.on_stop == OnStop::Leave
    }
}
