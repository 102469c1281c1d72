//! One training job, from its files to its report.
//!
//! Each step can fail in one way: with a [`Failure`](optml_contract::failure::Failure), which says what was being
//! done, what went wrong, and how the process ended. What happens then is in one place ([`Job::run`]), so that no path
//! leads to a success that was none.

use std::ffi::OsString;

use optml_contract::{
    ConfigError, Exported, Layout, Source, TrainingEnv,
    cluster::Cluster,
    exit::Code,
    export::ExecLimits,
    failure::{Phase, redact_words},
    options::{Launcher, LogWrap, Options},
};
use optml_supervise::{Command, Console, Exit, Format, Output, SpawnError, Stdin, Supervisor};
use rustix::process::{Resource, getrlimit};
use tracing::{error, info, warn};

use crate::{
    failing::{
        Failed, cut_short, ended, explain, misconfigured, not_done, not_planned, not_started,
    },
    launch::{Launch, Settings, Work},
    launcher,
    outputs::{self, Outputs},
    prepare, probe,
    ranks::{self, Ranks},
    report::{Author, Report},
    scratch::Scratch,
    stores::Stores,
};

/// A job, and what it needs of the process that runs it.
#[derive(Debug)]
pub struct Job<'a> {
    /// Variables and files.
    pub source: &'a dyn Source,
    /// How to run.
    pub options: &'a Options,
    /// What was wrong with the options.
    pub option_problems: Vec<ConfigError>,
    /// A command to run instead of the entry point.
    pub command: Option<&'a [OsString]>,
    /// Starts and stops every process.
    pub supervisor: &'a Supervisor,
    /// Where everything is printed.
    pub console: &'a Console,
}

/// What is known about a job once its files were read.
#[derive(Debug)]
pub struct Loaded {
    /// Its paths.
    pub layout: Layout,
    /// What its files say.
    pub env: TrainingEnv,
    /// Its hosts.
    pub cluster: Cluster,
    /// What the script gets.
    pub exported: Exported,
}

