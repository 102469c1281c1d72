//! Where the user's code is, and which module of it counts.
//!
//! The first of these that is there: what `SAGEMAKER_SUBMIT_DIRECTORY` names, `code` in the model's directory, the model's
//! directory, `code` below the base directory. Of the last three, one that holds the entry point comes before one that
//! does not: the model's directory is nearly always there, and would hide the last.

use camino::{Utf8Path, Utf8PathBuf};

use super::{
    given::Given,
    problem::ServingProblem,
    reader::{Reader, without_secrets},
};
use crate::{
    config::Origin,
    layout::{Layout, stays_below},
    text::Text,
    vars,
};

/// The user's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// The module with the functions.
    pub entry: Given<Entry>,
    /// The directory that it is in; none if nothing that could be one is there.
    pub directory: Option<Given<Utf8PathBuf>>,
    /// Every directory that was thought of, in order.
    pub candidates: Vec<Candidate>,
}

/// A module of Python functions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name, or its path below the code directory, without `.py`.
    pub module: String,
    /// Somebody named it: then it must be there.
    pub explicit: bool,
}

/// A directory that could hold the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The directory.
    pub path: Utf8PathBuf,
    /// Who thought of it.
    pub origin: Origin,
    /// It is there.
    pub is_there: bool,
    /// The entry point is in it.
    pub has_entry: bool,
}

/// What `SAGEMAKER_SUBMIT_DIRECTORY` says.
#[derive(Debug)]
enum Submitted {
    Nothing,
    Directory(Given<Utf8PathBuf>),
    ObjectStore(Given<String>),
}

/// Whether the server needs the code: it does for functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Functions,
    Other,
}

impl Code {
    pub(super) fn read(
        reader: &mut Reader<'_>,
        layout: &Layout,
        model_dir: &Utf8Path,
        need: Need,
    ) -> Self {
        if let Some(handler) = handler(reader) {
            reader.unused(
                vars::SAGEMAKER_SUBMIT_DIRECTORY,
                "the handler's own directory counts",
            );
            return handler;
        }
        let entry = entry(reader);
        let submitted = submitted(reader);
        let candidates = candidates(reader, layout, model_dir, (&entry.value, &submitted));
        let winner = winner(&candidates, &submitted);
        refuse(reader, (&entry, &submitted, need), model_dir, &candidates);
        Self {
            directory: winner.map(|found| Given::new(found.path.clone(), found.origin.clone())),
            entry,
            candidates,
        }
    }
}

/// Reads the directory of the model.
pub(super) fn model_dir(reader: &mut Reader<'_>, layout: &Layout) -> Given<Utf8PathBuf> {
    let Some(named) = reader.text(&[vars::OPTML_MODEL_DIR]) else {
        return Given::default(layout.model());
    };
    let named = named.map(Utf8PathBuf::from);
    if !is_directory(reader, &named.value) {
        let path = named.value.clone();
        reader.minds(named.origin.clone(), ServingProblem::NoDirectory { path });
    }
    named
}

/// A file that is named by its path: its directory is the code's, and its name the module's.
fn handler(reader: &mut Reader<'_>) -> Option<Code> {
    // In a container the platform's variable is as good as ours; a project file's handler is less than both.
    if !reader.is_set(vars::OPTML_HANDLER) && reader.is_set(vars::SAGEMAKER_PROGRAM) {
        return None;
    }
    let named = reader.text(&[vars::OPTML_HANDLER])?;
    reader.unused(vars::SAGEMAKER_PROGRAM, &format!("{} counts", named.origin));
    let file = Utf8PathBuf::from(&named.value);
    let module = file.file_stem().unwrap_or_default().to_owned();
    let directory = match file.parent() {
        Some(parent) if !parent.as_str().is_empty() => parent.to_owned(),
        _ => ".".into(),
    };
    let is_there = reader.source.exists(&file);
    let candidate = Candidate {
        path: directory.clone(),
        origin: named.origin.clone(),
        is_there,
        has_entry: is_there,
    };
    if !is_there {
        let path = file.clone();
        reader.minds(named.origin.clone(), ServingProblem::NoFile { path });
    } else if file.extension() != Some("py") {
        let path = file.clone();
        reader.minds(named.origin.clone(), ServingProblem::NotPython { path });
    }
    Some(Code {
        entry: Given::new(
            Entry {
                module,
                explicit: true,
            },
            named.origin.clone(),
        ),
        directory: Some(Given::new(directory, named.origin)),
        candidates: vec![candidate],
    })
}

