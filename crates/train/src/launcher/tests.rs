//! What all tests of launchers share: a job that is described in a few words, and a plan as text.

use std::{collections::BTreeMap, fmt::Write as _};

use optml_contract::{
    Exported, Facts, Layout,
    cluster::Placement,
    export::ExecLimits,
    machine::{Count, Machine},
    source::Memory,
};

use super::*;

/// One host of a job, with everything installed.
pub(super) struct Job {
    n_hosts: u32,
    rank: u32,
    hyperparameters: BTreeMap<String, String>,
    variables: Vec<(String, String)>,
    pub(super) n_gpus: u32,
    pub(super) interface: Option<&'static str>,
    pub(super) has_smddprun: bool,
    pub(super) fabric: Fabric,
    pub(super) tools: Tools,
    pub(super) options: Options,
    pub(super) launch: Launch,
    pub(super) master_ip: Option<IpAddr>,
    pub(super) edit: fn(&mut Cluster),
}

impl Job {
    /// The first of some hosts.
    pub(super) fn of(n_hosts: u32) -> Self {
        Self {
            n_hosts,
            rank: 0,
            hyperparameters: BTreeMap::new(),
            variables: vec![("PATH".into(), "/bin".into())],
            n_gpus: 0,
            interface: Some("eth0"),
            has_smddprun: true,
            fabric: Fabric::default(),
            tools: Tools {
                python: Some("/bin/python3".into()),
                mpirun: Some("/bin/mpirun".into()),
                torchrun: Some("/bin/torchrun".into()),
                neuron_parallel_compile: Some("/bin/neuron_parallel_compile".into()),
                packages: Tools::PACKAGES.map(str::to_owned).to_vec(),
            },
            options: Options::default(),
            launch: launch("/bin/python3", &["train.py", "--lr", "0.1"], true),
            master_ip: Some([10, 0, 0, 1].into()),
            edit: |_| {},
        }
    }

    pub(super) fn rank(mut self, rank: u32) -> Self {
        self.rank = rank;
        self
    }