impl Job<'_> {
    /// Runs the job and reports its end. Returns the exit code: a failure never gives 0.
    pub fn run(mut self) -> u8 {
        let layout = Layout::locate(self.source).unwrap_or_else(|problem| {
            self.option_problems.push(problem);
            Layout::at(optml_contract::layout::BASE_DIR)
        });
        let report = Report::begin(&layout);
        let mut outputs = Outputs::default();
        let outcome = self.attempt(&layout, &mut outputs);
        // The reason is there before anything is waited for.
        let author = outcome.as_ref().map_or_else(
            |failure| report.failure(failure),
            |()| {
                report.success();
                Author::Us
            },
        );
        outputs.finish();
        let Err(failure) = outcome else {
            info!("training succeeded");
            return Code::SUCCESS;
        };
        let code = failure.exit_code(self.options.exit_style);
        if author == Author::Nobody {
            warn!(file = %layout.failure(), "the reason is only in this log");
        }
        error!(exit.code = code, "training failed\n{}", failure.full_text());
        code
    }

    /// `outputs`: what is kept in step from here on, whatever becomes of the script.
    fn attempt(&mut self, layout: &Layout, outputs: &mut Outputs) -> Result<(), Failed> {
        let mut job = self.load(layout)?;
        let result = self.attempt_loaded(&mut job, outputs);
        result.map_err(|mut failure| {
            failure
                .host
                .get_or_insert_with(|| job.env.current_host().to_string());
            failure
        })
    }

    /// Reads everything, and reports everything that is wrong with it.
    fn load(&mut self, layout: &Layout) -> Result<Loaded, Failed> {
        let mut problems = std::mem::take(&mut self.option_problems);
        let loaded = load(self.source, layout, self.supervisor);
        match loaded {
            Ok(job) if problems.is_empty() => {
                for note in &job.exported.notes {
                    warn!("{note}");
                }
                Ok(job)
            }
            Ok(_) => Err(misconfigured(&problems)),
            Err(more) => {
                problems.extend(more);
                Err(misconfigured(&problems))
            }
        }
    }

    fn attempt_loaded(&self, job: &mut Loaded, outputs: &mut Outputs) -> Result<(), Failed> {
        let env = &job.env;
        let machine = env.machine();
        info!(
            version = env!("CARGO_PKG_VERSION"),
            host = %env.current_host(),
            n_hosts = env.hosts().len(),
            cpus = machine.cpus.value,
            gpus = machine.gpus.value,
            job = env.job_name().map(tracing::field::display),
            "training"
        );
        let scratch = Scratch::new(self.source, &job.layout);
        scratch
            .place(&mut job.exported)
            .map_err(|error| not_done(Phase::Configuration, &error, None))?;
        let work = Work::choose(self.command, &job.env).map_err(|error| not_planned(&error))?;
        let planned = outputs::Plan::read(&job.env, self.options)?;
        let stores = Stores::new(self.source, self.supervisor, job.env.region().to_string());
        let ranks = match self.choose_launcher(job, &work) {
            Launcher::Plain => None,
            launcher => Some(Ranks::join(self, job, launcher)?),
        };
        let prepared = self.prepare(job, &work, (&stores, &scratch), (planned, outputs));
        match (ranks, prepared) {
            (None, launch) => self.run_script(job, launch?),
            (Some(ranks), Ok(launch)) => ranks.run(job, &launch, &scratch),
            (Some(ranks), Err(failure)) => Err(ranks.fail(failure)),
        }
    }

    /// Who starts the processes; says so when it is not we.
    fn choose_launcher(&self, job: &Loaded, work: &Work) -> Launcher {
        let has_package = |name: &str| ranks::has_package(self, job, name);
        let chosen = launcher::choose(self.options, &job.env, &job.cluster, work, &has_package);
        if let Some(note) = &chosen.note {
            warn!("{note}");
        }
        let cluster = &job.cluster;
        if chosen.launcher != Launcher::Plain {
            info!(
                launcher = chosen.launcher.word(),
                why = %chosen.why,
                n_hosts = cluster.n_hosts,
                rank = cluster.rank,
                first_host = %cluster.master_address,
                learnt_from = %cluster.learnt_from,
                "many processes"
            );
        }
        chosen.launcher
    }

    /// Everything that comes before the script.
    fn prepare(
        &self,
        job: &mut Loaded,
        work: &Work,
        (stores, scratch): (&Stores<'_>, &Scratch),
        (planned, outputs): (outputs::Plan, &mut Outputs),
    ) -> Result<Launch, Failed> {
        if let Work::EntryPoint(entry) = work {
            prepare::code(self, job, stores, scratch)?;
            let more = prepare::install(self, job, (entry, stores), scratch)?;
            job.exported.vars.extend(more);
        }
        prepare::hosts(self, job)?;
        let settings = Settings {
            python: self.options.python.as_deref(),
            arguments: &job.exported.args,
        };
        let launch = Launch::plan(work, &job.layout.code(), self.source, settings)
            .map_err(|error| not_planned(&error))?;
        *outputs = planned.start(&job.layout, stores, self.options, self.supervisor)?;
        Ok(launch)
    }

    fn run_script(&self, job: &Loaded, launch: Launch) -> Result<(), Failed> {
        let words = redact_words(&launch.display_words());
        info!(command = words.join(" "), "starting the script");
        let mut command = Command::new(launch.program);
        command.arguments = launch.words;
        command.environment.clone_from(&job.exported.vars);
        command.directory = launch.directory.map(Into::into);
        command.stdin = Stdin::Inherit;
        let (exit, output) = self.supervise(command, &job.env).map_err(|error| {
            let mut failure = not_started(Phase::Start, &error);
            failure.command.clone_from(&words);
            failure
        })?;
        say_end(&exit, None);
        if exit.ended.is_success() {
            return Ok(());
        }
        let mut failure = ended(Phase::Script, &exit, output, self.source);
        explain(&mut failure, &job.layout);
        failure.command = words;
        Err(failure)
    }

    /// Runs one program to its end, its output passed on.
    pub(crate) fn supervise(
        &self,
        mut command: Command,
        env: &TrainingEnv,
    ) -> Result<(Exit, Output), SpawnError> {
        let format = format_of_lines(self.options.log_wrap, &env.current_host().to_string());
        command.memory_events = probe::memory_events(self.source);
        self.supervisor.run(command, self.console, &format)
    }

    /// A stop signal came before the script: what was being done ends here.
    pub(crate) fn check_stop(&self, phase: Phase) -> Result<(), Failed> {
        let Some(signal) = self.supervisor.stopping() else {
            return Ok(());
        };
        Err(cut_short(phase, signal))
    }
}

/// What becomes of a program's lines on a host.
pub fn format_of_lines(wrap: LogWrap, host: &str) -> Format {
    let host = host.to_owned();
    match wrap {
        LogWrap::Raw => Format::Raw,
        LogWrap::Prefix => Format::Prefix(host),
        LogWrap::Json => Format::Json { host },
    }
}

/// Reads the job at `layout`, asks the machine what has to be asked, and makes the script's environment.
///
/// # Errors
///
/// Everything that is wrong with the job's files and variables.
pub fn load(
    source: &dyn Source,
    layout: &Layout,
    supervisor: &Supervisor,
) -> Result<Loaded, Vec<ConfigError>> {
    let env = TrainingEnv::load(source, layout, &probe::facts(source, supervisor))?;
    let stack = getrlimit(Resource::Stack).current;
    let limits = ExecLimits::linux(stack, rustix::param::page_size());
    let exported = Exported::render(&env, source, limits)?;
    let cluster = Cluster::of_job(source, &env)?;
    Ok(Loaded {
        layout: layout.clone(),
        env,
        cluster,
        exported,
    })
}

/// Says how a process of the script has ended.
pub(crate) fn say_end(exit: &Exit, rank: Option<u32>) {
    let peak_rss_mib = exit.peak_rss_bytes >> 20;
    let took_s = exit.took.as_secs_f64();
    let stop = exit.stop;
    info!(
        rank,
        ended = %exit.ended,
        took_s,
        peak_rss_mib,
        stop.signal = stop.map(|stop| stop.signal.name()),
        stop.took_s = stop.map(|stop| stop.took.as_secs_f64()),
        stop.killed = stop.map(|stop| stop.killed),
        "the script has ended"
    );
}
