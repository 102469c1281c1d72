//! Who starts the ranks of a job, and with which words and variables. Starts nothing.
//!
//! A job of several processes is started by an engine that exists (Open MPI, torchrun, ...) or, natively, by us: one
//! process for each accelerator with the variables that torch expects. Each engine has a module, which makes a
//! [`Plan`] for this host out of one [`Site`]: what is to run here, and what is set for it. Where the reference's
//! command line is right, it is this one, word for word.
//!
//! Reading order: `choice` says which launcher a job asks for, `fabric` what the network of this machine can do,
//! [`plan`] below dispatches. The modules named like engines are independent of each other, but for `mpirun`, the
//! command line that `mpi` and `smddp` share, and `words`, the variables that several set.

mod choice;
mod fabric;
mod mpi;
mod mpirun;
mod mxnet;
mod native;
mod smddp;
mod tensorflow;
mod torchrun;
mod words;
mod xla;

use std::{
    ffi::{OsStr, OsString},
    net::IpAddr,
    path::{Path, PathBuf},
};

use camino::Utf8Path;
use optml_contract::{
    TrainingEnv,
    cluster::Cluster,
    options::{Launcher, Options},
    text::Text,
    vars::Variable,
};
use thiserror::Error;

pub use self::{
    choice::{Chosen, Why, choose},
    fabric::Fabric,
};
use crate::launch::{Launch, words_for_people};

#[cfg(test)]
mod tests;

/// The spawner that only the platform's images have.
const XLA_SPAWN: &str = "torch_xla.distributed.xla_spawn";

/// All that a plan depends on: one host of a job, and what is installed there.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The hosts, and which of them this is.
    pub cluster: &'a Cluster,
    /// The job.
    pub env: &'a TrainingEnv,
    /// The environment of the script, as it would be without a launcher.
    pub environment: &'a [(OsString, OsString)],
    /// How one process of the script is started.
    pub launch: &'a Launch,
    /// Our own settings.
    pub options: &'a Options,
    /// What the network can do.
    pub fabric: &'a Fabric,
    /// The network interface between the hosts, if the cluster names one that this machine has.
    pub interface: Option<&'a str>,
    /// The address of the first host, as its name resolves here.
    pub master_ip: Option<IpAddr>,
    /// What is installed.
    pub tools: &'a Tools,
    /// How `ssh` is to reach the other hosts; none for a host that is alone.
    pub ssh_config: Option<&'a Utf8Path>,
}

/// What engines need, as far as it is installed in this image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tools {
    /// The user's interpreter.
    pub python: Option<PathBuf>,
    /// `mpirun`.
    pub mpirun: Option<PathBuf>,
    /// `torchrun`.
    pub torchrun: Option<PathBuf>,
    /// `neuron_parallel_compile`.
    pub neuron_parallel_compile: Option<PathBuf>,
    /// Those of [`Tools::PACKAGES`] that the interpreter has.
    pub packages: Vec<String>,
}

/// What one host does for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What runs here.
    pub role: Role,
    /// What a person should know, for the log.
    pub notes: Vec<String>,
}

/// What runs on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// These processes, started together.
    Runs(Vec<Process>),
    /// Whatever the first host starts here; with these variables over the environment of the script.
    Serves(Vec<(OsString, OsString)>),
}

/// A process to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Which of the job's ranks it is; none for an engine that starts several.
    pub rank: Option<u32>,
    /// What it is to the job.
    pub part: Part,
    /// The program.
    pub program: PathBuf,
    /// Its words.
    pub words: Vec<OsString>,
    /// What is set for it over the environment of the script.
    pub variables: Vec<(OsString, OsString)>,
}

/// What a process is to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The job is done when it and its like have ended.
    Trains,
    /// It serves those that train (a parameter server, a scheduler), on other hosts too, and is ended after the last of
    /// them. It may end by itself before that.
    Helps,
}