    pub(super) fn hp(mut self, name: &str, value: &str) -> Self {
        self.hyperparameters
            .insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn var(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn script(mut self, program: &str, words: &[&str], is_python: bool) -> Self {
        self.launch = launch(program, words, is_python);
        self
    }

    pub(super) fn efa(mut self) -> Self {
        self.fabric = Fabric {
            efa: true,
            rdma: true,
            why: "test".to_owned(),
        };
        self
    }

    /// Looks at the host as a launcher does.
    pub(super) fn with<T>(&self, look: impl FnOnce(&Site<'_>) -> T) -> T {
        let source = self.source();
        let facts = Facts {
            machine: Machine {
                cpus: Count::new(4, "test"),
                gpus: Count::new(self.n_gpus, "test"),
                neurons: Count::new(0, "test"),
            },
            smddprun_installed: self.has_smddprun,
            smddpmprun_installed: self.has_smddprun,
        };
        let env = TrainingEnv::load(&source, &Layout::at("/opt/ml"), &facts).unwrap();
        let limits = ExecLimits::linux(None, 4096);
        let exported = Exported::render(&env, &source, limits).unwrap();
        let mut cluster = Cluster::of_job(&source, &env).unwrap();
        (self.edit)(&mut cluster);
        look(&Site {
            cluster: &cluster,
            env: &env,
            environment: &exported.vars,
            launch: &self.launch,
            options: &self.options,
            fabric: &self.fabric,
            interface: self.interface,
            master_ip: self.master_ip,
            tools: &self.tools,
            ssh_config: (self.n_hosts > 1).then_some("/run/ssh_config".into()),
        })
    }

    pub(super) fn plan(&self, launcher: Launcher) -> Result<Plan, LauncherError> {
        self.with(|site| plan(launcher, site))
    }

    /// The plan as text.
    #[track_caller]
    pub(super) fn shown(&self, launcher: Launcher) -> String {
        show(&self.plan(launcher).unwrap())
    }

    fn source(&self) -> Memory {
        let hosts: Vec<_> = (1..=self.n_hosts)
            .map(|i| format!("\"algo-{i}\""))
            .collect();
        let hosts = hosts.join(",");
        let resources = format!(
            r#"{{"current_host": "algo-{}", "hosts": [{hosts}], "network_interface_name": "eth0",
                "current_instance_type": "ml.c5.xlarge", "current_group_name": "g",
                "instance_groups": [{{"instance_group_name": "g", "instance_type": "ml.c5.xlarge", "hosts": [{hosts}]}}]}}"#,
            self.rank + 1
        );
        let hyperparameters = serde_json::to_string(&self.hyperparameters).unwrap();
        let config = "/opt/ml/input/config";
        let mut source = Memory::new()
            .with_file(format!("{config}/hyperparameters.json"), hyperparameters)
            .with_file(format!("{config}/resourceconfig.json"), resources)
            .with_file(format!("{config}/inputdataconfig.json"), "{}");
        for (name, value) in &self.variables {
            source = source.with_var(name, value);
        }
        source
    }
}

fn launch(program: &str, words: &[&str], is_python: bool) -> Launch {
    Launch {
        program: program.into(),
        words: words.iter().map(OsString::from).collect(),
        directory: Some("/opt/ml/code".into()),
        is_python,
    }
}

/// Each process with its words, an option a line, and its variables.
fn show(plan: &Plan) -> String {
    let mut text = String::new();
    match &plan.role {
        Role::Serves(variables) => {
            text.push_str("serves\n");
            show_variables(variables, &mut text);
        }
        Role::Runs(processes) => {
            for process in processes {
                let rank = process
                    .rank
                    .map(|rank| format!("rank {rank}: "))
                    .unwrap_or_default();
                let helps = if process.part == Part::Helps {
                    "helps: "
                } else {
                    ""
                };
                let _ = write!(text, "{helps}{rank}{}", process.program.display());
                let mut option = "";
                for word in &process.words {
                    let word = word.to_str().unwrap();
                    let is_option = word.starts_with('-') && word.len() > 1 && !word.contains(' ');
                    // The many variables share lines.
                    let breaks = is_option && !(word == "-x" && option == "-x");
                    if is_option {
                        option = word;
                    }
                    text.push_str(if breaks { "\n  " } else { " " });
                    match (word.contains('\n'), word.contains(' ')) {
                        (true, _) => text.push_str("CODE"),
                        (false, true) => {
                            let _ = write!(text, "{word:?}");
                        }
                        (false, false) => text.push_str(word),
                    }
                }
                text.push('\n');
                show_variables(&process.variables, &mut text);
            }
        }
    }
    for note in &plan.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

fn show_variables(variables: &[(OsString, OsString)], text: &mut String) {
    for (name, value) in variables {
        let _ = writeln!(text, "  {}={}", name.display(), value.display());
    }
}

#[test]
fn a_host_that_is_none_of_those_that_train_has_no_plan() {
    let mut job = Job::of(2);
    job.edit = |cluster| {
        cluster.rank = None;
        cluster.placement = Placement::Outside;
    };
    for (word, launcher) in Launcher::WORDS {
        let plan = job.plan(launcher);
        if launcher == Launcher::Plain {
            assert!(plan.is_ok());
        } else {
            job.n_gpus = 1;
            let error = job.plan(launcher).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "`{word}` needs to know which of the hosts this is, and SageMaker: \
                     `/opt/ml/input/config/resourceconfig.json` at `/hosts` does not say"
                )
            );
            assert!(error.hint().is_some());
        }
    }
}

#[test]
fn launchers_that_name_hosts_say_so_where_they_are_only_counted() {
    let mut job = Job::of(2);
    job.n_gpus = 1;
    job.edit = |cluster| cluster.hosts.clear();
    for launcher in [
        Launcher::Mpirun,
        Launcher::Smddp,
        Launcher::Xla,
        Launcher::TensorflowServers,
        Launcher::TensorflowWorkers,
    ] {
        let error = job.plan(launcher).unwrap_err();
        assert!(matches!(error, LauncherError::NoNames { .. }), "{error}");
    }
    for launcher in [Launcher::Native, Launcher::Torchrun, Launcher::Mxnet] {
        assert!(job.plan(launcher).is_ok(), "{launcher:?}");
    }
}

#[test]
fn what_is_not_installed_is_named() {
    let mut job = Job::of(2);
    job.n_gpus = 1;
    job.tools = Tools {
        python: Some("/bin/python3".into()),
        ..Tools::default()
    };
    let cases = [
        (
            Launcher::Mpirun,
            "`mpirun` needs the program `mpirun`, which is not on PATH",
        ),
        (
            Launcher::Smddp,
            "`smddp` needs the program `mpirun`, which is not on PATH",
        ),
        (
            Launcher::Torchrun,
            "`torchrun` needs the Python package `torch`, which `/bin/python3` does not have",
        ),
        (
            Launcher::Xla,
            "`xla` needs the Python package `torch_xla.distributed.xla_spawn`, which `/bin/python3` does not have",
        ),
        (
            Launcher::TensorflowServers,
            "`tensorflow-ps` needs the Python package `tensorflow`, which `/bin/python3` does not have",
        ),
        (
            Launcher::Mxnet,
            "`mxnet` needs the Python package `mxnet`, which `/bin/python3` does not have",
        ),
    ];
    for (launcher, expected) in cases {
        let error = job.plan(launcher).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert!(error.hint().is_some());
    }
}
