//! Installing what the code asks for: which commands, and what their failure says.
//!
//! Packages go into the interpreter's own environment, as the reference does it, so that what the image brings is used
//! and not downloaded again. `uv` is used where it is on PATH, else `pip`. The user's own `PIP_*` and `UV_*` variables
//! stay in force, but for the index when the job names one ([`crate::package_index`]). The plan is pure: the caller runs
//! [`PROBE`] and the steps, in the code directory.

mod error_line;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use optml_contract::failure::redact_words;
use optml_supervise::Command;
use thiserror::Error;

pub use self::error_line::error_line;
use crate::package_index::IndexUrl;

/// What is to be installed, with what, and where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallRequest {
    /// The code directory itself is a package to install.
    pub package: bool,
    /// There is a `requirements.txt`. It counts for every kind of entry point.
    pub requirements: bool,
    /// Where to take packages from instead of an index.
    pub wheels: Option<Wheels>,
    /// The index to use instead of the one that the installer is set up for.
    pub index: Option<IndexUrl>,
    /// The user's interpreter.
    pub python: PathBuf,
    /// `uv`, where it is on PATH.
    pub uv: Option<PathBuf>,
    /// What the interpreter said to [`PROBE`].
    pub interpreter: Interpreter,
    /// This is a container, which nobody else's packages live in.
    pub in_container: bool,
    /// The `PYTHONUSERBASE` to use where the interpreter's environment is read-only.
    pub user_base: PathBuf,
}

/// A folder of packages, for jobs without a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wheels {
    /// The folder.
    pub dir: PathBuf,
    /// `setuptools` is among them. If not, packages that are built use the installed one: an isolated build would look
    /// for it here.
    pub has_setuptools: bool,
}

/// What matters of an interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// Where its packages are.
    pub site_packages: PathBuf,
    /// We may write there.
    pub is_writable: bool,
    /// It would find packages in a `PYTHONUSERBASE`.
    pub has_user_site: bool,
    /// Its distribution marked it as not to be touched (PEP 668).
    pub is_externally_managed: bool,
}

/// The commands to run, and what the script needs to find their result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstallPlan {
    /// In this order, each only if those before it succeeded.
    pub steps: Vec<InstallStep>,
    /// Variables for the script.
    pub script_env: Vec<(OsString, OsString)>,
}

/// One command, to be run in the code directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallStep {
    /// Its words.
    pub argv: Vec<OsString>,
    /// Variables to add to those of our own environment.
    pub env: Vec<(OsString, OsString)>,
    /// What it installs, for messages.
    pub what: &'static str,
}

/// The interpreter's answer to [`PROBE`] can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("find `{key}` in the interpreter's answer `{}`", output.escape_debug())]
pub struct ProbeError {
    /// What is missing.
    pub key: &'static str,
    /// What it printed.
    pub output: String,
}

impl InstallStep {
    /// The command that runs it in the code directory, with what it adds to this environment. Its output is left to the caller.
    pub fn command(&self, environment: &[(OsString, OsString)], code_dir: &Path) -> Command {
        let (program, arguments) = self
            .argv
            .split_first()
            .expect("every step names its program");
        let mut command = Command::new(program);
        command.arguments = arguments.to_vec();
        let is_replaced = |name: &OsString| self.env.iter().any(|(other, _)| other == name);
        command.environment = environment
            .iter()
            .filter(|(name, _)| !is_replaced(name))
            .chain(&self.env)
            .cloned()
            .collect();
        command.directory = Some(code_dir.to_owned());
        command
    }

    /// Its words as people may see them.
    pub fn shown(&self) -> Vec<String> {
        let words: Vec<String> = self
            .argv
            .iter()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        redact_words(&words)
    }
}