/// A launcher cannot do what the job asks for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LauncherError {
    /// A program that the launcher is made of.
    #[error("`{launcher}` needs the program `{program}`, which is not on PATH")]
    NoProgram {
        /// The launcher's name.
        launcher: &'static str,
        /// The program.
        program: &'static str,
    },
    /// A Python package that the launcher is made of.
    #[error("`{launcher}` needs the Python package `{package}`, which `{python}` does not have")]
    NoPackage {
        /// The launcher's name.
        launcher: &'static str,
        /// The package.
        package: &'static str,
        /// The interpreter.
        python: String,
    },
    /// A launcher for Python scripts, and something else to launch.
    #[error("`{launcher}` starts Python scripts only, and `{given}` is none")]
    NotAScript {
        /// The launcher's name.
        launcher: &'static str,
        /// What was to be launched.
        given: String,
    },
    /// A launcher that needs the names of all hosts, and a source that only counts them.
    #[error("`{launcher}` needs the names of all hosts, and {learnt_from} only counts them")]
    NoNames {
        /// The launcher's name.
        launcher: &'static str,
        /// Who said what the cluster is.
        learnt_from: String,
    },
    /// A host that is none of those that train, or does not know which.
    #[error(
        "`{launcher}` needs to know which of the hosts this is, and {learnt_from} does not say"
    )]
    NoRank {
        /// The launcher's name.
        launcher: &'static str,
        /// Who said what the cluster is.
        learnt_from: String,
    },
    /// A machine without what the launcher is for.
    #[error("`{launcher}` needs a GPU, and this machine has none")]
    NoGpu {
        /// The launcher's name.
        launcher: &'static str,
    },
    /// Words for a launcher that it cannot have.
    #[error("hyperparameter `{name}`: {reason}")]
    Hyperparameter {
        /// Its name.
        name: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl LauncherError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoProgram { .. } | Self::NoPackage { .. } => {
                "install it in the image, or choose another launcher in OPTML_LAUNCHER".to_owned()
            }
            Self::NotAScript { .. } => {
                "name a `.py` file as entry point, or choose another launcher in OPTML_LAUNCHER"
                    .to_owned()
            }
            Self::NoNames { .. } => {
                "choose `native` or `torchrun`, which only need the address of the first host"
                    .to_owned()
            }
            Self::NoRank { .. } => {
                "set OPTML_LAUNCHER=none on hosts that take no part, or tell each its number"
                    .to_owned()
            }
            Self::NoGpu { .. } => {
                "choose an instance type with GPUs, or another launcher in OPTML_LAUNCHER"
                    .to_owned()
            }
            Self::Hyperparameter { .. } => return None,
        })
    }
}

/// What this host has to do under `launcher`.
///
/// # Errors
/// What the launcher is made of is missing, or the job asks for something that it can't do.
pub fn plan(launcher: Launcher, site: &Site<'_>) -> Result<Plan, LauncherError> {
    match launcher {
        Launcher::Plain => Ok(native::plain(site)),
        Launcher::Native => native::plan(site),
        Launcher::Torchrun => torchrun::plan(site),
        Launcher::Mpirun => mpi::plan(site),
        Launcher::Smddp => smddp::plan(site),
        Launcher::Xla => xla::plan(site),
        Launcher::TensorflowServers => tensorflow::parameter_servers(site),
        Launcher::TensorflowWorkers => tensorflow::workers(site),
        Launcher::Mxnet => mxnet::plan(site),
    }
}

