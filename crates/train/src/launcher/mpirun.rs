//! The command line of Open MPI's `mpirun`, word by word, which two launchers share.
//!
//! The job may add options of its own. Open MPI refuses a parameter that is there twice, and of a variable that is
//! there twice the last counts; so what the job gives is left out of ours.
//!
//! What the reference has and this has not: the preloaded library (hosts are told apart by `NCCL_HOSTID`, which each
//! of them has in its own environment), and credentials (each host has its own). There is no
//! `odls_base_sigkill_timeout` either: Open MPI waits that long before SIGTERM as well as after it, one host after the
//! other, so it makes a failure slow and gives a stop no grace.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use optml_contract::{
    json::Json,
    python,
    vars::{self, Variable},
};

use super::{LauncherError, Part, Plan, Process, Role, Site, words};

#[cfg(test)]
mod tests;

/// How soon a host that is gone is missed: 10 s of silence, then 4 questions, 5 s apart. By default it takes 8 minutes.
const KEEPALIVE: [(&str, &str); 3] = [
    ("oob_tcp_keepalive_time", "10"),
    ("oob_tcp_keepalive_intvl", "5"),
    ("oob_tcp_keepalive_probes", "4"),
];

/// A command line in the making.
#[derive(Debug)]
pub(super) struct Mpirun<'a> {
    site: &'a Site<'a>,
    program: PathBuf,
    custom: Custom,
    words: Vec<OsString>,
    exported: Vec<OsString>,
    notes: Vec<String>,
}

impl<'a> Mpirun<'a> {
    /// `mpirun`, with the options in hyperparameter `custom`.
    pub(super) fn new(
        site: &'a Site<'a>,
        launcher: &'static str,
        custom: &'static str,
    ) -> Result<Self, LauncherError> {
        let Some(program) = site.tools.mpirun.clone() else {
            return Err(LauncherError::NoProgram {
                launcher,
                program: "mpirun",
            });
        };
        Ok(Self {
            site,
            program,
            custom: Custom::read(site, custom)?,
            words: Vec::new(),
            exported: Vec::new(),
            notes: words::missing_interface(site).into_iter().collect(),
        })
    }

    pub(super) fn note(&mut self, note: &str) {
        self.notes.push(note.to_owned());
    }

    pub(super) fn word(&mut self, word: impl Into<OsString>) {
        self.words.push(word.into());
    }

    /// An option with its value.
    pub(super) fn option(&mut self, name: &str, value: impl Into<OsString>) {
        if !self.custom.has_option(name) {
            self.word(name);
            self.word(value);
        }
    }

    /// A parameter of Open MPI.
    pub(super) fn parameter(&mut self, name: &str, value: impl Into<OsString>) {
        if !self.custom.has_parameter(name) {
            self.word("-mca");
            self.word(name);
            self.word(value);
        }
    }

    /// The interface that Open MPI is to use, where there is one.
    pub(super) fn interface(&mut self) {
        if let Some(interface) = self.site.interface {
            self.parameter("btl_tcp_if_include", interface);
            self.parameter("oob_tcp_if_include", interface);
        }
    }

    /// A variable for all ranks, if it is set here.
    pub(super) fn export(&mut self, name: &OsStr) {
        if self.site.var_named(name).is_some() && self.is_new(name) {
            self.word("-x");
            self.word(name);
        }
    }

    /// A variable for all ranks that is the launcher's business.
    pub(super) fn set(&mut self, variable: Variable, value: impl AsRef<OsStr>) {
        let name = OsStr::new(variable.name);
        if self.is_new(name) {
            let mut word = name.to_owned();
            word.push("=");
            word.push(value);
            self.word("-x");
            self.word(word);
        }
    }

    /// A variable for all ranks; if the job or its image has set it, theirs.
    pub(super) fn set_unless_given(&mut self, variable: Variable, value: impl AsRef<OsStr>) {
        if self.site.var(variable).is_some() {
            self.export(OsStr::new(variable.name));
        } else {
            self.set(variable, value);
        }
    }

    fn is_new(&mut self, name: &OsStr) -> bool {
        let is_new = !self.custom.exports(name) && !self.exported.iter().any(|other| other == name);
        if is_new {
            self.exported.push(name.to_owned());
        }
        is_new
    }

    /// The variables of NCCL that both launchers set, and where programs and libraries are.
    pub(super) fn nccl_and_paths(&mut self) {
        if let Some(interface) = self.site.interface {
            self.set_unless_given(vars::NCCL_SOCKET_IFNAME, interface);
        }
        match self.custom.nccl_debug.clone() {
            Some(level) => self.set(vars::NCCL_DEBUG, level),
            None => self.set_unless_given(vars::NCCL_DEBUG, "INFO"),
        }
        self.export(OsStr::new("LD_LIBRARY_PATH"));
        self.export(OsStr::new("PATH"));
    }

    /// How the other hosts are reached, and how soon it is noticed that one can't be. Then the job's own options.
    pub(super) fn reach_and_custom(&mut self) {
        if self.site.has_several_hosts() {
            if let Some(config) = self.site.ssh_config {
                // One word: Open MPI divides it.
                self.parameter("plm_rsh_args", format!("-F {config}"));
            }
            for (name, value) in KEEPALIVE {
                self.parameter(name, value);
            }
        }
        let custom = self.custom.words.clone();
        self.words.extend(custom.into_iter().map(OsString::from));
    }

