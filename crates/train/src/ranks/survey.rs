//! What a launcher's plan depends on, found out on this machine.

use std::{
    ffi::{OsStr, OsString},
    net::{IpAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    time::Duration,
};

use camino::{Utf8Path, Utf8PathBuf};
use optml_contract::{failure::Phase, options::Launcher};
use optml_supervise::{Command, command::find_program};
use tracing::debug;

use crate::{
    failing::{Failed, not_done},
    launch::{Launch, find_python},
    launcher::{self, Fabric, Plan, Site, Tools},
    run::{Job, Loaded},
};

/// Says which of some packages an interpreter has, one name a line.
const FIND_PACKAGES: &str = "import importlib.util, sys
def has(name):
    try:
        return importlib.util.find_spec(name) is not None
    except Exception:
        return False
print('\\n'.join(name for name in sys.argv[1:] if has(name)))
";

/// An interpreter on a cold, slow disk takes seconds.
const ASK_WITHIN: Duration = Duration::from_mins(1);

/// This machine and this job, as far as launchers ask.
pub(super) struct Survey<'a> {
    job: &'a Job<'a>,
    loaded: &'a Loaded,
    launch: &'a Launch,
    /// How `ssh` is to reach the other hosts, where that is needed.
    pub(super) ssh_config: Option<Utf8PathBuf>,
}

impl<'a> Survey<'a> {
    pub(super) fn new(job: &'a Job<'a>, loaded: &'a Loaded, launch: &'a Launch) -> Self {
        Self {
            job,
            loaded,
            launch,
            ssh_config: None,
        }
    }

    /// What this host has to do.
    pub(super) fn plan(&self, launcher: Launcher) -> Result<Plan, Failed> {
        let Loaded { env, cluster, .. } = self.loaded;
        let interface = cluster.network_interface.as_ref().map(ToString::to_string);
        let interface = interface.filter(|name| {
            let is_name = !name.is_empty() && !name.contains('/');
            is_name
                && self
                    .job
                    .source
                    .exists(&Utf8Path::new("/sys/class/net").join(name))
        });
        let instance_type = env.resources().current_instance_type().to_string();
        let fabric = Fabric::of_machine(Path::new("/"), &instance_type);
        debug!(
            efa = fabric.efa,
            rdma = fabric.rdma,
            why = fabric.why,
            "the network"
        );
        let tools = self.tools();
        let site = Site {
            cluster,
            env,
            environment: &self.loaded.exported.vars,
            launch: self.launch,
            options: self.job.options,
            fabric: &fabric,
            interface: interface.as_deref(),
            master_ip: address(&cluster.master_address.to_string()),
            tools: &tools,
            ssh_config: self.ssh_config.as_deref(),
        };
        launcher::plan(launcher, &site)
            .map_err(|error| not_done(Phase::Configuration, &error, error.hint()))
    }

    fn tools(&self) -> Tools {
        let path = self.job.source.var("PATH");
        let program = |name: &str| find_program(OsStr::new(name), path);
        let named = self.job.options.python.as_deref();
        let python = find_python(self.job.source, named).ok();
        let packages = python
            .as_deref()
            .map(|python| packages(self.job, self.loaded, python));
        Tools {
            mpirun: program("mpirun"),
            torchrun: program("torchrun"),
            neuron_parallel_compile: program("neuron_parallel_compile"),
            packages: packages.unwrap_or_default(),
            python,
        }
    }
}

/// Whether the user's interpreter has a package.
pub(crate) fn has_package(job: &Job<'_>, loaded: &Loaded, name: &str) -> bool {
    let python = find_python(job.source, job.options.python.as_deref());
    python.is_ok_and(|python| {
        ask(job, loaded, &python, &[name])
            .iter()
            .any(|has| has == name)
    })
}

fn packages(job: &Job<'_>, loaded: &Loaded, python: &Path) -> Vec<String> {
    ask(job, loaded, python, &Tools::PACKAGES)
}

/// What gives no answer has no packages: the launcher that needs one says so.
fn ask(job: &Job<'_>, loaded: &Loaded, python: &Path, names: &[&str]) -> Vec<String> {
    let mut command = Command::new(python);
    let words = ["-c", FIND_PACKAGES].iter().chain(names);
    command.arguments = words.map(OsString::from).collect();
    command.environment.clone_from(&loaded.exported.vars);
    command.directory = Some(PathBuf::from(loaded.layout.code())).filter(|folder| folder.is_dir());
    let answer = job.supervisor.capture(command, ASK_WITHIN);
    let stdout = answer.map(|answer| answer.stdout).unwrap_or_default();
    let text = String::from_utf8_lossy(&stdout).into_owned();
    text.lines().map(str::to_owned).collect()
}

fn address(host: &str) -> Option<IpAddr> {
    let mut all = (host, 0).to_socket_addrs().ok()?;
    all.next().map(|address| address.ip())
}