fn entry(reader: &mut Reader<'_>) -> Given<Entry> {
    let named = reader.text(&[vars::SAGEMAKER_PROGRAM]).map(|named| {
        named.map(|program| {
            let module = program.strip_suffix(".py").unwrap_or(&program).to_owned();
            Entry {
                module,
                explicit: true,
            }
        })
    });
    let Some(named) = named else {
        return Given::default(Entry {
            module: DEFAULT_MODULE.to_owned(),
            explicit: false,
        });
    };
    let module = &named.value.module;
    if module.is_empty() || !stays_below(module.as_bytes()) {
        let value = reader
            .source
            .var(vars::SAGEMAKER_PROGRAM.name)
            .map(Text::from_os)
            .unwrap_or_default();
        reader.minds(named.origin.clone(), ServingProblem::NotAModule { value });
    }
    named
}

fn submitted(reader: &mut Reader<'_>) -> Submitted {
    let Some(named) = reader.text(&[vars::SAGEMAKER_SUBMIT_DIRECTORY]) else {
        return Submitted::Nothing;
    };
    if let Some(path) = named.value.strip_prefix("file://") {
        let path = Utf8PathBuf::from(path.strip_prefix("localhost").unwrap_or(path));
        return Submitted::Directory(Given::new(path, named.origin));
    }
    if named.value.contains("://") {
        return Submitted::ObjectStore(named);
    }
    Submitted::Directory(named.map(Utf8PathBuf::from))
}

fn candidates(
    reader: &mut Reader<'_>,
    layout: &Layout,
    model_dir: &Utf8Path,
    (entry, submitted): (&Entry, &Submitted),
) -> Vec<Candidate> {
    let derived = |what: &str| Origin::Derived(what.to_owned());
    let mut directories = Vec::new();
    if let Submitted::Directory(named) = submitted {
        directories.push((named.value.clone(), named.origin.clone()));
    }
    directories.extend([
        (
            model_dir.join("code"),
            derived("`code` in the model's directory"),
        ),
        (model_dir.to_owned(), derived("the model's directory")),
        (layout.code(), derived("`code` below the base directory")),
    ]);
    let candidates: Vec<Candidate> = directories
        .into_iter()
        .map(|(path, origin)| {
            let module = path.join(&entry.module);
            let has_entry = reader
                .source
                .exists(&Utf8PathBuf::from(format!("{module}.py")))
                || reader.source.exists(&module.join("__init__.py"));
            Candidate {
                is_there: is_directory(reader, &path),
                has_entry,
                path,
                origin,
            }
        })
        .collect();
    if let (Submitted::Directory(named), Some(first)) = (submitted, candidates.first())
        && !first.is_there
    {
        let note = format!(
            "{} is not used: there is no directory `{}`",
            named.origin, named.value
        );
        reader.notes.push(note);
    }
    candidates
}

fn winner<'a>(candidates: &'a [Candidate], submitted: &Submitted) -> Option<&'a Candidate> {
    let there = || candidates.iter().filter(|candidate| candidate.is_there);
    // A directory that somebody named is the one that they mean, whatever is in it.
    let named = matches!(submitted, Submitted::Directory(_))
        .then(|| candidates.first())
        .flatten()
        .filter(|first| first.is_there);
    named
        .or_else(|| there().find(|candidate| candidate.has_entry))
        .or_else(|| there().next())
}

/// Notes what makes serving impossible: code that only an object store has, an entry point without a directory.
fn refuse(
    reader: &mut Reader<'_>,
    (entry, submitted, need): (&Given<Entry>, &Submitted, Need),
    model_dir: &Utf8Path,
    candidates: &[Candidate],
) {
    let has_model_code = candidates
        .iter()
        .any(|candidate| candidate.is_there && candidate.path == model_dir.join("code"));
    match submitted {
        Submitted::ObjectStore(url) if need == Need::Functions && !has_model_code => {
            let problem = ServingProblem::ObjectStore {
                url: without_secrets(&url.value),
                instead: model_dir.join("code"),
            };
            reader.minds(url.origin.clone(), problem);
            return;
        }
        Submitted::ObjectStore(url) => {
            let why = if has_model_code {
                format!("there is `{}`", model_dir.join("code"))
            } else {
                "`serve` reads no object store, and does not need the code itself".to_owned()
            };
            reader
                .notes
                .push(format!("{} is not used: {why}", url.origin));
        }
        Submitted::Nothing | Submitted::Directory(_) => {}
    }
    let nowhere = candidates.iter().all(|candidate| !candidate.is_there);
    if nowhere && entry.value.explicit && need == Need::Functions {
        let looked_at = candidates.iter().map(|c| c.path.clone()).collect();
        reader.minds(entry.origin.clone(), ServingProblem::NoCode { looked_at });
    }
}

/// A path with `.` behind it leads nowhere unless it is a directory.
fn is_directory(reader: &Reader<'_>, path: &Utf8Path) -> bool {
    reader.source.exists(&path.join("."))
}

/// The module that counts when nobody names one.
const DEFAULT_MODULE: &str = "inference";
