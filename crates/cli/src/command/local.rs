//! `optml local train`: the platform, played on this machine.

use std::{
    fs,
    io::{IsTerminal, Write},
    path::Path,
};

use camino::{Utf8Path, Utf8PathBuf};
use optml::session::{Failed, Session, misconfigured};
use optml_contract::{Source, exit::Code, options::LocalOptions, vars};
use optml_local::{
    Caller, LocalError, Paint, Project, Request,
    network::{self, host::HostWords},
    plan, run_job,
};

use super::say;
use crate::arguments::LocalTrain;

/// What runs as a host, and as what it is made with: this binary.
const OURSELVES: &str = "/proc/self/exe";

pub(super) fn run(session: &mut Session, words: &LocalTrain) -> Result<u8, Failed> {
    session.refuse_bad_options()?;
    let here = current_directory()?;
    let target = words.path.as_deref().map(Utf8Path::new);
    let (folder, script) =
        Project::locate(&here, target).map_err(|error| wrong(&error, error.hint()))?;
    let project = Project::load(&folder).map_err(|error| wrong(&error, error.hint()))?;
    let request = request(session, words, &here, script)?;
    let job = plan::plan(&request, &project).map_err(|problems| Failed {
        code: Code::CONFIGURATION,
        message: problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\nerror: "),
        hint: problems.iter().find_map(plan::PlanError::hint),
    })?;
    let caller = Caller {
        supervisor: &session.supervisor,
        console: &session.console,
        exe: Path::new(OURSELVES),
        environment: &session.environment(),
        current_directory: &here,
        paint: paint(&session.source),
        log_wrap: session.options.log_wrap,
    };
    match run_job(&job, &caller) {
        Ok(outcome) => Ok(outcome.exit_code),
        Err(error) => Err(Failed {
            code: match &error {
                LocalError::Plan(_) => Code::CONFIGURATION,
                LocalError::Network(_)
                | LocalError::RunDir(_)
                | LocalError::Tree(_)
                | LocalError::Spawn(_)
                | LocalError::Artifact(_) => Code::FAILURE,
            },
            hint: error.hint(),
            message: chain(&error),
        }),
    }
}

/// Makes the network of a run, and says to whoever started this process why that is not possible.
pub(super) fn hub(source: &dyn Source) -> u8 {
    match network::hub::run(source) {
        Ok(()) => Code::SUCCESS,
        Err(refused) => {
            // The run that asks reads it; without one nobody misses it.
            let _ = writeln!(std::io::stdout(), "{refused}");
            Code::FAILURE
        }
    }
}

/// Becomes a host. Returns only when that failed.
pub(super) fn host(source: &dyn Source, words: &HostWords) -> u8 {
    let error = network::host::run(source, Path::new(OURSELVES), words);
    say(&format!("error: {error}\n"));
    Code::INTERNAL
}

fn request(
    session: &Session,
    words: &LocalTrain,
    here: &Utf8Path,
    script: Option<String>,
) -> Result<Request, Failed> {
    let variable = |variable: &vars::Variable| {
        let value = session.source.var(variable.name)?.to_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    let (local, problems) = LocalOptions::read(&session.source);
    if !problems.is_empty() {
        return Err(misconfigured(&problems));
    }
    let usage = |error: plan::FlagError| Failed {
        code: Code::USAGE,
        message: error.to_string(),
        hint: None,
    };
    Ok(Request {
        current_directory: here.to_owned(),
        script,
        channels: words
            .channels
            .iter()
            .map(|flag| flag.parse())
            .collect::<Result<_, _>>()
            .map_err(usage)?,
        settings: words
            .settings
            .iter()
            .map(|flag| flag.parse())
            .collect::<Result<_, _>>()
            .map_err(usage)?,
        command: words.command.clone(),
        program: variable(&vars::SAGEMAKER_PROGRAM),
        module: variable(&vars::SAGEMAKER_TRAINING_MODULE),
        local,
    })
}

fn current_directory() -> Result<Utf8PathBuf, Failed> {
    let here = fs::canonicalize(".").map_err(|error| wrong(&error, None))?;
    Utf8PathBuf::from_path_buf(here).map_err(|path| Failed {
        code: Code::CONFIGURATION,
        message: format!(
            "the current folder `{}` is not UTF-8, and its path ends up in JSON",
            path.display()
        ),
        hint: Some("rename it, or work elsewhere".to_owned()),
    })
}

/// Colour for a person at a terminal who has not said no.
fn paint(source: &dyn Source) -> Paint {
    let is_set = |name: &str| source.var(name).is_some_and(|value| !value.is_empty());
    let dumb = source.var("TERM").is_none_or(|term| term == "dumb");
    let forced = source
        .var("CLICOLOR_FORCE")
        .is_some_and(|value| value != "0" && !value.is_empty());
    if !is_set("NO_COLOR") && (forced || (!dumb && std::io::stderr().is_terminal())) {
        Paint::Colour
    } else {
        Paint::Plain
    }
}

fn wrong(error: &(dyn std::error::Error + 'static), hint: Option<String>) -> Failed {
    Failed {
        code: Code::CONFIGURATION,
        message: chain(error),
        hint,
    }
}

/// The error and its causes, where they say something new.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