impl Tools {
    /// The Python packages that engines are made of.
    pub const PACKAGES: [&'static str; 5] = ["torch", "mpi4py", "tensorflow", "mxnet", XLA_SPAWN];

    fn has(&self, package: &str) -> bool {
        self.packages.iter().any(|has| has == package)
    }
}

impl Process {
    /// The program and its words, for people and for the report.
    pub fn display_words(&self) -> Vec<String> {
        words_for_people(&self.program, &self.words)
    }
}

impl Plan {
    /// These processes, and nothing to say.
    fn runs(processes: Vec<Process>) -> Self {
        Self {
            role: Role::Runs(processes),
            notes: Vec::new(),
        }
    }
}

impl Site<'_> {
    /// What the script would find under a name without a launcher.
    fn var(&self, variable: Variable) -> Option<&OsStr> {
        self.var_named(OsStr::new(variable.name))
    }

    fn var_named(&self, name: &OsStr) -> Option<&OsStr> {
        let mut all = self.environment.iter();
        all.find_map(|(other, value)| (other == name).then_some(value.as_os_str()))
    }

    /// How many processes this host is to have.
    fn n_processes(&self) -> u32 {
        let asked = self.options.processes_per_host;
        asked.map_or(self.cluster.processes_per_host, |n| n.get().into())
    }

    /// How many processes the job is to have.
    fn n_ranks(&self) -> u64 {
        u64::from(self.n_processes()) * u64::from(self.cluster.n_hosts)
    }

    fn has_several_hosts(&self) -> bool {
        self.cluster.n_hosts > 1
    }

    /// Which of the hosts this is.
    fn rank(&self, launcher: &'static str) -> Result<u32, LauncherError> {
        self.cluster.rank.ok_or_else(|| LauncherError::NoRank {
            launcher,
            learnt_from: self.cluster.learnt_from.to_string(),
        })
    }

    /// What this host is called, in one word that no other host has.
    fn host_name(&self) -> String {
        let place = self.cluster.rank.unwrap_or_default();
        let listed = self.cluster.hosts.get(place as usize);
        let name = listed.or(self.cluster.current_host.as_ref());
        name.map_or_else(|| format!("host-{place}"), Text::to_string)
    }

    /// The names of all hosts by rank.
    fn host_names(&self, launcher: &'static str) -> Result<Vec<String>, LauncherError> {
        if self.cluster.hosts.is_empty() {
            return Err(LauncherError::NoNames {
                launcher,
                learnt_from: self.cluster.learnt_from.to_string(),
            });
        }
        Ok(self.cluster.hosts.iter().map(Text::to_string).collect())
    }

    /// Refuses to go on without a package.
    fn must_have(
        &self,
        package: &'static str,
        launcher: &'static str,
    ) -> Result<(), LauncherError> {
        if self.tools.has(package) {
            return Ok(());
        }
        Err(LauncherError::NoPackage {
            launcher,
            package,
            python: self.python(launcher)?.display().to_string(),
        })
    }

    /// The interpreter.
    fn python(&self, launcher: &'static str) -> Result<&Path, LauncherError> {
        let python = self.tools.python.as_deref();
        python.ok_or(LauncherError::NoProgram {
            launcher,
            program: "python3",
        })
    }

    /// Refuses what is no Python script: `launcher` can start nothing else.
    fn must_be_a_script(&self, launcher: &'static str) -> Result<(), LauncherError> {
        let words = &self.launch.words;
        let is_package = words.first().is_some_and(|word| word == "-m");
        if self.launch.is_python && !is_package {
            return Ok(());
        }
        // Not all words: those of the script may hold secrets.
        let given = if self.launch.is_python {
            words
                .get(1)
                .map_or(OsStr::new("-m"), |name| name.as_os_str())
        } else {
            self.launch.program.as_os_str()
        };
        Err(LauncherError::NotAScript {
            launcher,
            given: given.to_string_lossy().into_owned(),
        })
    }

    /// The process of the script as it would be without a launcher, with some variables more.
    fn script(&self, rank: Option<u32>, variables: Vec<(OsString, OsString)>) -> Process {
        Process {
            rank,
            part: Part::Trains,
            program: self.launch.program.clone(),
            words: self.launch.words.clone(),
            variables,
        }
    }
}