impl InstallRequest {
    /// The commands; none if there is nothing to install.
    ///
    /// One command for everything, so that the package and the requirements are resolved together.
    pub fn plan(&self) -> InstallPlan {
        let what = match (self.package, self.requirements) {
            (false, false) => return InstallPlan::default(),
            (true, false) => "the package",
            (false, true) => "requirements.txt",
            (true, true) => "the package and requirements.txt",
        };
        // uv has no counterpart to `pip install --user`.
        let user = !self.interpreter.is_writable && self.interpreter.has_user_site;
        let mut argv = match &self.uv {
            Some(uv) if !user => words(uv, &["pip", "install", "--python"])
                .into_iter()
                .chain([self.python.clone().into(), "--system".into()])
                .collect(),
            _ => words(
                &self.python,
                &["-m", "pip", "install", "--disable-pip-version-check"],
            ),
        };
        if user {
            argv.push("--user".into());
        }
        if self.interpreter.is_externally_managed && self.in_container {
            argv.push("--break-system-packages".into());
        }
        if let Some(wheels) = &self.wheels {
            argv.extend([
                "--no-index".into(),
                "--find-links".into(),
                wheels.dir.clone().into(),
            ]);
            if !wheels.has_setuptools {
                argv.push("--no-build-isolation".into());
            }
        }
        if self.package {
            argv.push(".".into());
        }
        if self.requirements {
            argv.extend(["-r".into(), "requirements.txt".into()]);
        }
        let script_env: Vec<(OsString, OsString)> = user
            .then(|| ("PYTHONUSERBASE".into(), self.user_base.clone().into()))
            .into_iter()
            .collect();
        let mut env = script_env.clone();
        // Never among the words, which everybody on the machine can read, nor for the script.
        let index = self.index.as_ref().filter(|_| self.wheels.is_none());
        for name in INDEX_VARIABLES.iter().filter(|_| index.is_some()) {
            let url = index.map(IndexUrl::reveal).unwrap_or_default();
            env.push((name.into(), url.into()));
        }
        InstallPlan {
            steps: vec![InstallStep { argv, env, what }],
            script_env,
        }
    }
}

impl Wheels {
    /// The folder that `OPTML_WHEELS` names, else `wheels` or `wheelhouse` in the code directory if it holds a wheel.
    ///
    /// A folder that was named and has no wheel counts all the same: then the installer's message says what is missing.
    pub fn find(named: Option<&Path>, code_dir: &Path) -> Option<Self> {
        if let Some(dir) = named {
            return Some(Self {
                dir: dir.to_owned(),
                has_setuptools: wheel_names(dir).iter().any(|name| is_setuptools(name)),
            });
        }
        ["wheels", "wheelhouse"].iter().find_map(|name| {
            let dir = code_dir.join(name);
            let names = wheel_names(&dir);
            (!names.is_empty()).then(|| Self {
                dir,
                has_setuptools: names.iter().any(|name| is_setuptools(name)),
            })
        })
    }
}

impl Interpreter {
    /// Reads the answer to [`PROBE`].
    ///
    /// # Errors
    /// A line is missing: it was not an interpreter that answered, or it failed.
    pub fn parse(output: &[u8]) -> Result<Self, ProbeError> {
        let output = String::from_utf8_lossy(output);
        let value = |key: &'static str| {
            // Start-up files may print too.
            let found = output.lines().find_map(|line| {
                line.strip_prefix("optml ")?
                    .strip_prefix(key)?
                    .strip_prefix('=')
            });
            found.ok_or_else(|| ProbeError {
                key,
                output: output.clone().into_owned(),
            })
        };
        Ok(Self {
            site_packages: value("site_packages")?.into(),
            is_writable: value("writable")? == "1",
            has_user_site: value("user_site")? == "1",
            is_externally_managed: value("externally_managed")? == "1",
        })
    }
}

/// Where installers look for the address of their index: pip, uv, and uv before 0.4.23.
const INDEX_VARIABLES: [&str; 3] = ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"];

/// Python source for `python -c`, which prints what [`Interpreter::parse`] reads. For Python 3.6 and newer.
///
/// It drops the current directory from the path first, which holds user code that may be called `site.py`.
pub const PROBE: &str = r#"
import sys
if sys.path and sys.path[0] == "":
    del sys.path[0]
import os, site, sysconfig
def writable(path):
    while not os.path.exists(path) and os.path.dirname(path) != path:
        path = os.path.dirname(path)
    return os.access(path, os.W_OK | os.X_OK)
paths = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
marker = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
in_venv = sys.prefix != sys.base_prefix
for key, value in [
    ("site_packages", paths[0]),
    ("writable", int(all(map(writable, paths)))),
    ("user_site", int(bool(site.ENABLE_USER_SITE))),
    ("externally_managed", int(os.path.exists(marker) and not in_venv)),
]:
    sys.stdout.buffer.write(os.fsencode("optml %s=%s\n" % (key, value)))
"#;

fn words(program: &Path, rest: &[&str]) -> Vec<OsString> {
    std::iter::once(program.into())
        .chain(rest.iter().map(OsString::from))
        .collect()
}

/// The names of the wheels in a folder; none if it can't be read.
fn wheel_names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect()
}

fn is_setuptools(wheel_name: &str) -> bool {
    wheel_name.starts_with("setuptools-")
}

#[cfg(test)]
mod tests;
