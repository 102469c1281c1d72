//! `optml serve`: from variables and the project file to a running server.

mod install;

use std::{ffi::OsString, fs, sync::Arc};

use camino::{Utf8Path, Utf8PathBuf};
use optml::{
    serve::{Model, circumstances, serve},
    session::{Failed, Session, misconfigured},
};
use optml_contract::{
    Layout,
    exit::Code,
    serving::{Circumstances, FileSetting, Inputs, ServeOptions},
};
use optml_local::{Project, ProjectError};
use optml_train::{launch::find_python, probe};

use self::install::Installation;

/// What the command line says beside its flags.
#[derive(Debug)]
pub(super) struct Words {
    /// A program with an HTTP server of its own.
    pub(super) command: Option<Vec<OsString>>,
    pub(super) called_serve: bool,
}

pub(super) fn run(session: &mut Session, words: &Words) -> Result<u8, Failed> {
    session.refuse_bad_options()?;
    let layout = Layout::locate(&session.source).map_err(|problem| misconfigured(&[problem]))?;
    let circumstances = circumstances(&session.source, words.called_serve);
    let file = if circumstances.is_container() {
        Vec::new()
    } else {
        project_file()?
    };
    let machine = probe::facts(&session.source, &session.supervisor).machine;
    let options = ServeOptions::load(&Inputs {
        source: &session.source,
        layout: &layout,
        machine: &machine,
        circumstances,
        file: &file,
        command: words.command.as_deref(),
    })
    .map_err(|problems| misconfigured(&problems))?;
    let model = model(session, &options, circumstances)?;
    let memory_events = probe::memory_events(&session.source);
    serve(session, options, model, memory_events)
}

/// What runs the model: an interpreter where there is Python code, and what it needs.
fn model(
    session: &Session,
    options: &ServeOptions,
    circumstances: Circumstances,
) -> Result<Model, Failed> {
    if !options.program.value.is_python() {
        return Ok(Model::Program {
            python: None,
            prepare: None,
        });
    }
    let named = options.python.as_ref().map(|given| given.value.as_str());
    let python = find_python(&session.source, named).map_err(|error| Failed {
        code: Code::CONFIGURATION,
        message: error.to_string(),
        hint: error.hint(),
    })?;
    let code_dir = options.code.directory.as_ref().map(|given| &given.value);
    let prepare = code_dir
        .filter(|folder| folder.join("requirements.txt").is_file())
        .map(|folder| {
            Installation {
                supervisor: Arc::clone(&session.supervisor),
                console: session.console.clone(),
                environment: session.environment(),
                python: python.clone(),
                code_dir: folder.clone(),
                wheels: options.wheels.as_ref().map(|given| given.value.clone()),
                in_container: circumstances.is_container(),
            }
            .into_prepare()
        });
    Ok(Model::Program {
        python: Some(python),
        prepare,
    })
}

/// What the project file in this folder says about serving.
fn project_file() -> Result<Vec<FileSetting>, Failed> {
    let here = fs::canonicalize(".")
        .ok()
        .and_then(|here| Utf8PathBuf::from_path_buf(here).ok());
    // A folder whose name is no text has no project file for us.
    let Some(here) = here else {
        return Ok(Vec::new());
    };
    load(&here).map_err(|error| Failed {
        code: Code::CONFIGURATION,
        hint: error.hint(),
        message: error.to_string(),
    })
}

fn load(folder: &Utf8Path) -> Result<Vec<FileSetting>, ProjectError> {
    let project = Project::load(folder)?;
    Ok(project.file.map(|file| file.serve).unwrap_or_default())
}