    /// What there is to run. Python runs below `mpi4py`, which ends all ranks when one of them has an exception.
    pub(super) fn script(&mut self) {
        let launch = self.site.launch;
        self.word(launch.program.clone());
        if launch.is_python {
            if self.site.tools.has("mpi4py") {
                self.word("-m");
                self.word("mpi4py");
            } else {
                self.note(
                    "the interpreter has no package `mpi4py`: an exception in one rank ends the others only when it exits",
                );
            }
        }
        self.words.extend(launch.words.iter().cloned());
    }

    /// What the first host does.
    pub(super) fn into_plan(self) -> Plan {
        let process = Process {
            rank: None,
            part: Part::Trains,
            program: self.program,
            words: self.words,
            variables: of_host(self.site),
        };
        Plan {
            role: Role::Runs(vec![process]),
            notes: self.notes,
        }
    }
}

/// What a host does that is not the first: it lets the first one start ranks, in an environment of its own.
pub(super) fn serving(
    site: &Site<'_>,
    launcher: &'static str,
) -> Result<Option<Plan>, LauncherError> {
    let serves = || Plan {
        role: Role::Serves(of_host(site)),
        notes: words::missing_interface(site).into_iter().collect(),
    };
    Ok((site.rank(launcher)? != 0).then(serves))
}

fn of_host(site: &Site<'_>) -> Vec<(OsString, OsString)> {
    let mut variables = words::Variables::new(site);
    variables.add_host_id();
    variables.into_all()
}

/// The hosts, each with the number of its ranks; the bare names if `with_count` is false.
pub(super) fn host_list(hosts: &[String], n_processes: u32, with_count: bool) -> String {
    let items = hosts.iter().map(|host| {
        if with_count {
            format!("{host}:{n_processes}")
        } else {
            host.clone()
        }
    });
    items.collect::<Vec<_>>().join(",")
}

/// The options of the job.
#[derive(Debug)]
struct Custom {
    words: Vec<String>,
    /// How much NCCL is to say; not an option of Open MPI.
    nccl_debug: Option<String>,
}

impl Custom {
    /// Divided by white space, without quoting.
    ///
    /// **Source**: sagemaker-training 5.1.4, which takes abbreviations of `--NCCL_DEBUG` too.
    fn read(site: &Site<'_>, name: &'static str) -> Result<Self, LauncherError> {
        let wrong = |reason: &str| LauncherError::Hyperparameter {
            name,
            reason: reason.to_owned(),
        };
        let given = site.env.all_hyperparameters().get(name);
        let text = match given.filter(|value| value.is_truthy()) {
            None => "",
            Some(Json::Text(text)) => text
                .as_str()
                .filter(|text| !text.contains('\0'))
                .ok_or_else(|| wrong("it holds a character that no word can have"))?,
            Some(_) => return Err(wrong("it is no text with options of `mpirun`")),
        };
        let mut custom = Self {
            words: Vec::new(),
            nccl_debug: None,
        };
        let mut given = text.split_whitespace();
        while let Some(word) = given.next() {
            if let Some(level) = word.strip_prefix("--NCCL_DEBUG=") {
                custom.nccl_debug = Some(level.to_owned());
            } else if word == "--NCCL_DEBUG" {
                let level = given.next().filter(|level| !level.starts_with('-'));
                let level = level.ok_or_else(|| wrong("`--NCCL_DEBUG` has no value"))?;
                custom.nccl_debug = Some(level.to_owned());
            } else {
                custom.words.push(word.to_owned());
            }
        }
        Ok(custom)
    }

    /// With one dash or two, as Open MPI takes it.
    fn has_option(&self, name: &str) -> bool {
        let name = name.trim_start_matches('-');
        self.words
            .iter()
            .any(|word| word.starts_with('-') && word.trim_start_matches('-') == name)
    }

    fn has_parameter(&self, name: &str) -> bool {
        self.after(&["-mca", "--mca", "-gmca", "--gmca"])
            .any(|given| given == name)
    }

    fn exports(&self, name: &OsStr) -> bool {
        self.after(&["-x", "--x"]).any(|given| {
            let given = given.split_once('=').map_or(given, |(name, _)| name);
            name == given
        })
    }

    /// The words that follow one of some options.
    fn after<'w>(&'w self, options: &'w [&str]) -> impl Iterator<Item = &'w str> {
        let pairs = self.words.windows(2);
        pairs.filter_map(move |pair| {
            options
                .contains(&pair[0].as_str())
                .then_some(pair[1].as_str())
        })
    }
}

/// The number that a hyperparameter gives, if it gives one: from 1, and 0 or nothing is like none.
pub(super) fn count(site: &Site<'_>, name: &'static str) -> Result<Option<u32>, LauncherError> {
    let given = site.env.all_hyperparameters().get(name);
    let Some(given) = given.filter(|value| value.is_truthy()) else {
        return Ok(None);
    };
    let text = match given {
        Json::Int(n) => Some(n.as_str()),
        Json::Text(text) => text.as_str(),
        _ => None,
    };
    match text.and_then(|text| text.trim().parse::<u32>().ok()) {
        Some(0) => Ok(None),
        Some(n) => Ok(Some(n)),
        None => Err(LauncherError::Hyperparameter {
            name,
            reason: format!("`{}` is no number of processes", python::dumps(given)),
        }),
    }
}
