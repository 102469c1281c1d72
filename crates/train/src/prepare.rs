//! What must be there before the script can start: its code, what it needs, and the other hosts.

use std::{
    ffi::{OsStr, OsString},
    sync::Arc,
    time::Duration,
};

use optml_contract::{failure::Phase, text::Text, vars};
use optml_supervise::{Command, command::find_program};
use tracing::{info, warn};

use crate::{
    code::{self, Fetched, Means, Why},
    entry::{EntryKind, EntryPoint},
    failing::{Failed, ended, message, not_done, not_started},
    hosts::{self, HostWait, Inbox, SystemResolver},
    install::{self, InstallRequest, InstallStep, Interpreter, Wheels},
    launch::find_python,
    package_index::{IndexError, IndexUrl, Repository},
    run::{Job, Loaded},
    scratch::Scratch,
    store::without_secrets,
    stores::Stores,
};

/// Brings the user's code into the code directory, when the job says where it is.
pub(crate) fn code(
    run: &Job<'_>,
    job: &Loaded,
    stores: &Stores<'_>,
    scratch: &Scratch,
) -> Result<(), Failed> {
    let code_dir = job.layout.code();
    let from_job = job
        .env
        .all_hyperparameters()
        .get("sagemaker_submit_directory")
        .map(|_| job.env.module_dir().to_string());
    let from_image = || {
        run.source
            .var("SAGEMAKER_SUBMIT_DIRECTORY")
            .map(|text| Text::from_os(text).to_string())
    };
    let Some(location) = from_job
        .or_else(from_image)
        .filter(|location| !location.is_empty())
    else {
        return Ok(());
    };
    let means = Means {
        stop: &|| run.supervisor.stopping().is_some(),
        client: &|| stores.until_stop(),
        scratch: scratch.folder(),
    };
    let fetched = code::fetch(&location, &code_dir, means)
        .map_err(|error| not_done(Phase::CodeFetch, &error, error.hint()));
    run.check_stop(Phase::CodeFetch)?;
    let location = without_secrets(&location);
    match fetched? {
        Fetched::Kept(Why::Unmarked) => {
            warn!(%code_dir, location, "the code directory is not empty, and nothing says that its code is from there: nothing is fetched");
        }
        Fetched::Kept(Why::Same) => {
            info!(%code_dir, location, "the code directory already holds this code: nothing is fetched");
        }
        Fetched::Kept(Why::Within) => {
            info!(%code_dir, location, "the code lies in the code directory: nothing is fetched");
        }
        Fetched::Replaced { was, extracted } => {
            let (n_files, n_bytes) = (extracted.n_files, extracted.n_bytes);
            info!(%code_dir, location, was = was.location, n_files, n_bytes, "other code, untouched since it was fetched, is replaced");
        }
        Fetched::Copied(extracted) | Fetched::Unpacked(extracted) => {
            let (n_files, n_bytes) = (extracted.n_files, extracted.n_bytes);
            info!(%code_dir, location, n_files, n_bytes, "code is in place");
        }
        Fetched::InPlace => {
            info!(%code_dir, location, "the location is the code directory itself, which is empty: nothing is fetched");
        }
    }
    Ok(())
}

/// Installs what the code asks for, into the environment of the interpreter that will run it. Gives the variables that
/// the script needs to find it.
pub(crate) fn install(
    run: &Job<'_>,
    job: &Loaded,
    (entry, stores): (&EntryPoint, &Stores<'_>),
    scratch: &Scratch,
) -> Result<Vec<(OsString, OsString)>, Failed> {
    let code_dir = job.layout.code();
    let package = entry.kind_in(&code_dir) == EntryKind::Module;
    let requirements = code_dir.join("requirements.txt").is_file();
    if !package && !requirements {
        return Ok(Vec::new());
    }
    let python = find_python(run.source, run.options.python.as_deref())
        .map_err(|error| not_done(Phase::Install, &error, error.hint()))?;
    let wheels = run
        .options
        .wheels
        .as_deref()
        .map(camino::Utf8Path::as_std_path);
    let wheels = Wheels::find(wheels, code_dir.as_std_path());
    let request = InstallRequest {
        package,
        requirements,
        index: match wheels {
            Some(_) => None,
            None => index(run, stores)?,
        },
        wheels,
        uv: find_program(OsStr::new("uv"), run.source.var("PATH")),
        interpreter: ask_interpreter(run, job, &python)?,
        in_container: job.layout.base() == optml_contract::layout::BASE_DIR
            || rustix::process::getpid().is_init(),
        user_base: scratch.folder().join("python").into(),
        python,
    };
    let plan = request.plan();
    for step in &plan.steps {
        install_step(run, job, step)?;
    }
    Ok(plan.script_env)
}

/// The private index that the job names, if it names one.
fn index(run: &Job<'_>, stores: &Stores<'_>) -> Result<Option<IndexUrl>, Failed> {
    let variable = run.source.var(vars::CA_REPOSITORY_ARN.name);
    let Some(arn) = variable.filter(|arn| !arn.is_empty()) else {
        return Ok(None);
    };
    let failed = |phase, error: &IndexError| not_done(phase, error, error.hint());
    let repository = Repository::parse(&arn.to_string_lossy())
        .map_err(|error| failed(Phase::Configuration, &error))?;
    let client = stores
        .until_stop()
        .map_err(|error| not_done(Phase::Install, &error, error.hint()))?;
    let index = repository.index(&client);
    run.check_stop(Phase::Install)?;
    index
        .map(Some)
        .map_err(|error| failed(Phase::Install, &error))
}

/// Where the interpreter keeps its packages, and whether we may write there.
fn ask_interpreter(
    run: &Job<'_>,
    job: &Loaded,
    python: &std::path::Path,
) -> Result<Interpreter, Failed> {
    // An interpreter on a cold, slow disk takes seconds.
    const LIMIT: Duration = Duration::from_mins(1);
    let mut command = Command::new(python);
    command.arguments = ["-c", install::PROBE].map(OsString::from).to_vec();
    command.environment.clone_from(&job.exported.vars);
    let answer = run.supervisor.capture(command, LIMIT);
    run.check_stop(Phase::Install)?;
    let reason = match answer {
        Ok(answer) => match Interpreter::parse(&answer.stdout) {
            Ok(interpreter) => return Ok(interpreter),
            Err(error) => {
                warn!(stderr = %String::from_utf8_lossy(&answer.stderr), "the interpreter could not be asked");
                error.to_string()
            }
        },
        Err(error) => error.to_string(),
    };
    let hint = format!("check that `{}` works in this image", python.display());
    Err(not_done(Phase::Install, &reason, Some(hint)))
}

fn install_step(run: &Job<'_>, job: &Loaded, step: &InstallStep) -> Result<(), Failed> {
    let words = step.shown();
    info!(what = step.what, command = words.join(" "), "installing");
    let command = step.command(&job.exported.vars, job.layout.code().as_std_path());
    let (exit, output) = run
        .supervise(command, &job.env)
        .map_err(|error| not_started(Phase::Install, &error))?;
    run.check_stop(Phase::Install)?;
    if exit.ended.is_success() {
        return Ok(());
    }
    let told = install::error_line(&output.stderr).or_else(|| install::error_line(&output.stdout));
    let mut failure = ended(Phase::Install, &exit, output, run.source);
    failure.exception = told.map(message);
    failure.command = words;
    Err(failure)
}

/// Waits until every host of the job has an address.
pub(crate) fn hosts(run: &Job<'_>, job: &Loaded) -> Result<(), Failed> {
    let studio = run
        .source
        .var("SM_STUDIO_LOCAL_MODE")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"));
    if studio {
        return Ok(());
    }
    let cluster = &job.cluster;
    // A scheduler's hosts may only be counted: then the first is the one that has an address.
    let first = std::slice::from_ref(&cluster.master_address);
    let names = match job.env.resources().is_of_platform() {
        true => job.env.hosts(),
        false if cluster.n_hosts > 1 && cluster.hosts.is_empty() => first,
        false => &cluster.hosts,
    };
    let names: Vec<String> = names.iter().map(Text::to_string).collect();
    let inbox = Inbox::new();
    let canceller = inbox.canceller();
    run.supervisor.on_stop(move |_| canceller.cancel());
    let policy = HostWait {
        total: run.options.host_wait,
        ..HostWait::default()
    };
    let waited = hosts::wait_for_hosts(&names, &policy, Arc::new(SystemResolver), inbox);
    run.check_stop(Phase::HostWait)?;
    waited.map_err(|error| not_done(Phase::HostWait, &error, error.hint()))
}
